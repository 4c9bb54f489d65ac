"""What RVOLE does with its rows: plain Python against its definition, the field machine against plain Python."""

import shutil
from hashlib import sha256
from pathlib import Path

import pytest
from daric_protocol.platform import machine, vole
from daric_protocol.tagged import Q
from hypothesis import given
from hypothesis import strategies as st
from kernels import checks
from micropython_runner import build, run_micropython
from portable import multiplied, vole_twins

TOP = 2**256 - 1
PORTABLE = Path(__file__).parent / "portable"
scalars = st.sampled_from([0, 1, Q - 1]) | st.integers(0, Q - 1)
numbers = st.sampled_from([0, 1, 2**256 - Q, Q - 1, Q, Q + 1, TOP - 1, TOP]) | st.integers(0, TOP)
groups = st.lists(numbers, min_size=24, max_size=24)
weighing = st.lists(numbers, min_size=8, max_size=8)
BLOCK = bytearray(51)
THIRD = 16  # the first row of the third group of a chunk
ROWS, OTHERS = bytes(128), b"\xff" * 128


def packed(values: "list[int]") -> bytes:
    return b"".join(value.to_bytes(32, "big") for value in values)


def hashing(monkeypatch, alphas, others=()):
    monkeypatch.setattr(vole, "hash_rows", lambda block, first, rows: alphas if bytes(rows) == ROWS else others)


@given(groups, groups, st.tuples(scalars, scalars, scalars), weighing, st.tuples(scalars, scalars))
def test_alice_offsets_sums_and_mixes_modulo_q(alphas, others, inputs, weights, thetas):
    with pytest.MonkeyPatch.context() as monkeypatch:
        hashing(monkeypatch, alphas, others)
        first_pass = vole.AliceRows(BLOCK, b"\xff" * 16, inputs)
        second_pass = vole.AliceRows(BLOCK, b"\xff" * 16, inputs, thetas)
        chunk, again = bytearray(3072), bytearray(3072)
        first_pass.add(96 + THIRD, ROWS, bytes(32 * THIRD) + packed(weights), chunk)
        mixed = second_pass.check(96 + THIRD, ROWS, again)
    offsets = [(a - b + inputs[n % 3]) % Q for n, (a, b) in enumerate(zip(alphas, others, strict=True))]
    assert chunk == again == bytes(96 * THIRD) + packed(offsets) + bytes(768)
    assert first_pass.sums() == tuple(
        sum(g * alpha for g, alpha in zip(weights, alphas[c::3], strict=True)) % Q for c in (0, 1)
    )
    assert mixed == packed(
        [(alphas[n + 2] + thetas[0] * alphas[n] + thetas[1] * alphas[n + 1]) % Q for n in range(0, 24, 3)]
    )


@given(groups, groups, st.integers(0, 255), weighing, st.tuples(scalars, scalars), scalars)
def test_bob_takes_a_row_where_his_bit_is_1(alphas, parts, choices, weights, thetas, eta):
    with pytest.MonkeyPatch.context() as monkeypatch:
        hashing(monkeypatch, alphas)
        bob = vole.BobRows(BLOCK, thetas, eta.to_bytes(32, "big"))
        chunk = bytes(96 * THIRD) + packed(parts)
        mixed = bob.take(96 + THIRD, ROWS, choices, bytes(32 * THIRD) + packed(weights), chunk)
    bits = [choices >> n & 1 for n in range(8)]
    y = [alpha + bits[n // 3] * part for n, (alpha, part) in enumerate(zip(alphas, parts, strict=True))]
    assert bob.sums() == tuple(sum(g * a for g, a in zip(weights, y[c::3], strict=True)) % Q for c in (0, 1))
    assert mixed == packed(
        [(y[n + 2] - eta * bits[n // 3] + thetas[0] * y[n] + thetas[1] * y[n + 1]) % Q for n in range(0, 24, 3)]
    )


@given(st.lists(numbers, min_size=64, max_size=64), st.integers(0, 2**64 - 1))
def test_the_weights_whose_bit_is_1_are_added(weights, beta):
    parts = [packed(weights[:32]), packed(weights[32:])]
    chosen = sum(g for j, g in enumerate(weights) if beta >> j & 1)
    assert vole.select(beta.to_bytes(8, "little"), parts) == chosen % Q


@pytest.mark.parametrize("first", [0, 8, 248, 256, 408])
def test_the_alphas_of_a_row_bind_prefix_number_column_and_row(first):
    prefix, content = sha256(b"prefix").digest(), bytes(range(128))
    alphas = vole.hash_rows(bytearray(prefix + bytes(19)), first, content)
    for n in range(8):
        for column in range(3):
            text = prefix + (first + n).to_bytes(2, "big") + bytes([column]) + content[16 * n : 16 * n + 16]
            assert alphas[3 * n + column] == int.from_bytes(sha256(text).digest(), "big")


def test_the_field_machine_does_the_same():
    fast = checks.vole(machine.run)
    vole_twins.check_hashes(vole, fast)
    vole_twins.check(vole, fast, 40)


def test_machine_code_does_the_same_in_micropython():
    assert run_micropython(PORTABLE / "vole_twins.py").strip() == "same"


def test_a_wrong_row_is_noticed_by_these_comparisons(monkeypatch):
    fast = checks.vole(machine.run)
    monkeypatch.setattr(fast, "xor_columns", lambda *_: None)
    with pytest.raises(AssertionError):
        vole_twins.check(vole, fast, 1)


def test_without_a_machine_micropython_multiplies_by_plain_python(tmp_path):
    packages = tmp_path / "packages"
    shutil.copytree(build(), packages)
    (packages / "daric_protocol" / "platform" / "words32.mpy").unlink()
    script = tmp_path / "script.py"
    script.write_text(
        f"import sys\nsys.path.append({str(PORTABLE)!r})\n"
        "from daric_protocol.platform import matrix, points, vole\n"
        "assert points.NAME == 'plain' and matrix.AliceRows is vole.AliceRows and matrix.BobRows is vole.BobRows\n"
        "import multiplied\nprint(multiplied.digest())\n"
    )
    environment = {"MICROPYPATH": f"{packages}:.frozen"}
    assert run_micropython(script, env=environment).strip() == multiplied.digest()


def test_with_a_machine_micropython_multiplies_to_the_same():
    assert run_micropython(PORTABLE / "multiplied.py").strip() == multiplied.digest()
