"""Lies in a resharing: who lies is named where it can be known, the old shards stay. docs/protocol.md, section 8."""

import pytest
from daric_protocol import platform
from daric_protocol.errors import Abort
from daric_protocol.rounds import dealing
from daric_protocol.rounds.groupstart import GroupState
from daric_protocol.shard import Shard

from tests.malice.hostile import (
    POINT,
    Tamper,
    assert_nobody_honest_is_accused,
    assert_signs,
    field,
    flip,
    other,
    possessed,
    put,
    verdict,
)
from tests.rounds.exchange import run
from tests.rounds.groups import group
from tests.rounds.reshares import reshares, session_roster, stranger

BLAME, SOFT = ("blame", 2), ("soft", None)
OLD = 3  # field of GroupStart
FIELDS = ["pk", "cc", "epoch", "t", "version", "master", "members", "parts"]


def party():
    """Three members of 2-of-3 and a newcomer."""
    return {**group(2, 3), 4: stranger(4)}


def sessions(custodies, t=2, receivers=(1, 3, 4), **more):
    return reshares(custodies, t, [1, 2, 3], list(receivers), **more)


def assert_old_group_signs(custodies):
    for custody in custodies.values():
        assert custody.pending is None and custody.leaving is None
    assert_signs(custodies, [1, 3])


@pytest.mark.parametrize(
    ("n", "change"),
    [(0, lambda epoch: epoch + 1), (1, put(9)), (2, put([1])), (OLD, put([])), (4, flip(40)), (4, other)],
)
@pytest.mark.parametrize("victim", [1, 4])
def test_what_a_party_brings_is_signed(n, change, victim):
    custodies = party()
    ended = run(sessions(custodies), Tamper(0, 2, victim, field(n, change)))
    assert verdict(ended[victim]) == BLAME
    assert_nobody_honest_is_accused(ended, 2)
    assert_old_group_signs(custodies)


def telling(custodies, change, liars=(2,)):
    """Sessions in which some dealers tell another group than they hold, properly signed."""
    generators = sessions(custodies)
    honest = GroupState.of

    def lie(shard):
        return GroupState(change(honest(shard).fields))

    for liar in liars:
        generators[liar] = possessed(generators[liar], (GroupState, "of", lie), (GroupState, "check", lambda *_: None))
    return generators


def replaced(n, change):
    return lambda fields: (*fields[:n], change(fields[n]), *fields[n + 1 :])


LIES = {
    "pk": put(POINT),
    "cc": flip(3),
    "epoch": lambda epoch: epoch + 1,
    "t": put(3),
    "version": put(5),
    "master": put(1),
    "members": lambda members: [(i, who, POINT if i == 3 else P) for i, who, P in members],
    "parts": put([[POINT] * 3]),
}


@pytest.mark.parametrize("name", FIELDS)
def test_a_dealer_that_tells_another_group_than_the_others_ends_it_softly(name):
    custodies = party()
    ended = run(telling(custodies, replaced(FIELDS.index(name), LIES[name])))
    assert {verdict(ended[i]) for i in (1, 3, 4)} == {SOFT}
    assert_old_group_signs(custodies)


@pytest.mark.parametrize("name", ["pk", "version", "master", "members"])
def test_a_newcomer_believes_nothing_that_does_not_fit_itself_even_if_all_dealers_say_it(name):
    custodies = party()
    ended = run(telling(custodies, replaced(FIELDS.index(name), LIES[name]), (1, 2, 3)))
    assert verdict(ended[4]) == SOFT and custodies[4].events[-1][0] == "sign"


def state_of(custodies, **changes):
    fields = list(GroupState.of(custodies[1].shard).fields)
    for name, value in changes.items():
        fields[FIELDS.index(name)] = value
    return GroupState(tuple(fields))


def refused(state, roster):
    with pytest.raises(Abort) as caught:
        state.check(roster)
    return caught.value.name, caught.value.blame


def test_public_shares_of_another_degree_are_refused():
    custodies = group(2, 3)
    curve = platform.curve
    P = dict(custodies[1].shard.P)
    P[3] = curve.encode(curve.add(curve.decode(P[3]), curve.G))
    members = [(i, who, P[i]) for i, who, _ in GroupState.of(custodies[1].shard).members]
    roster = session_roster(custodies, 2).with_shares(P)
    assert refused(state_of(custodies, members=members), roster) == SOFT
    state_of(custodies).check(session_roster(custodies, 2))


def test_entropy_shares_of_another_degree_are_refused():
    custodies = group(2, 3)
    honest = [custodies[1].shard.P[i] for i in (1, 2, 3)]
    state_of(custodies, parts=[honest]).check(session_roster(custodies, 2))
    assert refused(state_of(custodies, parts=[[*honest[:2], POINT]]), session_roster(custodies, 2)) == SOFT
    assert refused(state_of(custodies, parts=[honest[:2]]), session_roster(custodies, 2)) == SOFT


def test_a_member_told_twice_is_refused():
    custodies = group(2, 3)
    members = GroupState.of(custodies[1].shard).members
    assert refused(state_of(custodies, members=members + members[:1]), session_roster(custodies, 2)) == SOFT


