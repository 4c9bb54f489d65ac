"""What the terms of a backup, its test and a recovery say, in `Terms.request`. A device loads it for these alone.

Specification: docs/protocol.md, section 12.
"""

from daric_protocol import limits
from daric_protocol.details import Facts, FactsField
from daric_protocol.errors import DaricError
from daric_protocol.messages import DIGEST, INDEX, Message, Number, Octets

INDEX_OR_NONE = Number(0, limits.MAX_INDEX)


class BackupDetails(Message):
    """backup_id: 16 B, fresh. threshold: how many pieces give the share back.

    device: index of the member whose share it is. phone: of the holder that carries the pieces. cloud: of the
    unattended holder, 0 where none is one.
    """

    NAMES = ("backup_id", "threshold", "device", "phone", "cloud")
    FIELDS = (Octets(16), Number(limits.MIN_THRESHOLD, limits.MAX_PARTIES), INDEX, INDEX, INDEX_OR_NONE)
    backup_id: bytes
    threshold: int
    device: int
    phone: int
    cloud: int

    def holders(self, members: "list[int]") -> "list[int]":
        """Of those who take part the ones that get a piece."""
        return [index for index in members if index != self.device]

    def check(self, threshold: int, members: "list[int]", newcomers: int) -> None:
        """Refuse a backup that cannot be: DaricError("threshold"), ("member") or ("parameter")."""
        holders = self.holders(members)
        if newcomers or self.device not in members:
            raise DaricError("member", "a backup is made by the member whose share it is, and held by stored members")
        if self.threshold > len(holders):
            raise DaricError("threshold", "a backup has at least as many holders as pieces that give the share back")
        if self.phone not in holders or self.cloud not in [0] + holders or self.cloud == self.phone:
            raise DaricError("member", "the phone that carries and the cloud are two of the holders")


class VerifyDetails(Message):
    """backup_id: 16 B. sheet: 32 B, hash of the sheet that all holders should have."""

    NAMES = ("backup_id", "sheet")
    FIELDS = (Octets(16), DIGEST)
    backup_id: bytes
    sheet: bytes

    def check(self, threshold: int, members: "list[int]", newcomers: int) -> None:
        """Refuse a test without holders: DaricError("member")."""
        if newcomers or len(members) < 2:
            raise DaricError("member", "two or more holders, all of them members, show that their pieces are good")


class RecoverDetails(Message):
    """backup_id: 16 B; empty where the recovering party brings its share with it. index: of the member that comes back.

    phone, cloud: indexes of the member that carries the pieces and of the unattended holder, 0 for none. facts: Facts.
    """

    NAMES = ("backup_id", "index", "phone", "cloud", "facts")
    FIELDS = (Octets(0, 16), INDEX, INDEX_OR_NONE, INDEX_OR_NONE, FactsField())
    backup_id: bytes
    index: int
    phone: int
    cloud: int
    facts: Facts

    def check(self, threshold: int, members: "list[int]", newcomers: int) -> None:
        """Refuse a recovery that no group can make: DaricError("threshold"), ("member") or ("parameter")."""
        roster = self.facts.roster
        self.facts.check(0)
        if newcomers != 1:
            raise DaricError("parameter", "one member comes back at a time")
        if [index for index in [self.index] + members if index not in roster.indexes()]:
            raise DaricError("member", "the terms name a member that the group does not have")
        if self.index in members:
            raise DaricError("member", "a member that takes part itself does not come back")
        if threshold != roster.t or 1 + len(members) < threshold:
            raise DaricError("threshold", "with the one that comes back as many take part as the threshold")
        carried = [index for index in (self.phone, self.cloud) if index]
        if [index for index in carried if index not in members] or len(set(carried)) != len(carried):
            raise DaricError("member", "the phone that carries and the cloud are two of those who take part")
        if self.backup_id and not self.phone:
            raise DaricError("member", "a phone that takes part carries the pieces of the backup")


def kind(op: str) -> "type[Message]":
    """The class of an operation's details."""
    kinds = {"backup": BackupDetails, "verify": VerifyDetails, "recover": RecoverDetails}  # type: dict[str, type[Message]]
    return kinds[op]
