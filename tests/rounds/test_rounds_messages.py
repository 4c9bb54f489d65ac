"""Every round message takes its own fields and nothing else."""

import pytest
from daric_protocol import groupmessages, messages, platform, signmessages
from daric_protocol.errors import DaricError
from daric_protocol.rounds import together

Q = platform.curve.Q
G = platform.curve.encode(platform.curve.G)
STATE = [G, bytes(32), 1, 2, 0, 0, [[1, G, G], [2, G, G]], [[G, G]]]
GOOD = {
    messages.DealingStart: [0, 0, [], bytes(64)],
    groupmessages.GroupStart: [1, 3, [2], [STATE], bytes(64)],
    messages.DealingCommitment: [bytes(32), bytes(64), bytes(8224)],
    messages.DealingOpening: [bytes(195), bytes(32), bytes(32), bytes(32), bytes(2113)],
    messages.DealingConfirmation: [bytes(32), bytes(32)],
    messages.Acknowledgement: [bytes(64)],
    messages.Copies: [[[1, bytes(32), bytes(64)]]],
    signmessages.PairCommitment: [bytes(8224)],
    signmessages.PairAnswer: [bytes(32), bytes(2113)],
    signmessages.PairProof: [bytes(32)],
    signmessages.SignCommitment: [bytes(32), bytes(32), bytes(32), bytes(64), bytes(8752)],
    signmessages.SignOpening: [
        bytes(32),
        platform.curve.encode(platform.curve.G),
        bytes(32),
        platform.curve.encode(platform.curve.G),
        platform.curve.encode(platform.curve.G),
        platform.curve.encode(platform.curve.G),
        bytes(32),
    ],
    signmessages.SignShare: [bytes(32), bytes(32)],
    groupmessages.EnrolShare: [[bytes(32)] * 3],
    groupmessages.RecoverProof: [bytes(65), [3]],
    groupmessages.ExportConsent: [bytes(64)],
    groupmessages.ExportShare: [[bytes(32)] * 3],
}
EVERY = list(GOOD)
NAMES = [kind.__name__ for kind in EVERY]
FIELDS = [(kind, n) for kind in EVERY for n in range(len(kind.NAMES))]
FIELD_NAMES = [f"{kind.__name__}.{kind.NAMES[n]}" for kind, n in FIELDS]


def refused(kind, value):
    with pytest.raises(DaricError) as caught:
        kind.from_wire(value)
    assert caught.value.name == "encoding"


def changed(kind, n, value):
    fields = list(GOOD[kind])
    fields[n] = value
    return fields


@pytest.mark.parametrize("kind", EVERY, ids=NAMES)
def test_a_message_survives_the_wire(kind):
    assert kind.from_wire(GOOD[kind]).to_wire() == GOOD[kind]


@pytest.mark.parametrize("kind", EVERY, ids=NAMES)
def test_a_field_too_many_is_refused(kind):
    refused(kind, [*GOOD[kind], bytes(32)])


@pytest.mark.parametrize("kind", EVERY, ids=NAMES)
def test_a_field_too_few_is_refused(kind):
    refused(kind, GOOD[kind][:-1])


@pytest.mark.parametrize("kind", EVERY, ids=NAMES)
@pytest.mark.parametrize("value", [None, 7, b"", "text", {}, True], ids=repr)
def test_what_is_no_array_is_refused(kind, value):
    refused(kind, value)


@pytest.mark.parametrize(("kind", "n"), FIELDS, ids=FIELD_NAMES)
@pytest.mark.parametrize("value", [None, -1, 2**32, "text", True, [1], {}], ids=repr)
def test_a_field_of_another_type_is_refused(kind, n, value):
    if isinstance(value, list) and isinstance(GOOD[kind][n], list):
        value = [[1]]
    refused(kind, changed(kind, n, value))


