"""The owner's policy for one wallet: what a device signs at all, whoever asks. Specification: docs/security.md.

Nothing here knows a store or a board: daric.policy of the firmware keeps policies and what was counted, and asks the
owner. A host uses the same code to propose one.
"""

from daric_protocol import envelope, platform
from daric_protocol.errors import DaricError
from daric_protocol.evm import words
from daric_protocol.limits import (
    MAX_PARTIES,
    POLICY_BYTES,
    POLICY_CHAINS,
    POLICY_COUNTED,
    POLICY_DAY,
    POLICY_RECIPIENTS,
)
from daric_protocol.messages import INDEX, ListOf, Message, Number, Octets, read_array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from daric_protocol.evm.request import Request

# What cannot be measured, and is refused unless the policy allows it: bits of Policy.allowed.
TOKENS, CALLS, MESSAGES, TYPED, RAW = 1, 2, 4, 8, 16
WORDS = ("token calls", "other calls", "messages", "typed data", "raw digests")
CHAIN = Number(1, 0xFFFFFFFFFFFFFFFF)


class Amount:
    """A number of wei, on the wire as in evm/words.py."""

    def read(self, value: "Any") -> int:
        try:
            return words.of_item(value, 256)
        except DaricError as error:
            raise DaricError("encoding", error.detail)

    def write(self, value: int) -> "int | bytes":
        return words.item(value, 256)


AMOUNT = Amount()
COUNTS = ListOf((CHAIN, AMOUNT), POLICY_CHAINS)  # wei of each chain


class Policy(Message):
    """daily: (chain id, wei) of the most that leaves on a chain in 24 hours, fees counted; other chains: nothing.

    recipients: 20 B each, who alone may get anything. cosigners: indexes of members who have to sign as well. allowed:
    bits of what is signed although its amount or recipient cannot be told. An empty list is no rule.
    """

    NAMES = ("daily", "recipients", "cosigners", "allowed")
    FIELDS = (COUNTS, ListOf((Octets(20),), POLICY_RECIPIENTS), ListOf((INDEX,), MAX_PARTIES), Number(0, 31))
    daily: "list[tuple[int, int]]"
    recipients: "list[bytes]"
    cosigners: "list[int]"
    allowed: int

    def encode(self) -> bytes:
        """The bytes that a host proposes and a device keeps; DaricError("parameter") for what is no policy."""
        self.check()
        return envelope.encode(self)

    def check(self) -> None:
        """Refuse what has no rule, or one twice: DaricError("parameter")."""
        chains = [chain for chain, _ in self.daily]
        if not chains and not self.recipients and not self.cosigners:
            raise DaricError("parameter", "a policy has at least one rule")
        rules: "list[list[Any]]" = [chains, self.recipients, self.cosigners]
        for some in rules:
            if some != sorted(set(some)):
                raise DaricError("parameter", "chains, recipients and co-signers of a policy are ascending, each once")
        if self.allowed and not chains and not self.recipients:
            raise DaricError("parameter", "without a rule for amounts or recipients nothing has to be allowed")

    def limit(self, chain_id: "int | None") -> int:
        """Wei a day on this chain; 0 where the policy does not name it."""
        for chain, most in self.daily:
            if chain == chain_id:
                return most
        return 0


def decode(encoded: bytes) -> Policy:
    """Read a policy. Raises DaricError("encoding", "too_large", "parameter")."""
    policy: Policy = envelope.decode(Policy, encoded, POLICY_BYTES)
    policy.check()
    return policy


