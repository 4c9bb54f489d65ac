"""Resharing: the members deal their shares on to a new committee, which may be themselves. docs/protocol.md, section 8.

The key and the chain code stay, every share changes, and so may the members and the threshold; with the same members it
is a refresh. Pairs that stay are carried on, new and unusable ones are set up in the same rounds. An imported phrase's
entropy is dealt on beside the key. Draws: those of rounds/dealing, for the key and then for each part of the entropy.
"""

from daric_protocol import platform
from daric_protocol.errors import Abort, DaricError
from daric_protocol.garbage import collect
from daric_protocol.polynomial import lagrange
from daric_protocol.rounds.dealing import Plan, acknowledge, deal
from daric_protocol.shard import EntropyShare, Shard
from daric_protocol.tagged import Q

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from daric_protocol.roster import Roster
    from daric_protocol.rounds.dealing import Dealt
    from daric_protocol.rounds.groupstart import Brought, GroupState
    from daric_protocol.rounds.outgoing import Custody, Outgoing, Random, Received


def reshare(
    me: int,
    ssid: bytes,
    group_id: bytes,
    roster: "Roster",
    dealers: "list[int]",
    receivers: "list[int]",
    custody: "Custody",
    random: "Random",
    shard: "Shard | None" = None,
    brought: "Brought | None" = None,
    pk: bytes = b"",
) -> "Generator[Outgoing, Received, tuple[Shard, list[tuple[int, bytes]]]]":
    """Deal a group's key to a new committee. Dealers and receivers take part, and nobody else.

    roster: the session's: the stored one with the new threshold and the new members, without public shares; members
    that leave are still in it. dealers: at least as many members as the old threshold. receivers: the new committee.
    shard: the current one, None for a new member. brought: what custody knows. pk: 33 B of the invitation, where a new
    member has one. Returns the new shard, which custody holds as pending, and the certificate that makes it current.
    For a dealer that leaves the shard has no secret and its index is not in the roster; custody has noted what makes it
    destroy its share. DaricError("parameter"); Abort soft, blame, ban.
    """
    _check_inputs(me, ssid, group_id, roster, dealers, receivers, shard)
    parties = sorted(set(dealers) | set(receivers))
    peers = [j for j in parties if j != me]

    # Round 0: which epoch comes next, what the group is, which pairs can go on.
    kept, plans = yield from _begin(me, ssid, roster, dealers, receivers, custody, shard, brought, pk)
    brought = None
    collect()  # a device forgets what only round 0 needs

    # Rounds 1 to 3: every dealer deals its share, weighted so that the weighted shares add up to the key.
    dealings = []
    for n, plan in enumerate(plans):
        constant = _constant(n, me, dealers, shard)
        new = [j for j in receivers if j != me and me in receivers and j not in kept] if n == 0 else []
        dealings.append(deal(me, plan, roster, constant, new, custody, random))
    epoch = plans[0].epoch
    if len(dealings) == 1:
        dealt = [(yield from dealings[0])]
    else:
        from daric_protocol.rounds.together import together

        dealt = yield from together(dealings)
    dealings = []
    made = _shard(me, group_id, epoch, roster, receivers, dealt)
    if me in receivers:
        pairs = dealt[0].pairs
        for j in kept:
            pairs[j] = custody.pair(j).ratchet(made.confirm, me, j)
            collect()
        custody.store_pending(made, pairs)
    else:
        custody.store_leaving("rsh", epoch, made.sid, made.confirm, made.session_roster, made.roster)

    # Round 4: acknowledge what is stored.
    certificate = yield from acknowledge(made, peers, custody, roster)
    return made, certificate


def _begin(
    me: int,
    ssid: bytes,
    roster: "Roster",
    dealers: "list[int]",
    receivers: "list[int]",
    custody: "Custody",
    shard: "Shard | None",
    brought: "Brought | None",
    pk: bytes,
) -> "Generator[Outgoing, Received, tuple[list[int], list[Plan]]]":
    """Round 0: (peers whose pair goes on, the dealings of the key and of each part of the entropy).

    A generator of its own, so that a device needs its modules no longer than this.
    """
    from daric_protocol.rounds.groupstart import Brought, exchange
    from daric_protocol.rounds.keygen import next_epoch

    brought = brought or Brought()
    parties = sorted(set(dealers) | set(receivers))
    state, all_brought = yield from exchange(me, ssid, roster, parties, dealers, shard, brought, custody)
    _check_state(state, roster, dealers, receivers, all_brought, pk)
    highest = max([said.epoch for said in all_brought.values()] + [state.epoch])
    epoch = next_epoch(highest if shard is None else brought.epoch, highest)
    kept = [j for j in receivers if _keeps(me, j, state, receivers, all_brought)]
    for j in kept:
        custody.pair(j)  # taken by this session from here on
    custody.use_epoch(epoch)
    plans = [_plan(n, ssid, roster.t, dealers, receivers, epoch, state) for n in range(1 + len(state.parts))]
    return kept, plans


