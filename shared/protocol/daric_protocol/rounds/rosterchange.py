"""Changes of a roster without a dealing: a member more, a member's new identity, another master.

Specification: docs/protocol.md, section 8. Shares and epoch stay, the roster's version goes up by one, and t members
sign the change together with the member that it is about. Who was not there checks the change against the roster it
holds and adopts it before its next session.
"""

from daric_protocol import certificate, platform
from daric_protocol.errors import Abort, DaricError
from daric_protocol.limits import MAX_PARTIES
from daric_protocol.messages import INDEX, SIGNATURE, ListOf, Number, Octets, read_array
from daric_protocol.proofs import PROOF_BYTES
from daric_protocol.proofs import verify as verify_proof
from daric_protocol.roster import Roster
from daric_protocol.rounds.outgoing import Outgoing
from daric_protocol.shard import EntropyShare, Shard, ack_digest
from daric_protocol.tagged import TH, u8, u32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from daric_protocol.rounds.outgoing import Custody, Received

KIND = "enr"
RECOVERED = "rec"  # of a shard that came back from a backup: signed as "enr", certified by t with its holder
ACKS = ListOf((INDEX, SIGNATURE), MAX_PARTIES)
FIELDS = (Octets(16), Number(1, 0xFFFFFFFF), Octets(32, 64 + PROOF_BYTES), Number(0, 255))


class RosterChange:
    """One change and who signed it.

    group_id: 16 B. epoch: the current one. sid: 32 B of the change. roster: the next version. about: index of the
    member it is about (the new one, the one with a new identity, the new master), 0 where there is no master any more.
    acks: [(index, signature 64)] in index order. evidence: of a new identity, ssid 32 B and the proof 65 B that its
    holder knows the share; else empty.
    """

    def __init__(
        self,
        group_id: bytes,
        epoch: int,
        sid: bytes,
        about: int,
        roster: Roster,
        acks: "list[tuple[int, bytes]] | None" = None,
        evidence: bytes = b"",
    ) -> None:
        self.group_id = group_id
        self.epoch = epoch
        self.sid = sid
        self.about = about
        self.roster = roster
        self.acks = acks or []
        self.evidence = evidence

    @property
    def confirm(self) -> bytes:
        """32 B over whom the change is about."""
        if not self.about:
            return TH("dkls/confirm", self.sid, b"", b"")
        member = self.roster.member(self.about)
        return TH("dkls/confirm", self.sid, member.public_share, member.identity)

    def ack_digest(self, index: int) -> bytes:
        """32 B that a member signs to say that it follows the new roster."""
        return ack_digest(self.group_id, self.sid, KIND, self.epoch, self.confirm, self.roster.hash(), index)

    def encode(self) -> bytes:
        """CBOR [group id, epoch, sid and evidence, about, roster, [[index, signature]]], for who was not there."""
        acks = [[index, signature] for index, signature in self.acks]
        sid = self.sid + self.evidence
        return platform.cbor_encode([self.group_id, self.epoch, sid, self.about, self.roster.to_wire(), acks])

    @classmethod
    def decode(cls, data: bytes) -> "RosterChange":
        """The change of `encode`, unchecked; DaricError("encoding") for anything else."""
        fields = platform.cbor_decode(data)
        if not isinstance(fields, list) or len(fields) != 6:
            raise DaricError("encoding", "A change of a roster has six fields.")
        group_id, epoch, sid, about = read_array(fields[:4], FIELDS)
        roster = Roster.from_wire(fields[4])
        if about and about not in roster.indexes():
            raise DaricError("encoding", "A change is about a member of the new roster.")
        return cls(group_id, epoch, sid[:32], about, roster, ACKS.read(fields[5]), sid[32:])

    def follows(self, old: Roster) -> bool:
        """Whether it is the next version of a roster and changes one thing about it, whoever signed it."""
        if (self.roster.version, self.roster.t) != (old.version + 1, old.t):
            return False
        try:
            self._check_members(old)
        except DaricError:
            return False
        return True

    def check(self, shard: Shard) -> None:
        """Take it as the next version of the roster of this shard, or DaricError("certificate")."""
        old, new = shard.roster, self.roster
        if (self.group_id, self.epoch) != (shard.group_id, shard.epoch):
            raise DaricError("certificate", "The change is of another group or epoch.")
        if (new.version, new.t) != (old.version + 1, old.t):
            raise DaricError("certificate", "The change is not of the next version of the roster.")
        unchanged = self._check_members(old)
        signers = [index for index, _ in self.acks]
        if signers != sorted(set(signers)) or [index for index in signers if index not in new.indexes()]:
            raise DaricError("certificate", "The acknowledgements are not of different members, in index order.")
        for index, signature in self.acks:
            if not certificate.acknowledged(new, index, self.ack_digest(index), signature):
                raise DaricError("certificate", "An acknowledgement does not fit this change.")
        recovered = self.about in old.indexes() and self.about not in unchanged
        if len([index for index in signers if index in unchanged]) < (old.t - 1 if recovered else old.t):
            raise DaricError("certificate", "Fewer old members signed than the threshold.")
        if self.about and self.about not in unchanged + signers:
            raise DaricError("certificate", "The member that the change is about did not sign it.")
        if recovered and not self._proves(shard):
            raise DaricError("certificate", "Nobody proved to know the share of the member with the new identity.")
        if self.evidence and not recovered:
            raise DaricError("certificate", "A proof is of a new identity only.")

    def _proves(self, shard: Shard) -> bool:
        """Whether the evidence shows that the new identity's holder knows the member's share."""
        member = self.roster.member(self.about)
        sid = recovery_sid(self.evidence[:32], shard.pk, self.epoch, self.about, member.identity)
        point = platform.curve.decode(member.public_share)
        return sid == self.sid and verify_proof(sid, self.about, point, self.evidence[32:])

    def _check_members(self, old: Roster) -> "list[int]":
        """The members that are what they were; DaricError("certificate") unless exactly one thing changed."""
        new = self.roster
        before = {m.index: (m.identity, m.public_share) for m in old.members}
        after = {m.index: (m.identity, m.public_share) for m in new.members}
        unchanged = [index for index in sorted(after) if before.get(index) == after[index]]
        if not set(after) - set(unchanged) <= {self.about} or not set(before) <= set(after):
            raise DaricError("certificate", "A change is about one member only.")
        if self.about in unchanged or not self.about:
            if new.master != self.about or old.master == self.about:
                raise DaricError("certificate", "The change changes nothing, or another master than it says.")
            return unchanged
        if new.master != old.master:
            raise DaricError("certificate", "A change is either of a member or of the master.")
        if self.about in before:
            if before[self.about][1] != after[self.about][1]:
                raise DaricError("certificate", "A member's public share changes in a resharing only.")
        elif self.about < max(before) or after[self.about][1] != share_at(_shares(old), old.t, self.about):
            raise DaricError("certificate", "The new member's index was used, or its share is not of the group's key.")
        return unchanged

    def applied(self, shard: Shard) -> Shard:
        """The same share of the same epoch under the new roster."""
        entropy = []
        for part in shard.entropy:
            P = dict(part.P)
            if self.about and self.about not in P:
                P[self.about] = share_at(part.P, shard.t, self.about)
            entropy.append(EntropyShare(part.pk, part.s, P))
        return Shard(
            shard.group_id, shard.kind, shard.epoch, shard.me, shard.s, shard.pk, shard.cc, self.roster, shard.sid,
            shard.confirm, shard.session_roster, entropy,
        )  # fmt: skip


