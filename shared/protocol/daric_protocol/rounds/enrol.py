"""Enrolment: t members give a new one its share, and nobody else's changes. Specification: docs/protocol.md, section 9.

Each helper sends its share of the new member's share, masked by the zero shares of the helpers' pairs, so that the new
member learns the sum alone. From then on its index belongs to its identity for good. Nothing is drawn.
"""

from daric_protocol import platform
from daric_protocol.errors import Abort, DaricError
from daric_protocol.garbage import collect
from daric_protocol.groupmessages import EnrolShare
from daric_protocol.pairstate import zero_share
from daric_protocol.polynomial import lagrange
from daric_protocol.rounds.groupstart import Brought, GroupState, exchange
from daric_protocol.rounds.outgoing import Outgoing
from daric_protocol.rounds.rosterchange import KIND, RosterChange, acknowledge, share_at
from daric_protocol.shard import EntropyShare, Shard
from daric_protocol.tagged import TH, Q, id_set, u8, u32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from daric_protocol.roster import Roster
    from daric_protocol.rounds.outgoing import Custody, Received


def enrol(
    me: int,
    ssid: bytes,
    group_id: bytes,
    roster: "Roster",
    helpers: "list[int]",
    x: int,
    custody: "Custody",
    shard: "Shard | None" = None,
    brought: "Brought | None" = None,
    pk: bytes = b"",
) -> "Generator[Outgoing, Received, tuple[Shard, RosterChange]]":
    """Give index x a share of the current epoch.

    roster: the session's: the stored one and x without a public share. helpers: exactly t members. shard: the current
    one, None for x. brought: what custody knows. pk: 33 B of the invitation, where x has one. Returns this party's
    shard under the new roster, which for x custody holds as not yet current, and the change that certifies it; pairs
    with x are set up later. DaricError("parameter"); Abort soft, blame.
    """
    _check_inputs(me, ssid, group_id, roster, helpers, x, shard)
    parties = sorted(helpers + [x])

    # Round 0: what the group is, and that the index was never given away.
    state, all_brought = yield from exchange(me, ssid, roster, parties, helpers, shard, brought or Brought(), custody)
    _check_state(state, roster, helpers, x, all_brought, pk)
    identity = roster.member(x).identity
    secrets = range(1 + len(state.parts))
    sids = [_sid(ssid, state.constant(n), state.epoch, helpers, x, identity, n) for n in secrets]

    # Round 1: the helpers' masked parts, to x alone; it answers with nothing.
    values = []
    if shard is None:
        received = yield Outgoing(sids[0], 1, EnrolShare, dict.fromkeys(helpers, EnrolShare([])))
        values = _sum(state, helpers, x, received)
    else:
        parts = _masked(me, shard, helpers, x, sids, custody)
        custody.issue_index(x, identity)
        received = yield Outgoing(sids[0], 1, EnrolShare, {x: EnrolShare(parts)})
        if received[x].shares:
            raise Abort("blame", x, "The new member sent what only helpers send.")
    change = RosterChange(
        group_id, state.epoch, sids[0], x, roster.enrolled(x, share_at(state.P, state.t, x))
    )  # fmt: skip
    if shard is None:
        made = _shard(state, change, values)
        custody.store_enrolled(made)
    else:
        made = change.applied(shard)

    # Round 2: everyone signs the new roster.
    yield from acknowledge(me, change, parties, 2, custody)
    return made, change


def _check_inputs(
    me: int, ssid: bytes, group_id: bytes, roster: "Roster", helpers: "list[int]", x: int, shard: "Shard | None"
) -> None:
    if len(ssid) != 32 or len(group_id) != 16 or (shard is not None and shard.group_id != group_id):
        raise DaricError("parameter", "A session id has 32 bytes, a group id 16, and the shard is of this group.")
    if len(helpers) != roster.t or len(set(helpers)) != len(helpers) or x in helpers:
        raise DaricError("parameter", "Exactly as many different members help as the threshold says.")
    if (me != x if shard is None else me != shard.me or me not in helpers):
        raise DaricError("parameter", "A helper has the shard of its index, the new member has none.")
    for j in helpers:
        if not roster.member(j).public_share:
            raise DaricError("parameter", "Only a member of the group helps.")
    if roster.member(x).public_share:
        raise DaricError("parameter", "The new member has a share already.")


def _check_state(
    state: GroupState,
    roster: "Roster",
    helpers: "list[int]",
    x: int,
    all_brought: "dict[int, Brought]",
    pk: bytes,
) -> None:
    if pk and pk != state.pk:
        raise Abort("soft", None, "The group's key is not the one of the invitation.")
    if state.t != roster.t or [index for index in roster.indexes() if index not in state.P] != [x]:
        raise Abort("soft", None, "The session's roster is not the group's with one new member.")
    # A helper that gave x away before says so, and its own record decides whether it was to this identity.
    recorded = max([all_brought[j].index for j in helpers] + state.indexes)
    if recorded not in (x - 1, x) or x <= max(state.indexes):
        raise Abort("soft", None, "The new member's index does not follow the highest so far, %d." % recorded)


def _sid(ssid: bytes, pk: bytes, epoch: int, helpers: "list[int]", x: int, identity: bytes, n: int) -> bytes:
    """32 B that name the enrolment of one secret: of the key for n = 0, else of part n of the entropy."""
    return TH("dkls/enrol", ssid, pk, u32(epoch), id_set(helpers), u8(x), identity, u8(n))


def _masked(
    me: int, shard: Shard, helpers: "list[int]", x: int, sids: "list[bytes]", custody: "Custody"
) -> "list[int]":
    """This helper's part of x's share of every secret, a fresh mask for each: one for two would give both away."""
    weight = lagrange(helpers, me, x)
    secrets = [shard.s] + [part.s for part in shard.entropy]
    values = [weight * secret for secret in secrets]
    for j in helpers:
        if j != me:
            z = custody.pair(j).z
            values = [value + zero_share(me, j, z, sid) for value, sid in zip(values, sids)]
            collect()
    return [value % Q for value in values]


def _sum(state: GroupState, helpers: "list[int]", x: int, received: "Received") -> "list[int]":
    """x's share of every secret. Abort("soft") if one is not what the public shares say: nobody can be named."""
    curve = platform.curve
    values = []
    for j in helpers:
        if len(received[j].shares) != 1 + len(state.parts):
            raise Abort("blame", j, "A helper sent a share too many or too few.")
    for n in range(1 + len(state.parts)):
        value = sum([received[j].shares[n] for j in helpers]) % Q
        if not value or curve.encode(curve.mul_g(value)) != share_at(state.shares(n), state.t, x):
            raise Abort("soft", None, "The helpers' parts do not add up to the new member's share.")
        values.append(value)
    return values


def _shard(state: GroupState, change: RosterChange, values: "list[int]") -> Shard:
    entropy = []
    for n, part in enumerate(state.parts):
        P = dict(part)
        P[change.about] = share_at(part, state.t, change.about)
        entropy.append(EntropyShare(state.constant(n + 1), values[n + 1], P))
    return Shard(
        change.group_id, KIND, state.epoch, change.about, values[0], state.pk, state.cc, change.roster, change.sid,
        change.confirm, change.roster.hash(), entropy,
    )  # fmt: skip
