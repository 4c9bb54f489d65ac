"""What a kernel is tested with: operands, programs, and a comparison with the plain machine. `run` is any machine."""

import sys
import types
from collections.abc import Callable, Iterable
from functools import cache
from random import Random
from struct import pack_into
from typing import Any
from unittest import mock

from daric_protocol import comb, curve, tables
from daric_protocol.field import P, Q
from daric_protocol.platform import machine

Run = Callable[[bytearray, bytearray, bytes, bytes], int]
Pair = tuple[int, int]

FOLD = 2**256 - P
EDGES = [0, 1, 2, 976, 977, 978, FOLD - 1, FOLD, FOLD + 1, P - 2, P - 1, P, P + 1, Q - 1, Q, Q + 1, 2**256 - Q]
EDGES += [2**256 - 1, 2**256 - 2, 2**255, 2**256 - FOLD - 1]
for word in range(1, 8):  # a carry out of each word and into it
    EDGES += [2 ** (32 * word) - 1, 2 ** (32 * word), 2**256 - 2 ** (32 * word), 2**256 - 2 ** (32 * word) - 1]

# Modulus of what an operation on two numbers gives.
BINARY = {machine.MUL: P, machine.ADD: P, machine.SUB: P, machine.MULQ: Q, machine.ADDQ: Q, machine.SUBQ: Q}
BATCH = 84  # triples of slots in the 256 that a program can name
POINT = curve.mul_g(0xC0FFEE)
SINGLE = (machine.MUL, machine.SQR_N, machine.MULQ, machine.BIG_Q)  # operations on one number, or on it twice
SINGLES = 254  # slots for them


def random_pairs(count: int, seed: int) -> list[Pair]:
    """Operands below 2^256; every fourth has words of zeros and ones only, where carries run far."""
    random = Random(seed)

    def number() -> int:
        if random.randrange(4):
            return random.getrandbits(256)
        return sum(random.choice((0, 1, 2**32 - 1, 2**32 - 2, 2**31)) << 32 * i for i in range(8))

    return [(number(), number()) for _ in range(count)]


def call(run: Run, memory: bytearray, code: bytes, start: int, table: bytes = b"", steps: bytes = b"") -> int:
    pack_into("<II", memory, 0, start, len(steps))
    return run(memory, bytearray(code), table, steps)


def numbers(memory: bytearray) -> list[int]:
    return [int.from_bytes(memory[at : at + 32], "little") for at in range(0, len(memory), 32)]


def mistakes(run: Run, operation: int, pairs: Iterable[Pair], to: int = 0) -> list[Pair]:
    """The pairs whose result is wrong. to: 0 for a slot of its own, 1 in place of the left operand, 2 of the right."""
    modulus = BINARY[operation]
    wrong, pairs = [], list(pairs)
    for first in range(0, len(pairs), BATCH):
        batch = pairs[first : first + BATCH]
        memory, code = bytearray(32 * (2 + 3 * len(batch))), bytearray(4)
        for n, (a, b) in enumerate(batch):
            slot = 2 + 3 * n
            memory[32 * slot : 32 * slot + 64] = a.to_bytes(32, "little") + b.to_bytes(32, "little")
            code += bytes((operation, slot + (2, 0, 1)[to], slot, slot + 1))
        assert call(run, memory, code + bytes(4), 4) == 0
        got = numbers(memory)
        for n, (a, b) in enumerate(batch):
            expected = {machine.MUL: a * b, machine.ADD: a + b, machine.SUB: a - b}[_alike(operation)]
            if (got[2 + 3 * n + (2, 0, 1)[to]] - expected) % modulus:
                wrong.append((a, b))
    return wrong


def mistakes_of_one(run: Run, operation: int, values: Iterable[int]) -> list[int]:
    """The numbers whose result is wrong: of MUL and MULQ by itself, of one squaring by SQR_N, or of BIG_Q."""
    wrong, values = [], list(values)
    for first in range(0, len(values), SINGLES):
        batch = values[first : first + SINGLES]
        memory, code = bytearray(64), bytearray(4)
        for slot, a in enumerate(batch, 2):
            memory += a.to_bytes(32, "little")
            code += bytes((operation, slot, slot, 1 if operation == machine.SQR_N else slot))
        assert call(run, memory, code + bytes(4), 4) == 0
        for a, got in zip(batch, numbers(memory)[2:], strict=True):
            if operation == machine.BIG_Q:
                wrong += [a] * (got.to_bytes(32, "little") != (a % Q).to_bytes(32, "big"))
            else:
                wrong += [a] * ((got - a * a) % BINARY.get(operation, P) != 0)
    return wrong


def _alike(operation: int) -> int:
    return operation if operation <= machine.SUB else operation - machine.MULQ + machine.MUL


def one(run: Run, operation: int, a: int, b: int, to: int = 9, **given: bytes) -> int:
    """What one instruction makes of the slots 7 and 8. given: table, and steps, whose first step runs it."""
    memory = bytearray(32 * 14)
    memory[224:288] = a.to_bytes(32, "little") + b.to_bytes(32, "little")
    call(run, memory, bytes((0, 1, 1, 1, operation, to, 7, 8, 0, 0, 0, 0)), 0 if given else 4, **given)
    return numbers(memory)[to]


def unequal(run: Run, difference: int) -> int:
    """What a step returns that meets this difference."""
    memory = bytearray(32 * 14)
    memory[224:256] = difference.to_bytes(32, "little")
    return call(run, memory, bytes((0, 1, 1, 1, machine.UNEQUAL, 0, 7, 0, 0, 0, 0, 0)), 0, bytes(64), bytes((0, 0, 1)))


@cache
def _programs() -> types.ModuleType:
    micropython = types.ModuleType("micropython")
    micropython.const = lambda value: value  # type: ignore[attr-defined]
    with mock.patch.dict(sys.modules, {"micropython": micropython}):
        from daric_protocol.platform import chain_viper
    return chain_viper


@cache
def _vole() -> types.ModuleType:
    micropython = types.ModuleType("micropython")
    micropython.const = lambda value: value  # type: ignore[attr-defined]
    micropython.viper = lambda function: function  # type: ignore[attr-defined]
    with mock.patch.dict(sys.modules, {"micropython": micropython}):
        from daric_protocol.platform import rows_viper, vole_viper
    rows_viper.ptr8 = vole_viper.ptr8 = memoryview  # type: ignore[attr-defined]
    return vole_viper


def vole(run: Run) -> types.ModuleType:
    """vole_viper.py on CPython, its machine code as plain Python, with this machine."""
    module = _vole()
    module.chain_viper.run = run  # type: ignore[attr-defined]
    return module


def programs(run: Run) -> types.ModuleType:
    """chain_viper.py on CPython, with this machine."""
    module = _programs()
    module.run = run  # type: ignore[attr-defined]
    return module


@cache
def generator_table() -> bytes:
    return bytes(tables.generator())


@cache
def own_table() -> bytes:
    """The comb of POINT, as a device makes it for a base that it multiplies many times."""
    return bytes(comb.build(POINT, comb.COMB))


def watched(
    emulated: Any, watch: Callable[..., Any], module: Callable[[Run], types.ModuleType], work: Callable[..., object]
) -> list[Any]:
    """What `watch`, Emulated.counted or traced, tells of each run in work(module(run))."""
    seen = []

    def run(*buffers: Any) -> int:
        seen.append(watch(emulated, *buffers))
        result: int = emulated.result
        return result

    work(module(run))
    return seen