def describe(policy: Policy, names: "dict[int, str]") -> "list[str]":
    """All of a policy as lines of at most 16 characters. names: of the members by index."""
    from daric_protocol.evm.address import to_text
    from daric_protocol.evm.request import CHAINS, amount

    texts: "list[tuple[str, str]]" = []
    for chain, most in policy.daily:
        name, coin = CHAINS.get(chain, ("UNKNOWN", "coins"))
        texts.append(("24 hours' limit:", "%s %s, fees counted, on %s (%d)" % (amount(most), coin, name, chain)))
    for number in range(len(policy.recipients)):
        texts.append(("Recipient %d/%d:" % (number + 1, len(policy.recipients)), to_text(policy.recipients[number])))
    for index in policy.cosigners:
        texts.append(("Must co-sign:", names.get(index, "%d, not a member" % index)))
    if policy.daily or policy.recipients:
        allowed = [WORDS[bit] for bit in range(len(WORDS)) if policy.allowed >> bit & 1]
        texts.append(("Unmeasured:", "\n".join(allowed) if allowed else "refused"))
    return lines_of(texts)


def lines_of(texts: "list[tuple[str, str]]") -> "list[str]":
    """Labels at the margin, their texts below and indented."""
    from daric_protocol.evm.request import LINE, wrap

    lines = []
    for label, text in texts:
        lines.append(label)
        lines.extend([" " + line for line in wrap(text, LINE - 1)])
    return lines


# What a request would do


class Measure:
    """chain_id: None where it is for no chain or for every one. amount: wei that leave at most, fees included.

    receivers: 20 B each. amount, receivers: None where they cannot be told. amount_needs, receiver_needs: bits of what
    has to be allowed because more may leave, or others may get it, than these say.
    """

    def __init__(self) -> None:
        self.chain_id: "int | None" = None
        self.amount: "int | None" = None
        self.receivers: "list[bytes] | None" = None
        self.amount_needs = 0
        self.receiver_needs = 0


def measure(request: "Request") -> Measure:
    """What a request would do, as far as its bytes say. Raises DaricError("request")."""
    from daric_protocol.evm import request as requests

    found = Measure()
    if request.kind == requests.TRANSACTION:
        from daric_protocol.evm import transaction

        tx = transaction.decode(request.payload)
        found.chain_id = tx.chain_id
        found.amount = tx.value + tx.fee_ceiling()
        _measure_call(found, tx.to, tx.value, tx.data)
    elif request.kind == requests.USER_OPERATION:
        _measure_operation(found, request.payload)
    else:
        bit = {requests.MESSAGE: MESSAGES, requests.TYPED_DATA: TYPED}.get(request.kind, RAW)
        if bit == MESSAGES and len(request.payload) == requests.HASH_BYTES:
            bit = RAW  # it may be the hash of a user operation
        found.amount_needs = found.receiver_needs = bit
    return found


def _measure_operation(found: Measure, payload: bytes) -> None:
    from daric_protocol.evm import userop

    operation = userop.decode(payload)
    inner = userop.executed(operation.call_data)
    usual = operation.entry_point == userop.ENTRY_POINTS[operation.version] and not operation.delegate
    if not usual or (inner is None and operation.call_data):
        found.amount_needs = found.receiver_needs = CALLS
    if not usual:
        return
    found.chain_id = operation.chain_id
    found.amount = operation.fee_ceiling()
    if inner is not None:
        found.amount += inner[1]
        _measure_call(found, inner[0], inner[1], inner[2])
    elif not operation.call_data:
        found.receivers = []


def _measure_call(found: Measure, to: bytes, value: int, data: bytes) -> None:
    """Who gets something by one call, and what has to be allowed for it."""
    from daric_protocol.evm import calls

    if to and not data:
        found.receivers = [to]
        return
    receiver = calls.beneficiary(data) if to else None
    if receiver is not None:
        found.amount_needs |= TOKENS
        found.receivers = [receiver, to] if value else [receiver]
        return
    # A contract does what its code says, and a smart account or a router on the list pays whomever the data names.
    found.amount_needs |= CALLS
    found.receiver_needs |= CALLS
    if to and bytes(data[:4]) not in calls.SIGNATURES:
        found.receivers = [to]


