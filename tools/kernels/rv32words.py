"""Numbers of several words for the kernel for RV32IM.

There is no carry flag: a carry is the comparison of a sum with what was added.
"""

from collections.abc import Sequence

from tools.kernels.rv32 import A0, A1, A2, A3, A4, A5, A6, A7, RA, T0, T1, T2, T3, T4, T5, T6, Rv32, S

# Together these are all registers that a function may use, but for sp.
NUMBER = (A0, A1, A2, A3, A4, A5, A6, A7)
PRODUCT = (*S, T3, T4, T5, T6)
LOW, HIGH = PRODUCT[:8], PRODUCT[8:]
CARRY, SPARE = T0, T1
RESULT, LEFT, RIGHT = T2, T1, RA  # the addresses of the slots that an instruction of the machine names


class Words(Rv32):
    """With instructions for several words, each a register. Where there is a carry or borrow, it is in CARRY.

    They change SPARE, and ra where they subtract.
    """

    def load(self, registers: Sequence[int], base: int) -> None:
        for i, register in enumerate(registers):
            self.lw(register, base, 4 * i)

    def store(self, registers: Sequence[int], base: int) -> None:
        for i, register in enumerate(registers):
            self.sw(register, base, 4 * i)

    def finish(self, result: Sequence[int]) -> None:
        """The end of an instruction."""
        self.store(result, RESULT)
        self.j("next")

    def row(self, sums: Sequence[int], words: Sequence[int], factor: int, last: int, *, new: bool = False) -> None:
        """sums += words * factor, and `last` = the carry. new: the sums were 0."""
        for i, (total, word) in enumerate(zip(sums, words, strict=True)):
            high = last if i == len(sums) - 1 else CARRY
            if new and i == 0:
                self.mul(total, word, factor)
                self.mulhu(high, word, factor)
            elif new:
                self.mul(total, word, factor)
                self.ripple((total,))
                self.mulhu(SPARE, word, factor)
                self.add(high, CARRY, SPARE)
            else:
                if i:
                    self.ripple((total,))
                self.multiply_add(total, total, word, factor, high, first=i == 0)

    def multiply_add(
        self, to: int, addend: int, word: int, factor: int, high: int = CARRY, *, first: bool = False
    ) -> None:
        """to = addend + word * factor; what lies above goes to `high`, with the carry unless this is the first."""
        self.mul(SPARE, word, factor)
        self.add(to, addend, SPARE)
        self.sltu(CARRY if first else SPARE, to, SPARE)
        if not first:
            self.add(CARRY, CARRY, SPARE)
        self.mulhu(SPARE, word, factor)
        self.add(high, CARRY, SPARE)

    def add_more(self, word: int, other: int) -> None:
        """word += other; the carry counts what comes of it too."""
        self.add(word, word, other)
        self.sltu(SPARE, word, other)
        self.add(CARRY, CARRY, SPARE)

    def ripple(self, words: Sequence[int]) -> None:
        """words += the carry"""
        for word in words:
            self.add(word, word, CARRY)
            self.sltu(CARRY, word, CARRY)

    def ripple_down(self, words: Sequence[int]) -> None:
        """words -= the borrow"""
        borrow, following = CARRY, RA
        for word in words:
            self.sltu(following, word, borrow)
            self.sub(word, word, borrow)
            borrow, following = following, borrow
        if borrow != CARRY:
            self.mv(CARRY, borrow)

    def add_words(self, words: Sequence[int], others: Sequence[int]) -> None:
        """words += others, leaving the carry."""
        for i, (word, other) in enumerate(zip(words, others, strict=True)):
            self.add(word, word, other)
            self.sltu(SPARE if i else CARRY, word, other)
            if i:
                self.ripple((word,))
                self.or_(CARRY, CARRY, SPARE)

    def subtract_words(self, words: Sequence[int], others: Sequence[int]) -> None:
        """words -= others, leaving the borrow."""
        for i, (word, other) in enumerate(zip(words, others, strict=True)):
            self.sltu(SPARE if i else CARRY, word, other)
            self.sub(word, word, other)
            if i:
                self.sltu(RA, word, CARRY)
                self.sub(word, word, CARRY)
                self.or_(CARRY, SPARE, RA)

    def choose(self, words: Sequence[int], others: Sequence[int], mask: int) -> None:
        """words = others where the mask has ones"""
        for word, other in zip(words, others, strict=True):
            self.xor(other, other, word)
            self.and_(other, other, mask)
            self.xor(word, word, other)
