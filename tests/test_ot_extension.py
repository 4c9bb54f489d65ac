"""The OT extension: its field, its bit order, and what its check must notice."""

import importlib
import json
from hashlib import sha256
from pathlib import Path

import pytest
from daric_protocol import extension
from daric_protocol.errors import Abort
from daric_protocol.platform import galois
from micropython_runner import run_micropython

TESTS = Path(__file__).resolve().parent
SID = sha256(b"sid_v").digest()
DELTA = sha256(b"delta").digest()[:16]
BETA = sha256(b"beta").digest() + sha256(b"more beta").digest()[:20]
PAD = sha256(b"pad").digest()[:16]


def stream(label: bytes, length: int) -> bytes:
    return b"".join(sha256(label + bytes([n])).digest() for n in range(length // 32))


K0, K1 = stream(b"k0", 2048), stream(b"k1", 2048)
KD = b"".join((K0, K1)[DELTA[k >> 3] >> (k & 7) & 1][16 * k : 16 * k + 16] for k in range(128))


def bits(data: bytes) -> "list[int]":
    return [data[n >> 3] >> (n & 7) & 1 for n in range(8 * len(data))]


def naive_product(a: int, b: int) -> int:
    """a * b in GF(2**128), bit by bit."""
    product = 0
    for n in range(128):
        if b >> n & 1:
            product ^= a
        a <<= 1
        if a >> 128:
            a ^= 1 << 128 | 0x87
    return product


def naive_hash(weights: "list[bytes]", column: bytes) -> bytes:
    total = int.from_bytes(column[52:68], "little")
    for b in range(4):
        block = int.from_bytes(column[16 * b : min(16 * b + 16, 52)], "little")
        total ^= naive_product(int.from_bytes(weights[b], "little"), block)
    return total.to_bytes(16, "little")


def weights_and_columns(count: int) -> "tuple[list[bytes], bytes]":
    weights = [sha256(b"weight" + bytes([b])).digest()[:16] for b in range(4)]
    columns = b"".join((sha256(b"c" + bytes([n])).digest() * 3)[:68] for n in range(count))
    return weights, columns


@pytest.mark.parametrize("count", [1, 7, 8, 9, 16, 17, 128])
def test_column_hashes_agree_with_bit_by_bit_field_arithmetic(count):
    weights, columns = weights_and_columns(count)
    expected = b"".join(naive_hash(weights, columns[68 * n : 68 * n + 68]) for n in range(count))
    assert galois.column_hashes(weights, columns) == expected


@pytest.mark.parametrize("weight", [bytes(16), b"\xff" * 16, b"\x01" + bytes(15), bytes(15) + b"\x80"])
@pytest.mark.parametrize("column", [bytes(68), b"\xff" * 68, bytes(15) + b"\x80" + bytes(52)])
def test_column_hashes_are_right_at_the_edges(weight, column):
    assert galois.column_hashes([weight] * 4, column) == naive_hash([weight] * 4, column)


def test_machine_code_and_plain_column_hashes_agree_in_micropython():
    assert run_micropython(TESTS / "portable" / "galois_twins.py").strip() == "same"


def expanded(seeds: bytes) -> bytearray:
    columns = bytearray(extension.MATRIX)
    extension._expand(SID, seeds, columns, extension.WIDTH)
    return columns


def whole(rows: extension.Rows) -> bytes:
    return b"".join([rows.group(first) for first in range(0, extension.ROWS, extension.GROUP)])


def test_rows_that_are_wiped_are_gone():
    rows = extension.rows(SID, K0)
    rows.wipe()
    assert whole(rows) == bytes(16 * extension.ROWS)


def test_row_j_has_bit_j_of_every_column():
    columns = [bits(expanded(K0)[68 * k : 68 * k + 68]) for k in range(128)]
    rows = whole(extension.rows(SID, K0))
    for j in range(extension.ROWS):
        assert bits(rows[16 * j : 16 * j + 16]) == [column[j] for column in columns]


def test_rows_differ_by_delta_where_a_choice_bit_is_set():
    own = whole(extension.rows(SID, K0))
    others = whole(extension.check(SID, KD, DELTA, extension.extend(SID, K0, K1, BETA, PAD), 9))
    for j, bit in enumerate(bits(BETA)):
        row = slice(16 * j, 16 * j + 16)
        difference = bytes(a ^ b for a, b in zip(own[row], others[row], strict=True))
        assert difference == (DELTA if bit else bytes(16))


def cheated(*positions: "tuple[int, int]") -> bytes:
    """Bob's message with other choice bits in some columns, (column, bit) each, the check honest for the rest."""
    honest = extension.extend(SID, K0, K1, BETA, PAD)
    matrix = bytearray(honest[: extension.MATRIX])
    for k, bit in positions:
        matrix[68 * k + bit // 8] ^= 1 << bit % 8
    weights = extension._weights(SID, bytes(matrix))
    tau = extension.TH("dkls/tt", SID, sha256(extension.column_hashes(weights, expanded(K0))).digest())
    return bytes(matrix) + extension.column_hashes(weights, BETA + PAD) + tau


def outcome(message: bytes) -> str:
    try:
        extension.check(SID, KD, DELTA, message, 9)
    except Abort as abort:
        assert abort.blame == 9
        return abort.name
    return "pass"


SET = bits(DELTA).index(1)
CLEAR = bits(DELTA).index(0)


def test_another_choice_in_one_column_is_noticed_exactly_where_delta_has_a_bit():
    assert outcome(cheated((SET, 7))) == "ban"
    assert outcome(cheated((CLEAR, 7))) == "pass"


@pytest.mark.parametrize("bit", [0, 127, 128, 383, 384, 415, 416, 543])
def test_no_position_of_a_column_is_left_out_of_the_check(bit):
    assert outcome(cheated((SET, bit))) == "ban"


def xor_hashes(weights: "list[bytes]", columns: bytes) -> bytes:
    """The published mistake: the blocks are added up where they should be multiplied by their weights."""
    hashes = []
    for at in range(0, len(columns), 68):
        column = columns[at : at + 68]
        total = int.from_bytes(column[52:], "little")
        for b in range(4):
            total ^= int.from_bytes(column[16 * b : min(16 * b + 16, 52)], "little")
        hashes.append(total.to_bytes(16, "little"))
    return b"".join(hashes)


def test_adding_instead_of_multiplying_lets_a_cheating_bob_pass(monkeypatch):
    assert outcome(cheated((SET, 7), (SET, 135))) == "ban"
    monkeypatch.setattr(extension, "column_hashes", xor_hashes)
    assert outcome(extension.extend(SID, K0, K1, BETA, PAD)) == "pass"
    assert outcome(cheated((SET, 7), (SET, 135))) == "pass"


def test_adding_instead_of_multiplying_fails_the_vectors(monkeypatch):
    monkeypatch.syspath_prepend(str(TESTS / "portable"))
    protocol_ot = importlib.import_module("protocol_ot")
    lines = (TESTS / "vectors" / "protocol" / "ot_extension.json").read_text().splitlines()
    cases = [json.loads(line.rstrip(",")) for line in lines if line.startswith('{"id"')]
    protocol_ot.check_ot_extension(cases[0])
    monkeypatch.setattr(extension, "column_hashes", xor_hashes)
    with pytest.raises(AssertionError):
        protocol_ot.check_ot_extension(cases[0])


@pytest.mark.parametrize("length", [0, 8704, 8751, 8753])
def test_a_message_of_another_length_is_blamed_and_costs_no_ot_state(length):
    message = (extension.extend(SID, K0, K1, BETA, PAD) + b"\0")[:length]
    assert outcome(message) == "blame"


@pytest.mark.parametrize("offset", [0, 8703, 8704, 8719, 8720, 8751])
def test_a_changed_byte_is_a_ban(offset):
    message = bytearray(extension.extend(SID, K0, K1, BETA, PAD))
    message[offset] ^= 1
    # a change of U also changes every weight, so it is seen wherever delta has a bit; column 0 and 127 are such
    assert outcome(bytes(message)) == "ban"


def test_a_message_made_for_another_session_is_a_ban():
    assert outcome(extension.extend(sha256(b"other").digest(), K0, K1, BETA, PAD)) == "ban"


def test_sizes_are_those_of_the_protocol():
    assert (extension.COLUMNS, extension.ROWS, extension.WIDTH, extension.MESSAGE) == (128, 256 + 2 * 80, 68, 8752)
    assert extension.WIDTH * 8 == extension.ROWS + 128
    assert len(extension.extend(SID, K0, K1, BETA, PAD)) == 8704 + 16 + 32
