"""What the terms of a session say beyond who takes part: one message per operation, in `Terms.request`.

Whoever is new to a group has nothing of it stored, so the terms of a session that lets somebody in carry what the group
is (Facts). Everyone else compares them with what it stores. Specification: docs/protocol.md, sections 8 to 11.
"""

from daric_protocol import limits
from daric_protocol.errors import DaricError
from daric_protocol.messages import INDEX, POINT_BYTES, ListOf, Message, Number, Octets, Text, read_array
from daric_protocol.roster import Roster
from daric_protocol.tagged import TH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ENTROPY_BYTES = (0, 16, 20, 24, 28, 32)  # of a phrase with 12 to 24 words; 0 where a bare key is imported


class RosterField:
    """A roster with everyone's public share."""

    def read(self, value: "Any") -> Roster:
        return Roster.from_wire(value)

    def write(self, value: Roster) -> "list[Any]":
        return value.to_wire()


class EntropyLength:
    """How many bytes of entropy a phrase has."""

    def read(self, value: "Any") -> int:
        if value is True or value is False or value not in ENTROPY_BYTES:
            raise DaricError("encoding", "The entropy of a phrase has 16, 20, 24, 28 or 32 bytes.")
        length: int = value
        return length

    def write(self, value: int) -> int:
        return value


class Facts(Message):
    """A group before the session.

    pk: 33 B. epoch: the current one. highest: the highest index that the initiator knows was ever used. roster: Roster.
    """

    NAMES = ("pk", "epoch", "highest", "roster")
    FIELDS = (POINT_BYTES, Number(1, 0xFFFFFFFF), INDEX, RosterField())
    pk: bytes
    epoch: int
    highest: int
    roster: Roster

    def check(self, newcomers: int) -> None:
        """Refuse a group that lacks public shares or indexes for the new members: DaricError("parameter")."""
        indexes = self.roster.indexes()
        if [member for member in self.roster.members if not member.public_share] or self.highest < max(indexes):
            raise DaricError("parameter", "the terms do not describe a group that can go on")
        if self.highest + newcomers > limits.MAX_INDEX or len(indexes) + newcomers > limits.MAX_PARTIES:
            raise DaricError("parameter", "the group has no room for so many new members")


class FactsField:
    """Facts inside another message."""

    def read(self, value: "Any") -> Facts:
        return Facts(*read_array(value, Facts.FIELDS))

    def write(self, value: Facts) -> "list[Any]":
        return value.to_wire()


class CreateDetails(Message):
    """master: 33 B, identity of the party that will be the new group's master."""

    NAMES = ("master",)
    FIELDS = (POINT_BYTES,)
    master: bytes


class ImportDetails(Message):
    """key: 33 B, the public key that will come out. chain_code: 32 B or empty. entropy: its length. dealer: 33 B.

    master: 33 B, identity of the party that will be the group's master, or empty.
    """

    NAMES = ("key", "chain_code", "entropy", "dealer", "master")
    FIELDS = (POINT_BYTES, Octets(0, 32), EntropyLength(), POINT_BYTES, Octets(0, 33))
    key: bytes
    chain_code: bytes
    entropy: int
    dealer: bytes
    master: bytes

    def __init__(self, *values: "Any") -> None:
        """The last may be left out: no master."""
        super().__init__(*(values + (b"",) if len(values) == 4 else values))


def import_group(uuid: bytes, request: bytes) -> bytes:
    """Id (16 B) of the group that an import makes. uuid: 16 B of the session. request: its ImportDetails as bytes.

    The rounds name the group, so whoever was shown another key or dealer is in another session and parts softly.
    """
    return TH("daric/import", uuid, request)[:16]


class ReshareDetails(Message):
    """leaving: ascending indexes of members that are not in the new committee. facts: Facts."""

    NAMES = ("leaving", "facts")
    FIELDS = (ListOf((INDEX,), limits.MAX_PARTIES), FactsField())
    leaving: "list[int]"
    facts: Facts

    def staying(self) -> "list[int]":
        """Indexes of the stored members that stay."""
        return [index for index in self.facts.roster.indexes() if index not in self.leaving]

    def check(self, threshold: int, members: "list[int]", newcomers: int) -> None:
        """Refuse a change that no group can make.

        threshold: the new one. members: stored members that take part. newcomers: how many. Raises
        DaricError("threshold"), ("member") or ("parameter").
        """
        old, staying = self.facts.roster, self.staying()
        self.facts.check(newcomers)
        if self.leaving != sorted(set(self.leaving)):
            raise DaricError("member", "a member is named twice among those who leave")
        if [index for index in self.leaving + members if index not in old.indexes()]:
            raise DaricError("member", "the terms name a member that the group does not have")
        if not limits.MIN_THRESHOLD <= threshold <= len(staying) + newcomers:
            raise DaricError("threshold", "the members who stay are fewer than would have to sign")
        if [index for index in staying if index not in members]:
            raise DaricError("member", "every member who stays takes part")
        if len(members) < old.t:
            raise DaricError("threshold", "fewer members take part than hold the key")
        if len(staying) >= old.t and [index for index in self.leaving if index in members]:
            raise DaricError("member", "a member who leaves takes part only where the others cannot do without it")
        if not self.leaving and not newcomers and threshold == old.t:
            raise DaricError("parameter", "the same members with the same threshold renew their shares by a refresh")


class ExportDetails(Message):
    """initiator: index of the member that will hold the secret. purpose: shown to everyone."""

    NAMES = ("initiator", "purpose")
    FIELDS = (INDEX, Text(limits.NAME_BYTES))
    initiator: int
    purpose: str


class MasterDetails(Message):
    """master: index of the member that alone may ask for anything from now on, 0 for none."""

    NAMES = ("master",)
    FIELDS = (Number(0, limits.MAX_INDEX),)
    master: int


def kind(op: str, newcomers: int) -> "type[Message]":
    """The class of an operation's details. Raises DaricError("parameter") where it has none."""
    kinds = {
        "create": CreateDetails, "import": ImportDetails, "reshare": ReshareDetails,
        "enrol": Facts if newcomers else MasterDetails, "export": ExportDetails,
    }  # fmt: skip
    if op not in kinds:
        raise DaricError("parameter", "this operation has no details")
    return kinds[op]


def check_enrolment(facts: Facts, threshold: int, members: "list[int]", newcomers: int) -> None:
    """Refuse an enrolment other than of one new member by exactly t others.

    Raises DaricError("threshold"), ("member") or ("parameter").
    """
    facts.check(newcomers)
    if newcomers != 1:
        raise DaricError("parameter", "one new member is enrolled at a time")
    if [index for index in members if index not in facts.roster.indexes()]:
        raise DaricError("member", "the terms name a member that the group does not have")
    if threshold != facts.roster.t or len(members) != threshold:
        raise DaricError("threshold", "exactly as many members as the threshold enrol a new one, and it stays as it is")
