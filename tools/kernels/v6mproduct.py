"""Products and squares of eight words for ARMv6-M, whose MULS gives 32 bits only.

A number of four words is eight digits of 16 bits. Products of two digits whose places have an even sum lie at whole
words, so a row of them is added word by word, each row with one chain of carries; those with an odd sum lie half a word
higher and are summed for themselves. Of eight words Karatsuba's rule makes three products of four:
(a + a' B) (b + b' B) = a b + (a b + a' b' - (a - a') (b - b')) B + a' b' B^2, where B is 2^128.
"""

from collections.abc import Iterator, Sequence

from tools.kernels.frame import FLAGS, TIMES, TO
from tools.kernels.thumb import LR, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, R11, R12, SP
from tools.kernels.v6mwords import DIFFERENCES, DOWN, EVEN, LEFT, MIDDLE, ON, PRODUCT, RIGHT, SIGN, UP, WINDOW, Words

# Products of four words


def multiply_half(t: Words) -> None:
    """Call: *r8 = *r0 times *r1, eight words of four and four.

    Two rows follow each other in a window of four words, of which the highest is a carry at most when the first comes:
    only the second has a carry.
    """
    t.label("multiply_half")
    window = list(WINDOW)
    for i in range(8):  # a digit on the left times those on the right that bring it to whole words
        _row(t, i, range(i & 1, 8, 2), window)
        if i & 1 == 0:
            t.str(window[0], SP, EVEN + 2 * i)
            _next_word(t, window, carry=i > 0)
    for i, register in enumerate(window):
        t.str(register, SP, EVEN + 16 + 4 * i)
    window = list(WINDOW)
    for i in range(8):
        _row(t, i, range(1 - (i & 1), 8, 2), window)
        if i & 1 and i < 7:
            t.mov(R9 + i // 2, window[0])
            _next_word(t, window, carry=True)
    t.carry(R3)
    _add_odd(t, 16)


def _row(t: Words, i: int, right: Sequence[int], window: list[int]) -> None:
    """Add a digit of *r0 times some of *r1 to the window; the first row of all begins it."""
    t.ldrh(R2, R0, 2 * i)
    for n, j in enumerate(right):
        to = window[n] if i == 0 else R3
        t.ldrh(to, R1, 2 * j)
        t.muls(to, R2)
        if i and n == 0:
            t.adds(window[0], window[0], R3)
        elif i:
            t.adcs(window[n], R3)


def _next_word(t: Words, window: list[int], *, carry: bool) -> None:
    """Move the window up: its lowest register, whose word is stored, begins the highest word."""
    window.append(window.pop(0))
    if carry:
        t.carry(window[-1])
    else:
        t.movs(window[-1], 0)


def _add_odd(t: Words, shift: int) -> None:
    """*r8 = EVEN + the odd sum << shift, and return. Its words are in r9, r10, r11, r7, r4, r5, r6, r3."""

    def shifted(to: int, lower: int, spare: int) -> None:
        t.lsls(to, to, shift)
        t.lsrs(spare, lower, 32 - shift)
        t.orrs(to, spare)

    for to, lower in ((R3, R6), (R6, R5), (R5, R4), (R4, R7)):
        shifted(to, lower, R0)
    t.mov(R12, R3)
    for to, lower, high in ((R7, R2, R11), (R2, R1, R10), (R1, R0, R9)):
        t.mov(lower, high)
        shifted(to, lower, R3)
    t.lsls(R0, R0, shift)
    for n, register in enumerate((R0, R1, R2, R7, R4, R5, R6)):
        t.ldr(R3, SP, EVEN + 4 * n)
        t.combine(UP[n > 0], register, R3)
    t.mov(R3, R8)
    t.stm(R3, (R0, R1, R2, R7))
    t.mov(R7, R12)
    t.ldr(R0, SP, EVEN + 28)
    t.adcs(R7, R0)
    t.stm(R3, WINDOW)
    t.bx(LR)


def square_half(t: Words) -> None:
    """Call: *r8 = *r0 squared, eight words of four. Products of different digits are summed once and doubled."""
    t.label("square_half")
    _even_squares(t)
    _odd_squares(t)
    t.movs(R3, 0)
    _add_odd(t, 17)


def _even_squares(t: Words) -> None:
    """EVEN = the products at whole words: twice those of different digits, and the squares."""
    words = {1: R9, 2: R4, 3: R5, 4: R6, 5: R7, 6: R1}
    _put_products(t, [(0, 2), (0, 4), (0, 6), (1, 7), (3, 7), (5, 7)], words)
    _add_products(t, [(1, 3), (1, 5), (2, 6), (4, 6)], words, (6,))
    _add_products(t, [(2, 4), (3, 5)], words, (5, 6))
    t.mov(R3, R9)
    t.adds(R3, R3, R3)
    words[1] = R3
    for word in range(2, 7):
        t.adcs(words[word], words[word])
    t.carry(R2)
    t.mov(R9, R2)
    for word in range(8):
        t.ldrh(R2, R0, 2 * word)
        t.muls(R2, R2)
        if word == 7:
            t.mov(R1, R9)
            words[7] = R1
        if word:
            t.combine(UP[word > 1], words[word], R2)
        t.str(words.get(word, R2), SP, EVEN + 4 * word)


def _odd_squares(t: Words) -> None:
    """The products half a word higher, each once, for _add_odd. The last word gets the register of the second."""
    words = {0: R9, 1: R6, 2: R1, 3: R7, 4: R4, 5: R5}
    _put_products(t, [(0, 1), (0, 3), (0, 5), (0, 7), (2, 7), (4, 7)], words)
    _add_products(t, [(1, 2), (1, 4), (1, 6), (3, 6), (5, 6)], words, ())
    t.mov(R10, R6)
    _put_products(t, [(6, 7)], {6: R6})
    _carry_into(t, (R6,))
    words[6] = R6
    _add_products(t, [(2, 3), (2, 5), (4, 5)], words, (5, 6))
    t.mov(R11, R1)
    _add_products(t, [(3, 4)], words, (4, 5, 6))


def _put_products(t: Words, digits: list[tuple[int, int]], words: dict[int, int]) -> None:
    """Set the words that these products of two digits of *r0 lie at; leaves the carry."""
    for word, digit in _with_r2(t, digits):
        to = words[word] if words[word] <= R7 else R3
        t.ldrh(to, R0, 2 * digit)
        t.muls(to, R2)
        if to != words[word]:
            t.mov(words[word], to)


def _add_products(t: Words, digits: list[tuple[int, int]], words: dict[int, int], carries: Sequence[int]) -> None:
    """Add them, of words that follow one another, and the carry."""
    first = True
    for word, digit in _with_r2(t, digits):
        t.ldrh(R3, R0, 2 * digit)
        t.muls(R3, R2)
        t.combine(UP[not first], words[word], R3)
        first = False
    if carries:
        _carry_into(t, [words[word] for word in carries])


def _carry_into(t: Words, registers: Sequence[int]) -> None:
    t.movs(R3, 0)
    for register in registers:
        t.adcs(register, R3)


def _with_r2(t: Words, digits: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Load one digit of each pair into r2, where it stays for the next if it can: (the word, the other digit)."""
    held = -1
    for n, (i, j) in enumerate(digits):
        if held not in (i, j):
            held = j if n + 1 < len(digits) and j in digits[n + 1] else i
            t.ldrh(R2, R0, 2 * held)
        yield (i + j) // 2, i + j - held


# Products of eight words


def products(t: Words) -> None:
    """PRODUCT = what the instruction multiplies; falls through to its reduction."""
    t.label("mul_if_lambda")
    t.ldr(R4, SP, FLAGS)
    t.lsls(R4, R4, 29)
    t.b("mul", "mi")
    t.bl("next")
    t.label("sqr_n")
    t.lsrs(R4, R3, 24)
    t.mov(R1, R0)
    t.b("product")
    t.label("mulq")
    t.movs(R4, 0)
    t.b("product")
    t.label("mul")
    t.movs(R4, 1)
    t.label("product")
    t.str(R4, SP, TIMES)
    t.str(R2, SP, TO)
    t.cmp(R0, R1)
    t.b("multiply", "ne")
    _square(t)
    t.b("karatsuba")
    t.label("multiply")
    _multiply(t)
    t.label("karatsuba")
    _karatsuba(t)


def _multiply(t: Words) -> None:
    t.str(R0, SP, LEFT)
    t.str(R1, SP, RIGHT)
    _difference(t, R0, DIFFERENCES)
    t.mov(R8, R6)
    _difference(t, R1, DIFFERENCES + 16)
    t.mov(R0, R8)
    t.eors(R0, R6)
    t.mvns(R0, R0)
    t.str(R0, SP, SIGN)
    t.point(R0, DIFFERENCES)
    t.point(R1, DIFFERENCES + 16)
    t.call("multiply_half", MIDDLE)
    for half in (0, 16):
        for register, operand in ((R0, LEFT), (R1, RIGHT)):
            t.ldr(register, SP, operand)
            if half:
                t.adds_imm(register, half)
        t.call("multiply_half", PRODUCT + 2 * half)


def _square(t: Words) -> None:
    t.str(R0, SP, LEFT)
    _difference(t, R0, DIFFERENCES)
    t.movs(R0, 0)
    t.mvns(R0, R0)
    t.str(R0, SP, SIGN)
    t.point(R0, DIFFERENCES)
    t.call("square_half", MIDDLE)
    for half in (0, 16):
        t.ldr(R0, SP, LEFT)
        if half:
            t.adds_imm(R0, half)
        t.call("square_half", PRODUCT + 2 * half)


def _difference(t: Words, number: int, to: int) -> None:
    """The low half of *number less its high half, without its sign; r6 is all ones if that is negative, else 0."""
    words = (R2, R3, R4, R5)
    t.ldm(number, words)
    for i in (0, 2):
        t.ldm(number, (R6, R7))
        t.combine(DOWN[i > 0], words[i], R6)
        t.combine(DOWN[1], words[i + 1], R7)
    t.sbcs(R6, R6)
    for word in words:
        t.eors(word, R6)
    for word in words:
        t.combine(DOWN[word > R2], word, R6)
    t.point(R7, to)
    t.stm(R7, words)


def _karatsuba(t: Words) -> None:
    """PRODUCT has the products of both low and both high halves: add them, and MIDDLE with its sign, in between."""
    # What words 4 - 7 and 8 - 11 both get: the high half of the low product and the low half of the high one.
    t.point(R0, PRODUCT + 16)
    t.point(R1, PRODUCT + 32)
    t.point(R2, DIFFERENCES)
    t.pairs(4, UP)
    t.carry_on()
    t.point(R0, DIFFERENCES)
    t.point(R1, PRODUCT)
    t.point(R2, PRODUCT + 16)
    t.pairs(4, UP)
    t.point(R0, DIFFERENCES)
    t.point(R1, PRODUCT + 48)
    t.pairs(4, ON)
    t.adcs(R3, R3)
    t.mov(R8, R3)
    # MIDDLE, or its complement and 1 as a carry. What goes on to word 12, r0, is from -1 to 2.
    t.ldr(R3, SP, SIGN)
    t.lsrs(R4, R3, 1)
    t.point(R0, MIDDLE)
    t.point(R1, PRODUCT + 16)
    t.mov(R2, R1)
    for _ in range(4):
        t.ldm(R0, (R4, R5))
        t.ldm(R1, (R6, R7))
        t.eors(R4, R3)
        t.eors(R5, R3)
        t.adcs(R4, R6)
        t.adcs(R5, R7)
        t.stm(R2, (R4, R5))
    t.mov(R0, R8)
    t.adcs(R0, R3)
    t.asrs(R3, R0, 31)
    t.ldm(R1, WINDOW)
    t.adds(R4, R4, R0)
    for register in WINDOW[1:]:
        t.adcs(register, R3)
    t.stm(R2, WINDOW)
