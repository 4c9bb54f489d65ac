"""Every message of a pair set-up altered, dropped or repeated. Party 2 lies to party 1."""

import pytest
from daric_protocol.messages import M1_BYTES, M2_BYTES

from tests.malice.hostile import (
    IDENTITY,
    OFF_CURVE,
    POINT,
    Record,
    Tamper,
    assert_signs,
    field,
    flip,
    other,
    put,
    splice,
    verdict,
)
from tests.rounds.exchange import run
from tests.rounds.groups import group, pairs, signs

SOFT, BLAME, BAN = ("soft", None), ("blame", 2), ("ban", 2)
PI = M2_BYTES - 32

ALTERED = [
    (1, "a point off the curve", field(0, flip(32 + 64 * 5)), BLAME),
    (1, "noise", field(0, other), BLAME),
    (1, "too short", field(0, lambda m1: m1[:-64]), BLAME),
    (1, "empty", field(0, put(b"")), BLAME),
    (1, "field too many", lambda fields: [*fields, b""], BLAME),
    (1, "dropped", lambda fields: None, SOFT),
    (2, "zs empty", field(0, put(b"")), BLAME),
    (2, "z off the curve", field(1, splice(0, OFF_CURVE)), BLAME),
    (2, "z the identity", field(1, splice(0, IDENTITY)), BLAME),
    (2, "another z", field(1, splice(0, POINT)), BAN),
    (2, "chi of noise", field(1, lambda m2: m2[:33] + other(m2[33:PI]) + m2[PI:]), BAN),
    (2, "pi flipped", field(1, flip(PI)), BAN),
    (2, "fields swapped", lambda fields: fields[::-1], BLAME),
    (2, "dropped", lambda fields: None, SOFT),
    (3, "answer flipped", field(0, flip(31)), BAN),
    (3, "answer of noise", field(0, other), BAN),
    (3, "answer empty", field(0, put(b"")), BLAME),
    (3, "dropped", lambda fields: None, SOFT),
    (4, "acknowledgement flipped", field(0, flip(1)), BLAME),
    (4, "acknowledgement empty", field(0, put(b"")), BLAME),
    (4, "dropped", lambda fields: None, SOFT),
]


@pytest.mark.parametrize(
    ("number", "change", "expected"),
    [(number, change, expected) for number, _, change, expected in ALTERED],
    ids=[f"round {number}: {name}" for number, name, _, _ in ALTERED],
)
def test_an_altered_message_ends_as_the_specification_says(number, change, expected):
    custodies = group(2, 3)
    old = custodies[1].pairs[2]
    ended = run(pairs(custodies, 1, 2), Tamper(number, 2, 1, change))
    assert verdict(ended[1]) == expected
    assert (2 in custodies[1].banned) == (expected == BAN)
    assert (2 in custodies[1].pending_pairs) == (number == 4)
    assert_signs(custodies, [1, 3])
    if expected != BAN:
        assert custodies[1].pairs[2] is old
        assert_signs(custodies, [1, 2])


def test_a_changed_zs_gives_no_common_pair():
    custodies = group(2, 3)
    ended = run(pairs(custodies, 1, 2), Tamper(2, 2, 1, field(0, flip(0))))
    assert verdict(ended[1]) == BLAME  # party 2 acknowledged another pair than the one that it made with party 1
    assert_signs(custodies, [1, 2])


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_message_of_another_session_is_of_no_use(number):
    relay = Record()
    run(pairs(group(2, 3), 1, 2, "yesterday"), relay)
    custodies = group(2, 3)
    ended = run(pairs(custodies, 1, 2), Tamper(number, 2, 1, put(relay.messages[number, 2, 1])))
    assert verdict(ended[1]) in (SOFT, BLAME, BAN)
    assert 2 not in custodies[1].pending_pairs or number == 4
    assert_signs(custodies, [1, 3])


def test_a_failed_set_up_can_be_tried_again_and_clears_the_ban():
    custodies = group(2, 3)
    run(pairs(custodies, 1, 2), Tamper(3, 2, 1, field(0, flip(0))))
    assert verdict(run(signs(custodies, [1, 2]))[2]) == SOFT
    ended = run(pairs(custodies, 1, 2, "again"))
    assert verdict(ended[1]) == ("done", None)
    custodies[1].activate_pair(2)
    custodies[2].activate_pair(1)
    assert_signs(custodies, [1, 2])


def test_a_point_count_other_than_128_is_refused():
    for length in (M1_BYTES - 64, M1_BYTES + 64):
        ended = run(pairs(group(2, 3), 1, 2), Tamper(1, 2, 1, field(0, put(bytes(length)))))
        assert verdict(ended[1]) == BLAME
