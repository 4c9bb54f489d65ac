"""An assembler for Thumb-2: the instructions of ARMv7E-M that a kernel needs, in their wide forms. See thumb.py."""

from collections.abc import Iterable

from tools.kernels.code import below
from tools.kernels.thumb import CONDITIONS, PC, Thumb, distance, far, mask

LSL, LSR = 0, 1


class Wide(Thumb):
    """Code of ARMv7E-M."""

    # Branches.

    def b(self, name: str, condition: str = "") -> None:
        """Far enough for every kernel on ARMv7E-M."""

        def encode(numbers: int) -> list[int]:
            if not condition:
                return far(numbers, 0x9000)
            bits = distance(numbers, 20)
            first = 0xF000 | bits >> 19 << 10 | CONDITIONS[condition] << 6 | bits >> 11 & 0x3F
            return [first, 0x8000 | (bits >> 17 & 1) << 13 | (bits >> 18 & 1) << 11 | bits & 0x7FF]

        self._refer(name, 2, encode)

    def tbh(self, index: int, names: Iterable[str]) -> None:
        """Branch to the label at the index in a table of half-words that follows; all lie further on."""
        self._put(0xE8DF, 0xF010 | index)
        origin = self._here()
        for name in names:
            self._refer(name, 1, lambda numbers: [below(numbers, 1 << 16)], origin)

    # Moves and constants.

    def mov_imm(self, to: int, value: int) -> None:
        """A constant of up to 32 bits, in one or two instructions; leaves the flags."""
        self._wide_constant(0xF240, to, value & 0xFFFF)
        if value >> 16:
            self._wide_constant(0xF2C0, to, value >> 16)

    def _wide_constant(self, operation: int, to: int, value: int) -> None:
        first = operation | (value >> 11 & 1) << 10 | value >> 12
        self._put(first, (value >> 8 & 7) << 12 | to << 8 | value & 0xFF)

    # Arithmetic.

    def _register(self, operation: int, to: int, left: int, right: int, shift: int = 0, kind: int = LSL) -> None:
        self._put(operation | left, (shift >> 2) << 12 | to << 8 | (shift & 3) << 6 | kind << 4 | right)

    def _immediate(self, operation: int, to: int, left: int, value: int) -> None:
        self._put(operation | left, to << 8 | below(value, 256))

    def add(self, to: int, left: int, right: int, shift: int = 0) -> None:
        """to = left + (right << shift)"""
        self._register(0xEB00, to, left, right, shift)

    def adds(self, to: int, left: int, right: int) -> None:
        self._register(0xEB10, to, left, right)

    def adcs(self, to: int, left: int, right: int) -> None:
        self._register(0xEB50, to, left, right)

    def subs(self, to: int, left: int, right: int) -> None:
        self._register(0xEBB0, to, left, right)

    def sbcs(self, to: int, left: int, right: int) -> None:
        self._register(0xEB70, to, left, right)

    def sbc(self, to: int, left: int, right: int) -> None:
        self._register(0xEB60, to, left, right)

    def and_(self, to: int, left: int, right: int) -> None:
        self._register(0xEA00, to, left, right)

    def bic(self, to: int, left: int, right: int) -> None:
        self._register(0xEA20, to, left, right)

    def orr(self, to: int, left: int, right: int) -> None:
        self._register(0xEA40, to, left, right)

    def orn(self, to: int, left: int, right: int) -> None:
        self._register(0xEA60, to, left, right)

    def eor(self, to: int, left: int, right: int) -> None:
        self._register(0xEA80, to, left, right)

    def lsr_imm(self, to: int, source: int, bits: int) -> None:
        self._register(0xEA40, to, PC, source, bits, LSR)

    def lsl(self, to: int, left: int, right: int) -> None:
        self._put(0xFA00 | left, 0xF000 | to << 8 | right)

    def add_imm(self, to: int, left: int, value: int) -> None:
        self._immediate(0xF100, to, left, value)

    def adc_imm(self, to: int, left: int, value: int) -> None:
        self._immediate(0xF140, to, left, value)

    def adcs_imm(self, to: int, left: int, value: int) -> None:
        self._immediate(0xF150, to, left, value)

    def sub_imm(self, to: int, left: int, value: int) -> None:
        self._immediate(0xF1A0, to, left, value)

    def subs_imm(self, to: int, left: int, value: int) -> None:
        self._immediate(0xF1B0, to, left, value)

    def sbcs_imm(self, to: int, left: int, value: int) -> None:
        self._immediate(0xF170, to, left, value)

    def rsb_imm(self, to: int, left: int, value: int) -> None:
        self._immediate(0xF1C0, to, left, value)

    def cmp_imm(self, left: int, value: int) -> None:
        self._immediate(0xF1B0, PC, left, value)

    def cmp(self, left: int, right: int) -> None:
        self._register(0xEBB0, PC, left, right)

    def tst_imm(self, left: int, value: int) -> None:
        self._immediate(0xF010, PC, left, value)

    def ubfx(self, to: int, source: int, low: int, width: int) -> None:
        self._put(0xF3C0 | source, (low >> 2) << 12 | to << 8 | (low & 3) << 6 | width - 1)

    def sbfx(self, to: int, source: int, low: int, width: int) -> None:
        self._put(0xF340 | source, (low >> 2) << 12 | to << 8 | (low & 3) << 6 | width - 1)

    def clz(self, to: int, source: int) -> None:
        self._put(0xFAB0 | source, 0xF080 | to << 8 | source)

    def rev(self, to: int, source: int) -> None:
        self._put(0xFA90 | source, 0xF080 | to << 8 | source)

    def mul(self, to: int, left: int, right: int) -> None:
        self._put(0xFB00 | left, 0xF000 | to << 8 | right)

    def mla(self, to: int, left: int, right: int, addend: int) -> None:
        self._put(0xFB00 | left, addend << 12 | to << 8 | right)

    def umull(self, low: int, high: int, left: int, right: int) -> None:
        self._put(0xFBA0 | left, low << 12 | high << 8 | right)

    def umaal(self, low: int, high: int, left: int, right: int) -> None:
        """high:low = left * right + low + high; leaves the flags."""
        self._put(0xFBE0 | left, low << 12 | high << 8 | 0x60 | right)

    # Memory.

    def ldr(self, to: int, base: int, offset: int = 0) -> None:
        self._put(0xF8D0 | base, to << 12 | below(offset, 1 << 12))

    def ldr_post(self, to: int, base: int, step: int) -> None:
        """Load, then move the base."""
        self._put(0xF850 | base, to << 12 | 0xB00 | below(step, 256))

    def ldrb(self, to: int, base: int, offset: int = 0) -> None:
        self._put(0xF890 | base, to << 12 | below(offset, 1 << 12))

    def ldrb_post(self, to: int, base: int, step: int) -> None:
        self._put(0xF810 | base, to << 12 | 0xB00 | below(step, 256))

    def str(self, source: int, base: int, offset: int = 0) -> None:
        self._put(0xF8C0 | base, source << 12 | below(offset, 1 << 12))

    def ldrd(self, first: int, second: int, base: int, offset: int = 0) -> None:
        self._put(0xE9D0 | base, first << 12 | second << 8 | below(offset >> 2, 256))

    def strd(self, first: int, second: int, base: int, offset: int = 0) -> None:
        self._put(0xE9C0 | base, first << 12 | second << 8 | below(offset >> 2, 256))

    def ldm(self, base: int, registers: Iterable[int], *, move: bool = False) -> None:
        self._put(0xE890 | move << 5 | base, mask(registers))

    def stm(self, base: int, registers: Iterable[int], *, move: bool = False) -> None:
        self._put(0xE880 | move << 5 | base, mask(registers))

    def push(self, registers: Iterable[int]) -> None:
        self._put(0xE92D, mask(registers))

    def pop(self, registers: Iterable[int]) -> None:
        self._put(0xE8BD, mask(registers))
