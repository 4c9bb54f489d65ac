"""Recovery: a member whose share came back from a backup takes its place under a new identity.

Specification: docs/protocol.md, section 12. It proves to everyone that it knows the share of its index, bound to this
session and to the identity that the people confirmed; the members sign the roster with that identity. The pieces may
come in the same session, before the proof. Draws: of a holder 32 bytes for its piece, of the recovering party the
proof's nonce.
"""

from daric_protocol import platform, proofs
from daric_protocol.errors import Abort, DaricError
from daric_protocol.groupmessages import RecoverProof
from daric_protocol.rounds.groupstart import Brought, GroupState, exchange
from daric_protocol.rounds.outgoing import Outgoing
from daric_protocol.rounds.rosterchange import RECOVERED, RosterChange, acknowledge, recovery_sid
from daric_protocol.shard import EntropyShare, Shard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from daric_protocol.roster import Roster
    from daric_protocol.rounds.backuprounds import Gathering
    from daric_protocol.rounds.outgoing import Custody, Random, Received


def recover(
    me: int,
    ssid: bytes,
    group_id: bytes,
    roster: "Roster",
    members: "list[int]",
    index: int,
    identity: bytes,
    custody: "Custody",
    random: "Random",
    shard: "Shard | None" = None,
    restored: "Shard | None" = None,
    brought: "Brought | None" = None,
    gathering: "Gathering | None" = None,
) -> "Generator[Outgoing, Received, tuple[Shard, RosterChange]]":
    """Give member `index` the new identity (33 B).

    roster: the session's, which is the stored one. members: those who take part beside the recovering party: with it at
    least t. shard: the current one of a member. restored: of the recovering party, what the backup gave, unless
    gathering brings it the pieces in this session. Returns the shard under the new roster, which for the recovering
    party custody holds as not yet current, and the change that certifies it; pairs with it are set up later.
    DaricError("parameter") or ("backup"); Abort soft, blame.
    """
    own = restored if me == index else shard
    if len(ssid) != 32 or len(group_id) != 16 or (own is None and (me != index or gathering is None)):
        raise DaricError("parameter", "A session id has 32 bytes, a group id 16, and every party has its shard.")
    if own is not None and (own.me, own.group_id) != (me, group_id):
        raise DaricError("parameter", "A party takes part with its own shard of the group, current or restored.")
    if index in members or len(set(members)) != len(members) or 1 + len(members) < roster.t:
        raise DaricError("parameter", "With the recovering party at least as many as the threshold take part.")
    if me not in members + [index] or [j for j in members + [index] if j not in roster.indexes()]:
        raise DaricError("parameter", "Only members take part.")
    if identity in [member.identity for member in roster.members]:
        raise DaricError("parameter", "The new identity is a member's already.")
    parties = sorted(members + [index])
    renewed = roster.with_identity(index, identity)

    # Round 0: what the group is now.
    known = brought or Brought()
    state, _ = yield from exchange(me, ssid, roster, parties, members, shard if me != index else None, known, custody,
                                   renewed)  # fmt: skip
    sid = recovery_sid(ssid, state.pk, state.epoch, index, identity)
    number, bad = 1, []
    if gathering is not None:
        # Rounds 1 to 4: the pieces come to the recovering party.
        gathered = yield from gathering.rounds(me, sid, parties, identity, state, roster, shard, random)
        own, number, bad = own or gathered, 5, gathering.bad
    assert own is not None
    if me == index:
        _check_restored(own, state)

    # Round 1, or 5: the recovering party proves that it knows the share; the others answer with nothing.
    point = platform.curve.decode(state.P[index])
    proof = proofs.prove(sid, index, own.s, point, random) if me == index else b""
    peers = [j for j in parties if j != me]
    received = yield Outgoing(sid, number, RecoverProof, dict.fromkeys(peers, RecoverProof(proof, bad)))
    for j in peers:
        if bool(received[j].proof) != (j == index) or (received[j].bad and j != index):
            raise Abort("blame", j, "A party proves a share, or does not, against its part in the session.")
        if j == index:
            proof = received[j].proof
            if not proofs.verify(sid, index, point, proof):
                raise Abort("blame", index, "The recovering party does not know the share.")
            if gathering is not None:
                gathering.bad = received[j].bad
    change = RosterChange(group_id, state.epoch, sid, index, renewed, None, ssid + proof)
    if me == index:
        made = _shard(own, state, change)
        custody.store_enrolled(made)
    else:
        made = change.applied(own)

        custody.doubt_identity(roster.member(index).identity)

    # Round 2, or 6: everyone signs the new roster.
    yield from acknowledge(me, change, parties, number + 1, custody)
    return made, change


def _check_restored(restored: Shard, state: GroupState) -> None:
    """What came from the backup is this group's now, or Abort("soft")."""
    curve = platform.curve
    if (restored.epoch, restored.pk, len(restored.entropy)) != (state.epoch, state.pk, len(state.parts)):
        raise Abort("soft", None, "The backup is of another epoch: the shares changed since.")
    for n, secret in enumerate([restored.s] + [part.s for part in restored.entropy]):
        if curve.encode(curve.mul_g(secret)) != state.shares(n)[restored.me]:
            raise Abort("soft", None, "The restored share is not the one of its public share.")


def _shard(restored: Shard, state: GroupState, change: RosterChange) -> Shard:
    entropy = []
    for n, part in enumerate(restored.entropy):
        entropy.append(EntropyShare(part.pk, part.s, state.shares(n + 1)))
    return Shard(
        change.group_id, RECOVERED, state.epoch, restored.me, restored.s, state.pk, state.cc, change.roster, change.sid,
        change.confirm, change.roster.hash(), entropy,
    )  # fmt: skip
