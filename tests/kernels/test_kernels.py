"""Each kernel, taken from its compiled file and run under a CPU emulator, against plain Python."""

from random import Random

import pytest
import unicorn
from daric_protocol.field import P, Q
from daric_protocol.platform import knownanswers, machine
from daric_protocol.steps import ADD, LAMBDA, NEGATIVE, SECRET, WINDOW
from kernels import checks, mpyfile
from kernels.catalogue import KERNELS
from kernels.checks import BINARY, EDGES, SINGLE
from kernels.emulated import PLATFORM, machine_code

from tools import make_kernels

PAIRS = [(a, b) for a in EDGES for b in EDGES]
MORE = 1.05  # instructions that a change may add

pytestmark = pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)


@pytest.fixture
def run(kernel):
    return kernel.emulated().run


def test_the_file_is_what_the_tool_writes(kernel):
    inside = f"{kernel.name}.py"
    assert (PLATFORM / inside).read_text() == make_kernels.texts()[inside]


@pytest.mark.parametrize("to", [0, 1, 2], ids=["elsewhere", "to the left operand", "to the right operand"])
@pytest.mark.parametrize("operation", BINARY)
def test_edge_values_come_out_right(run, operation, to):
    assert checks.mistakes(run, operation, PAIRS, to) == []


@pytest.mark.parametrize("operation", BINARY)
def test_random_values_come_out_right(run, operation):
    assert checks.mistakes(run, operation, checks.random_pairs(500, operation)) == []


@pytest.mark.slow
@pytest.mark.parametrize("operation", BINARY)
def test_a_hundred_thousand_random_values_come_out_right(run, operation):
    assert checks.mistakes(run, operation, checks.random_pairs(100_000, 100 + operation)) == []


@pytest.mark.parametrize("operation", SINGLE)
def test_random_values_come_out_right_by_themselves(run, operation):
    values = [*EDGES, *(a for a, _ in checks.random_pairs(500, 40 + operation))]
    assert checks.mistakes_of_one(run, operation, values) == []


@pytest.mark.slow
@pytest.mark.parametrize("operation", SINGLE)
def test_a_hundred_thousand_random_values_come_out_right_by_themselves(run, operation):
    values = [a for a, _ in checks.random_pairs(100_000, 400 + operation)]
    assert checks.mistakes_of_one(run, operation, values) == []


@pytest.mark.parametrize("operation", BINARY)
def test_every_processor_of_the_architecture_gets_the_same(kernel, operation):
    for architecture in kernel.architectures:
        for model in kernel.models:
            run = kernel.emulated(architecture, model).run
            assert checks.mistakes(run, operation, checks.random_pairs(84, operation)) == []


def test_squarings_come_out_right(run):
    for a in EDGES:
        for times in (1, 2, 3, 44, 255):
            memory = bytearray(32 * 10)
            memory[224:256] = a.to_bytes(32, "little")
            checks.call(
                run, memory, bytes((0, 0, 0, 0, machine.SQR_N, 9, 7, times, machine.SQR_N, 7, 7, 1, 0, 0, 0, 0)), 4
            )
            found = checks.numbers(memory)
            assert (found[9] - pow(a, 2**times, P)) % P == 0
            assert (found[7] - a * a) % P == 0


def test_operations_with_a_condition_are_done_when_the_step_says_so(run):
    for operation, flag, expected in (
        (machine.MUL_IF_LAMBDA, LAMBDA, lambda a, b: a * b),
        (machine.SUB_IF_NEGATIVE, NEGATIVE, lambda a, b: a - b),
    ):
        for a, b in [*checks.random_pairs(20, operation), (0, 1), (0, P), (0, 2**256 - 1), (P, 0)]:
            for flags in range(1, 8, 2):
                for to in (7, 8, 9):
                    got = checks.one(run, operation, a, b, to, table=bytes(64), steps=bytes((0, 0, flags)))
                    if flags & flag:
                        assert (got - expected(a, b)) % P == 0
                    else:
                        assert got == (a, b, 0)[to - 7]


def test_a_difference_that_is_a_multiple_of_p_ends_the_run_and_no_other(run):
    assert checks.unequal(run, 0) == checks.unequal(run, P) == 3
    for number in EDGES + [2**n for n in range(256)] + [P ^ 1 << n for n in range(256)]:
        if number not in (0, P):
            assert checks.unequal(run, number) == 0, number


def test_bytes_are_loaded_in_both_orders(run):
    table = bytes(Random(1).randbytes(64 * 40))
    for entry, stride, offset in ((0, 0, 0), (0, 0, 79), (5, 3, 2), (39, 2, 1), (19, 4, 3)):
        memory = bytearray(32 * 14)
        code = (0, 1, 1, 1, machine.LOAD, 7, stride, offset, machine.LOAD_BIG, 8, stride, offset, 0, 0, 0, 0)
        assert checks.call(run, memory, bytes(code), 0, table, bytes((0, entry, 1))) == 0
        expected = table[32 * (entry * stride + offset) :][:32]
        assert memory[224:288] == expected + expected[::-1]


