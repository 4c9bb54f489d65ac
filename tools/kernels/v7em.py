"""The field machine for ARMv7E-M and ARMv8-M with the DSP extension. What it does: platform/machine.py.

A number is eight words in registers. The product is made row by row: nine registers hold the running sum, and each
UMAAL adds a product, a sum and a carry. Every loop runs a public number of times, every branch is on what is public,
and every address too, but for UNEQUAL as machine.py says.
"""

from tools.kernels.thumb import LR, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, R11, R12, SP, Thumb

FOLD = 977  # 2^256 is 2^32 + FOLD modulo P
C = (0x2FC9BEBF, 0x402DA173, 0x50B75FC4, 0x45512319)  # and 2^128 + these words modulo Q
Q = (0xD0364141, 0xBFD25E8C, 0xAF48A03B, 0xBAAEDCE6, 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
NUMBER = range(R0, R8)  # the registers of a result
ENTRY = 5 * 32

# The frame on the stack: bytes from its beginning.
SCRATCH = 0  # 16 words
MEMORY, CODE, TABLE, STEPS = 64, 68, 72, 76  # the arguments
AT, LAST, NEXT = 80, 84, 88  # the next step, the end of the steps, the next instruction
DOUBLINGS, ADDING, FLAGS, ENTRIES = 92, 96, 100, 104  # of this step; ENTRIES: its entry's index
TO, TIMES = 108, 112  # where the product goes; how often it is squared, 0 for one modulo Q
CONSTANTS = 116  # C
FRAME = 136

OPERATIONS = (
    "end", "mul", "add", "sub", "mul_if_lambda", "sub_if_negative", "unequal", "sqr_n", "mulq", "addq", "subq", "load",
    "load_big", "big_q",
)  # fmt: skip


def kernel() -> list[int]:
    """The half-words of the body of an @asm_thumb function of four arguments; r1 - r7 and lr are saved around it."""
    t = Thumb()
    _enter(t)
    _fetch(t)
    _end(t)
    _products(t)
    _sums(t)
    _others(t)
    _leave(t)
    return t.assemble()


def _enter(t: Thumb) -> None:
    t.push((R8, R9, R10, R11))
    t.sub_sp(FRAME)
    t.ldrd(R4, R5, R0)  # the start and the number of bytes of steps
    t.strd(R0, R1, SP, MEMORY)
    t.strd(R2, R3, SP, TABLE)
    t.add(R5, R5, R3)
    t.strd(R3, R5, SP, AT)
    t.add(R4, R4, R1)
    t.str(R4, SP, NEXT)
    t.mov_imm(R6, 0)
    t.strd(R6, R6, SP, DOUBLINGS)
    t.strd(R6, R6, SP, FLAGS)
    for i, word in enumerate(C):
        t.mov_imm(R6, word)
        t.str(R6, SP, CONSTANTS + 4 * i)


def _fetch(t: Thumb) -> None:
    """The next instruction: r10 = where the result goes, r12 and lr = the operands, r11 = the instruction itself."""
    t.label("next")
    t.ldr(R12, SP, NEXT)
    t.ldr_post(R11, R12, 4)
    t.str(R12, SP, NEXT)
    t.ldr(R9, SP, MEMORY)
    t.ubfx(R10, R11, 8, 8)
    t.ubfx(R12, R11, 16, 8)
    t.lsr_imm(LR, R11, 24)
    t.add(R10, R9, R10, 5)
    t.add(R12, R9, R12, 5)
    t.add(LR, R9, LR, 5)
    t.ubfx(R8, R11, 0, 8)
    t.tbh(R8, OPERATIONS)


def _end(t: Thumb) -> None:
    """What is left of this step, or the next."""
    t.label("end")
    t.ldr(R1, SP, CODE)
    t.ldrd(R2, R3, SP, DOUBLINGS)
    t.cmp_imm(R2, 0)
    t.b("no_doubling", "eq")
    t.sub_imm(R2, R2, 1)
    t.str(R2, SP, DOUBLINGS)
    t.ldrb(R4, R1, 1)
    t.b("jump")

    t.label("no_doubling")
    t.ldrd(R5, R6, SP, AT)
    t.cmp_imm(R3, 0)
    t.b("no_adding", "eq")
    t.mov_imm(R3, 0)
    t.str(R3, SP, ADDING)
    t.ldrb(R4, R1, 2)
    t.ldr(R0, SP, STEPS)
    t.add_imm(R0, R0, 3)
    t.cmp(R0, R5)
    t.b("choose", "ne")
    t.ldrb(R4, R1, 3)
    t.label("choose")  # the entry, then the program whose number is in r4
    t.add(R4, R1, R4, 2)
    t.str(R4, SP, NEXT)
    _copy_entry(t)
    t.b("next")

    t.label("jump")
    t.add(R4, R1, R4, 2)
    t.str(R4, SP, NEXT)
    t.b("next")

    t.label("no_adding")
    t.cmp(R5, R6)
    t.b("done", "cs")
    t.ldrb_post(R2, R5, 1)
    t.ldrb_post(R4, R5, 1)
    t.ldrb_post(R7, R5, 1)
    t.str(R5, SP, AT)
    t.ubfx(R3, R7, 0, 1)
    t.strd(R2, R3, SP, DOUBLINGS)
    t.strd(R7, R4, SP, FLAGS)
    t.b("end")


def _copy_entry(t: Thumb) -> None:
    t.ldr(R9, SP, MEMORY)
    t.add_imm(R9, R9, ENTRY)
    t.ldr(R12, SP, TABLE)
    t.ldrd(R11, R10, SP, FLAGS)
    t.tst_imm(R11, 8)
    t.b("window", "ne")
    t.add(R12, R12, R10, 6)
    t.ldm(R12, NUMBER, move=True)
    t.stm(R9, NUMBER, move=True)
    t.ldm(R12, NUMBER)
    t.stm(R9, NUMBER)
    t.b("next")

    # Sum up all entries of the window, each times 1 or 0: first their x, then their y.
    t.label("window")
    t.ubfx(R11, R11, 4, 3)
    t.mov_imm(R8, 1)
    t.lsl(R11, R8, R11)  # entries
    t.sub_imm(R8, R11, 1)
    t.bic(R7, R10, R8)  # the first
    t.and_(R10, R10, R8)  # which of them
    t.add(R12, R12, R7, 6)
    t.strd(R11, R10, SP, SCRATCH)
    t.strd(R12, R9, SP, SCRATCH + 8)
    for half in ("x", "y"):
        if half == "y":
            t.ldrd(R11, R10, SP, SCRATCH)
            t.ldr(R12, SP, SCRATCH + 8)
            t.add_imm(R12, R12, 32)
        for register in NUMBER:
            t.mov_imm(register, 0)
        t.label(f"window_{half}")
        t.clz(LR, R10)
        t.lsr_imm(LR, LR, 5)  # 1 at the entry, else 0
        t.sub_imm(R10, R10, 1)
        for i in range(0, 8, 2):
            t.ldrd(R8, R9, R12, 4 * i)
            t.mla(i, R8, LR, i)
            t.mla(i + 1, R9, LR, i + 1)
        t.add_imm(R12, R12, 64)
        t.subs_imm(R11, R11, 1)
        t.b(f"window_{half}", "ne")
        t.ldr(R9, SP, SCRATCH + 12)
        if half == "y":
            t.add_imm(R9, R9, 32)
        t.stm(R9, NUMBER)


def _products(t: Thumb) -> None:
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


def _multiply(t: Thumb) -> None:
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


def _fold_p(t: Thumb) -> None:
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
    _ripple(t, R3)
    _last_fold_p(t, R2)
    t.ldrd(R12, R9, SP, TO)
    t.stm(R12, NUMBER)
    t.subs_imm(R9, R9, 1)
    t.b("next", "eq")
    t.str(R9, SP, TIMES)
    t.mov(LR, R12)
    t.b("multiply")


def _ripple(t: Thumb, first: int) -> None:
    for register in range(first, R8):
        t.adcs_imm(register, register, 0)


def _last_fold_p(t: Thumb, last: int) -> None:
    """Add the carry times 2^32 + FOLD to what is so small then that no word after `last` changes. FOLD is in r9."""
    t.mov_imm(R12, 0)
    t.adc_imm(R12, R12, 0)
    t.mul(R11, R12, R9)
    t.adds(R0, R0, R11)
    t.adcs(R1, R1, R12)
    for register in range(R2, last + 1):
        t.adcs_imm(register, register, 0)


def _fold_q(t: Thumb) -> None:
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
    _ripple(t, R6)
    _last_fold_q(t)
    t.ldr(R12, SP, TO)
    t.stm(R12, NUMBER)
    t.b("next")


def _add_times_c(t: Thumb, first: int, factor: int) -> None:
    """Add factor * C to five registers from `first`; the carry is in r10."""
    t.mov_imm(R10, 0)
    for i in range(4):
        t.ldr(R9, SP, CONSTANTS + 4 * i)
        t.umaal(first + i, R10, factor, R9)
    t.mov_imm(R9, 1)
    t.umaal(first + 4, R10, factor, R9)


def _last_fold_q(t: Thumb) -> None:
    """Add the carry times C, as _last_fold_p."""
    t.mov_imm(R12, 0)
    t.adc_imm(R12, R12, 0)
    _add_times_c(t, R0, R12)


def _sums(t: Thumb) -> None:
    t.label("add")
    _sum(t, t.adds, t.adcs)
    t.mov_imm(R9, FOLD)
    t.mov_imm(R12, 0)
    t.adc_imm(R12, R12, 0)
    t.mul(R11, R12, R9)
    t.adds(R0, R0, R11)
    t.adcs(R1, R1, R12)
    _ripple(t, R2)
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
    _ripple(t, R6)
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


def _sum(t: Thumb, first, then) -> None:  # type: ignore[no-untyped-def]
    """*r12 and *lr together, in r0 - r7, with the last carry or borrow in the flags."""
    t.ldm(R12, NUMBER)
    for i in range(0, 8, 2):
        t.ldrd(R8, R9, LR, 4 * i)
        (then if i else first)(i, i, R8)
        then(i + 1, i + 1, R9)


def _difference_p(t: Thumb) -> None:
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


def _others(t: Thumb) -> None:
    t.label("unequal")
    t.ldm(R12, NUMBER)
    t.orr(R8, R0, R1)
    for register in range(R2, R8):
        t.orr(R8, R8, register)
    t.mov_imm(R9, (1 << 32) - FOLD)  # the two lowest words of P; all others are ones
    t.eor(R9, R9, R0)
    t.mov_imm(R10, (1 << 32) - 2)
    t.eor(R10, R10, R1)
    t.orr(R9, R9, R10)
    for register in range(R2, R8):
        t.orn(R9, R9, register)
    t.clz(R8, R8)
    t.clz(R9, R9)
    t.orr(R8, R8, R9)
    t.tst_imm(R8, 32)
    t.b("next", "eq")
    t.ldr(R0, SP, AT)
    t.ldr(R1, SP, STEPS)
    t.subs(R0, R0, R1)
    t.b("leave")

    for label in ("load", "load_big"):
        t.label(label)
        t.ldr(R8, SP, ENTRIES)
        t.ubfx(R9, R11, 16, 8)
        t.lsr_imm(R11, R11, 24)
        t.mla(R9, R8, R9, R11)
        t.ldr(R8, SP, TABLE)
        t.add(R8, R8, R9, 5)
        t.ldm(R8, NUMBER)
        if label == "load_big":
            _store_big(t)
        else:
            t.stm(R10, NUMBER)
        t.b("next")

    t.label("big_q")
    t.ldm(R12, NUMBER)
    for i in range(4):  # the carry of adding C tells whether the number is below Q
        t.ldr(R9, SP, CONSTANTS + 4 * i)
        (t.adcs if i else t.adds)(R11, i, R9)
    t.adcs_imm(R11, R4, 1)
    for register in (R5, R6, R7):
        t.adcs_imm(R11, register, 0)
    t.mov_imm(R12, 0)
    t.adc_imm(R12, R12, 0)
    t.rsb_imm(R11, R12, 0)
    for i in range(4):
        t.ldr(R9, SP, CONSTANTS + 4 * i)
        t.and_(R9, R9, R11)
        (t.adcs if i else t.adds)(i, i, R9)
    t.adcs(R4, R4, R12)
    _ripple(t, R5)
    _store_big(t)
    t.b("next")


def _store_big(t: Thumb) -> None:
    for register in NUMBER:
        t.rev(R9, register)
        t.str(R9, R10, 28 - 4 * register)


def _leave(t: Thumb) -> None:
    t.label("done")
    t.mov_imm(R0, 0)
    t.label("leave")
    t.add_sp(FRAME)
    t.pop((R8, R9, R10, R11))
