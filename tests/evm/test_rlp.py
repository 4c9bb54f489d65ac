"""RLP: one encoding for each item, everything else refused."""

import pytest
import rlp as oracle
from daric_protocol.errors import DaricError
from daric_protocol.evm import rlp
from hypothesis import given, settings
from hypothesis import strategies as st

items = st.recursive(st.binary(max_size=80), lambda inner: st.lists(inner, max_size=4), max_leaves=12)


def depth(item) -> int:
    return 1 + max(map(depth, item), default=0) if isinstance(item, list) else 0


@given(items.filter(lambda item: depth(item) <= rlp.DEPTH))
@settings(max_examples=200, deadline=None)
def test_an_item_comes_back_and_another_library_agrees(item):
    encoded = rlp.encode(item)
    assert encoded == oracle.encode(item)
    assert rlp.decode(encoded) == item


@given(st.binary(max_size=30))
@settings(max_examples=500, deadline=None)
def test_what_the_decoder_takes_is_what_the_encoder_gives(data):
    try:
        item = rlp.decode(data)
    except DaricError as error:
        assert error.name == "encoding"
        return
    assert rlp.encode(item) == data


@pytest.mark.parametrize("size", [0, 55, 56, 255, 256, 65536])
def test_lengths_at_the_edges_come_back(size):
    for item in (bytes(size), [b"\x01"] * size):
        assert rlp.decode(rlp.encode(item)) == item
        assert rlp.encode(item) == oracle.encode(item)


@pytest.mark.parametrize("nest", [rlp.DEPTH + 1, 50])
def test_a_depth_bomb_is_refused(nest):
    bomb = b"\xc0"
    for _ in range(nest):
        bomb = bytes([0xC0 + len(bomb)]) + bomb
    with pytest.raises(DaricError) as caught:
        rlp.decode(bomb)
    assert caught.value.name == "encoding"


@pytest.mark.parametrize("number", [0, 1, 127, 128, 255, 256, 2**64 - 1, 2**256 - 1])
def test_numbers_come_back(number):
    assert rlp.decode_number(rlp.encode_number(number), 2**256 - 1) == number


@pytest.mark.parametrize("item", [b"\0", b"\0\1", [], [b"\1"], b"\1\0"], ids=repr)
def test_other_numbers_are_refused(item):
    with pytest.raises(DaricError):
        rlp.decode_number(item, 255)