@pytest.mark.parametrize(("kind", "n"), FIELDS, ids=FIELD_NAMES)
@pytest.mark.parametrize("difference", [-1, 1, 100_000])
def test_a_byte_string_of_another_length_is_refused(kind, n, difference):
    good = GOOD[kind][n]
    if kind.NAMES[n] == "body":  # its exact length follows from the threshold, which the round knows
        good, difference = bytes(messages.MAX_BODY_BYTES), abs(difference)
    if isinstance(good, bytes):
        refused(kind, changed(kind, n, bytes(len(good) + difference)))


OPTIONAL = {
    "DealingCommitment.m1",
    "DealingOpening.body",
    "DealingOpening.share",
    "DealingOpening.zs",
    "DealingOpening.m2",
    "DealingConfirmation.m3",
    "RecoverProof.proof",
}


@pytest.mark.parametrize(("kind", "n"), FIELDS, ids=FIELD_NAMES)
def test_an_empty_field_is_refused_unless_some_sessions_leave_it_out(kind, n):
    if f"{kind.__name__}.{kind.NAMES[n]}" in OPTIONAL:
        kind.from_wire(changed(kind, n, b""))
    else:
        refused(kind, changed(kind, n, b""))


@pytest.mark.parametrize("value", [Q, Q + 1, 2**256 - 1])
def test_a_scalar_beyond_the_order_is_refused(value):
    refused(signmessages.SignOpening, changed(signmessages.SignOpening, 6, value.to_bytes(32, "big")))
    refused(signmessages.SignShare, changed(signmessages.SignShare, 0, value.to_bytes(32, "big")))
    refused(signmessages.SignShare, changed(signmessages.SignShare, 1, value.to_bytes(32, "big")))


@pytest.mark.parametrize("field", [1, 3, 4, 5])
@pytest.mark.parametrize(
    "point",
    [
        bytes(33),
        b"\x02" + bytes(31) + b"\x05",
        b"\x02" + b"\xff" * 32,
        b"\x04" + bytes(32),
        b"\x06" + platform.curve.encode(platform.curve.G)[1:],
    ],
    ids=["identity", "off the curve", "x beyond the field", "uncompressed", "hybrid"],
)
def test_what_is_no_point_is_refused(field, point):
    refused(signmessages.SignOpening, changed(signmessages.SignOpening, field, point))


@pytest.mark.parametrize("index", [0, 256, -1])
def test_an_index_out_of_range_is_refused(index):
    refused(messages.Copies, [[[index, bytes(32), bytes(64)]]])
    refused(messages.DealingStart, [0, 0, [index], bytes(64)])


def test_more_copies_than_parties_are_refused():
    refused(messages.Copies, [[[1, bytes(32), bytes(64)]] * 17])


def test_a_message_is_built_from_all_of_its_fields():
    with pytest.raises(DaricError) as caught:
        signmessages.SignShare(1)
    assert caught.value.name == "parameter"


BUNDLES = [together.DealingCommitments, together.DealingOpenings, together.DealingConfirmations]


@pytest.mark.parametrize("kind", BUNDLES, ids=[kind.__name__ for kind in BUNDLES])
def test_a_bundle_has_two_or_three_messages_of_its_kind(kind):
    good = GOOD[kind.KIND]
    for count in (2, 3):
        assert kind.from_wire([good] * count).to_wire() == [good] * count
    for value in ([], [good], [good] * 4, [good, [7]], [good, GOOD[messages.Acknowledgement]], good, None, b"", 7):
        refused(kind, value)


@pytest.mark.parametrize("n", range(8))
@pytest.mark.parametrize("value", [None, -1, b"", "text", [[]], [1], True, 2**32], ids=repr)
def test_a_malformed_field_of_a_told_group_is_refused(n, value):
    state = list(STATE)
    state[n] = value
    if not (n == 7 and value == [[]]):
        refused(groupmessages.GroupStart, [1, 3, [], [state], bytes(64)])


def test_two_told_groups_are_refused():
    refused(groupmessages.GroupStart, [1, 3, [], [STATE, STATE], bytes(64)])
