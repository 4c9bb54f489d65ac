"""Members and rosters: who holds a share of a group, under which index. Specification: docs/protocol.md, section 1.

Indexes come from the sorted identity keys at creation and are never read from a peer's message.
"""

from daric_protocol.errors import DaricError
from daric_protocol.limits import MAX_INDEX, MAX_PARTIES, MIN_THRESHOLD
from daric_protocol.tagged import TH, u8, u32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Member:
    """One party of a group.

    index: 1..255, never used again in the group. identity: 33 B. kind: device, phone or cloud. name: for people.
    public_share: 33 B point s_i * G, empty before the member has a share.
    """

    def __init__(self, index: int, identity: bytes, kind: str = "", name: str = "", public_share: bytes = b"") -> None:
        self.index = index
        self.identity = identity
        self.kind = kind
        self.name = name
        self.public_share = public_share

    def with_share(self, public_share: bytes) -> "Member":
        """The same member with a (new) public share, or with none."""
        return Member(self.index, self.identity, self.kind, self.name, public_share)


class Roster:
    """The members of a group by index, the threshold, the roster's version, and the master (0 = none)."""

    def __init__(self, t: int, version: int, master: int, members: "list[Member]") -> None:
        """DaricError("parameter") unless the indexes and identities are distinct and in range and 2 <= t <= n."""
        indexes = [member.index for member in members]
        if not MIN_THRESHOLD <= t <= len(members) <= MAX_PARTIES:
            raise DaricError("parameter", "A group has 2 to 16 members and a threshold from 2 to their number.")
        if len(set(indexes)) != len(members) or min(indexes) < 1 or max(indexes) > MAX_INDEX:
            raise DaricError("parameter", "Member indexes are distinct and 1..255.")
        if len({member.identity for member in members}) != len(members):
            raise DaricError("parameter", "Two members have one identity.")
        for member in members:
            if len(member.identity) != 33 or len(member.public_share) not in (0, 33):
                raise DaricError("parameter", "Identities and public shares are points of 33 bytes.")
        if not 0 <= version <= 0xFFFFFFFF or not (master == 0 or master in indexes):
            raise DaricError("parameter", "The version is a u32 and the master a member.")
        self.t = t
        self.version = version
        self.master = master
        self.members = sorted(members, key=lambda member: member.index)

    @classmethod
    def create(cls, t: int, parties: "list[tuple[bytes, str, str]]") -> "Roster":
        """The roster of a new group: parties are (identity, kind, name), indexes 1..n follow the sorted identities."""
        ordered = sorted(parties)
        return cls(t, 0, 0, [Member(i + 1, who[0], who[1], who[2]) for i, who in enumerate(ordered)])

    def indexes(self) -> "list[int]":
        """All indexes, ascending."""
        return [member.index for member in self.members]

    def member(self, index: int) -> Member:
        """The member with an index; DaricError("parameter") if there is none."""
        for member in self.members:
            if member.index == index:
                return member
        raise DaricError("parameter", "No member has this index.")

    def index_of(self, identity: bytes) -> int:
        """The index of an identity; DaricError("group") if it is not a member."""
        for member in self.members:
            if member.identity == identity:
                return member.index
        raise DaricError("group")

    def hash(self) -> bytes:
        """32 B over threshold, version, master and members (docs/encodings.md, section 2)."""
        fields = [u8(member.index) + member.identity + member.public_share for member in self.members]
        return TH("dkls/roster", u8(self.t), u32(self.version), u8(self.master), *fields)

    def with_shares(self, public_shares: "dict[int, bytes]") -> "Roster":
        """The same roster with public shares {index: 33 B} of all its members."""
        members = [member.with_share(public_shares[member.index]) for member in self.members]
        return Roster(self.t, self.version, self.master, members)

    def reshared(self, receivers: "list[int]", public_shares: "dict[int, bytes]") -> "Roster":
        """The next version of a session's roster, of these members alone; a master that leaves is master no more."""
        members = [m.with_share(public_shares[m.index]) for m in self.members if m.index in receivers]
        return Roster(self.t, self.version + 1, self.master if self.master in receivers else 0, members)

    def enrolled(self, index: int, public_share: bytes) -> "Roster":
        """The next version of a session's roster, whose new member now has its public share."""
        members = [m.with_share(public_share) if m.index == index else m for m in self.members]
        return Roster(self.t, self.version + 1, self.master, members)

    def with_identity(self, index: int, identity: bytes) -> "Roster":
        """The next version, in which a member has another identity key and the share it had."""
        old = self.member(index)
        members = [m for m in self.members if m.index != index]
        members.append(Member(index, identity, old.kind, old.name, old.public_share))
        return Roster(self.t, self.version + 1, self.master, members)

    def with_master(self, index: int) -> "Roster":
        """The next version, with another master; 0 for none."""
        return Roster(self.t, self.version + 1, index, self.members)

    def to_wire(self) -> "list[Any]":
        """[t, version, master, [[index, identity, kind, name, public share]]]."""
        members = [[m.index, m.identity, m.kind, m.name, m.public_share] for m in self.members]
        return [self.t, self.version, self.master, members]

    @classmethod
    def from_wire(cls, value: "Any") -> "Roster":
        """The roster of a decoded CBOR array; DaricError("encoding") for anything else."""
        if not _array_of(value, (int, int, int, list)):
            raise DaricError("encoding", "A roster has four fields.")
        for item in value[3]:
            if not _array_of(item, (int, bytes, str, str, bytes)):
                raise DaricError("encoding", "A member has five fields.")
        try:
            return cls(value[0], value[1], value[2], [Member(*item) for item in value[3]])
        except DaricError as error:
            raise DaricError("encoding", error.detail)


def _array_of(value: "Any", types: "tuple[type, ...]") -> bool:
    """Whether a value is a list of items of exactly these types (a bool is no int)."""
    if not isinstance(value, list) or len(value) != len(types):
        return False
    return all(isinstance(item, kind) and item is not True and item is not False for item, kind in zip(value, types))
