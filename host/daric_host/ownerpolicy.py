"""What a device's owner allows for one wallet, as a host reads and proposes it. Specification: docs/sdk.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from daric_protocol import policy as rules
from daric_protocol.errors import DaricError
from daric_protocol.evm import address
from daric_protocol.evm.request import CHAINS, amount
from daric_protocol.policy import Policy

ALLOWED = {name.replace(" ", "-"): 1 << bit for bit, name in enumerate(rules.WORDS)}
WEI_DIGITS = 18


@dataclass(frozen=True)
class OwnerPolicy:
    """policy: None where the wallet has none. counted: wei of the last 24 hours by chain id."""

    policy: Policy | None
    counted: dict[int, int]

    @staticmethod
    def from_wire(value: Any) -> OwnerPolicy:
        """The device's answer. Raises DaricError("encoding")."""
        if not isinstance(value, list) or len(value) != 2 or not isinstance(value[1], list):
            raise DaricError("encoding", "a policy comes with what was counted under it")
        if value[0] == b"":
            return OwnerPolicy(None, {})
        if not isinstance(value[0], bytes):
            raise DaricError("encoding", "a policy is a byte string")
        pairs = rules.COUNTS.read(value[1])
        return OwnerPolicy(rules.decode(value[0]), dict(pairs))


def make_policy(
    daily: Sequence[tuple[int, int]] = (),
    recipients: Sequence[bytes] = (),
    cosigners: Sequence[int] = (),
    allowed: int = 0,
) -> Policy:
    """A policy in its one form, whatever the order of its parts.

    daily: (chain id, wei). recipients: 20 B each. cosigners: indexes. allowed: bits of daric_protocol.policy. Raises
    DaricError("parameter") for one without a rule, or with a rule twice.
    """
    policy = Policy(sorted(daily), sorted(recipients), sorted(cosigners), allowed)
    policy.check()
    return policy


def read_daily(text: str) -> tuple[int, int]:
    """CHAIN:AMOUNT in whole coins, such as 1:0.5. Raises DaricError("parameter")."""
    chain, _, coins = text.partition(":")
    whole, _, rest = coins.partition(".")
    digits = whole + rest
    if not (chain + digits).isdecimal() or not (chain + digits).isascii() or not chain or not whole:
        raise DaricError("parameter", "a daily amount is a chain id and coins, such as 1:0.5")
    if len(rest) > WEI_DIGITS or len(whole) > WEI_DIGITS or len(chain) > WEI_DIGITS:
        raise DaricError("parameter", "a daily amount has at most 18 digits before and after its point")
    return int(chain), int(digits) * 10 ** (WEI_DIGITS - len(rest))


def read_allowed(names: Sequence[str]) -> int:
    """Bits of these names. Raises DaricError("parameter")."""
    bits = 0
    for name in names:
        if name not in ALLOWED:
            raise DaricError("parameter", f"{name} is none of {', '.join(ALLOWED)}")
        bits |= ALLOWED[name]
    return bits


def shown(state: OwnerPolicy) -> dict[str, Any]:
    """The same for a person or a program: what the command prints."""
    if state.policy is None:
        return {"policy": "none"}
    policy = state.policy
    return {
        "policy": "stored on the device",
        "daily": {str(chain): f"{amount(wei)} {_coin(chain)}" for chain, wei in policy.daily},
        "counted": {str(chain): f"{amount(wei)} {_coin(chain)}" for chain, wei in state.counted.items()},
        "recipients": [address.to_text(one) for one in policy.recipients],
        "cosigners": policy.cosigners,
        "allowed": [name for name, bit in ALLOWED.items() if policy.allowed & bit],
    }


def _coin(chain: int) -> str:
    return CHAINS.get(chain, ("", "coins"))[1]