def test_another_key_than_the_invitations_is_refused():
    custodies = party()
    ended = run({**sessions(custodies), 4: sessions(custodies, pk=POINT)[4]})
    assert verdict(ended[4]) == SOFT
    assert_old_group_signs(custodies)


def test_a_dealer_with_another_share_than_its_own_is_named():
    custodies = party()
    generators = sessions(custodies)
    honest = dealing._polynomial

    def shifted(me, plan, constant, random):
        return honest(me, plan, constant + 1, random)

    generators[2] = possessed(generators[2], (dealing, "_polynomial", shifted))
    ended = run(generators)
    assert {verdict(ended[i]) for i in (1, 3, 4)} == {BLAME}
    assert_old_group_signs(custodies)


def test_a_dealer_that_does_not_say_what_the_group_is_is_named():
    custodies = party()
    generators = sessions(custodies)
    honest = generators[2]
    from daric_protocol.rounds import groupstart

    class GroupStart(groupstart.GroupStart):
        def __init__(self, epoch, index, unusable, old, signature):
            super().__init__(epoch, index, unusable, [], signature)

    generators[2] = possessed(honest, (groupstart, "GroupStart", GroupStart))
    ended = run(generators)
    assert {verdict(ended[i]) for i in (1, 3, 4)} == {BLAME}


def test_a_newcomer_has_no_say_in_what_the_group_is():
    custodies = party()
    generators = sessions(custodies)
    from daric_protocol.rounds import groupstart

    fields = GroupState.of(custodies[1].shard).fields

    class GroupStart(groupstart.GroupStart):
        def __init__(self, epoch, index, unusable, old, signature):
            super().__init__(epoch, index, unusable, [fields], signature)

    generators[4] = possessed(generators[4], (groupstart, "GroupStart", GroupStart))
    ended = run(generators)
    assert {verdict(ended[i]) for i in (1, 2, 3)} == {("blame", 4)}


@pytest.mark.parametrize("victim", [1, 3, 4])
@pytest.mark.parametrize(
    ("number", "n", "change", "expected"),
    [
        (1, 0, other, BLAME),
        (1, 1, flip(9), BLAME),
        (2, 0, flip(70), BLAME),
        (2, 1, other, SOFT),
        (2, 2, flip(31), BLAME),
        (2, 2, put(b""), BLAME),
        (2, 3, put(bytes(32)), BLAME),
        (3, 0, other, SOFT),
        (4, 0, flip(50), BLAME),
    ],
)
def test_every_field_of_a_leaving_dealer_is_checked(number, n, change, expected, victim):
    custodies = party()
    ended = run(sessions(custodies), Tamper(number, 2, victim, field(n, change)))
    assert verdict(ended[victim]) == expected
    assert_nobody_honest_is_accused(ended, 2)
    assert_signs(custodies, [1, 3])


def test_a_forged_acknowledgement_does_not_certify_to_the_dealer_that_leaves():
    custodies = party()
    ended = run(sessions(custodies), Tamper(4, 4, 2, field(0, flip(1))))
    assert verdict(ended[2]) == ("blame", 4) and custodies[2].shard.s


def test_a_pending_shard_stays_when_an_acknowledgement_is_withheld():
    custodies = party()
    old = custodies[1].shard
    ended = run(sessions(custodies), Tamper(4, 4, 1, lambda _: None))
    assert verdict(ended[1]) == SOFT
    assert custodies[1].pending[0].epoch == 2 and custodies[1].shard is old
    assert_signs(custodies, [1, 3])


@pytest.mark.parametrize("index", [3, 4, 9])
def test_an_index_that_was_ever_used_is_given_to_nobody(index):
    from daric_protocol.rounds.groupstart import Brought

    custodies = party()
    brought = {3: Brought(1, index)}
    ended = run(sessions(custodies, brought=brought))
    assert {verdict(each) for each in ended.values()} == ({("done", None)} if index == 3 else {SOFT})


def test_a_pair_that_another_session_uses_ends_it_before_anything_is_dealt():
    custodies = group(2, 3)

    def busy(peer):
        raise Abort("soft", None, "Another session is using the pair.")

    custodies[1].pair = busy
    ended = run(reshares(custodies, 2, [1, 2, 3], [1, 2, 3]))
    assert {verdict(each) for each in ended.values()} == {SOFT}
    assert [name for name, _ in custodies[1].events] == ["sign"]


@pytest.mark.parametrize(
    "parts",
    [
        [[bytes(33), bytes(32), []]],
        [[bytes(33), bytes(31), [bytes(33)] * 3]],
        [[bytes(32), bytes(32), [bytes(33)] * 3]],
        [[bytes(33), bytes(32), [bytes(33)] * 4]],
        [[bytes(33), b"\xff" * 32, [bytes(33)] * 3]],
        [[bytes(33), bytes(32), bytes(33)]],
        [7],
        [[bytes(33), bytes(32), [bytes(33)] * 3]] * 3,
    ],
)
def test_a_stored_shard_with_a_malformed_entropy_share_is_refused(parts):
    from daric_protocol.errors import DaricError

    fields = platform.cbor_decode(group(2, 3)[1].shard.encode())
    fields[-1] = parts
    with pytest.raises(DaricError) as caught:
        Shard.decode(platform.cbor_encode(fields))
    assert caught.value.name == "encoding"
