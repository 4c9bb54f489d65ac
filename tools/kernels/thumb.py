"""An assembler for Thumb-2: the instructions of ARMv7E-M that a kernel needs, in their wide forms.

A method is an instruction, named as in the Arm manuals, and appends it; registers are numbers. Labels are names:
`label` puts one, branches take one. Encodings: ARMv7-M Architecture Reference Manual, chapter A7.
"""

from collections.abc import Callable, Iterable

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, R11, R12, SP, LR, PC = range(16)
CONDITIONS = {"eq": 0, "ne": 1, "cs": 2, "cc": 3, "mi": 4, "pl": 5, "hi": 8, "ls": 9, "ge": 10, "lt": 11}
LSL, LSR = 0, 1

Fixup = Callable[[int], list[int]]  # the offset to the label, from the instruction + 4 -> its half-words


class Thumb:
    """Code as it grows."""

    def __init__(self) -> None:
        self._halves: list[int] = []
        self._labels: dict[str, int] = {}
        self._fixups: list[tuple[int, int, str, Fixup]] = []  # where, counted from where, to which label, how

    def assemble(self) -> list[int]:
        """The half-words, with all branches resolved. Raises KeyError for a label that was never put."""
        for at, origin, name, encode in self._fixups:
            halves = encode(2 * (self._labels[name] - origin) - 4)
            self._halves[at : at + len(halves)] = halves
        return list(self._halves)

    def label(self, name: str) -> None:
        if name in self._labels:
            raise ValueError(f"label {name} is put twice")
        self._labels[name] = len(self._halves)

    def _put(self, *halves: int) -> None:
        if any(not 0 <= half < 1 << 16 for half in halves):
            raise ValueError("an operand is out of range")
        self._halves.extend(halves)

    def _refer(self, name: str, size: int, encode: Fixup) -> None:
        self._fixups.append((len(self._halves), len(self._halves), name, encode))
        self._halves.extend([0] * size)

    # Branches.

    def b(self, name: str, condition: str = "") -> None:
        """A wide branch: far enough for every kernel on ARMv7E-M."""

        def encode(offset: int) -> list[int]:
            sign, bits = offset < 0, offset >> 1
            if condition:
                _fits(offset, 1 << 20)
                first = 0xF000 | sign << 10 | CONDITIONS[condition] << 6 | bits >> 11 & 0x3F
                return [first, 0x8000 | (bits >> 17 & 1) << 13 | (bits >> 18 & 1) << 11 | bits & 0x7FF]
            _fits(offset, 1 << 24)
            j1, j2 = ((bits >> bit & 1) ^ sign ^ 1 for bit in (22, 21))
            return [0xF000 | sign << 10 | bits >> 11 & 0x3FF, 0x9000 | j1 << 13 | j2 << 11 | bits & 0x7FF]

        self._refer(name, 2, encode)

    def tbh(self, index: int, names: Iterable[str]) -> None:
        """Branch to the label at the index in a table of half-words that follows; all lie further on."""
        self._put(0xE8DF, 0xF010 | index)
        origin = len(self._halves)
        for name in names:
            self._fixups.append((len(self._halves), origin, name, lambda offset: [_positive(offset + 4) >> 1]))
            self._halves.append(0)

    # Moves and constants.

    def mov(self, to: int, source: int) -> None:
        self._put(0x4600 | (to & 8) << 4 | source << 3 | to & 7)

    def mov_imm(self, to: int, value: int) -> None:
        """A constant of up to 32 bits, in one or two instructions; leaves the flags."""
        self._wide_constant(0xF240, to, value & 0xFFFF)
        if value >> 16:
            self._wide_constant(0xF2C0, to, value >> 16)

    def _wide_constant(self, operation: int, to: int, value: int) -> None:
        first = operation | (value >> 11 & 1) << 10 | value >> 12
        self._put(first, (value >> 8 & 7) << 12 | to << 8 | value & 0xFF)

    # Arithmetic; an `s` at the end of a name writes the flags.

    def _register(self, operation: int, to: int, left: int, right: int, shift: int = 0, kind: int = LSL) -> None:
        self._put(operation | left, (shift >> 2) << 12 | to << 8 | (shift & 3) << 6 | kind << 4 | right)

    def _immediate(self, operation: int, to: int, left: int, value: int) -> None:
        self._put(operation | left, to << 8 | _byte(value))

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

    def lsl_imm(self, to: int, source: int, bits: int) -> None:
        self._register(0xEA40, to, PC, source, bits)

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

    # Memory; offsets are in bytes.

    def ldr(self, to: int, base: int, offset: int = 0) -> None:
        self._put(0xF8D0 | base, to << 12 | _below(offset, 1 << 12))

    def ldr_post(self, to: int, base: int, step: int) -> None:
        """Load, then move the base."""
        self._put(0xF850 | base, to << 12 | 0xB00 | _byte(step))

    def ldrb(self, to: int, base: int, offset: int = 0) -> None:
        self._put(0xF890 | base, to << 12 | _below(offset, 1 << 12))

    def ldrb_post(self, to: int, base: int, step: int) -> None:
        self._put(0xF810 | base, to << 12 | 0xB00 | _byte(step))

    def str(self, source: int, base: int, offset: int = 0) -> None:
        self._put(0xF8C0 | base, source << 12 | _below(offset, 1 << 12))

    def ldrd(self, first: int, second: int, base: int, offset: int = 0) -> None:
        self._put(0xE9D0 | base, first << 12 | second << 8 | _byte(offset >> 2))

    def strd(self, first: int, second: int, base: int, offset: int = 0) -> None:
        self._put(0xE9C0 | base, first << 12 | second << 8 | _byte(offset >> 2))

    def ldm(self, base: int, registers: Iterable[int], *, move: bool = False) -> None:
        self._put(0xE890 | move << 5 | base, _mask(registers))

    def stm(self, base: int, registers: Iterable[int], *, move: bool = False) -> None:
        self._put(0xE880 | move << 5 | base, _mask(registers))

    def push(self, registers: Iterable[int]) -> None:
        self._put(0xE92D, _mask(registers))

    def pop(self, registers: Iterable[int]) -> None:
        self._put(0xE8BD, _mask(registers))

    def sub_sp(self, size: int) -> None:
        self._put(0xB080 | _below(size >> 2, 128))

    def add_sp(self, size: int) -> None:
        self._put(0xB000 | _below(size >> 2, 128))


def _mask(registers: Iterable[int]) -> int:
    return sum(1 << register for register in registers)


def _below(value: int, bound: int) -> int:
    if not 0 <= value < bound:
        raise ValueError(f"{value} does not fit in the instruction")
    return value


def _byte(value: int) -> int:
    return _below(value, 256)


def _fits(offset: int, bound: int) -> None:
    _below(offset + bound, 2 * bound)


def _positive(offset: int) -> int:
    return _below(offset, 1 << 17)
