"""The instructions of the field machine that compute modulo P and Q, for RV32IM.

A number is eight words in registers, a product sixteen; with the four others all registers are taken.
"""

from collections.abc import Sequence

from tools.kernels.constants import FOLD, C
from tools.kernels.frame import FLAGS, TIMES, TO
from tools.kernels.rv32 import A0, A1, A2, A3, A4, A5, A6, A7, RA, SP, T0, T2, ZERO
from tools.kernels.rv32words import CARRY, HIGH, LEFT, LOW, NUMBER, PRODUCT, RESULT, RIGHT, SPARE, Words


def squarings(t: Words) -> None:
    t.label("mul_if_lambda")
    t.lw(T0, SP, FLAGS)
    t.andi(T0, T0, 4)
    t.beqz(T0, "next")
    t.label("mul")
    t.li(T0, 1)
    t.bne(LEFT, RIGHT, "product")
    t.label("squarings")
    t.sw(RESULT, SP, TO)
    t.sw(T0, SP, TIMES)
    t.load(NUMBER, LEFT)
    _square(t)
    t.j("fold_p")

    t.label("sqr_n")
    t.lbu(T0, T0, -1)
    t.j("squarings")


def _square(t: Words) -> None:
    """PRODUCT = NUMBER squared: the products of different words, twice, and the squares of words."""
    t.label("square")
    for i in range(7):
        t.row(PRODUCT[2 * i + 1 : i + 8], NUMBER[i + 1 :], NUMBER[i], PRODUCT[i + 8], new=i == 0)
    t.srli(PRODUCT[15], PRODUCT[14], 31)
    for i in range(14, 1, -1):
        t.srli(SPARE, PRODUCT[i - 1], 31)
        t.slli(PRODUCT[i], PRODUCT[i], 1)
        t.or_(PRODUCT[i], PRODUCT[i], SPARE)
    t.slli(PRODUCT[1], PRODUCT[1], 1)
    low, high = RA, T2
    t.mul(PRODUCT[0], NUMBER[0], NUMBER[0])
    t.mulhu(high, NUMBER[0], NUMBER[0])
    t.add_words(PRODUCT[1:2], (high,))
    for i, word in enumerate(NUMBER[1:], 1):
        t.mul(low, word, word)
        t.mulhu(high, word, word)
        t.ripple((low,))
        t.add_more(PRODUCT[2 * i], low)
        t.add(high, high, CARRY)
        t.add_words(PRODUCT[2 * i + 1 : 2 * i + 2], (high,))


def products(t: Words) -> None:
    """PRODUCT = the operands' product, row by row."""
    t.label("mulq")
    t.mv(T0, ZERO)
    t.label("product")
    t.sw(RESULT, SP, TO)
    t.sw(T0, SP, TIMES)
    t.load(NUMBER, LEFT)
    for i in range(8):
        t.lw(T2, RIGHT, 4 * i)
        t.row(PRODUCT[i : i + 8], NUMBER, T2, PRODUCT[i + 8], new=i == 0)
    t.lw(T0, SP, TIMES)
    t.beqz(T0, "fold_q")


def fold_p(t: Words) -> None:
    t.label("fold_p")
    fold = RA
    t.li(fold, FOLD)
    # The high half times FOLD, and once a word higher.
    t.multiply_add(NUMBER[0], LOW[0], HIGH[0], fold, first=True)
    for i in range(1, 8):
        t.ripple(LOW[i : i + 1])
        t.add_more(LOW[i], HIGH[i - 1])
        t.multiply_add(NUMBER[i], LOW[i], HIGH[i], fold)
    # Beyond 2^256: t2 : top, below 2^32 + 1000.
    top = HIGH[7]
    t.ripple((top,))
    t.mv(T2, CARRY)
    t.multiply_add(NUMBER[0], NUMBER[0], top, fold, first=True)
    t.mul(SPARE, T2, fold)
    t.add(CARRY, CARRY, SPARE)
    t.ripple(NUMBER[1:2])
    t.add_more(NUMBER[1], top)
    t.add(CARRY, CARRY, T2)
    t.ripple(NUMBER[2:])
    _add_fold(t, fold, NUMBER[:3])
    t.lw(T0, SP, TIMES)
    t.addi(T0, T0, -1)
    t.sw(T0, SP, TIMES)
    t.bnez(T0, "square")
    t.lw(RESULT, SP, TO)
    t.finish(NUMBER)


