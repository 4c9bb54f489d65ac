"""What a host says of an owner's policy: amounts read to the wei, one form of every policy, answers read strictly."""

import pytest
from daric_host import ownerpolicy
from daric_host.ownerpolicy import OwnerPolicy, make_policy, read_allowed, read_daily
from daric_protocol import policy as rules
from daric_protocol.errors import DaricError

TO, OTHER, ETHER = b"\xaa" * 20, b"\xbb" * 20, 10**18


def refusal(function, *args) -> str:
    with pytest.raises(DaricError) as caught:
        function(*args)
    return caught.value.name


@pytest.mark.parametrize(
    ("text", "chain", "wei"),
    [("1:0.5", 1, ETHER // 2), ("10:3", 10, 3 * ETHER), ("1:0.000000000000000001", 1, 1), ("1:2.", 1, 2 * ETHER)],
)
def test_a_daily_amount_is_read_to_the_wei(text, chain, wei):
    assert read_daily(text) == (chain, wei)


@pytest.mark.parametrize(
    "text",
    ["", "1", "1:", ":1", "1:.5", "1:-1", "one:1", "1:1,5", "1:1.5.5", "1:0.0000000000000000001", "1: 1", "1:\u0661"],
)
def test_other_texts_are_no_daily_amount(text):
    assert refusal(read_daily, text) == "parameter"


def test_a_policy_has_one_form_in_whatever_order_it_is_said():
    made = make_policy([(10, 5), (1, 6)], [OTHER, TO], [3, 2], read_allowed(["typed-data", "messages"]))
    assert made.encode() == make_policy([(1, 6), (10, 5)], [TO, OTHER], [2, 3], rules.MESSAGES | rules.TYPED).encode()


@pytest.mark.parametrize("parts", [((), (), ()), (((1, 5), (1, 6)), (), ()), ((), (TO, TO), ()), ((), (), (2, 2))])
def test_a_policy_without_a_rule_or_with_one_twice_is_none(parts):
    assert refusal(make_policy, *parts) == "parameter"


def test_what_is_allowed_has_a_name():
    assert read_allowed([]) == 0
    assert read_allowed(list(ownerpolicy.ALLOWED)) == 31
    assert refusal(read_allowed, ["everything"]) == "parameter"


def test_a_devices_answer_is_read_and_shown():
    made = make_policy([(1, 2 * ETHER), (424242, ETHER)], [TO], [2], rules.TOKENS)
    state = OwnerPolicy.from_wire([made.encode(), [[1, ETHER // 2], [424242, 0]]])
    assert ownerpolicy.shown(state) == {
        "policy": "stored on the device",
        "daily": {"1": "2 ETH", "424242": "1 coins"},
        "counted": {"1": "0.5 ETH", "424242": "0 coins"},
        "recipients": ["0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa"],
        "cosigners": [2],
        "allowed": ["token-calls"],
    }
    assert ownerpolicy.shown(OwnerPolicy.from_wire([b"", []])) == {"policy": "none"}


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        [b""],
        [b"\x80", []],
        [None, []],
        ["", []],
        [make_policy([(1, 5)]).encode(), [[1]]],
        [make_policy([(1, 5)]).encode(), [[1, -1]]],
        [make_policy([(1, 5)]).encode(), {}],
    ],
    ids=repr,
)
def test_another_answer_is_refused(value):
    assert refusal(OwnerPolicy.from_wire, value) == "encoding"
