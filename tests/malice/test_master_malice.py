"""Lies in a change of the master: nobody's roster changes, and whoever lied is named. docs/protocol.md, section 8."""

import pytest
from daric_protocol.rounds.rosterchange import change_master

from tests.malice.hostile import (
    Record,
    Tamper,
    assert_nobody_honest_is_accused,
    assert_signs,
    field,
    flip,
    other,
    put,
    verdict,
)
from tests.rounds.exchange import results, run
from tests.rounds.groups import group, session

SOFT = ("soft", None)


def changes(custodies, master, members=(1, 2, 3), name="master"):
    """{index: generator}."""
    return {
        me: change_master(me, session(name), custodies[me].shard, list(members), master, custodies[me])
        for me in members
    }


@pytest.mark.parametrize("change", [flip(0), flip(40), other, put(bytes(64)), put(b""), put(bytes(65)), put(7)])
@pytest.mark.parametrize("victim", [1, 3])
def test_a_wrong_acknowledgement_names_its_sender(change, victim):
    custodies = group(2, 3)
    ended = run(changes(custodies, 3), Tamper(1, 2, victim, field(0, change)))
    assert verdict(ended[victim]) == ("blame", 2)
    assert_nobody_honest_is_accused(ended, 2)
    assert_signs(custodies, [1, 3])


def test_members_that_were_told_different_masters_part_softly():
    custodies = group(2, 3)
    ended = run({**changes(custodies, 3), 2: changes(custodies, 2)[2]})
    assert {verdict(party) for party in ended.values()} == {SOFT}


def test_an_acknowledgement_of_another_session_is_none():
    custodies, before = group(2, 3), Record()
    results(changes(custodies, 3, name="before"), before)
    ended = run(changes(custodies, 3), Tamper(1, 2, 1, put(before.messages[1, 2, 1])))
    assert verdict(ended[1]) == ("blame", 2)


def test_an_acknowledgement_for_another_member_is_none():
    custodies, before = group(2, 3), Record()
    run(changes(custodies, 3), before)
    ended = run(changes(custodies, 3), Tamper(1, 2, 1, put(before.messages[1, 3, 1])))
    assert verdict(ended[1]) == ("blame", 2)
