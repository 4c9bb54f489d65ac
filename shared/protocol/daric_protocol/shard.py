"""A party's share of a group key, and how it is acknowledged. Specification: docs/protocol.md, section 8."""

from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.limits import MAX_ENTROPY_PARTS
from daric_protocol.roster import Roster
from daric_protocol.tagged import TH, read_scalar, scalar, u8, u32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FORMAT = 2
FIELD_TYPES = (int, bytes, str, int, int, bytes, bytes, bytes, bytes, bytes, bytes, list, list)


class EntropyShare:
    """One party's share of one part of a phrase's entropy, dealt to the same members and threshold as the key.

    pk: 33 B, the part times G. s: the secret scalar. P: {index: 33 B public share} of all members.
    """

    def __init__(self, pk: bytes, s: int, P: "dict[int, bytes]") -> None:
        self.pk = pk
        self.s = s
        self.P = P

    def to_wire(self) -> "list[Any]":
        """[pk, s, [public share in index order]], the share in clear."""
        return [self.pk, scalar(self.s), [self.P[index] for index in sorted(self.P)]]

    @classmethod
    def from_wire(cls, value: "Any", indexes: "list[int]") -> "EntropyShare":
        """The share of a decoded CBOR array, for members of these indexes; DaricError("encoding") for anything else."""
        if not isinstance(value, list) or len(value) != 3 or not isinstance(value[2], list):
            raise DaricError("encoding", "An entropy share has three fields.")
        for field in [value[0], value[1]] + value[2]:
            if not isinstance(field, bytes) or len(field) != (32 if field is value[1] else 33):
                raise DaricError("encoding", "A field of an entropy share has a wrong type or length.")
        if len(value[2]) != len(indexes):
            raise DaricError("encoding", "An entropy share has one public share of each member.")
        return cls(value[0], read_scalar(value[1]), dict(zip(indexes, value[2])))


class Shard:
    """One party's share of one epoch of a group.

    group_id: 16 B. kind: where it comes from (dkg, imp, rsh, enr for a member added later, rec from a backup). epoch:
    u32. me: own index. s: the secret scalar. pk: 33 B group key. cc: 32 B chain code. roster: the members with their
    public shares. sid, confirm: 32 B each, name the dealing and its outcome. session_roster: 32 B, of its session.
    entropy: an EntropyShare for each part of an imported phrase, usually none.
    """

    def __init__(
        self,
        group_id: bytes,
        kind: str,
        epoch: int,
        me: int,
        s: int,
        pk: bytes,
        cc: bytes,
        roster: Roster,
        sid: bytes,
        confirm: bytes,
        session_roster: bytes,
        entropy: "list[EntropyShare] | None" = None,
    ) -> None:
        self.group_id = group_id
        self.kind = kind
        self.epoch = epoch
        self.me = me
        self.s = s
        self.pk = pk
        self.cc = cc
        self.roster = roster
        self.sid = sid
        self.confirm = confirm
        self.session_roster = session_roster
        self.entropy = entropy or []

    @property
    def t(self) -> int:
        """How many members sign together."""
        return self.roster.t

    @property
    def P(self) -> "dict[int, bytes]":
        """{index: 33 B public share} of all members."""
        return {member.index: member.public_share for member in self.roster.members}

    def ack_digest(self, index: int) -> bytes:
        """What the member with this index signs once it stored its shard of this dealing."""
        kind = "enr" if self.kind == "rec" else self.kind
        return ack_digest(self.group_id, self.sid, kind, self.epoch, self.confirm, self.session_roster, index)

    def encode(self) -> bytes:
        """Deterministic CBOR, the share in clear: only for a sealed store."""
        return platform.cbor_encode(
            [
                FORMAT, self.group_id, self.kind, self.epoch, self.me, scalar(self.s), self.pk, self.cc,
                self.sid, self.confirm, self.session_roster, self.roster.to_wire(),
                [part.to_wire() for part in self.entropy],
            ]
        )

    @classmethod
    def decode(cls, data: bytes) -> "Shard":
        """The shard of `encode`; DaricError("encoding") for anything else."""
        fields: Any = platform.cbor_decode(data)
        if not isinstance(fields, list) or len(fields) != len(FIELD_TYPES) or fields[0] != FORMAT:
            raise DaricError("encoding", "These bytes are not a shard of this version.")
        for value, kind in zip(fields, FIELD_TYPES):
            if not isinstance(value, kind):
                raise DaricError("encoding", "A field of a shard has a wrong type.")
        _, group_id, kind, epoch, me, s, pk, cc, sid, confirm, session_roster, members, parts = fields
        roster = Roster.from_wire(members)
        lengths = [len(value) for value in (group_id, pk, cc, sid, confirm, session_roster)]
        if lengths != [16, 33, 32, 32, 32, 32] or not 0 < epoch <= 0xFFFFFFFF or me not in roster.indexes():
            raise DaricError("encoding", "A field of a shard is out of range.")
        if len(parts) > MAX_ENTROPY_PARTS:
            raise DaricError("encoding", "A phrase has at most two parts.")
        entropy = [EntropyShare.from_wire(part, roster.indexes()) for part in parts]
        return cls(group_id, kind, epoch, me, read_scalar(s), pk, cc, roster, sid, confirm, session_roster, entropy)


def ack_digest(
    group_id: bytes, sid: bytes, kind: str, epoch: int, confirm: bytes, session_roster: bytes, index: int
) -> bytes:
    """32 B that a member signs to say that the state is stored. kind: dkg, imp, rsh, ent, enr or pair."""
    return TH("dkls/ack", group_id, sid, kind.encode(), u32(epoch), confirm, session_roster, u8(index))
