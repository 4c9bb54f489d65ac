"""An assembler for ARMv6-M: the instructions that a kernel needs, of which all but `bl` are half-words. See thumb.py.

Registers are r0 - r7 where nothing else is said. An instruction with two operands writes to the first.
"""

from collections.abc import Iterable

from tools.kernels.code import below
from tools.kernels.thumb import CONDITIONS, PC, SP, Thumb, distance, far, mask


class Narrow(Thumb):
    """Code of ARMv6-M."""

    # Branches.

    def b(self, name: str, condition: str = "") -> None:
        """Within 2 KB, with a condition within 256 bytes."""

        def encode(numbers: int) -> list[int]:
            if condition:
                return [0xD000 | CONDITIONS[condition] << 8 | distance(numbers, 8)]
            return [0xE000 | distance(numbers, 11)]

        self._refer(name, 1, encode)

    def bl(self, name: str) -> None:
        """Call, or branch as far as one likes at the cost of lr."""
        self._refer(name, 2, lambda numbers: far(numbers, 0xD000))

    def bx(self, register: int) -> None:
        self._put(0x4700 | register << 3)

    def table(self, index: int, names: Iterable[str]) -> None:
        """Branch to the label at twice the index in a table of half-words that follows; all lie further on."""
        self.add(index, PC)
        self.ldrh(index, index, 2)
        self.add(PC, index)
        origin = self._here() + 1
        for name in names:
            self._refer(name, 1, lambda numbers: [below(2 * numbers, 1 << 16)], origin)

    # Moves and constants; mov, the loads and the stores leave the flags, movs and muls leave the carry.

    def movs(self, to: int, value: int) -> None:
        self._put(0x2000 | _low(to) << 8 | below(value, 256))

    def _two(self, operation: int, to: int, source: int) -> None:
        self._put(operation | _low(source) << 3 | _low(to))

    def ands(self, to: int, source: int) -> None:
        self._two(0x4000, to, source)

    def eors(self, to: int, source: int) -> None:
        self._two(0x4040, to, source)

    def lsls_by(self, to: int, source: int) -> None:
        self._two(0x4080, to, source)

    def adcs(self, to: int, source: int) -> None:
        self._two(0x4140, to, source)

    def sbcs(self, to: int, source: int) -> None:
        self._two(0x4180, to, source)

    def rsbs(self, to: int, source: int) -> None:
        """to = - source"""
        self._two(0x4240, to, source)

    def cmp(self, left: int, right: int) -> None:
        self._two(0x4280, left, right)

    def orrs(self, to: int, source: int) -> None:
        self._two(0x4300, to, source)

    def muls(self, to: int, source: int) -> None:
        self._two(0x4340, to, source)

    def bics(self, to: int, source: int) -> None:
        self._two(0x4380, to, source)

    def mvns(self, to: int, source: int) -> None:
        self._two(0x43C0, to, source)

    # Arithmetic.

    def _three(self, operation: int, to: int, left: int, right: int) -> None:
        self._put(operation | right << 6 | _low(left) << 3 | _low(to))

    def lsls(self, to: int, source: int, bits: int) -> None:
        self._three(0x0000, to, source, below(bits, 32))

    def lsrs(self, to: int, source: int, bits: int) -> None:
        self._three(0x0800, to, source, below(bits, 32))

    def asrs(self, to: int, source: int, bits: int) -> None:
        self._three(0x1000, to, source, below(bits, 32))

    def adds(self, to: int, left: int, right: int) -> None:
        self._three(0x1800, to, left, _low(right))

    def subs(self, to: int, left: int, right: int) -> None:
        self._three(0x1A00, to, left, _low(right))

    def adds_imm(self, to: int, value: int) -> None:
        self._put(0x3000 | _low(to) << 8 | below(value, 256))

    def subs_imm(self, to: int, value: int) -> None:
        self._put(0x3800 | _low(to) << 8 | below(value, 256))

    def cmp_imm(self, left: int, value: int) -> None:
        self._put(0x2800 | _low(left) << 8 | below(value, 256))

    def add(self, to: int, source: int) -> None:
        """Any registers; leaves the flags."""
        self._put(0x4400 | (to & 8) << 4 | source << 3 | to & 7)

    def uxth(self, to: int, source: int) -> None:
        self._two(0xB280, to, source)

    def uxtb(self, to: int, source: int) -> None:
        self._two(0xB2C0, to, source)

    def rev(self, to: int, source: int) -> None:
        self._two(0xBA00, to, source)

    # Memory.

    def ldr(self, to: int, base: int, offset: int = 0) -> None:
        """From r0 - r7 or the stack."""
        self._word(0x6800, 0x9800, to, base, offset)

    def str(self, source: int, base: int, offset: int = 0) -> None:
        self._word(0x6000, 0x9000, source, base, offset)

    def _word(self, operation: int, on_stack: int, register: int, base: int, offset: int) -> None:
        if base == SP:
            self._put(on_stack | _low(register) << 8 | below(offset >> 2, 256))
        else:
            self._three(operation, register, base, below(offset >> 2, 32))

    def ldrh(self, to: int, base: int, offset: int = 0) -> None:
        self._three(0x8800, to, base, below(offset >> 1, 32))

    def ldrb(self, to: int, base: int, offset: int = 0) -> None:
        self._three(0x7800, to, base, below(offset, 32))

    def ldm(self, base: int, registers: Iterable[int]) -> None:
        """Load in ascending order, then move the base."""
        self._put(0xC800 | _low(base) << 8 | below(mask(registers), 256))

    def stm(self, base: int, registers: Iterable[int]) -> None:
        """Store in ascending order, then move the base."""
        self._put(0xC000 | _low(base) << 8 | below(mask(registers), 256))

    def push(self, registers: Iterable[int]) -> None:
        self._put(0xB400 | below(mask(registers), 256))

    def pop(self, registers: Iterable[int]) -> None:
        self._put(0xBC00 | below(mask(registers), 256))

    def point(self, to: int, offset: int) -> None:
        """to = the address in the stack; leaves the flags."""
        self._put(0xA800 | _low(to) << 8 | below(offset >> 2, 256))


def _low(register: int) -> int:
    return below(register, 8)
