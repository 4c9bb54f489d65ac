"""What the two assemblers for Thumb share: narrow.py for ARMv6-M, wide.py for ARMv7E-M.

A method is an instruction, named as in the Arm manuals, and appends it; registers are numbers; an `s` at the end of a
name writes the flags. Offsets and sizes are in bytes. Encodings: ARMv7-M Architecture Reference Manual, chapter A7.
"""

from collections.abc import Iterable

from tools.kernels.code import Code, below

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, R11, R12, SP, LR, PC = range(16)
CONDITIONS = {"eq": 0, "ne": 1, "cs": 2, "cc": 3, "mi": 4, "pl": 5, "hi": 8, "ls": 9, "ge": 10, "lt": 11}


class Thumb(Code):
    """Half-words, and the instructions that are the same for both."""

    def _put(self, *halves: int) -> None:
        for half in halves:
            self._numbers.append(below(half, 1 << 16))

    def mov(self, to: int, source: int) -> None:
        self._put(0x4600 | (to & 8) << 4 | source << 3 | to & 7)

    def sub_sp(self, size: int) -> None:
        self._put(0xB080 | below(size >> 2, 128))

    def add_sp(self, size: int) -> None:
        self._put(0xB000 | below(size >> 2, 128))


def distance(numbers: int, bits: int) -> int:
    """Of a branch, as its instruction has it: in half-words, from the instruction + 4, in two's complement."""
    return below(numbers - 2 + (1 << bits - 1), 1 << bits) ^ 1 << bits - 1


def far(numbers: int, second: int) -> list[int]:
    """The two half-words of a branch within 16 MB, of which `second` tells which it is."""
    bits = distance(numbers, 24)
    sign = bits >> 23
    j1, j2 = ((bits >> bit & 1) ^ sign ^ 1 for bit in (22, 21))
    return [0xF000 | sign << 10 | bits >> 11 & 0x3FF, second | j1 << 13 | j2 << 11 | bits & 0x7FF]


def mask(registers: Iterable[int]) -> int:
    """A bit for each register."""
    return sum(1 << register for register in registers)