def recovery_sid(ssid: bytes, pk: bytes, epoch: int, index: int, identity: bytes) -> bytes:
    """32 B that name the recovery of a member under a new identity (33 B) in one session."""
    return TH("dkls/recover", ssid, pk, u32(epoch), u8(index), identity)


def share_at(P: "dict[int, bytes]", t: int, x: int) -> bytes:
    """33 B: the public share at x of the polynomial that has the public shares P, {index: 33 B}, of threshold t."""
    from daric_protocol.rounds.groupstart import public_at

    point = public_at(P, sorted(P)[:t], x)
    if point is None:
        raise Abort("soft", None, "A public share of the group is no point.")
    return platform.curve.encode(point)


def acknowledge(
    me: int, change: RosterChange, parties: "list[int]", number: int, custody: "Custody"
) -> "Generator[Outgoing, Received, None]":
    """Round `number`: everyone who takes part signs the change; its acks are complete then. Abort soft, blame."""
    from daric_protocol.messages import Acknowledgement

    peers = [j for j in parties if j != me]
    mine = custody.sign_identity(change.ack_digest(me))
    received = yield Outgoing(change.sid, number, Acknowledgement, dict.fromkeys(peers, Acknowledgement(mine)))
    acks = {me: mine}
    for j in peers:
        acks[j] = received[j].signature
        if not certificate.acknowledged(change.roster, j, change.ack_digest(j), acks[j]):
            raise Abort("blame", j, "The acknowledgement of the new roster does not verify.")
    change.acks = [(index, acks[index]) for index in sorted(acks)]


def change_master(
    me: int, ssid: bytes, shard: Shard, members: "list[int]", master: int, custody: "Custody"
) -> "Generator[Outgoing, Received, tuple[Shard, RosterChange]]":
    """Make another member the master, or none (0). members: at least t of the group, who take part.

    Returns the shard under the new roster and the change that certifies it. DaricError("parameter"); Abort soft, blame.
    """
    roster = shard.roster
    if len(ssid) != 32 or me != shard.me or me not in members or len(set(members)) != len(members):
        raise DaricError("parameter", "A session id has 32 bytes, and this party takes part with its own shard.")
    if len(members) < roster.t or [j for j in members if j not in roster.indexes()]:
        raise DaricError("parameter", "At least as many members take part as the threshold says.")
    if master == roster.master or master not in [0] + roster.indexes():
        raise DaricError("parameter", "The new master is another member than the old one.")
    sid = TH("dkls/master", ssid, shard.pk, u32(shard.epoch), u8(master))
    change = RosterChange(shard.group_id, shard.epoch, sid, master, roster.with_master(master))

    # Round 1: everyone signs the new roster.
    yield from acknowledge(me, change, sorted(members), 1, custody)
    return change.applied(shard), change


def _shares(roster: Roster) -> "dict[int, bytes]":
    return {member.index: member.public_share for member in roster.members}
