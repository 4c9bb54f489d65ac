"""What RVOLE does modulo q with its rows, eight at a time, by programs for the field machine (machine.py).

The plain twin is vole.py. Hashes, parts of the stream and weights are copied to where the machine loads them from, as
they are; nothing becomes an integer. The choice bits select by masks.
"""

from hashlib import sha256
from struct import pack_into

import micropython
from micropython import const

from daric_protocol.platform import chain_viper
from daric_protocol.platform.rows_viper import xor_columns
from daric_protocol.tagged import Q

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    Bytes = bytes | bytearray | memoryview

_MULQ = const(8)
_ADDQ = const(9)
_SUBQ = const(10)
_LOAD_BIG = const(12)
_BIG_Q = const(13)

# Slots; 0 and 1 are the machine's.
_INPUTS = const(2)  # a_u, a_v, a^
_ZERO = const(2)  # where there are no inputs
_THETA_U = const(5)
_THETA_V = const(6)
_SUM_U = const(7)
_SUM_V = const(8)
_A = const(9)
_B = const(10)
_G = const(11)
_CHECK = const(12)
# The memory is the table, too: what follows is loaded and written as bytes, three numbers for each of eight rows ...
_ALPHAS = const(14)
_OTHERS = const(38)  # Alice: the other alphas, then a~; Bob: a~ where his bit is 1, else 0
_SINGLES = const(62)  # ... or one
_WEIGHTS = const(62)  # then what MU hashes
_ALICE_SLOTS = const(70)
_ETAS = const(70)  # where Bob's bit is 1, else 0
_BOB_SLOTS = const(78)
_PART_SLOTS = const(94)  # for 32 weights

_NO_OFFSET = bytes(16)


def _unrolled(row: bytes, rows: int = 8) -> bytearray:
    """The program for all rows, from that of the first one: the places that each row has of its own move on.

    Made when it is needed: a device has better use for the memory.
    """
    moves = bytes([0 if slot < _ALPHAS else 3 if slot < _SINGLES else 1 for slot in row])
    instructions, move, size = int.from_bytes(row, "little"), int.from_bytes(moves, "little"), len(row)
    code = bytearray(8 + rows * size)
    for n in range(rows):
        code[4 + n * size : 4 + (n + 1) * size] = (instructions + n * move).to_bytes(size, "little")
    return code


def _offset_of(column: int) -> bytes:
    """a~ of Alice; alpha stays in A."""
    return bytes((
        _LOAD_BIG, _A, 0, _ALPHAS + column, _LOAD_BIG, _B, 0, _OTHERS + column, _SUBQ, _B, _A, _B,
        _ADDQ, _B, _B, _INPUTS + column, _BIG_Q, _OTHERS + column, _B, 0,
    ))  # fmt: skip


_ADD = (
    bytes((_LOAD_BIG, _G, 0, _WEIGHTS)) + _offset_of(0) + bytes((_MULQ, _A, _A, _G, _ADDQ, _SUM_U, _SUM_U, _A))
    + _offset_of(1) + bytes((_MULQ, _A, _A, _G, _ADDQ, _SUM_V, _SUM_V, _A)) + _offset_of(2)
)  # fmt: skip
_MIX = (
    _offset_of(0) + bytes((_MULQ, _CHECK, _A, _THETA_U))
    + _offset_of(1) + bytes((_MULQ, _A, _A, _THETA_V, _ADDQ, _CHECK, _CHECK, _A))
    + _offset_of(2) + bytes((_ADDQ, _CHECK, _CHECK, _A, _BIG_Q, _WEIGHTS, _CHECK, 0))
)  # fmt: skip
_TAKE = bytes((
    _LOAD_BIG, _G, 0, _WEIGHTS,
    _LOAD_BIG, _A, 0, _ALPHAS, _LOAD_BIG, _B, 0, _OTHERS, _ADDQ, _A, _A, _B,
    _MULQ, _B, _A, _G, _ADDQ, _SUM_U, _SUM_U, _B, _MULQ, _CHECK, _A, _THETA_U,
    _LOAD_BIG, _A, 0, _ALPHAS + 1, _LOAD_BIG, _B, 0, _OTHERS + 1, _ADDQ, _A, _A, _B,
    _MULQ, _B, _A, _G, _ADDQ, _SUM_V, _SUM_V, _B, _MULQ, _A, _A, _THETA_V, _ADDQ, _CHECK, _CHECK, _A,
    _LOAD_BIG, _A, 0, _ALPHAS + 2, _ADDQ, _CHECK, _CHECK, _A, _LOAD_BIG, _B, 0, _OTHERS + 2, _ADDQ, _CHECK, _CHECK, _B,
    _LOAD_BIG, _B, 0, _ETAS, _SUBQ, _CHECK, _CHECK, _B, _BIG_Q, _WEIGHTS, _CHECK, 0,
    # What the next group's are added to.
    _BIG_Q, _OTHERS, _ZERO, 0, _BIG_Q, _OTHERS + 1, _ZERO, 0, _BIG_Q, _OTHERS + 2, _ZERO, 0, _BIG_Q, _ETAS, _ZERO, 0,
))  # fmt: skip
_SELECT = bytes((_LOAD_BIG, _A, 0, _WEIGHTS, _ADDQ, _SUM_U, _SUM_U, _A, _BIG_Q, _WEIGHTS, _ZERO, 0))