def _add_fold(t: Words, fold: int, words: Sequence[int]) -> None:
    """Add the carry times 2^32 + FOLD to a number of which no more than these words change."""
    t.mul(SPARE, CARRY, fold)
    t.add_more(words[0], SPARE)
    t.ripple(words[1:])


def fold_q(t: Words) -> None:
    t.label("fold_q")
    constants, upper = (A5, A6, A7, T2), (A0, A1, A2, A3, A4)
    for register, word in zip(constants, C, strict=True):
        t.li(register, word)
    # The high half times C; times 2^128: four words higher.
    sums = LOW + upper
    for k in range(4):
        t.row(sums[k : k + 8], HIGH, constants[k], upper[k])
    t.add_words(sums[4:12], HIGH)
    t.mv(upper[4], CARRY)
    # The five words above, one by one; `last` carries from the word that each of them is added to.
    high, last, top = RA, HIGH[0], HIGH[1]
    for k, word in enumerate(upper[:4]):
        t.row(LOW[k : k + 4], constants, word, high)
        t.add_words(LOW[k + 4 : k + 5], (high,))
        t.add_more(LOW[k + 4], word)
        if k:
            t.add_more(LOW[k + 4], last)
        t.mv(last, CARRY)
    t.row(LOW[4:], constants, upper[4], high)
    t.add(top, high, upper[4])
    t.add(top, top, last)
    # The ninth word of the sum is small.
    t.row(LOW[:4], constants, top, high)
    t.add(CARRY, high, top)
    t.ripple(LOW[4:])
    _masked_c(t, constants, HIGH[:5])
    t.add_words(LOW[:5], HIGH[:5])
    t.lw(RESULT, SP, TO)
    t.finish(LOW)


def _masked_c(t: Words, constants: Sequence[int], masked: Sequence[int]) -> None:
    """masked = C times the carry, in five words"""
    t.neg(SPARE, CARRY)
    for to, constant in zip(masked, constants, strict=False):
        t.and_(to, constant, SPARE)
    t.mv(masked[4], CARRY)


def sums_p(t: Words) -> None:
    fold = HIGH[0]
    t.label("add")
    t.load(NUMBER, LEFT)
    t.load(LOW, RIGHT)
    t.li(fold, FOLD)
    t.add_words(NUMBER, LOW)
    _add_fold(t, fold, NUMBER)
    _add_fold(t, fold, NUMBER[:2])  # the sum is so small then that no other word changes
    t.finish(NUMBER)

    t.label("sub")
    _difference_p(t)
    t.finish(NUMBER)

    t.label("sub_if_negative")
    _difference_p(t)
    t.lw(SPARE, SP, FLAGS)
    t.srli(SPARE, SPARE, 1)
    t.andi(SPARE, SPARE, 1)
    t.neg(SPARE, SPARE)
    t.load(LOW, RESULT)
    t.choose(LOW, NUMBER, SPARE)
    t.finish(LOW)


def _difference_p(t: Words) -> None:
    fold = HIGH[0]
    t.load(NUMBER, LEFT)
    t.load(LOW, RIGHT)
    t.li(fold, FOLD)
    t.subtract_words(NUMBER, LOW)
    for words in (NUMBER, NUMBER[:2]):  # the second time so near to 2^256 that no other word changes
        t.mul(SPARE, CARRY, fold)
        t.mv(LOW[0], CARRY)
        t.subtract_words(words[:2], (SPARE, LOW[0]))
        t.ripple_down(words[2:])


def sums_q(t: Words) -> None:
    constants = HIGH[:4]
    for label, operation, ripple in (("addq", t.add_words, t.ripple), ("subq", t.subtract_words, t.ripple_down)):
        t.label(label)
        t.load(NUMBER, LEFT)
        t.load(LOW, RIGHT)
        for register, word in zip(constants, C, strict=True):
            t.li(register, word)
        operation(NUMBER, LOW)
        for words in (NUMBER, NUMBER[:5]):  # as with P
            _masked_c(t, constants, LOW[:5])
            operation(words[:5], LOW[:5])
            ripple(words[5:])
        t.finish(NUMBER)
