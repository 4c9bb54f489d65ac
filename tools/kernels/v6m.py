"""The field machine for ARMv6-M. What it does: platform/machine.py.

Every loop runs a public number of times, every branch is on what is public, and every address too, but for UNEQUAL as
machine.py says. The arithmetic is in v6mproduct.py and v6mfield.py. Where a branch may have to go far it is a `bl`,
whose return address nobody uses.
"""

from tools.kernels import frame
from tools.kernels.constants import FOLD, OPERATIONS, C
from tools.kernels.thumb import LR, R0, R1, R2, R3, R4, R5, R6, R7, R12, SP
from tools.kernels.v6mfield import fold_p, fold_q, sums_p, sums_q
from tools.kernels.v6mproduct import multiply_half, products, square_half
from tools.kernels.v6mwords import FOLD_AT, FRAME, HIGH, WINDOW, Words

ENTRY = 5 * 32
FIRST, FOUND, BEYOND = frame.SCRATCH, frame.SCRATCH + 4, frame.SCRATCH + 8  # of a window: first, wanted entry, its end


def kernel() -> list[int]:
    """The half-words of the body of an @asm_thumb function of four arguments; r1 - r7 and lr are saved around it."""
    t = Words()
    _enter(t)
    _fetch(t)
    _end(t)
    sums_p(t)
    products(t)
    fold_p(t)
    fold_q(t)
    multiply_half(t)
    square_half(t)
    sums_q(t)
    _unequal(t)
    _loads(t)
    _leave(t)
    return t.assemble()


def _enter(t: Words) -> None:
    for low, high in zip(WINDOW, HIGH, strict=True):
        t.mov(low, high)
    t.push(WINDOW)
    t.sub_sp(FRAME)
    t.ldm(R0, (R4, R5))  # the start and the number of bytes of steps
    t.subs_imm(R0, 8)
    t.adds(R4, R4, R1)
    t.adds(R5, R5, R3)
    for offset, register in (
        (frame.MEMORY, R0), (frame.CODE, R1), (frame.TABLE, R2), (frame.STEPS, R3), (frame.AT, R3), (frame.LAST, R5),
        (frame.NEXT, R4),
    ):  # fmt: skip
        t.str(register, SP, offset)
    t.movs(R6, 0)
    for offset in (frame.DOUBLINGS, frame.ADDING, frame.FLAGS, frame.ENTRIES):
        t.str(R6, SP, offset)
    for offset, word in ((FOLD_AT, FOLD), *((frame.CONSTANTS + 4 * i, word) for i, word in enumerate(C))):
        for byte in word.to_bytes(4, "big"):
            t.lsls(R6, R6, 8)
            t.adds_imm(R6, byte)
        t.str(R6, SP, offset)


def _fetch(t: Words) -> None:
    """The next instruction: r0 and r1 = where the operands are, r2 = where the result goes, r3 = the instruction."""
    t.label("next")
    t.ldr(R4, SP, frame.NEXT)
    t.ldm(R4, (R3,))
    t.str(R4, SP, frame.NEXT)
    t.ldr(R4, SP, frame.MEMORY)
    t.movs(R5, 255)
    t.lsls(R5, R5, 5)
    for slot, bit in ((R2, 8), (R0, 16), (R1, 24)):
        t.lsrs(slot, R3, bit - 5)
        t.ands(slot, R5)
        t.adds(slot, slot, R4)
    t.uxtb(R5, R3)
    t.lsls(R5, R5, 1)
    t.table(R5, OPERATIONS)


def _end(t: Words) -> None:
    """What is left of this step, or the next."""
    t.label("end")
    t.ldr(R1, SP, frame.CODE)
    t.ldr(R2, SP, frame.DOUBLINGS)
    t.subs_imm(R2, 1)
    t.b("no_doubling", "cc")
    t.str(R2, SP, frame.DOUBLINGS)
    t.ldrb(R4, R1, 1)
    _jump(t)
    t.b("next")

    t.label("no_doubling")
    t.ldr(R5, SP, frame.AT)
    t.ldr(R3, SP, frame.ADDING)
    t.cmp_imm(R3, 0)
    t.b("adding", "ne")
    t.ldr(R6, SP, frame.LAST)
    t.cmp(R5, R6)
    t.b("more", "cc")
    t.bl("done")
    t.label("more")
    for offset, at in ((frame.DOUBLINGS, 0), (frame.ENTRIES, 1), (frame.FLAGS, 2)):
        t.ldrb(R4, R5, at)
        t.str(R4, SP, offset)
    t.adds_imm(R5, 3)
    t.str(R5, SP, frame.AT)
    t.movs(R3, 1)
    t.ands(R3, R4)
    t.str(R3, SP, frame.ADDING)
    t.b("end")

    t.label("adding")
    t.movs(R3, 0)
    t.str(R3, SP, frame.ADDING)
    t.ldr(R0, SP, frame.STEPS)
    t.adds_imm(R0, 3)
    t.ldrb(R4, R1, 2)
    t.cmp(R0, R5)
    t.b("choose", "ne")
    t.ldrb(R4, R1, 3)
    t.label("choose")  # the program whose number is in r4, after the entry
    _jump(t)
    _copy_entry(t)
    t.b("next")


def _jump(t: Words) -> None:
    t.lsls(R4, R4, 2)
    t.adds(R4, R4, R1)
    t.str(R4, SP, frame.NEXT)