def judge(policy: Policy, asked: Measure, signers: "list[int]", spent: int) -> "tuple[int, int] | None":
    """(chain id, wei) to be counted before this is signed, None for nothing.

    signers: indexes of all who would sign. spent: wei counted in the last 24 hours on the chain that is asked for.
    Raises DaricError("policy") with the rule that is broken.
    """
    for index in policy.cosigners:
        if index not in signers:
            raise DaricError("policy", "the policy wants member %d among the signers" % index)
    needs = (asked.amount_needs if policy.daily else 0) | (asked.receiver_needs if policy.recipients else 0)
    for bit in range(len(WORDS)):
        if needs & ~policy.allowed & 1 << bit:
            raise DaricError("policy", "the policy does not allow what cannot be measured: " + WORDS[bit])
    if policy.recipients:
        for receiver in asked.receivers or []:
            if receiver not in policy.recipients:
                raise DaricError("policy", "a recipient is not on the policy's list")
    if not policy.daily or asked.amount is None:
        return None
    if asked.chain_id is None:
        raise DaricError("policy", "the policy has no amount for what is good on every chain")
    if spent + asked.amount > policy.limit(asked.chain_id):
        raise DaricError("policy", "the daily amount of the policy would be exceeded")
    return asked.chain_id, asked.amount


# What was counted

SECONDS = Number(0, 0xFFFFFFFFFFFF)
ENTRIES = ListOf((SECONDS, CHAIN, AMOUNT, Octets(0, 16)), POLICY_COUNTED)


class Counted:
    """What left in the last 24 hours of a device's own time.

    time: seconds that this device is known to have seen. clock: what its clock showed then. entries: (time, chain id,
    wei, tag of the request or empty where several were added up).
    """

    def __init__(self, time: int, clock: int, entries: "list[tuple[int, int, int, bytes]]") -> None:
        self.time = time
        self.clock = clock
        self.entries = entries

    def encode(self) -> bytes:
        """The bytes that a device stores; they never travel."""
        return platform.cbor_encode([self.time, self.clock, ENTRIES.write(self.entries)])

    def advance(self, clock: int) -> bool:
        """Let time pass up to what the clock shows now; True where the clock began anew, which has to be stored.

        A clock that went back says nothing of how long it was away: no time has passed then, as far as one can know.
        """
        restarted = clock < self.clock
        if not restarted:
            self.time += clock - self.clock
        self.clock = clock
        self.entries = [entry for entry in self.entries if self.time - entry[0] < POLICY_DAY]
        return restarted

    def spent(self, chain_id: "int | None", tag: bytes = b"") -> int:
        """Wei that left on a chain, but for the request of this tag: whatever it moves, it moves once only."""
        return sum([one[2] for one in self.entries if one[1] == chain_id and not (tag and one[3] == tag)])

    def add(self, chain_id: int, wei: int, tag: bytes, ahead: int = 0) -> None:
        """Count a request; one that was counted before counts as the newer one, and once.

        ahead: seconds until it may be agreed to.
        """
        kept = [one for one in self.entries if one[1] != chain_id or one[3] != tag]
        while len(kept) >= POLICY_COUNTED:
            _add_up_oldest(kept)
        self.entries = kept + [(self.time + ahead, chain_id, wei, tag)]


def tag_of(request: bytes) -> bytes:
    """What a request is counted by, 16 B: its bytes name the account, and its nonce lets them move money once."""
    return platform.sha256(request)[:16]


def _add_up_oldest(entries: "list[tuple[int, int, int, bytes]]") -> None:
    """Make one entry of the two oldest of one chain; it is as young as the younger of them."""
    for first in range(len(entries)):
        for second in range(first + 1, len(entries)):
            if entries[first][1] == entries[second][1]:
                wei = min(entries[first][2] + entries[second][2], (1 << 256) - 1)
                entries[second] = (entries[second][0], entries[second][1], wei, b"")
                entries.pop(first)
                return
    raise DaricError("policy", "too many chains in one day")


def decode_counted(encoded: "bytes | None", clock: int) -> Counted:
    """What was counted; nothing where nothing is stored. Raises DaricError("encoding")."""
    if encoded is None:
        return Counted(0, clock, [])
    return Counted(*read_array(platform.cbor_decode(encoded), (SECONDS, SECONDS, ENTRIES)))
