"""Sums, and reduction modulo P and Q, for ARMv6-M. Numbers lie in memory; two words at a time are in registers."""

from tools.kernels.frame import CONSTANTS, FLAGS, TIMES, TO
from tools.kernels.thumb import LR, R0, R1, R2, R3, R4, R5, R6, R7, SP
from tools.kernels.v6mwords import DIFFERENCES, DOWN, FOLD_AT, LEFT, MIDDLE, ON, PRODUCT, UP, Kind, Words


def _carry(t: Words, to: int, kind: Kind) -> None:
    """1 for a carry or a borrow, else 0."""
    if kind == UP:
        t.movs(to, 0)
        t.adcs(to, to)
    else:
        t.sbcs(to, to)
        t.rsbs(to, to)


# Modulo P


def fold_p(t: Words) -> None:
    t.ldr(R0, SP, TIMES)
    t.cmp_imm(R0, 0)
    t.b("fold_p", "ne")
    t.bl("fold_q")
    t.label("fold_p")
    # Each word above times FOLD, and itself a word higher: fold is what it carries there, less than 2^11.
    t.ldr(R7, SP, FOLD_AT)
    t.movs(R6, 0)
    for k in range(8):
        word, before = ((R0, R1), (R1, R0))[k & 1]
        fold, carried = ((R2, R3), (R3, R2))[k & 1]
        t.ldr(word, SP, PRODUCT + 32 + 4 * k)
        _times_fold(t, fold, R4, word)
        t.ldr(R5, SP, PRODUCT + 4 * k)
        t.adds(R5, R5, R4)
        t.adcs(fold, R6)
        for addend in (carried, before) if k else ():
            t.adds(R5, R5, addend)
            t.adcs(fold, R6)
        t.str(R5, SP, PRODUCT + 4 * k)
    # Beyond 2^256: r6 : r3, below 2^32 + 2^11, in turn.
    t.adds(R3, R3, R1)
    t.adcs(R6, R6)
    _times_fold(t, R0, R2, R3)
    t.muls(R7, R6)
    t.adds(R0, R0, R7)
    t.movs(R7, 0)
    t.adds(R3, R3, R0)
    t.adcs(R6, R7)
    t.point(R0, PRODUCT)
    t.ldr(R1, SP, TO)
    t.bl("settle_up")
    t.ldr(R4, SP, TIMES)
    t.subs_imm(R4, 1)
    t.b("again", "ne")
    t.bl("next")
    t.label("again")
    t.ldr(R2, SP, TO)
    t.mov(R0, R2)
    t.mov(R1, R2)
    t.bl("product")


def _times_fold(t: Words, high: int, low: int, word: int) -> None:
    """high : low = word * FOLD, which is in r7."""
    t.lsrs(high, word, 16)
    t.muls(high, R7)
    t.uxth(low, word)
    t.muls(low, R7)
    t.lsrs(low, low, 16)
    t.adds(high, high, low)
    t.lsrs(high, high, 16)
    t.mov(low, word)
    t.muls(low, R7)


def _settle(t: Words, name: str, kind: Kind) -> None:
    """Call: *r1 = *r0 and what lies beyond 2^256, folded: r6 : r3 : r2, r7 is 0. r1 is left at the fourth word."""
    t.label(name)
    for i in range(4):
        t.ldm(R0, (R4, R5))
        t.combine(kind[i > 0], R4, (R2, R6, R7, R7)[i])
        t.combine(kind[1], R5, (R3, R7, R7, R7)[i])
        t.stm(R1, (R4, R5))
    # Once more, for a carry, after which the number is so small that no word after the third changes.
    _carry(t, R7, kind)
    t.ldr(R2, SP, FOLD_AT)
    t.muls(R2, R7)
    t.movs(R3, 0)
    t.subs_imm(R1, 32)
    t.mov(R0, R1)
    t.ldm(R0, (R4, R5, R6))
    t.combine(kind[0], R4, R2)
    t.combine(kind[1], R5, R7)
    t.combine(kind[1], R6, R3)
    t.stm(R1, (R4, R5, R6))
    t.bx(LR)


def _sum_p(t: Words, kind: Kind, settle: str) -> None:
    """*r2 = *r0 and *r1 together modulo P."""
    t.pairs(8, kind)
    _carry(t, R3, kind)
    t.subs_imm(R2, 32)
    t.mov(R0, R2)
    t.mov(R1, R2)
    t.ldr(R2, SP, FOLD_AT)
    t.muls(R2, R3)
    t.movs(R6, 0)
    t.movs(R7, 0)
    t.bl(settle)


def sums_p(t: Words) -> None:
    t.label("add")
    _sum_p(t, UP, "settle_up")
    t.bl("next")

    t.label("sub")
    _sum_p(t, DOWN, "settle_down")
    t.bl("next")

    t.label("sub_if_negative")  # the difference, then one of it and what was there
    t.str(R2, SP, TO)
    t.point(R2, PRODUCT)
    _sum_p(t, DOWN, "settle_down")
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

    _settle(t, "settle_up", UP)
    _settle(t, "settle_down", DOWN)


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
    # All five times 2^128 + C. Then it is word 8 alone, at most 2.
    _times_c(t, high, MIDDLE)
    _add(t, PRODUCT + 16, high, 4)
    _carry(t, R3, UP)
    for register in (R4, R5, R6):
        t.movs(register, 0)
    t.stm(R2, (R3, R4, R5, R6))
    _add(t, PRODUCT, MIDDLE, 8)
    t.carry_on()
    t.ldr(R3, SP, above)
    t.rsbs(R3, R3)
    t.point(R0, PRODUCT + 16)
    t.bl("add_c")
    # 2^128 + C for each; a carry is one more, but not after the second.
    for _ in range(2):
        t.ldr(R3, SP, high)
        t.rsbs(R3, R3)
        t.asrs(R3, R3, 31)
        t.point(R0, PRODUCT)
        t.bl("add_c")
        t.ldr(R4, SP, high)
        t.adcs(R4, R3)
        t.str(R4, SP, high)
    t.point(R0, PRODUCT)
    t.ldr(R1, SP, TO)
    t.copy(8)
    t.bl("next")


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
            _carry(t, R3, kind)
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
