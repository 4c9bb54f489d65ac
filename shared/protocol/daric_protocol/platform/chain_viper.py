"""The chain of chain.py as byte programs for the field machine, for MicroPython only.

The machine (machine.py says what it does) adds, subtracts and multiplies slots of 32 bytes in place, without
allocating; it is one function, as a call would cost more than an addition. The programs are the formulas of
jacobian.py and chain.py. Adding equal or opposite points is left to those.
"""

from struct import pack_into

from micropython import const

from daric_protocol import chain
from daric_protocol.field import BETA, P

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from daric_protocol.chain import Table
    from daric_protocol.jacobian import Jacobian

    Run = Callable[[bytearray, bytearray, Table, bytes | bytearray], int]

run: "Run" = None  # type: ignore[assignment]  # the machine: points.py puts here what this port has

_END = const(0)
_MUL = const(1)
_ADD = const(2)
_SUB = const(3)
_MUL_IF_LAMBDA = const(4)
_SUB_IF_NEGATIVE = const(5)
_UNEQUAL = const(6)

# Slots; 0 and 1 are the machine's.
_X = const(2)
_Y = const(3)
_Z = const(4)
_EX = const(5)
_EY = const(6)
_A = const(7)
_B = const(8)
_C = const(9)
_D = const(10)
_ZERO = const(11)
_ONE = const(12)
_BETA = const(13)
_WALK_SLOTS = const(14)
_TABLE = const(14)  # eight entries
_RATIOS = const(30)  # one per entry
_SLOTS = const(38)

