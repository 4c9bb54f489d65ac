"""The byte work of OT extension: plain Python against its definition, machine code against both."""

from hashlib import sha256
from pathlib import Path

import pytest
from daric_protocol.platform import rows
from hypothesis import given
from hypothesis import strategies as st
from micropython_runner import run_micropython


def test_machine_code_does_the_same_in_micropython():
    assert run_micropython(Path(__file__).parent / "portable" / "rows_twins.py").strip() == "same"


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
