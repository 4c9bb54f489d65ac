"""Sums, and reduction modulo P and Q, for ARMv6-M. Numbers lie in memory; two words at a time are in registers."""

from tools.kernels.frame import CONSTANTS, FLAGS, TIMES, TO
from tools.kernels.thumb import LR, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, R11, R12, SP
from tools.kernels.v6mwords import DIFFERENCES, DOWN, FOLD_AT, HIGH, LEFT, MIDDLE, ON, PRODUCT, UP, WINDOW, Kind, Words

# Modulo P


def fold_p(t: Words) -> None:
    t.ldr(R0, SP, TIMES)
    t.cmp_imm(R0, 0)
    t.b("fold_p", "ne")
    t.bl("fold_q")
    t.label("fold_p")
    _fold_high(t)
    _fold_beyond(t)
    t.ldr(R4, SP, TIMES)
    t.subs_imm(R4, 1)
    t.b("again", "ne")
    t.bl("next")
    t.label("again")
    t.ldr(R2, SP, TO)
    t.mov(R0, R2)
    t.mov(R1, R2)
    t.bl("product")


def _fold_high(t: Words) -> None:
    """Add each word above 2^256, times FOLD, and itself to the next. What lies beyond is r1 and r3, which is small."""
    t.ldr(R7, SP, FOLD_AT)
    t.movs(R6, 0)
    for k in range(8):
        word, before = ((R0, R1), (R1, R0))[k & 1]
        fold, carried = ((R2, R3), (R3, R2))[k & 1]  # what goes on to the next word and came to this, below 2^11
        t.ldr(word, SP, PRODUCT + 32 + 4 * k)
        _times_fold(t, R4, fold, word)
        if k:
            t.adds(R4, R4, carried)
        t.lsls(carried, fold, 16)
        t.lsrs(fold, fold, 16)
        t.ldr(R5, SP, PRODUCT + 4 * k)
        for addend in (R4, carried, before) if k else (R4, carried):
            t.adds(R5, R5, addend)
            t.adcs(fold, R6)
        t.str(R5, SP, PRODUCT + 4 * k)


def _fold_beyond(t: Words) -> None:
    """*TO = PRODUCT and what _fold_high left beyond 2^256: r6 : r3, below 2^32 + 2^11."""
    t.adds(R3, R3, R1)
    t.adcs(R6, R6)
    _times_fold(t, R2, R0, R3)
    t.muls(R7, R6)
    t.lsls(R1, R0, 16)
    t.lsrs(R0, R0, 16)
    t.adds(R2, R2, R1)
    t.adcs(R0, R7)
    t.movs(R7, 0)
    t.adds(R3, R3, R0)
    t.adcs(R6, R7)
    t.point(R0, PRODUCT)
    t.ldr(R1, SP, TO)
    for i in range(4):
        t.ldm(R0, (R4, R5))
        t.combine(UP[i > 0], R4, (R2, R6, R7, R7)[i])
        t.adcs(R5, (R3, R7, R7, R7)[i])
        t.stm(R1, (R4, R5))
    # A carry is folded too. It leaves a number so small that no word after the third changes then.
    _fold(t, UP)
    t.subs_imm(R1, 32)
    t.mov(R0, R1)
    t.ldm(R0, (R4, R5, R6))
    t.adds(R4, R4, R2)
    t.adcs(R5, R3)
    t.adcs(R6, R7)
    t.stm(R1, (R4, R5, R6))


def _times_fold(t: Words, low: int, high: int, word: int) -> None:
    """word * FOLD = low + (high << 16), of 26 bits each. FOLD is in r7."""
    t.uxth(low, word)
    t.muls(low, R7)
    t.lsrs(high, word, 16)
    t.muls(high, R7)


def _sum_p(t: Words, kind: Kind) -> None:
    """*r2 = *r0 and *r1 together modulo P. Words 0 - 3 wait in r8 - r11, then 2 and 3; the others end in r4 - r7."""
    t.mov(R12, R2)
    for high in (False, True):
        t.ldm(R0, WINDOW)
        for i in (0, 2):
            t.ldm(R1, (R2, R3))
            t.combine(kind[high or i > 0], WINDOW[i], R2)
            t.combine(kind[1], WINDOW[i + 1], R3)
        for register, waiting in () if high else zip(WINDOW, HIGH, strict=True):
            t.mov(waiting, register)
    _fold(t, kind)
    t.mov(R0, R8)
    t.mov(R1, R9)
    t.combine(kind[0], R0, R2)
    t.combine(kind[1], R1, R3)
    t.movs(R3, 0)
    for waiting in (R10, R11):
        t.mov(R2, waiting)
        t.combine(kind[1], R2, R3)
        t.mov(waiting, R2)
    for register in WINDOW:
        t.combine(kind[1], register, R3)
    # A carry is folded too. It leaves a number so near to 0, or to 2^256, that no word after the second changes then.
    _fold(t, kind)
    t.combine(kind[0], R0, R2)
    t.combine(kind[1], R1, R3)
    t.mov(R2, R12)
    t.stm(R2, (R0, R1))
    t.mov(R0, R10)
    t.mov(R1, R11)
    t.stm(R2, (R0, R1))
    t.stm(R2, WINDOW)


def _fold(t: Words, kind: Kind) -> None:
    """r3 : r2 = 2^32 + FOLD for a carry, or a borrow, else 0."""
    t.carry(R3, kind)
    t.ldr(R2, SP, FOLD_AT)
    t.muls(R2, R3)