def _check_inputs(
    me: int,
    ssid: bytes,
    group_id: bytes,
    roster: "Roster",
    dealers: "list[int]",
    receivers: "list[int]",
    shard: "Shard | None",
) -> None:
    everyone = dealers + receivers
    if len(ssid) != 32 or len(group_id) != 16 or (shard is not None and shard.group_id != group_id):
        raise DaricError("parameter", "A session id has 32 bytes, a group id 16, and the shard is of this group.")
    if me not in everyone or (me in dealers) > (shard is not None) or (shard is not None and shard.me != me):
        raise DaricError("parameter", "A party deals its own shard or receives one.")
    if len(set(dealers)) != len(dealers) or len(set(receivers)) != len(receivers):
        raise DaricError("parameter", "A dealer or receiver is named twice.")
    if not roster.t <= len(receivers) or [j for j in everyone if j not in roster.indexes()]:
        raise DaricError("parameter", "The new committee has at least as many members as its threshold.")
    for member in roster.members:
        if member.index in dealers and not member.public_share:
            raise DaricError("parameter", "Only a member of the group deals.")
    if shard is not None and len(dealers) < shard.t:
        raise DaricError("parameter", "At least as many members deal as the old threshold says.")


def _check_state(
    state: "GroupState",
    roster: "Roster",
    dealers: "list[int]",
    receivers: "list[int]",
    all_brought: "dict[int, Brought]",
    pk: bytes,
) -> None:
    if pk and pk != state.pk:
        raise Abort("soft", None, "The group's key is not the one of the invitation.")
    if len(dealers) < state.t:
        raise Abort("soft", None, "Fewer members deal than the old threshold says.")
    new = [index for index in receivers if index not in state.P]
    recorded = max([said.index for said in all_brought.values()] + state.indexes)
    if new and min(new) <= recorded:
        raise Abort("soft", None, "A new member's index was used before: the highest so far is %d." % recorded)
    if [index for index in roster.indexes() if index not in state.P and index not in new]:
        raise Abort("soft", None, "The session's roster has a member that takes no part and is none of the group.")


def _keeps(
    me: int, j: int, state: "GroupState", receivers: "list[int]", all_brought: "dict[int, Brought]"
) -> bool:
    """Whether the pair with j goes on: both are and stay members, and neither says that its state is unusable."""
    if j == me or me not in receivers or me not in state.P or j not in state.P:
        return False
    return j not in all_brought[me].unusable and me not in all_brought[j].unusable


def _plan(
    n: int, ssid: bytes, t: int, dealers: "list[int]", receivers: "list[int]", epoch: int, state: "GroupState"
) -> Plan:
    """The dealing of the key for n = 0, else of part n of the entropy: its dealers' constants are known."""
    curve = platform.curve
    shares, pinned = state.shares(n), {}
    for i in dealers:
        pinned[i] = curve.encode(curve.mul(lagrange(dealers, i), curve.decode(shares[i])))
    kind, cc = ("ent", bytes(32)) if n else ("rsh", state.cc)
    return Plan(kind, ssid, t, dealers, receivers, epoch, state.constant(n), n, pinned, cc)


def _constant(n: int, me: int, dealers: "list[int]", shard: "Shard | None") -> "int | None":
    """What this party deals: its share's part of the secret."""
    if shard is None or me not in dealers:
        return None
    return lagrange(dealers, me) * (shard.entropy[n - 1].s if n else shard.s) % Q


def _shard(
    me: int, group_id: bytes, epoch: int, roster: "Roster", receivers: "list[int]", dealt: "list[Dealt]"
) -> Shard:
    key = dealt[0]
    entropy = [EntropyShare(part.pk, part.s, part.P) for part in dealt[1:]]
    return Shard(
        group_id, "rsh", epoch, me, key.s, key.pk, key.cc, roster.reshared(receivers, key.P), key.sid, key.confirm,
        roster.hash(), entropy,
    )  # fmt: skip
