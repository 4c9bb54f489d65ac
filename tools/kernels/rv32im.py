"""The field machine for RV32IM. What it does: platform/machine.py.

Between two instructions of the machine everything lies in the frame on the stack. Every loop runs a public number of
times, every branch is on what is public, and every address too, but for UNEQUAL as machine.py says.
"""

from tools.kernels import frame, rv32field
from tools.kernels.constants import FOLD, OPERATIONS, C
from tools.kernels.rv32 import A0, A1, A2, A3, A4, A5, A6, RA, SP, T0, T1, T2, ZERO, S
from tools.kernels.rv32words import CARRY, LEFT, LOW, NUMBER, PRODUCT, RESULT, RIGHT, Words

ENTRY = 5 * 32
SAVED = (RA, *S)  # what a function gives back as it was
FRAME = frame.MORE + 60  # to end at a multiple of 16, as the ABI has it


def kernel() -> list[int]:
    """The words of the body of an @asm_rv32 function of four arguments, which saves nothing and ends by returning."""
    t = Words()
    _enter(t)
    _fetch(t)
    _end(t)
    rv32field.squarings(t)
    rv32field.products(t)
    rv32field.fold_p(t)
    rv32field.fold_q(t)
    rv32field.sums_p(t)
    rv32field.sums_q(t)
    _others(t)
    _leave(t)
    return t.assemble()


def _enter(t: Words) -> None:
    t.addi(SP, SP, -FRAME)
    for i, register in enumerate(SAVED):
        t.sw(register, SP, frame.MORE + 4 * i)
    for register, place in ((A0, frame.MEMORY), (A1, frame.CODE), (A2, frame.TABLE), (A3, frame.STEPS), (A3, frame.AT)):
        t.sw(register, SP, place)
    t.lw(T0, A0)  # the start
    t.lw(T1, A0, 4)  # the number of bytes of steps
    t.add(T0, T0, A1)
    t.sw(T0, SP, frame.NEXT)
    t.add(T1, T1, A3)
    t.sw(T1, SP, frame.LAST)
    for place in (frame.DOUBLINGS, frame.ADDING, frame.FLAGS, frame.ENTRIES):
        t.sw(ZERO, SP, place)


def _fetch(t: Words) -> None:
    """The next instruction: where its slots are in RESULT, LEFT and RIGHT; t0 = the address after it."""
    t.label("next")
    t.lw(T0, SP, frame.NEXT)
    t.lw(A0, SP, frame.MEMORY)
    t.lbu(A1, T0, 0)
    slots = (RESULT, LEFT, RIGHT)
    for i, register in enumerate(slots):
        t.lbu(register, T0, 1 + i)
    t.addi(T0, T0, 4)
    t.sw(T0, SP, frame.NEXT)
    for register in slots:
        t.slli(register, register, 5)
        t.add(register, register, A0)
    t.slli(A1, A1, 2)
    t.auipc(A0, 0)
    t.add(A0, A0, A1)
    t.jr(A0, 12)  # to one of the branches that follow
    for name in OPERATIONS:
        t.j(name)


def _end(t: Words) -> None:
    """What is left of this step, or the next."""
    t.label("end")
    t.lw(A1, SP, frame.CODE)
    t.lw(A2, SP, frame.DOUBLINGS)
    t.beqz(A2, "no_doubling")
    t.addi(A2, A2, -1)
    t.sw(A2, SP, frame.DOUBLINGS)
    t.lbu(A4, A1, 1)
    _go(t)
    t.j("next")

    t.label("no_doubling")
    t.lw(A5, SP, frame.AT)
    t.lw(A3, SP, frame.ADDING)
    t.beqz(A3, "no_adding")
    t.sw(ZERO, SP, frame.ADDING)
    t.lbu(A4, A1, 2)
    t.lw(A0, SP, frame.STEPS)
    t.addi(A0, A0, 3)
    t.bne(A0, A5, "choose")
    t.lbu(A4, A1, 3)
    t.label("choose")
    _go(t)
    _copy_entry(t)
    t.j("next")

    t.label("no_adding")
    t.lw(A6, SP, frame.LAST)
    t.bltu(A5, A6, "step")
    t.mv(A0, ZERO)
    t.j("leave")
    t.label("step")
    for i, place in enumerate((frame.DOUBLINGS, frame.ENTRIES, frame.FLAGS)):
        t.lbu(A2, A5, i)
        t.sw(A2, SP, place)
    t.andi(A2, A2, 1)
    t.sw(A2, SP, frame.ADDING)
    t.addi(A5, A5, 3)
    t.sw(A5, SP, frame.AT)
    t.j("end")


