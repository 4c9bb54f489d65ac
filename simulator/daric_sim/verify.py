"""Checks of the demo by software that is not ours: coincurve for keys and signatures, eth-account for the chain."""

from typing import Any

import coincurve
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from hexbytes import HexBytes

BY = "coincurve, eth-account"


class VerificationError(Exception):
    """Independent software does not accept a signature or an address."""


def transaction(signed: str, unsigned: bytes, group: dict[str, Any]) -> str:
    """A signed EIP-1559 transaction comes from the group's address and carries exactly the unsigned fields."""
    sender = Account.recover_transaction(signed)
    _equal("the sender that eth-account recovers", sender, group["address"])
    raw = bytes.fromhex(signed.removeprefix("0x"))
    r, s, odd = _tail(raw)
    _signature(keccak(unsigned), r, s, odd, group)
    return BY


def message(signature: str, text: str, group: dict[str, Any]) -> str:
    """An EIP-191 signature of a text is the group's."""
    signable = encode_defunct(text=text)
    signer = Account.recover_message(signable, signature=signature)
    _equal("the signer that eth-account recovers", signer, group["address"])
    raw = bytes.fromhex(signature.removeprefix("0x"))
    digest = keccak(b"\x19" + signable.version + signable.header + signable.body)
    _signature(digest, int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:64], "big"), raw[64] - 27, group)
    return BY


def _tail(raw: bytes) -> tuple[int, int, int]:
    """r, s and y parity of a typed transaction: its last three fields, read by eth-account's own decoder."""
    fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    return int(fields["r"]), int(fields["s"]), int(fields["v"])


def _signature(digest: bytes, r: int, s: int, parity: int, group: dict[str, Any]) -> None:
    """coincurve recovers the group's key, the signature verifies and has a low s, the address is the key's."""
    encoded = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([parity])
    key = coincurve.PublicKey.from_signature_and_message(encoded, digest, hasher=None)
    _equal("the key that coincurve recovers", key.format().hex(), group["public_key"])
    der = coincurve.ecdsa.recoverable_convert(coincurve.ecdsa.deserialize_recoverable(encoded))
    if not key.verify(coincurve.ecdsa.cdata_to_der(der), digest, hasher=None):  # refuses a high s as well
        raise VerificationError("coincurve does not verify the signature")
    address = to_checksum_address(keccak(key.format(compressed=False)[1:])[12:])
    _equal("the address of the key", address, group["address"])


def _equal(what: str, seen: str, expected: str) -> None:
    if seen != expected:
        raise VerificationError(f"{what} is {seen}, not {expected}")
