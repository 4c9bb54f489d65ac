"""What the instructions of ARMv6-M are made of: the frame, and a few words of a number in memory at a time."""

from tools.kernels.frame import SCRATCH
from tools.kernels.narrow import Narrow
from tools.kernels.thumb import R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, R11

# In the frame, bytes from its beginning:
PRODUCT = SCRATCH  # 16 words
MIDDLE = PRODUCT + 64  # 8 words: (a - a') (b - b'), without its sign
DIFFERENCES = MIDDLE + 32  # 8 words: a - a' and b - b', without their signs
EVEN = DIFFERENCES + 32  # 8 words: the sum of the products at whole words
LEFT, RIGHT, SIGN = EVEN + 32, EVEN + 36, EVEN + 40  # the operands; all ones if MIDDLE is to be subtracted, else 0
FOLD_AT = EVEN + 44  # FOLD
FRAME = EVEN + 52

WINDOW = (R4, R5, R6, R7)
HIGH = (R8, R9, R10, R11)

Kind = tuple[str, str]  # by what instruction words are put together: the first of a number, and the others
UP, DOWN, ON = ("adds", "adcs"), ("subs", "sbcs"), ("adcs", "adcs")


class Words(Narrow):
    """Code, and what its parts often do."""

    def pairs(self, count: int, kind: Kind) -> None:
        """*r2 = *r0 and *r1 together, two words at a time in r4 - r7; moves all three."""
        for i in range(0, count, 2):
            self.ldm(R0, (R4, R5))
            self.ldm(R1, (R6, R7))
            self.combine(kind[i > 0], R4, R6)
            self.combine(kind[1], R5, R7)
            self.stm(R2, (R4, R5))

    def combine(self, name: str, to: int, source: int) -> None:
        """The instruction of this name with two operands."""
        if name in ("adds", "subs"):
            getattr(self, name)(to, to, source)
        else:
            getattr(self, name)(to, source)

    def carry(self, to: int, kind: Kind = UP) -> None:
        """1 for a carry, or a borrow, else 0."""
        if kind == DOWN:
            self.sbcs(to, to)
            self.rsbs(to, to)
        else:
            self.movs(to, 0)
            self.adcs(to, to)

    def carry_on(self) -> None:
        """Add the carry to *r1, four words; moves r1. r3 is 0."""
        self.movs(R3, 0)
        self.mov(R2, R1)
        self.ldm(R1, WINDOW)
        for register in WINDOW:
            self.adcs(register, R3)
        self.stm(R2, WINDOW)

    def copy(self, count: int) -> None:
        """*r1 = *r0, four words at a time; moves both."""
        for _ in range(0, count, 4):
            self.ldm(R0, WINDOW)
            self.stm(R1, WINDOW)

    def call(self, name: str, to: int) -> None:
        self.point(R2, to)
        self.mov(R8, R2)
        self.bl(name)
