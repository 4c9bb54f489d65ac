"""The field machine for ARMv7E-M and ARMv8-M with the DSP extension. What it does: platform/machine.py.

Every loop runs a public number of times, every branch is on what is public, and every address too, but for UNEQUAL as
machine.py says. The arithmetic is in v7emfield.py.
"""

from tools.kernels import frame
from tools.kernels.constants import FOLD, OPERATIONS, C
from tools.kernels.thumb import LR, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, R11, R12, SP
from tools.kernels.v7emfield import NUMBER, products, ripple, sums
from tools.kernels.wide import Wide

ENTRY = 5 * 32
FRAME = frame.SCRATCH + 68  # 16 words, and one to end at a multiple of eight bytes


def kernel() -> list[int]:
    """The half-words of the body of an @asm_thumb function of four arguments; r1 - r7 and lr are saved around it."""
    t = Wide()
    _enter(t)
    _fetch(t)
    _end(t)
    products(t)
    sums(t)
    _others(t)
    _leave(t)
    return t.assemble()


def _enter(t: Wide) -> None:
    t.push((R8, R9, R10, R11))
    t.sub_sp(FRAME)
    t.ldrd(R4, R5, R0)  # the start and the number of bytes of steps
    t.strd(R0, R1, SP, frame.MEMORY)
    t.strd(R2, R3, SP, frame.TABLE)
    t.add(R5, R5, R3)
    t.strd(R3, R5, SP, frame.AT)
    t.add(R4, R4, R1)
    t.str(R4, SP, frame.NEXT)
    t.mov_imm(R6, 0)
    t.strd(R6, R6, SP, frame.DOUBLINGS)
    t.strd(R6, R6, SP, frame.FLAGS)
    for i, word in enumerate(C):
        t.mov_imm(R6, word)
        t.str(R6, SP, frame.CONSTANTS + 4 * i)


def _fetch(t: Wide) -> None:
    """The next instruction: r10 = where the result goes, r12 and lr = the operands, r11 = the instruction itself."""
    t.label("next")
    t.ldr(R12, SP, frame.NEXT)
    t.ldr_post(R11, R12, 4)
    t.str(R12, SP, frame.NEXT)
    t.ldr(R9, SP, frame.MEMORY)
    t.ubfx(R10, R11, 8, 8)
    t.ubfx(R12, R11, 16, 8)
    t.lsr_imm(LR, R11, 24)
    t.add(R10, R9, R10, 5)
    t.add(R12, R9, R12, 5)
    t.add(LR, R9, LR, 5)
    t.ubfx(R8, R11, 0, 8)
    t.tbh(R8, OPERATIONS)


def _end(t: Wide) -> None:
    """What is left of this step, or the next."""
    t.label("end")
    t.ldr(R1, SP, frame.CODE)
    t.ldrd(R2, R3, SP, frame.DOUBLINGS)
    t.cmp_imm(R2, 0)
    t.b("no_doubling", "eq")
    t.sub_imm(R2, R2, 1)
    t.str(R2, SP, frame.DOUBLINGS)
    t.ldrb(R4, R1, 1)
    t.b("jump")

    t.label("no_doubling")
    t.ldrd(R5, R6, SP, frame.AT)
    t.cmp_imm(R3, 0)
    t.b("no_adding", "eq")
    t.mov_imm(R3, 0)
    t.str(R3, SP, frame.ADDING)
    t.ldrb(R4, R1, 2)
    t.ldr(R0, SP, frame.STEPS)
    t.add_imm(R0, R0, 3)
    t.cmp(R0, R5)
    t.b("choose", "ne")
    t.ldrb(R4, R1, 3)
    t.label("choose")  # the entry, then the program whose number is in r4
    t.add(R4, R1, R4, 2)
    t.str(R4, SP, frame.NEXT)
    _copy_entry(t)
    t.b("next")

    t.label("jump")
    t.add(R4, R1, R4, 2)
    t.str(R4, SP, frame.NEXT)
    t.b("next")

    t.label("no_adding")
    t.cmp(R5, R6)
    t.b("done", "cs")
    t.ldrb_post(R2, R5, 1)
    t.ldrb_post(R4, R5, 1)
    t.ldrb_post(R7, R5, 1)
    t.str(R5, SP, frame.AT)
    t.ubfx(R3, R7, 0, 1)
    t.strd(R2, R3, SP, frame.DOUBLINGS)
    t.strd(R7, R4, SP, frame.FLAGS)
    t.b("end")


def _copy_entry(t: Wide) -> None:
    t.ldr(R9, SP, frame.MEMORY)
    t.add_imm(R9, R9, ENTRY)
    t.ldr(R12, SP, frame.TABLE)
    t.ldrd(R11, R10, SP, frame.FLAGS)
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
    t.strd(R11, R10, SP, frame.SCRATCH)
    t.strd(R12, R9, SP, frame.SCRATCH + 8)
    for half in ("x", "y"):
        if half == "y":
            t.ldrd(R11, R10, SP, frame.SCRATCH)
            t.ldr(R12, SP, frame.SCRATCH + 8)
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
        t.ldr(R9, SP, frame.SCRATCH + 12)
        if half == "y":
            t.add_imm(R9, R9, 32)
        t.stm(R9, NUMBER)


def _others(t: Wide) -> None:
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
    t.ldr(R0, SP, frame.AT)
    t.ldr(R1, SP, frame.STEPS)
    t.subs(R0, R0, R1)
    t.b("leave")

    for label in ("load", "load_big"):
        t.label(label)
        t.ldr(R8, SP, frame.ENTRIES)
        t.ubfx(R9, R11, 16, 8)
        t.lsr_imm(R11, R11, 24)
        t.mla(R9, R8, R9, R11)
        t.ldr(R8, SP, frame.TABLE)
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
        t.ldr(R9, SP, frame.CONSTANTS + 4 * i)
        (t.adcs if i else t.adds)(R11, i, R9)
    t.adcs_imm(R11, R4, 1)
    for register in (R5, R6, R7):
        t.adcs_imm(R11, register, 0)
    t.mov_imm(R12, 0)
    t.adc_imm(R12, R12, 0)
    t.rsb_imm(R11, R12, 0)
    for i in range(4):
        t.ldr(R9, SP, frame.CONSTANTS + 4 * i)
        t.and_(R9, R9, R11)
        (t.adcs if i else t.adds)(i, i, R9)
    t.adcs(R4, R4, R12)
    ripple(t, R5)
    _store_big(t)
    t.b("next")


def _store_big(t: Wide) -> None:
    for register in NUMBER:
        t.rev(R9, register)
        t.str(R9, R10, 28 - 4 * register)


def _leave(t: Wide) -> None:
    t.label("done")
    t.mov_imm(R0, 0)
    t.label("leave")
    t.add_sp(FRAME)
    t.pop((R8, R9, R10, R11))
