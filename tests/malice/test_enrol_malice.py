"""Lies in an enrolment: the new member takes no share that is not its own. docs/protocol.md, section 9."""

import pytest
from daric_protocol.rounds import enrol as rounds_enrol
from daric_protocol.rounds.groupstart import Brought

from tests.malice.hostile import (
    ORDER,
    Record,
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
from tests.rounds.enrolments import enrols
from tests.rounds.exchange import results, run
from tests.rounds.exports import import_together
from tests.rounds.groups import group
from tests.rounds.reshares import stranger

SOFT = ("soft", None)


def party():
    return {**group(2, 3), 4: stranger(4)}


@pytest.mark.parametrize(
    ("number", "n", "change"),
    [
        (0, 0, put(9)),
        (0, 1, put(9)),
        (0, 2, put([3])),
        (0, 3, put([])),
        (0, 4, flip(1)),
        (1, 0, put([])),
        (1, 0, lambda shares: shares * 2),
        (1, 0, put([b"\xff" * 32])),
        (2, 0, flip(7)),
        (2, 0, other),
    ],
)
def test_a_helpers_malformed_or_unsigned_field_names_it(number, n, change):
    custodies = party()
    ended = run(enrols(custodies, [1, 2], 4), Tamper(number, 2, 4, field(n, change)))
    assert verdict(ended[4]) == ("blame", 2)
    assert_nobody_honest_is_accused(ended, 2)
    assert_signs(custodies, [1, 3])


@pytest.mark.parametrize("change", [flip(31), flip(0, 0x10), put(bytes(32))])
def test_a_wrong_part_names_nobody_and_gives_no_share(change):
    custodies = party()
    ended = run(enrols(custodies, [1, 2], 4), Tamper(1, 2, 4, field(0, field(0, change))))
    assert verdict(ended[4]) == SOFT and custodies[4].pending is None
    assert_nobody_honest_is_accused(ended, 2)


def test_a_wrong_part_of_a_phrase_names_nobody_and_gives_no_share():
    custodies = {**import_together(2, 3, 1, entropy=bytes(32)), 4: stranger(4)}
    ended = run(enrols(custodies, [1, 2], 4), Tamper(1, 2, 4, field(0, field(2, flip(31)))))
    assert verdict(ended[4]) == SOFT and custodies[4].pending is None


def test_a_helper_with_another_share_than_its_own_gives_no_share():
    custodies = party()
    generators = enrols(custodies, [1, 2], 4)
    honest = rounds_enrol._masked

    def shifted(*arguments):
        return [(value + 1) % ORDER for value in honest(*arguments)]

    generators[2] = possessed(generators[2], (rounds_enrol, "_masked", shifted))
    ended = run(generators)
    assert verdict(ended[4]) == SOFT


@pytest.mark.parametrize(("n", "change"), [(3, put([])), (4, flip(9)), (0, put(5))])
def test_a_new_members_unsigned_field_names_it(n, change):
    custodies = party()

    def differ(fields):
        before = list(fields)
        after = field(n, change)(list(fields))
        return after if after != before else [*before[:4], bytes(64)]

    ended = run(enrols(custodies, [1, 2], 4), Tamper(0, 4, 1, differ))
    assert verdict(ended[1]) == ("blame", 4)
    assert "issue" not in [name for name, _ in custodies[1].events]


def test_a_new_member_that_sends_a_share_is_named():
    custodies = party()
    ended = run(enrols(custodies, [1, 2], 4), Tamper(1, 4, 1, field(0, put([bytes(32)]))))
    assert verdict(ended[1]) == ("blame", 4)


def test_a_new_member_that_does_not_acknowledge_changes_no_roster():
    custodies = party()
    ended = run(enrols(custodies, [1, 2], 4), Tamper(2, 4, 1, field(0, flip(3))))
    assert verdict(ended[1]) == ("blame", 4)
    assert custodies[1].shard.roster.indexes() == [1, 2, 3]


@pytest.mark.parametrize("recorded", [4, 5, 200])
def test_an_index_that_does_not_follow_the_highest_ever_used_is_given_to_nobody(recorded):
    custodies = {**group(2, 3), 5: stranger(5)}
    brought = {2: Brought(1, recorded)}
    ended = run(enrols(custodies, [1, 2], 5, brought=brought))
    assert {verdict(each) for each in ended.values()} == ({SOFT} if recorded == 200 else {("done", None)})
    custodies = {**group(2, 3), 5: stranger(5)}
    assert {verdict(each) for each in run(enrols(custodies, [1, 2], 5)).values()} == {SOFT}


def test_a_helper_without_a_usable_pair_ends_it_before_anything_leaves():
    custodies = party()
    custodies[1].ban(2, bytes(32))
    relay = Record()
    ended = run(enrols(custodies, [1, 2], 4), relay)
    assert {verdict(each) for each in ended.values()} == {SOFT}
    assert {number for number, _, _ in relay.messages} == {0}


def test_no_helper_sends_its_weighted_share_in_clear():
    custodies = party()
    relay = Record()
    results(enrols(custodies, [1, 2], 4), relay)
    for me, peer in ((1, 2), (2, 1)):
        bare = rounds_enrol.lagrange([1, 2], me, 4) * custodies[me].shard.s % ORDER
        sent = int.from_bytes(relay.messages[1, me, 4][0][0], "big")
        assert sent != bare
        assert (1, me, peer) not in relay.messages
    assert relay.messages[1, 4, 1] == [[]]


def test_two_secrets_never_share_a_mask():
    custodies = {**import_together(2, 3, 1, entropy=bytes(32)), 4: stranger(4)}
    relay = Record()
    results(enrols(custodies, [1, 2], 4), relay)
    shard = custodies[1].shard
    weight = rounds_enrol.lagrange([1, 2], 1, 4)
    secrets = [shard.s] + [part.s for part in shard.entropy]
    sent = [int.from_bytes(share, "big") for share in relay.messages[1, 1, 4][0]]
    masks = {(value - weight * secret) % ORDER for value, secret in zip(sent, secrets, strict=True)}
    assert len(masks) == 3 and 0 not in masks