def _copy_entry(t: Words) -> None:
    t.ldr(R0, SP, frame.TABLE)
    t.ldr(R1, SP, frame.MEMORY)
    t.adds_imm(R1, ENTRY)
    t.ldr(R4, SP, frame.ENTRIES)
    t.ldr(R7, SP, frame.FLAGS)
    t.lsls(R3, R7, 28)
    t.b("window", "mi")
    t.lsls(R4, R4, 6)
    t.adds(R0, R0, R4)
    t.copy(16)
    t.b("next")

    t.label("window")
    t.lsls(R7, R7, 25)
    t.lsrs(R7, R7, 29)
    t.movs(R2, 1)
    t.lsls_by(R2, R7)  # entries
    t.mov(R3, R2)
    t.subs_imm(R3, 1)
    t.mov(R5, R4)
    t.bics(R5, R3)  # the first
    for register in (R2, R4, R5):
        t.lsls(register, register, 6)
    t.adds(R4, R4, R0)
    t.adds(R0, R0, R5)
    t.adds(R2, R2, R0)
    for offset, register in ((FIRST, R0), (FOUND, R4), (BEYOND, R2)):
        t.str(register, SP, offset)
    _sum_up(t, "x")
    for offset in (FOUND, BEYOND, FIRST):
        t.ldr(R0, SP, offset)
        t.adds_imm(R0, 32)
        t.str(R0, SP, offset)
    _sum_up(t, "y")


def _sum_up(t: Words, half: str) -> None:
    """One half of all entries of the window, each but the wanted one as zeros. r0: the first."""
    sums = (R6, R7, *HIGH, R12, LR)
    t.movs(R6, 0)
    for register in sums[1:]:
        t.mov(register, R6)
    t.label(f"window_{half}")
    t.ldr(R1, SP, FOUND)
    t.subs(R1, R1, R0)
    t.rsbs(R1, R1)
    t.sbcs(R1, R1)  # 0 for the wanted entry, else all ones
    for four in (sums[:4], sums[4:]):
        t.ldm(R0, (R2, R3, R4, R5))
        for total, word in zip(four, (R2, R3, R4, R5), strict=True):
            t.bics(word, R1)
            t.add(total, word)
    t.adds_imm(R0, 32)
    t.ldr(R1, SP, BEYOND)
    t.cmp(R0, R1)
    t.b(f"window_{half}", "ne")
    t.ldr(R1, SP, frame.MEMORY)
    t.adds_imm(R1, ENTRY if half == "x" else ENTRY + 32)
    t.stm(R1, (R6, R7))
    for low, high in zip((R2, R3, R4, R5, R6, R7), sums[2:], strict=True):
        t.mov(low, high)
    t.stm(R1, (R2, R3, R4, R5, R6, R7))


def _unequal(t: Words) -> None:
    # r1 will be 0 for 0, r2 for P: the complements of its words are FOLD - 1, 1 and zeros.
    t.label("unequal")
    t.movs(R1, 0)
    t.movs(R2, 0)
    for four in range(2):
        t.ldm(R0, WINDOW)
        for register in WINDOW:
            t.orrs(R1, register)
        for register in WINDOW:
            t.mvns(register, register)
        if four == 0:
            t.ldr(R3, SP, FOLD_AT)
            t.subs_imm(R3, 1)
            t.eors(R4, R3)
            t.movs(R3, 1)
            t.eors(R5, R3)
        for register in WINDOW:
            t.orrs(R2, register)
    t.cmp_imm(R1, 0)
    t.b("equal", "eq")
    t.cmp_imm(R2, 0)
    t.b("equal", "eq")
    t.bl("next")
    t.label("equal")
    t.ldr(R0, SP, frame.AT)
    t.ldr(R1, SP, frame.STEPS)
    t.subs(R0, R0, R1)
    t.b("leave")


def _loads(t: Words) -> None:
    t.label("load")
    _find_bytes(t)
    t.mov(R1, R2)
    t.copy(8)
    t.bl("next")

    t.label("load_big")
    _find_bytes(t)
    t.label("store_big")  # *r2 = *r0 with the order of the bytes reversed
    for four in range(2):
        t.ldm(R0, WINDOW)
        for register, high in zip(WINDOW, HIGH, strict=True):
            t.rev(register, register)
            if four == 0:
                t.mov(high, register)
    for offset in (12, 28):
        for i, register in enumerate(WINDOW):
            if offset == 28:
                t.mov(register, HIGH[i])
            t.str(register, R2, offset - 4 * i)
    t.bl("next")


def _find_bytes(t: Words) -> None:
    """r0 = the place in the table that LOAD means."""
    t.lsrs(R0, R3, 16)
    t.uxtb(R0, R0)
    t.ldr(R4, SP, frame.ENTRIES)
    t.muls(R0, R4)
    t.lsrs(R3, R3, 24)
    t.adds(R0, R0, R3)
    t.lsls(R0, R0, 5)
    t.ldr(R4, SP, frame.TABLE)
    t.adds(R0, R0, R4)


def _leave(t: Words) -> None:
    t.label("done")
    t.movs(R0, 0)
    t.label("leave")
    t.add_sp(FRAME)
    t.pop(WINDOW)
    for low, high in zip(WINDOW, HIGH, strict=True):
        t.mov(high, low)