def sums_p(t: Words) -> None:
    t.label("add")
    _sum_p(t, UP)
    t.bl("next")

    t.label("sub")
    _sum_p(t, DOWN)
    t.bl("next")

    t.label("sub_if_negative")  # the difference, then one of it and what was there
    t.str(R2, SP, TO)
    t.point(R2, PRODUCT)
    _sum_p(t, DOWN)
    t.ldr(R3, SP, FLAGS)
    t.lsls(R3, R3, 30)
    t.asrs(R3, R3, 31)  # all ones if it is negative
    t.point(R0, PRODUCT)
    t.ldr(R1, SP, TO)
    t.mov(R2, R1)
    for _ in range(4):
        t.ldm(R0, (R4, R5))
        t.ldm(R1, (R6, R7))
        for new, old in ((R4, R6), (R5, R7)):
            t.eors(new, old)
            t.ands(new, R3)
            t.eors(new, old)
        t.stm(R2, (R4, R5))
    t.bl("next")


# Modulo Q


def fold_q(t: Words) -> None:
    t.label("fold_q")
    high, last, above = PRODUCT + 32, PRODUCT + 48, LEFT
    # The high half times 2^128 + C. What lies beyond 2^256 are words 8 - 11 and one above, 0 or 1.
    _times_c(t, high, MIDDLE)
    _times_c(t, last, DIFFERENCES)
    _add(t, PRODUCT, MIDDLE, 8)
    t.point(R1, DIFFERENCES + 16)
    t.carry_on()
    _add(t, PRODUCT + 16, high, 4)
    t.point(R0, DIFFERENCES + 16)
    t.point(R1, last)
    t.pairs(4, ON)
    t.adcs(R3, R3)
    t.str(R3, SP, above)
    _add(t, PRODUCT + 16, DIFFERENCES, 4)
    t.carry_on()
    t.ldr(R4, SP, above)
    t.adcs(R4, R3)
    t.str(R4, SP, above)
    _fold_q_again(t, above)
    t.point(R0, PRODUCT)
    t.ldr(R1, SP, TO)
    t.copy(8)
    t.bl("next")


def _fold_q_again(t: Words, above: int) -> None:
    """The words from the eighth times 2^128 + C, then what they carry there again, at most 2."""
    high = PRODUCT + 32
    _times_c(t, high, MIDDLE)
    _add(t, PRODUCT + 16, high, 4)
    t.carry(R3)
    for register in (R4, R5, R6):
        t.movs(register, 0)
    t.stm(R2, (R3, R4, R5, R6))
    _add(t, PRODUCT, MIDDLE, 8)
    t.carry_on()
    t.ldr(R3, SP, above)
    t.rsbs(R3, R3)
    t.point(R0, PRODUCT + 16)
    t.bl("add_c")
    for _ in range(2):  # a carry of the second there cannot be
        t.ldr(R3, SP, high)
        t.rsbs(R3, R3)
        t.asrs(R3, R3, 31)
        t.point(R0, PRODUCT)
        t.bl("add_c")
        t.ldr(R4, SP, high)
        t.adcs(R4, R3)
        t.str(R4, SP, high)


def _times_c(t: Words, half: int, to: int) -> None:
    t.point(R0, half)
    t.point(R1, CONSTANTS)
    t.call("multiply_half", to)


def _add(t: Words, to: int, addend: int, count: int) -> None:
    """Leaves r1 and r2 after the last words."""
    t.point(R0, addend)
    t.point(R1, to)
    t.mov(R2, R1)
    t.pairs(count, UP)


def _masked_c(t: Words, name: str, kind: Kind) -> None:
    """Call: *r0 and 2^128 + C together if r3 is all ones, nothing if it is 0; moves r0 and leaves the carry."""
    t.label(name)
    t.mov(R2, R0)
    t.point(R1, CONSTANTS)
    for i in range(4):
        t.ldm(R0, (R4, R5))
        if i < 2:
            t.ldm(R1, (R6, R7))
            t.ands(R6, R3)
            t.ands(R7, R3)
        else:
            t.movs(R6, i == 2)
            t.ands(R6, R3)
            t.movs(R7, 0)
        t.combine(kind[i > 0], R4, R6)
        t.combine(kind[1], R5, R7)
        t.stm(R2, (R4, R5))
    t.bx(LR)


def sums_q(t: Words) -> None:
    for label, kind, fold in (("addq", UP, "add_c"), ("subq", DOWN, "subtract_c")):
        t.label(label)
        t.pairs(8, kind)
        t.mov(R0, R2)
        for _ in range(2):
            t.carry(R3, kind)
            t.rsbs(R3, R3)
            t.subs_imm(R0, 32)
            t.bl(fold)
        t.bl("next")

    t.label("big_q")
    t.str(R2, SP, TO)
    t.point(R1, PRODUCT)
    t.copy(8)
    t.movs(R3, 0)
    t.mvns(R3, R3)
    t.point(R0, PRODUCT)
    t.bl("add_c")
    t.sbcs(R3, R3)  # without a carry it was below Q
    t.point(R0, PRODUCT)
    t.bl("subtract_c")
    t.point(R0, PRODUCT)
    t.ldr(R2, SP, TO)
    t.bl("store_big")

    _masked_c(t, "add_c", UP)
    _masked_c(t, "subtract_c", DOWN)