_DOUBLE = bytes((
    _MUL, _Z, _Y, _Z, _ADD, _Z, _Z, _Z,
    _MUL, _A, _Y, _Y, _ADD, _A, _A, _A,  # 2 y^2
    _MUL, _B, _X, _A, _ADD, _B, _B, _B,  # 4 x y^2
    _MUL, _A, _A, _A, _ADD, _A, _A, _A,  # 8 y^4
    _MUL, _C, _X, _X, _ADD, _D, _C, _C, _ADD, _C, _C, _D,  # 3 x^2
    _MUL, _X, _C, _C, _SUB, _X, _X, _B, _SUB, _X, _X, _B,
    _SUB, _B, _B, _X, _MUL, _B, _C, _B, _SUB, _Y, _B, _A,
    _END, 0, 0, 0,
))  # fmt: skip
_CHOOSE = bytes((_MUL_IF_LAMBDA, _EX, _EX, _BETA, _SUB_IF_NEGATIVE, _EY, _ZERO, _EY))
_ADD_ENTRY = _CHOOSE + bytes((
    _MUL, _A, _Z, _Z,
    _MUL, _B, _EX, _A, _SUB, _B, _B, _X, _UNEQUAL, 0, _B, 0,  # h
    _MUL, _C, _EY, _Z, _MUL, _C, _C, _A, _SUB, _C, _C, _Y,  # r
    _MUL, _Z, _Z, _B,
    _MUL, _A, _B, _B, _MUL, _B, _A, _B, _MUL, _A, _A, _X,  # h^3, x h^2
    _MUL, _X, _C, _C, _SUB, _X, _X, _B, _SUB, _X, _X, _A, _SUB, _X, _X, _A,
    _SUB, _A, _A, _X, _MUL, _A, _C, _A, _MUL, _B, _B, _Y, _SUB, _Y, _A, _B,
    _END, 0, 0, 0,
))  # fmt: skip
_FIRST = _CHOOSE + bytes((_ADD, _X, _EX, _ZERO, _ADD, _Y, _EY, _ZERO, _ADD, _Z, _ONE, _ZERO, _END, 0, 0, 0))
# Code is in bytearrays, which are aligned as the machine needs it; bytes may lie anywhere.
_CODE = bytearray((_END, 1, 1 + len(_DOUBLE) // 4, 1 + (len(_DOUBLE) + len(_ADD_ENTRY)) // 4))
_CODE.extend(_DOUBLE + _ADD_ENTRY + _FIRST)
# The squarings are the doublings of one step, the product is its addition.
_SQUARE = bytearray((_END, 1, 3, 3, _MUL, _A, _A, _A, _END, 0, 0, 0, _MUL, _A, _A, _B, _END, 0, 0, 0))


def walk(table: "Table", steps: "bytes | bytearray") -> "Jacobian | None":
    """The point that the steps lead to from the identity."""
    if not steps[2] & chain.ADD:
        return None
    memory = bytearray(32 * _WALK_SLOTS)
    memory[32 * _ONE] = 1
    memory[32 * _BETA : 32 * _BETA + 32] = BETA.to_bytes(32, "little")
    pack_into("<II", memory, 0, 0, len(steps))
    if run(memory, _CODE, table, steps):
        return chain.walk(table, steps)
    return _number(memory, _X), _number(memory, _Y), _number(memory, _Z)


def squared(a: int, times: int, factor: int) -> int:
    """a^(2^times) * factor modulo P; 0 < times < 256."""
    memory = bytearray(32 * _WALK_SLOTS)
    memory[32 * _A : 32 * _A + 32] = a.to_bytes(32, "little")
    memory[32 * _B : 32 * _B + 32] = factor.to_bytes(32, "little")
    pack_into("<II", memory, 0, 0, 3)
    run(memory, _SQUARE, memory, bytes((times, 0, chain.ADD)))
    return _number(memory, _A) % P


def _number(memory: bytearray, slot: int) -> int:
    return int.from_bytes(memory[32 * slot : 32 * slot + 32], "little")


def odd_multiples(table: bytearray, first: int, x: int, y: int) -> int:
    """Fill eight entries from `first` with 1, 3, .. 15 times the affine point (x, y); returns their common z."""
    memory = bytearray(32 * _SLOTS)
    memory[32 * _ONE] = 1
    memory[32 * _EX : 32 * _EX + 32] = x.to_bytes(32, "little")
    memory[32 * _EY : 32 * _EY + 32] = y.to_bytes(32, "little")
    pack_into("<II", memory, 0, 4, 0)
    run(memory, _ODD_MULTIPLES, table, b"")
    at = chain.ENTRY_BYTES * first
    table[at : at + chain.ODD_BYTES] = memory[32 * _TABLE : 32 * _TABLE + chain.ODD_BYTES]
    return _number(memory, _Z)


def scale(table: bytearray, entries: int, ratio: int) -> None:
    """Move the first entries of a table, eight at a time, to a z that is `ratio` times theirs."""
    memory = bytearray(32 * _SLOTS)
    for at in range(0, chain.ENTRY_BYTES * entries, chain.ODD_BYTES):
        memory[32 * _A : 32 * _A + 32] = ratio.to_bytes(32, "little")
        memory[32 * _TABLE : 32 * _TABLE + chain.ODD_BYTES] = table[at : at + chain.ODD_BYTES]
        pack_into("<II", memory, 0, 4, 0)
        run(memory, _SCALE, table, b"")
        table[at : at + chain.ODD_BYTES] = memory[32 * _TABLE : 32 * _TABLE + chain.ODD_BYTES]


def _odd_multiples_program() -> bytearray:
    code = bytearray((
        _END, 0, 0, 0,
        _ADD, _Z, _EY, _EY,
        _MUL, _C, _EX, _EX, _ADD, _D, _C, _C, _ADD, _C, _C, _D,  # 3 x^2
        _MUL, _A, _EY, _EY, _ADD, _A, _A, _A,  # 2 y^2
        _MUL, _B, _EX, _A, _ADD, _TABLE, _B, _B,  # 4 x y^2: x over z
        _MUL, _EX, _C, _C, _SUB, _EX, _EX, _TABLE, _SUB, _EX, _EX, _TABLE,  # x of the double
        _MUL, _A, _A, _A, _ADD, _TABLE + 1, _A, _A,  # 8 y^4: y over z
        _SUB, _A, _TABLE, _EX, _MUL, _EY, _C, _A, _SUB, _EY, _EY, _TABLE + 1,  # y of the double
    ))  # fmt: skip
    for i in range(1, chain.ODD_ENTRIES):
        x = _TABLE + 2 * i
        old = x - 2
        ratio = _RATIOS + i
        code.extend(bytes((
            _SUB, ratio, _EX, old, _MUL, _A, ratio, ratio,
            _MUL, _EX, _EX, _A, _MUL, _B, old, _A,  # both x over the new z
            _SUB, _C, _EY, old + 1, _SUB, _D, _EX, _B, _MUL, _EY, _EY, _D,
            _MUL, x, _C, _C, _SUB, x, x, _EX, _SUB, x, x, _B,
            _SUB, _D, _EX, x, _MUL, _D, _C, _D, _SUB, x + 1, _D, _EY,
        )))  # fmt: skip
    code.extend(bytes((_ADD, _A, _ONE, _ZERO)))  # the last entry keeps its z
    for i in range(chain.ODD_ENTRIES - 2, -1, -1):
        x = _TABLE + 2 * i
        code.extend(bytes((
            _MUL, _A, _A, _RATIOS + i + 1, _MUL, _B, _A, _A, _MUL, x, x, _B, _MUL, _B, _B, _A, _MUL, x + 1, x + 1, _B,
        )))  # fmt: skip
    code.extend(bytes((_MUL, _Z, _Z, _A, _END, 0, 0, 0)))
    return code


def _scale_program() -> bytearray:
    code = bytearray((_END, 0, 0, 0, _MUL, _B, _A, _A, _MUL, _C, _B, _A))
    for x in range(_TABLE, _TABLE + 2 * chain.ODD_ENTRIES, 2):
        code.extend(bytes((_MUL, x, x, _B, _MUL, x + 1, x + 1, _C)))
    code.extend(bytes((_END, 0, 0, 0)))
    return code


_ODD_MULTIPLES = _odd_multiples_program()
_SCALE = _scale_program()
