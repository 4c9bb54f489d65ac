"""The instructions of the field machine that compute modulo P and Q, for ARMv7E-M.

A number is eight words in registers. The product is made row by row: nine registers hold the running sum, and each
UMAAL adds a product, a sum and a carry.
"""

from tools.kernels.constants import FOLD
from tools.kernels.frame import CONSTANTS, FLAGS, SCRATCH, TIMES, TO
from tools.kernels.thumb import LR, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, R11, R12, SP
from tools.kernels.wide import Wide

NUMBER = range(R0, R8)  # the registers of a result


def products(t: Wide) -> None:
    t.label("mul_if_lambda")
    t.ldr(R9, SP, FLAGS)
    t.tst_imm(R9, 4)
    t.b("next", "eq")
    t.label("mul")
    t.mov_imm(R9, 1)
    t.strd(R10, R9, SP, TO)
    _multiply(t)
    _fold_p(t)

    t.label("sqr_n")
    t.lsr_imm(R9, R11, 24)
    t.strd(R10, R9, SP, TO)
    t.mov(LR, R12)
    t.b("multiply")

    t.label("mulq")
    t.mov_imm(R9, 0)
    t.strd(R10, R9, SP, TO)
    t.b("multiply")
    _fold_q(t)


def _multiply(t: Wide) -> None:
    """The 16 words of *r12 times *lr: the low half in SCRATCH, the high half in r1 - r8."""
    ring = (R2, R3, R4, R5, R6, R7, R8, R0, R1)
    t.label("multiply")
    for i in range(8):
        row = [ring[(i + j) % 9] for j in range(9)]
        t.ldr(R9, LR, 4 * i)
        if i:
            t.mov_imm(row[8], 0)
        for j in range(0, 8, 2):
            t.ldrd(R10, R11, R12, 4 * j)
            for word, k in ((R10, j), (R11, j + 1)):
                if i:
                    t.umaal(row[k], row[8], word, R9)
                elif k == 0:
                    t.umull(row[0], row[1], word, R9)
                else:
                    t.mov_imm(row[k + 1], 0)
                    t.umaal(row[k], row[k + 1], word, R9)
        t.str(row[0], SP, SCRATCH + 4 * i)


def _fold_p(t: Wide) -> None:
    t.ldr(R9, SP, TIMES)
    t.cmp_imm(R9, 0)
    t.b("fold_q", "eq")
    # The high half times FOLD, and once a word higher; the words move down one register.
    t.mov_imm(R9, FOLD)
    t.mov_imm(R10, 0)
    for i in range(0, 8, 2):
        t.ldrd(R0 if i == 0 else R11, R12, SP, SCRATCH + 4 * i)
        if i == 0:
            t.umaal(R0, R10, R1, R9)
        else:
            t.umaal(R11, R10, i + 1, R9)
            t.adcs(i, R11, i)
        t.umaal(R12, R10, i + 2, R9)
        (t.adcs if i else t.adds)(i + 1, R12, i + 1)
    t.mov_imm(R12, 0)
    t.adcs(R8, R8, R10)
    t.adc_imm(R11, R12, 0)  # beyond 2^256: r11 : r8, below 2^32 + 1000
    t.mov_imm(R10, 0)
    t.umaal(R0, R10, R8, R9)
    t.mla(R8, R11, R9, R8)
    t.adds(R8, R8, R10)
    t.adc_imm(R11, R11, 0)
    t.adds(R1, R1, R8)
    t.adcs(R2, R2, R11)
    ripple(t, R3)
    _last_fold_p(t, R2)
    t.ldrd(R12, R9, SP, TO)
    t.stm(R12, NUMBER)
    t.subs_imm(R9, R9, 1)
    t.b("next", "eq")
    t.str(R9, SP, TIMES)
    t.mov(LR, R12)
    t.b("multiply")


def ripple(t: Wide, first: int) -> None:
    for register in range(first, R8):
        t.adcs_imm(register, register, 0)


def _last_fold_p(t: Wide, last: int) -> None:
    """Add the carry times 2^32 + FOLD to what is so small then that no word after `last` changes. FOLD is in r9."""
    t.mov_imm(R12, 0)
    t.adc_imm(R12, R12, 0)
    t.mul(R11, R12, R9)
    t.adds(R0, R0, R11)
    t.adcs(R1, R1, R12)
    for register in range(R2, last + 1):
        t.adcs_imm(register, register, 0)


