"""Deterministic CBOR: one value, one encoding; anything else is refused with a clear error."""

import cbor2
import pytest
from daric_protocol import cbor, limits
from daric_protocol.errors import DaricError
from daric_protocol.platform import cpython, device
from hypothesis import given, settings
from hypothesis import strategies as st

CODECS = [(cpython.cbor_encode, cpython.cbor_decode), (device.cbor_encode, device.cbor_decode)]
both = pytest.mark.parametrize(("encode", "decode"), CODECS, ids=["cpython", "micropython"])

integers = st.integers(-(1 << 64), (1 << 64) - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
keys = integers | st.binary(max_size=30) | texts
values = st.recursive(
    st.none() | st.booleans() | integers | st.binary(max_size=300) | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=20,
)


def depth(value) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


shallow = values.filter(lambda value: depth(value) <= limits.CBOR_DEPTH)


@both
@given(value=shallow)
@settings(max_examples=150, deadline=None)
def test_a_value_comes_back_and_cbor2_reads_it_too(encode, decode, value):
    encoded = encode(value)
    assert decode(encoded) == value
    assert cbor2.loads(encoded) == value


@given(shallow)
@settings(max_examples=150, deadline=None)
def test_both_encoders_give_the_same_bytes(value):
    assert cpython.cbor_encode(value) == device.cbor_encode(value)


@given(st.binary(max_size=40))
@settings(max_examples=500, deadline=None)
def test_what_the_decoder_takes_is_what_the_encoder_gives(data):
    try:
        value = cbor.decode(data)
    except DaricError as error:
        assert error.name in ("encoding", "too_large")
        return
    assert cbor.encode(value) == data


@given(shallow, st.data())
@settings(max_examples=300, deadline=None)
def test_a_changed_encoding_is_another_value_or_refused(value, data):
    encoded = bytearray(cbor.encode(value))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))
    try:
        changed = cbor.decode(bytes(encoded))
    except DaricError:
        return
    assert cbor.encode(changed) == encoded


@given(shallow)
@settings(max_examples=100, deadline=None)
def test_every_truncation_is_refused(value):
    encoded = cbor.encode(value)
    for end in range(len(encoded)):
        with pytest.raises(DaricError):
            cbor.decode(encoded[:end])
    with pytest.raises(DaricError):
        cbor.decode(encoded + b"\0")


@both
def test_keys_are_ordered_by_their_bytes_and_not_by_their_length(encode, decode):
    assert encode({-1: 0, 24: 0, b"": 0, "": 0, 10: 0}).hex() == "a50a00181800200040006000"


@both
@pytest.mark.parametrize(
    "value",
    [1.5, 1 << 64, -(1 << 64) - 1, {1, 2}, {(1, 2): 3}, {True: 1}, {None: 1}, {1.5: 1}, range(3), "\ud800", ["\udfff"]],
    ids=repr,
)
def test_values_outside_the_list_are_refused(encode, decode, value):
    with pytest.raises(DaricError) as caught:
        encode(value)
    assert caught.value.name == "encoding"


@both
@pytest.mark.parametrize(
    "encoded",
    """
    9fff bfff 5fff 7fff ff f7 f0 f8ff f93c00 fa3f800000 fb3ff0000000000000 c101 d90100f6
    a1f400 a1f600 a18000 a1a000 a201010102 a202000100 a2616100616100
    62c080 63eda080 64f4908080 181818 8201 a101 5bffffffffffffffff 1817 190018 1a0000ffff 1b00000000ffffffff
    """.split(),
)
def test_other_encodings_are_refused(encode, decode, encoded):
    with pytest.raises(DaricError) as caught:
        decode(bytes.fromhex(encoded))
    assert caught.value.name == "encoding"


@both
def test_no_bytes_are_no_value(encode, decode):
    with pytest.raises(DaricError) as caught:
        decode(b"")
    assert caught.value.name == "encoding"


@both
@pytest.mark.parametrize("nest", [b"\x81", b"\xa1\x00"], ids=["arrays", "maps"])
def test_a_depth_bomb_is_refused_before_it_costs_anything(encode, decode, nest):
    for size in (limits.CBOR_DEPTH + 1, 60000):
        with pytest.raises(DaricError) as caught:
            decode(nest * size + b"\x00")
        assert caught.value.name == "too_large"
    assert decode(nest * limits.CBOR_DEPTH + b"\x00") is not None


@both
def test_too_many_items_are_refused(encode, decode):
    most = limits.CBOR_ITEMS - 1
    assert len(decode(encode([0] * most))) == most
    with pytest.raises(DaricError) as caught:
        decode(encode([0] * limits.CBOR_ITEMS))
    assert caught.value.name == "too_large"
    with pytest.raises(DaricError) as caught:
        decode(encode([[0] * 100] * 100))
    assert caught.value.name == "too_large"


@both
def test_a_length_that_the_data_cannot_have_allocates_nothing(encode, decode):
    for bomb in ("9b00000000ffffffff", "bb00000000ffffffff", "9a00ffffff", "5affffffff"):
        with pytest.raises(DaricError) as caught:
            decode(bytes.fromhex(bomb) + b"\0\0")
        assert caught.value.name == "encoding"


@both
def test_too_many_bytes_are_refused(encode, decode):
    with pytest.raises(DaricError) as caught:
        decode(encode(bytes(limits.CBOR_BYTES)))
    assert caught.value.name == "too_large"
    with pytest.raises(DaricError) as caught:
        decode(encode(bytes(100)), max_bytes=100)
    assert caught.value.name == "too_large"


@both
def test_an_encoder_does_not_nest_without_end(encode, decode):
    endless: list = []
    endless.append(endless)
    with pytest.raises(DaricError) as caught:
        encode(endless)
    assert caught.value.name == "too_large"