@micropython.viper
def _hash_rows(target, at: int, hashed, block, first: int, rows, offset):
    t = ptr8(target)  # noqa: F821
    b = ptr8(block)  # noqa: F821
    r = ptr8(rows)  # noqa: F821
    o = ptr8(offset)  # noqa: F821
    b[32] = first >> 8
    row = 0
    while row < 8:
        b[33] = (first + row) & 255
        i = 0
        while i < 16:
            b[35 + i] = int(r[16 * row + i]) ^ int(o[i])
            i += 1
        column = 0
        while column < 3:
            b[34] = column
            digest = hashed(block).digest()
            d = ptr8(digest)  # noqa: F821
            i = 0
            while i < 32:
                t[at + i] = d[i]
                i += 1
            at += 32
            column += 1
        row += 1


def hash_rows(target: bytearray, at: int, block: bytearray, first: int, rows: "Bytes", offset: bytes) -> None:
    """Write alpha of eight rows, 16 B each, to the target: vole.hash_rows of the rows, each with the offset added."""
    _hash_rows(target, at, sha256, block, first, rows, offset)


class _Memory:
    """The machine's."""

    def __init__(self, slots: int, code: bytearray, block: bytearray, thetas: "tuple[int, int]") -> None:
        self._code = code
        self._block = block
        self._slots = bytearray(32 * slots)
        self._others = self.view(_OTHERS, 24)
        self._weights = self.view(_WEIGHTS, 8)
        self._put(_THETA_U, thetas[0])
        self._put(_THETA_V, thetas[1])

    def sums(self) -> "tuple[int, int]":
        return self._number(_SUM_U), self._number(_SUM_V)

    def wipe(self) -> None:
        zero = bytes(32)
        for at in range(0, len(self._slots), 32):
            self._slots[at : at + 32] = zero

    def run(self) -> None:
        pack_into("<II", self._slots, 0, 4, 0)
        chain_viper.run(self._slots, self._code, self._slots, b"")

    def view(self, first: int, slots: int) -> memoryview:
        return memoryview(self._slots)[32 * first : 32 * (first + slots)]

    def _put(self, slot: int, number: int) -> None:
        self._slots[32 * slot : 32 * slot + 32] = number.to_bytes(32, "little")

    def _number(self, slot: int) -> int:
        return int.from_bytes(self._slots[32 * slot : 32 * slot + 32], "little") % Q


def select(beta: "Bytes", parts: "Iterable[Bytes]") -> int:
    """As vole.select."""
    memory = _Memory(_PART_SLOTS, _unrolled(_SELECT, 32), bytearray(), (0, 0))
    chosen = memory.view(_WEIGHTS, 32)
    at = 0
    for part in parts:
        xor_columns(chosen, 32, part, 32, beta[at : at + 4])
        memory.run()
        at += 4
    total = memory.sums()[0]
    memory.wipe()
    return total


class AliceRows(_Memory):
    """As vole.AliceRows."""

    def __init__(
        self, block: bytearray, delta: bytes, inputs: "tuple[int, int, int]", thetas: "tuple[int, int] | None" = None
    ) -> None:
        _Memory.__init__(self, _ALICE_SLOTS, _unrolled(_MIX if thetas else _ADD), block, thetas or (0, 0))
        self._delta = delta
        for n in range(3):
            self._put(_INPUTS + n, inputs[n])

    def add(self, first: int, rows: "Bytes", weights: "Bytes", chunk: bytearray) -> None:
        at = 32 * (first & 31)
        self._weights[:] = memoryview(weights)[at : at + 256]
        self._offset(first, rows, chunk)

    def check(self, first: int, rows: "Bytes", chunk: bytearray) -> memoryview:
        self._offset(first, rows, chunk)
        return self._weights

    def _offset(self, first: int, rows: "Bytes", chunk: bytearray) -> None:
        hash_rows(self._slots, 32 * _ALPHAS, self._block, first, rows, _NO_OFFSET)
        hash_rows(self._slots, 32 * _OTHERS, self._block, first, rows, self._delta)
        self.run()
        at = 96 * (first & 31)
        chunk[at : at + 768] = self._others


class BobRows(_Memory):
    """As vole.BobRows."""

    def __init__(self, block: bytearray, thetas: "tuple[int, int]", eta: bytes) -> None:
        _Memory.__init__(self, _BOB_SLOTS, _unrolled(_TAKE), block, thetas)
        self._eta = eta
        self._etas = self.view(_ETAS, 8)
        self._choices = bytearray(1)

    def take(self, first: int, rows: "Bytes", choices: int, weights: "Bytes", chunk: "Bytes") -> memoryview:
        hash_rows(self._slots, 32 * _ALPHAS, self._block, first, rows, _NO_OFFSET)
        place = first & 31
        self._weights[:] = memoryview(weights)[32 * place : 32 * place + 256]
        self._choices[0] = choices
        xor_columns(self._others, 96, memoryview(chunk)[96 * place :], 96, self._choices)
        xor_columns(self._etas, 32, self._eta, 0, self._choices)
        self.run()
        return self._weights