def _go(t: Words) -> None:
    """To the program at instruction a4; a1 = the code."""
    t.slli(A4, A4, 2)
    t.add(A4, A4, A1)
    t.sw(A4, SP, frame.NEXT)


def _copy_entry(t: Words) -> None:
    t.lw(A0, SP, frame.FLAGS)
    t.lw(A1, SP, frame.ENTRIES)
    t.lw(RA, SP, frame.TABLE)
    t.andi(A2, A0, 8)
    t.bnez(A2, "window")
    t.slli(A1, A1, 6)
    t.add(RA, RA, A1)
    t.load(PRODUCT, RA)
    t.j("entry")

    # The entries of the window, each with a mask of ones or zeros.
    t.label("window")
    t.srli(A0, A0, 4)
    t.andi(A0, A0, 7)
    t.li(A2, 1)
    t.sll(A0, A2, A0)  # entries
    t.addi(A2, A0, -1)
    t.and_(T0, A1, A2)  # which of them
    t.sub(A1, A1, T0)  # the first
    t.slli(A1, A1, 6)
    t.add(RA, RA, A1)
    for register in PRODUCT:
        t.mv(register, ZERO)
    t.label("scan")
    t.seqz(T1, T0)
    t.neg(T1, T1)
    t.addi(T0, T0, -1)
    for i in range(0, 16, 4):
        words = (A1, A2, A3, A4)
        for j, word in enumerate(words):
            t.lw(word, RA, 4 * (i + j))
        for j, word in enumerate(words):
            t.and_(word, word, T1)
            t.or_(PRODUCT[i + j], PRODUCT[i + j], word)
    t.addi(RA, RA, 64)
    t.addi(A0, A0, -1)
    t.bnez(A0, "scan")
    t.label("entry")
    t.lw(A0, SP, frame.MEMORY)
    t.addi(A0, A0, ENTRY)
    t.store(PRODUCT, A0)


def _others(t: Words) -> None:
    _unequal(t)
    for label, big in (("load", False), ("load_big", True)):
        t.label(label)
        t.lbu(A0, T0, -2)
        t.lbu(A1, T0, -1)
        t.lw(A2, SP, frame.ENTRIES)
        t.lw(A3, SP, frame.TABLE)
        t.mul(A0, A0, A2)
        t.add(A0, A0, A1)
        t.slli(A0, A0, 5)
        t.add(RA, A0, A3)
        t.load(NUMBER, RA)
        if big:
            t.j("finish_big")
        else:
            t.finish(NUMBER)

    t.label("big_q")
    t.load(NUMBER, LEFT)
    for register, word in zip(LOW, (*C, 1, 0, 0, 0), strict=True):
        t.li(register, word)
    t.add_words(LOW, NUMBER)  # the carry tells whether the number is below Q
    t.neg(CARRY, CARRY)
    t.choose(NUMBER, LOW, CARRY)

    t.label("finish_big")
    for i, register in enumerate(NUMBER):
        for byte in range(4):
            if byte:
                t.srli(register, register, 8)
            t.sb(register, RESULT, 31 - 4 * i - byte)
    t.j("next")


def _unequal(t: Words) -> None:
    t.label("unequal")
    t.load(NUMBER, LEFT)
    t.or_(T0, A0, A1)
    t.and_(T1, A2, A3)
    for register in NUMBER[2:]:
        t.or_(T0, T0, register)
    for register in NUMBER[4:]:
        t.and_(T1, T1, register)
    t.not_(T1, T1)
    for register, word in ((A0, (1 << 32) - FOLD), (A1, (1 << 32) - 2)):  # of P; its other words are ones
        t.li(T2, word)
        t.xor(T2, T2, register)
        t.or_(T1, T1, T2)
    t.seqz(T0, T0)
    t.seqz(T1, T1)
    t.or_(T0, T0, T1)
    t.bnez(T0, "equal")
    t.j("next")
    t.label("equal")
    t.lw(A0, SP, frame.AT)
    t.lw(A1, SP, frame.STEPS)
    t.sub(A0, A0, A1)
    t.j("leave")


def _leave(t: Words) -> None:
    t.label("leave")
    for i, register in enumerate(SAVED):
        t.lw(register, SP, frame.MORE + 4 * i)
    t.addi(SP, SP, FRAME)
