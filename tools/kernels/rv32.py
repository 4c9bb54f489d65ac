"""An assembler for RV32IM: the instructions that a kernel needs, each of four bytes.

A method is an instruction, named as in the RISC-V manuals, and appends it; registers are numbers. Encodings: The
RISC-V Instruction Set Manual, volume I, RV32I and the M extension.
"""

from tools.kernels.code import Code, below

ZERO, RA, SP = 0, 1, 2
T0, T1, T2, T3, T4, T5, T6 = 5, 6, 7, 28, 29, 30, 31
A0, A1, A2, A3, A4, A5, A6, A7 = range(10, 18)
S = (8, 9, *range(18, 28))  # s0 to s11


class Rv32(Code):
    """Words."""

    # Branches.

    def j(self, name: str) -> None:
        def encode(words: int) -> list[int]:
            bits = _signed(4 * words, 21)
            high = (bits >> 20) << 31 | (bits >> 1 & 0x3FF) << 21 | (bits >> 11 & 1) << 20
            return [high | (bits >> 12 & 0xFF) << 12 | 0x6F]

        self._refer(name, 1, encode)

    def _branch(self, kind: int, left: int, right: int, name: str) -> None:
        def encode(words: int) -> list[int]:
            bits = _signed(4 * words, 13)
            high = (bits >> 12) << 31 | (bits >> 5 & 0x3F) << 25 | right << 20 | left << 15
            return [high | kind << 12 | (bits >> 1 & 15) << 8 | (bits >> 11 & 1) << 7 | 0x63]

        self._refer(name, 1, encode)

    def beq(self, left: int, right: int, name: str) -> None:
        self._branch(0, left, right, name)

    def bne(self, left: int, right: int, name: str) -> None:
        self._branch(1, left, right, name)

    def bltu(self, left: int, right: int, name: str) -> None:
        self._branch(6, left, right, name)

    def beqz(self, source: int, name: str) -> None:
        self.beq(source, ZERO, name)

    def bnez(self, source: int, name: str) -> None:
        self.bne(source, ZERO, name)

    def auipc(self, to: int, value: int) -> None:
        """to = the address of this instruction + (value << 12)"""
        self._numbers.append(value << 12 | to << 7 | 0x17)

    def jr(self, base: int, offset: int = 0) -> None:
        self._immediate(0x67, 0, ZERO, base, offset)

    # Moves and constants.

    def mv(self, to: int, source: int) -> None:
        self.addi(to, source, 0)

    def li(self, to: int, value: int) -> None:
        """A constant of up to 32 bits, in one or two instructions."""
        value = below(value, 1 << 32) - (value >> 31 << 32)
        low = (value + 0x800 & 0xFFF) - 0x800
        if value == low:
            self.addi(to, ZERO, low)
            return
        self._numbers.append((value - low >> 12 & 0xFFFFF) << 12 | to << 7 | 0x37)
        if low:
            self.addi(to, to, low)

    # Arithmetic.

    def _immediate(self, operation: int, kind: int, to: int, left: int, value: int) -> None:
        self._numbers.append(_signed(value, 12) << 20 | left << 15 | kind << 12 | to << 7 | operation)

    def _register(self, kind: int, to: int, left: int, right: int, extension: int = 0) -> None:
        self._numbers.append(extension << 25 | right << 20 | left << 15 | kind << 12 | to << 7 | 0x33)

    def addi(self, to: int, left: int, value: int) -> None:
        self._immediate(0x13, 0, to, left, value)

    def sltiu(self, to: int, left: int, value: int) -> None:
        self._immediate(0x13, 3, to, left, value)

    def seqz(self, to: int, source: int) -> None:
        """to = 1 if the source is 0, else 0"""
        self.sltiu(to, source, 1)

    def xori(self, to: int, left: int, value: int) -> None:
        self._immediate(0x13, 4, to, left, value)

    def not_(self, to: int, source: int) -> None:
        self.xori(to, source, -1)

    def andi(self, to: int, left: int, value: int) -> None:
        self._immediate(0x13, 7, to, left, value)

    def slli(self, to: int, source: int, bits: int) -> None:
        self._immediate(0x13, 1, to, source, below(bits, 32))

    def srli(self, to: int, source: int, bits: int) -> None:
        self._immediate(0x13, 5, to, source, below(bits, 32))

    def add(self, to: int, left: int, right: int) -> None:
        self._register(0, to, left, right)

    def sub(self, to: int, left: int, right: int) -> None:
        self._register(0, to, left, right, 0x20)

    def neg(self, to: int, source: int) -> None:
        self.sub(to, ZERO, source)

    def sll(self, to: int, left: int, right: int) -> None:
        self._register(1, to, left, right)

    def sltu(self, to: int, left: int, right: int) -> None:
        """to = 1 if left < right, else 0"""
        self._register(3, to, left, right)

    def xor(self, to: int, left: int, right: int) -> None:
        self._register(4, to, left, right)

    def or_(self, to: int, left: int, right: int) -> None:
        self._register(6, to, left, right)

    def and_(self, to: int, left: int, right: int) -> None:
        self._register(7, to, left, right)

    def mul(self, to: int, left: int, right: int) -> None:
        """The low word of the product."""
        self._register(0, to, left, right, 1)

    def mulhu(self, to: int, left: int, right: int) -> None:
        """The high word of the product of unsigned numbers."""
        self._register(3, to, left, right, 1)

    # Memory; offsets are in bytes.

    def lw(self, to: int, base: int, offset: int = 0) -> None:
        self._immediate(0x03, 2, to, base, offset)

    def lbu(self, to: int, base: int, offset: int = 0) -> None:
        self._immediate(0x03, 4, to, base, offset)

    def _store(self, kind: int, source: int, base: int, offset: int) -> None:
        bits = _signed(offset, 12)
        low = kind << 12 | (bits & 31) << 7 | 0x23
        self._numbers.append((bits >> 5) << 25 | source << 20 | base << 15 | low)

    def sw(self, source: int, base: int, offset: int = 0) -> None:
        self._store(2, source, base, offset)

    def sb(self, source: int, base: int, offset: int = 0) -> None:
        self._store(0, source, base, offset)


def _signed(value: int, bits: int) -> int:
    """A number in two's complement. Raises ValueError if it does not fit."""
    if not -1 << bits - 1 <= value < 1 << bits - 1:
        raise ValueError(f"{value} does not fit in the instruction")
    return value & (1 << bits) - 1
