"""Lies in an export: no share leaves before all consented, and a wrong share names its sender. docs/protocol.md, 11."""

import pytest

from tests.malice.hostile import (
    ORDER,
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
from tests.rounds.exchange import run
from tests.rounds.exports import SECRET, exports, import_together
from tests.rounds.groups import group
from tests.rounds.reshares import reshare_together

SOFT, DONE = ("soft", None), ("done", None)
PHRASE = bytes(range(32))


def phrased():
    return import_together(2, 3, 1, entropy=PHRASE)


@pytest.mark.parametrize("initiator", [1, 2])
@pytest.mark.parametrize("change", [flip(0), flip(63), other, put(bytes(64)), put(b""), put(bytes(63))])
def test_who_misses_a_members_consent_sends_no_share_and_takes_none(change, initiator):
    custodies = group(2, 3)
    ended = run(exports(custodies, [1, 2], initiator), Tamper(1, 2, 1, field(0, change)))
    assert verdict(ended[1]) == ("blame", 2) and ended[1].outgoing is None
    assert_nobody_honest_is_accused(ended, 2)
    assert ended[1].result is None
    assert_signs(custodies, [1, 3])


def test_a_consent_for_another_initiator_or_purpose_is_none():
    for theirs in ({"initiator": 2}, {"initiator": 1, "purpose": "something else"}):
        custodies, relay = group(2, 3), Record()
        generators = exports(custodies, [1, 2], 1)
        generators[2] = exports(custodies, [1, 2], **theirs)[2]
        ended = run(generators, relay)
        assert {verdict(party) for party in ended.values()} == {SOFT}
        assert {number for number, _, _ in relay.messages} <= {1}


def test_a_consent_of_another_export_is_of_no_use():
    custodies, before = group(2, 3), Record()
    run(exports(custodies, [1, 2], 1, purpose="before"), before)
    ended = run(exports(custodies, [1, 2], 1), Tamper(1, 2, 1, put(before.messages[1, 2, 1])))
    assert verdict(ended[1]) == ("blame", 2)


@pytest.mark.parametrize(
    "change",
    [
        field(0, field(0, flip(31))),
        field(0, field(0, put(bytes(32)))),
        field(0, field(0, put(b"\xff" * 32))),
        field(0, field(0, put(ORDER.to_bytes(32, "big")))),
        field(0, put([])),
        field(0, lambda shares: shares * 2),
        field(0, lambda shares: shares * 4),
        field(0, put(7)),
        put([]),
    ],
)
def test_a_wrong_share_names_its_sender_and_gives_no_key(change):
    custodies = group(2, 3)
    ended = run(exports(custodies, [1, 2], 1), Tamper(2, 2, 1, change))
    assert verdict(ended[1]) == ("blame", 2) and ended[1].result is None
    assert_signs(custodies, [1, 2])


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("change", [flip(31), put(bytes(32)), put(b"\xff" * 32)])
def test_a_wrong_share_of_the_phrase_names_its_sender_too(n, change):
    ended = run(exports(phrased(), [1, 2], 1), Tamper(2, 2, 1, field(0, field(n, change))))
    assert verdict(ended[1]) == ("blame", 2) and ended[1].result is None


def test_a_share_of_another_member_is_a_wrong_one():
    custodies = group(2, 3)
    others = custodies[3].shard.s.to_bytes(32, "big")
    ended = run(exports(custodies, [1, 2], 1), Tamper(2, 2, 1, field(0, field(0, put(others)))))
    assert verdict(ended[1]) == ("blame", 2)


def test_a_share_of_an_old_epoch_gives_no_key():
    """Who comes back with a share from before a refresh, under the new epoch's number, is named."""
    custodies = group(2, 3)
    old = custodies[2].shard.s
    reshare_together(custodies, 2, [1, 2, 3], [1, 2, 3])
    generators = exports(custodies, [1, 2], 1)
    custodies[2].shard.s, new = old, custodies[2].shard.s
    ended = run(generators)
    custodies[2].shard.s = new
    assert old != new and verdict(ended[1]) == ("blame", 2)


def test_no_member_but_the_initiator_gets_a_share():
    relay = Record()
    ended = run(exports(phrased(), [1, 2], 1), relay)
    assert ended[1].result.secret == SECRET and ended[1].result.entropy == PHRASE and ended[2].result is None
    assert relay.messages[2, 1, 2] == [[]] and len(relay.messages[2, 2, 1][0]) == 3


def test_a_share_that_the_initiator_sends_is_not_looked_at():
    ended = run(exports(group(2, 3), [1, 2], 1), Tamper(2, 1, 2, field(0, put([bytes(31) + b"\x01"]))))
    assert [verdict(party) for party in ended.values()] == [DONE, DONE] and ended[2].result is None