def test_numbers_modulo_q_leave_reduced_and_big_endian(run):
    for number in EDGES + [a for a, _ in checks.random_pairs(100, 3)]:
        for to in (7, 9):
            got = checks.one(run, machine.BIG_Q, number, 0, to)
            assert got.to_bytes(32, "little") == (number % Q).to_bytes(32, "big")


def test_every_entry_of_a_window_is_found(run):
    table = Random(2).randbytes(64 * 256)
    for width in range(8):
        for entry in {0, 1, 127, 128, 255, (1 << width) - 1, 1 << width}:
            memory = bytearray(32 * 14)
            steps = bytes((0, entry, ADD | SECRET | width << WINDOW))
            checks.call(run, memory, bytes((0, 1, 1, 1, 0, 0, 0, 0)), 0, table, steps)
            assert memory[160:224] == table[64 * entry : 64 * entry + 64]


def test_a_run_without_steps_or_with_only_doublings_ends(run):
    memory = bytearray(32 * 14)
    assert checks.call(run, memory, bytes(4), 0) == 0
    memory[224] = 3
    code = bytes((0, 1, 0, 0, machine.ADD, 7, 7, 7, 0, 0, 0, 0))
    assert checks.call(run, memory, code, 0, b"", bytes((255, 0, 0, 3, 9, NEGATIVE))) == 0
    assert (checks.numbers(memory)[7] - 3 * 2**258) % P == 0


def test_the_known_answers_are_given(run):
    assert knownanswers.right(checks.programs(run))


def survives(kernel, bit):
    """Whether a kernel with one bit flipped passes as if it were whole. One that stops a board does not."""
    emulated = kernel.emulated()
    emulated.flip(bit)
    emulated.patience = 500_000
    try:
        return knownanswers.right(checks.programs(emulated.run)), emulated.run
    except (unicorn.UcError, RuntimeError, AssertionError):  # it ended in a fault, in a loop, or beyond its buffers
        return False, None


def test_flipped_bits_that_make_numbers_wrong_are_found_by_the_known_answers_alone(kernel):
    """As if nobody had compared the digest (test_damaged.py)."""
    bits = 8 * len(machine_code(kernel.name, kernel.architectures[0]))
    random = Random(6)
    passed = 0
    for bit in (random.randrange(bits) for _ in range(60)):
        right, run = survives(kernel, bit)
        if right:  # in an instruction whose bit means nothing, or that nothing runs
            passed += 1
            pairs = PAIRS[::11] + checks.random_pairs(84, bit)
            assert not any(checks.mistakes(run, operation, pairs) for operation in BINARY)
    assert passed < 10


# Instructions


def counted(kernel, memory, code, start, table=b"", steps=b""):
    checks.pack_into("<II", memory, 0, start, len(steps))
    return kernel.emulated().counted(memory, bytes(code), table, steps)


def test_no_operation_takes_more_instructions_than_it_did(kernel):
    memory = bytearray(32 * 14)
    nothing = counted(kernel, bytearray(memory), bytes(8), 4)
    for operation, expected in kernel.operations.items():
        right = 201 if operation == machine.SQR_N else 0
        code = bytes((0, 0, 0, 0, operation, 9, 0 if operation in (machine.LOAD, machine.LOAD_BIG) else 7, right))
        found = counted(kernel, bytearray(memory), code + bytes(4), 4, bytes(64)) - nothing
        assert found / (right or 1) <= expected * MORE, (operation, found)


# Secrets: the addresses of the instructions and of what they read and write are compared


def traced(kernel, memory, code, start, table=b"", steps=b""):
    checks.pack_into("<II", memory, 0, start, len(steps))
    return kernel.emulated().traced(memory, bytes(code), table, steps)


@pytest.mark.parametrize("operation", [*BINARY, machine.SQR_N, machine.BIG_Q, machine.UNEQUAL])
def test_what_an_operation_does_depends_on_no_operand(kernel, operation):
    seen = set()
    for a, b in [*checks.random_pairs(10, operation), (1, 0), (2**256 - 1, 2**256 - 1), (P + 1, Q), (1, P), (2, P - 1)]:
        memory = bytearray(32 * 14)
        memory[224:288] = a.to_bytes(32, "little") + b.to_bytes(32, "little")
        seen.add(traced(kernel, memory, bytes((0, 0, 0, 0, operation, 9, 7, 8, 0, 0, 0, 0)), 4))
    assert len(seen) == 1


def test_a_file_of_something_else_has_no_machine_code_for_the_emulator(kernel):
    for data in (b"", b"M\x05\x1f\x1f\0\0", b"N\x06\x1f\x1f\0\0", b"M\x06\x1f\x1f\0\1\5", b"M\x06\x1f\x1f\0\0\x0a\0"):
        with pytest.raises(ValueError, match=r"cut short|format|constants|native"):
            mpyfile.functions(data)
