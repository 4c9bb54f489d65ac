"""The byte work of OT extension and multiplication: plain Python against its definition, machine code against both."""

from hashlib import sha256
from pathlib import Path

import pytest
from daric_protocol.platform import rows
from daric_protocol.tagged import Q
from hypothesis import given
from hypothesis import strategies as st
from micropython_runner import run_micropython

TOP = 2**256 - 1
EDGES = [0, 1, 2**256 - Q, Q - 1, Q, Q + 1, TOP - 1, TOP]
scalars = st.sampled_from([0, 1, Q - 1]) | st.integers(0, Q - 1)
numbers = st.sampled_from(EDGES) | st.integers(0, TOP)


def packed(values: "list[int]") -> "list[bytes]":
    return [value.to_bytes(32, "big") for value in values]


def test_machine_code_does_the_same_in_micropython():
    assert run_micropython(Path(__file__).parent / "portable" / "rows_twins.py").strip() == "same"


@given(st.lists(st.tuples(numbers, numbers), min_size=3, max_size=3), st.tuples(scalars, scalars, scalars))
def test_offset_rows_are_differences_and_offsets_modulo_q(pairs, offsets):
    minuends, subtrahends = zip(*pairs, strict=True)
    made = rows.offset_rows(packed(minuends), packed(subtrahends), b"".join(packed(offsets)))
    expected = [(a - b + c) % Q for a, b, c in zip(minuends, subtrahends, offsets, strict=True)]
    assert made == b"".join(packed(expected))


@pytest.mark.parametrize("stride", [0, 5, 7])
@given(data=st.data())
def test_selected_columns_get_the_source_and_others_nothing(stride, data):
    before = data.draw(st.binary(min_size=80, max_size=80))
    source = data.draw(st.binary(min_size=15 * stride + 5, max_size=15 * stride + 5))
    selected = data.draw(st.binary(min_size=2, max_size=2))
    target = bytearray(before)
    rows.xor_columns(target, 5, source, stride, selected)
    for k in range(16):
        bit = selected[k // 8] >> k % 8 & 1
        added = source[stride * k : stride * k + 5] if bit else bytes(5)
        assert target[5 * k : 5 * k + 5] == bytes(a ^ b for a, b in zip(before[5 * k : 5 * k + 5], added, strict=True))


@pytest.mark.parametrize("first", [0, 8, 248, 256, 408])
def test_the_digests_of_a_row_bind_prefix_number_column_and_row(first):
    prefix, content = sha256(b"prefix").digest(), bytes(range(128))
    digests = rows.hash_rows(bytearray(prefix + bytes(19)), first, content)
    for n in range(8):
        for column in range(3):
            text = prefix + (first + n).to_bytes(2, "big") + bytes([column]) + content[16 * n : 16 * n + 16]
            assert digests[3 * n + column] == sha256(text).digest()


@pytest.mark.parametrize("width", [20, 32, 52, 64, 68])
def test_a_column_is_the_beginning_of_its_seeds_expansion(width):
    prefix, seeds = sha256(b"prefix").digest(), bytes(range(64))
    columns = bytearray(b"\xee" * (4 * width + 9))
    rows.expand_columns(columns, width, bytearray(prefix + bytes(18)), seeds)
    for k in range(4):
        text = prefix + bytes([k]) + seeds[16 * k : 16 * k + 16]
        expansion = b"".join(sha256(text + bytes([counter])).digest() for counter in range(3))
        assert columns[width * k : width * (k + 1)] == expansion[:width]
    assert columns[4 * width :] == b"\xee" * 9
