"""Round 0 of a session that changes a group: what every party brings into it, and what the group is.

Who has no share of the group yet believes nothing of it that all dealers or helpers do not say alike and that does not
fit itself. Specification: docs/protocol.md, section 8.
"""

from daric_protocol import platform
from daric_protocol.errors import Abort
from daric_protocol.groupmessages import GroupStart
from daric_protocol.polynomial import lagrange
from daric_protocol.rounds.evidence import broadcast_digest, check_signed
from daric_protocol.rounds.outgoing import Outgoing
from daric_protocol.tagged import TH, id_set, u8, u32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from typing import Any

    from daric_protocol.roster import Roster
    from daric_protocol.rounds.outgoing import Custody, Received
    from daric_protocol.shard import Shard


class Brought:
    """What a party knows of a group before a session.

    epoch: the highest ever used. index: the highest ever recorded. unusable: members with which it has no usable pair
    state. All zero or empty for a party that is new.
    """

    def __init__(self, epoch: int = 0, index: int = 0, unusable: "Iterable[int]" = ()) -> None:
        self.epoch = epoch
        self.index = index
        self.unusable = sorted(unusable)


class GroupState:
    """A group as its members hold it: everything of a shard that is not secret.

    pk 33 B, cc 32 B, epoch, t, version, master. members: [(index, identity 33 B, public share 33 B)]. parts: {index:
    public share} of each part of an entropy.
    """

    def __init__(self, fields: "tuple[Any, ...]") -> None:
        self.fields = fields
        self.pk, self.cc, self.epoch, self.t, self.version, self.master, self.members, shares = fields
        self.indexes: "list[int]" = [index for index, _, _ in self.members]
        self.P: "dict[int, bytes]" = {index: P for index, _, P in self.members}
        self.parts: "list[dict[int, bytes]]" = [dict(zip(self.indexes, part)) for part in shares]

    @classmethod
    def of(cls, shard: "Shard") -> "GroupState":
        """What a member tells of its group."""
        roster = shard.roster
        members = [(member.index, member.identity, member.public_share) for member in roster.members]
        parts = [[part.P[index] for index in sorted(part.P)] for part in shard.entropy]
        return cls((shard.pk, shard.cc, shard.epoch, roster.t, roster.version, roster.master, members, parts))

    def constant(self, n: int) -> bytes:
        """33 B: the key for n = 0, else part n of the entropy, times G. Abort("soft") where it is no point."""
        if n == 0:
            return bytes(self.pk)
        return _encoded(public_at(self.parts[n - 1], sorted(self.indexes)[: self.t], 0))

    def shares(self, n: int) -> "dict[int, bytes]":
        """The public shares of the key for n = 0, else of part n of the entropy."""
        return self.P if n == 0 else self.parts[n - 1]

    def check(self, roster: "Roster") -> None:
        """It is the group of the session's roster, and its public shares fit its key and threshold: else soft."""
        known = {member.index: (member.identity, member.public_share) for member in roster.members}
        told = {index: (identity, P) for index, identity, P in self.members}
        if sorted([index for index in known if known[index][1]]) != sorted(told) or len(told) != len(self.members):
            raise Abort("soft", None, "The session's roster has other members than the group.")
        if [index for index in told if told[index] != known[index]]:
            raise Abort("soft", None, "The session's roster has another identity or share of a member than the group.")
        if (roster.version, roster.master) != (self.version, self.master):
            raise Abort("soft", None, "The session's roster is another version than the group's.")
        if [part for part in self.parts if len(part) != len(told)] or self.t > len(told):
            raise Abort("soft", None, "The group has too few public shares.")
        if _encoded(public_at(self.P, sorted(told)[: self.t], 0)) != self.pk:
            raise Abort("soft", None, "The group's public shares do not give its key.")
        for n in range(1 + len(self.parts)):
            check_degree(self.shares(n), self.t)


def exchange(
    me: int,
    ssid: bytes,
    roster: "Roster",
    parties: "list[int]",
    tellers: "list[int]",
    shard: "Shard | None",
    brought: Brought,
    custody: "Custody",
    signers: "Roster | None" = None,
) -> "Generator[Outgoing, Received, tuple[GroupState, dict[int, Brought]]]":
    """Round 0. roster: the session's. tellers: who says what the group is. shard: None for a party without one.

    signers: whose identities sign, where one of them is new.

    Returns the group's state and what every party brought, this one included. Abort soft, blame.
    """
    mine = None if shard is None else GroupState.of(shard)
    old = [mine.fields] if mine is not None and me in tellers else []
    start = GroupStart(brought.epoch, brought.index, brought.unusable, old, b"")
    start.signature = custody.sign_identity(broadcast_digest(ssid, 0, me, _digest(start)))
    peers = [j for j in parties if j != me]
    received = yield Outgoing(ssid, 0, GroupStart, dict.fromkeys(peers, start))
    all_brought = {me: brought}
    for j in peers:
        theirs = received.pop(j)
        check_signed(signers or roster, ssid, 0, j, _digest(theirs), theirs.signature)
        if len(theirs.old) != (1 if j in tellers else 0):
            raise Abort("blame", j, "A party says what the group is, or does not, against its part in the session.")
        all_brought[j] = Brought(theirs.epoch, theirs.index, theirs.unusable)
        for fields in theirs.old:
            state = GroupState(fields)
            if mine is None:
                state.check(roster)
                mine = state
            elif state.fields != mine.fields:
                raise Abort("soft", None, "The members hold different epochs or rosters of the group.")
    if mine is None:
        raise Abort("soft", None, "Nobody said what the group is.")
    if shard is not None:
        mine.check(roster)
    return mine, all_brought


def public_at(P: "dict[int, bytes]", ids: "list[int]", x: int) -> "Any":
    """The point at x of the committed polynomial that has the points P at `ids`; P: {index: 33 B}."""
    curve = platform.curve
    total: "Any" = None
    for i in ids:
        try:
            total = curve.add(total, curve.mul(lagrange(ids, i, x), curve.decode(P[i])))
        except KeyError:
            raise Abort("soft", None, "A public share is missing.")
    return total


def check_degree(P: "dict[int, bytes]", t: int) -> None:
    """All public shares lie on one polynomial of degree t - 1, or Abort("soft")."""
    ids = sorted(P)
    for k in ids[t:]:
        if _encoded(public_at(P, ids[:t], k)) != P[k]:
            raise Abort("soft", None, "The group's public shares are not those of its threshold.")


def _encoded(point: "Any") -> bytes:
    if point is None:
        raise Abort("soft", None, "A public share of the group is no point.")
    return platform.curve.encode(point)


def _digest(start: GroupStart) -> bytes:
    """32 B over what a party says in round 0."""
    old = platform.cbor_encode(start.to_wire()[3])
    return TH("dkls/start", u32(start.epoch), u8(start.index), id_set(start.unusable), old)