def _fold_q(t: Wide) -> None:
    t.label("fold_q")
    # The high half times the low words of C, into the scratch, where words 8 - 11 get their first value as carries.
    for k in range(4):
        t.ldr(R9, SP, CONSTANTS + 4 * k)
        t.mov_imm(R10, 0)
        for j in range(0, 8, 2):
            t.ldrd(R11, R12, SP, SCRATCH + 4 * (k + j))
            t.umaal(R11, R10, R1 + j, R9)
            t.umaal(R12, R10, R2 + j, R9)
            t.strd(R11, R12, SP, SCRATCH + 4 * (k + j))
        t.str(R10, SP, SCRATCH + 4 * (k + 8))
    # Times 2^128: the high half four words higher. Words 4 - 7 are needed in r4 - r7, what is above in the scratch.
    for j in range(0, 8, 2):
        t.ldrd(R11, R12, SP, SCRATCH + 4 * (4 + j))
        (t.adcs if j else t.adds)(R11, R11, R1 + j)
        t.adcs(R12, R12, R2 + j)
        t.strd(R11, R12, SP, SCRATCH + 4 * (4 + j))
    t.mov_imm(R12, 0)
    t.adc_imm(R12, R12, 0)
    t.str(R12, SP, SCRATCH + 48)
    t.add_imm(R12, SP, SCRATCH)
    t.ldm(R12, NUMBER)
    # The five words above, one by one; the sum has a ninth word, r8.
    t.mov_imm(R8, 0)
    for k in range(5):
        t.ldr(R11, SP, SCRATCH + 32 + 4 * k)
        _add_times_c(t, R0 + k, R11)
        if k < 4:
            t.adds(R5 + k, R5 + k, R10)
            for register in range(R6 + k, R8 + 1):
                t.adcs_imm(register, register, 0)
    _add_times_c(t, R0, R8)
    t.adds(R5, R5, R10)
    ripple(t, R6)
    _last_fold_q(t)
    t.ldr(R12, SP, TO)
    t.stm(R12, NUMBER)
    t.b("next")


def _add_times_c(t: Wide, first: int, factor: int) -> None:
    """Add factor * C to five registers from `first`; the carry is in r10."""
    t.mov_imm(R10, 0)
    for i in range(4):
        t.ldr(R9, SP, CONSTANTS + 4 * i)
        t.umaal(first + i, R10, factor, R9)
    t.mov_imm(R9, 1)
    t.umaal(first + 4, R10, factor, R9)


def _last_fold_q(t: Wide) -> None:
    """Add the carry times C, as _last_fold_p."""
    t.mov_imm(R12, 0)
    t.adc_imm(R12, R12, 0)
    _add_times_c(t, R0, R12)


def sums(t: Wide) -> None:
    t.label("add")
    _sum(t, t.adds, t.adcs)
    t.mov_imm(R9, FOLD)
    t.mov_imm(R12, 0)
    t.adc_imm(R12, R12, 0)
    t.mul(R11, R12, R9)
    t.adds(R0, R0, R11)
    t.adcs(R1, R1, R12)
    ripple(t, R2)
    _last_fold_p(t, R1)
    t.stm(R10, NUMBER)
    t.b("next")

    t.label("sub")
    _difference_p(t)
    t.stm(R10, NUMBER)
    t.b("next")

    t.label("sub_if_negative")
    _difference_p(t)
    t.ldr(R9, SP, FLAGS)
    t.sbfx(R9, R9, 1, 1)  # all ones if it is
    for i in range(0, 8, 2):
        t.ldrd(R11, R12, R10, 4 * i)
        for new, old in ((i, R11), (i + 1, R12)):
            t.eor(new, new, old)
            t.and_(new, new, R9)
            t.eor(new, new, old)
    t.stm(R10, NUMBER)
    t.b("next")

    t.label("addq")
    t.str(R10, SP, TO)
    _sum(t, t.adds, t.adcs)
    t.mov_imm(R12, 0)
    t.adc_imm(R12, R12, 0)
    _add_times_c(t, R0, R12)
    t.adds(R5, R5, R10)
    ripple(t, R6)
    _last_fold_q(t)
    t.ldr(R12, SP, TO)
    t.stm(R12, NUMBER)
    t.b("next")

    t.label("subq")
    _sum(t, t.subs, t.sbcs)
    for last in (R7, R4):  # the second time the difference is so near to 2^256 that no word after r4 changes
        t.sbc(R12, R12, R12)  # all ones for a borrow
        for i in range(4):
            t.ldr(R9, SP, CONSTANTS + 4 * i)
            t.and_(R9, R9, R12)
            (t.sbcs if i else t.subs)(i, i, R9)
        t.ubfx(R9, R12, 0, 1)
        t.sbcs(R4, R4, R9)
        for register in range(R5, last + 1):
            t.sbcs_imm(register, register, 0)
    t.stm(R10, NUMBER)
    t.b("next")


def _sum(t: Wide, first, then) -> None:  # type: ignore[no-untyped-def]
    """*r12 and *lr together, in r0 - r7, with the last carry or borrow in the flags."""
    t.ldm(R12, NUMBER)
    for i in range(0, 8, 2):
        t.ldrd(R8, R9, LR, 4 * i)
        (then if i else first)(i, i, R8)
        then(i + 1, i + 1, R9)


def _difference_p(t: Wide) -> None:
    _sum(t, t.subs, t.sbcs)
    t.mov_imm(R9, FOLD)
    for last in (R7, R1):  # as in subq
        t.sbc(R12, R12, R12)
        t.and_(R11, R12, R9)
        t.ubfx(R12, R12, 0, 1)
        t.subs(R0, R0, R11)
        t.sbcs(R1, R1, R12)
        for register in range(R2, last + 1):
            t.sbcs_imm(register, register, 0)
