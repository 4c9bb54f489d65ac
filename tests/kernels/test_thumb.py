"""The assemblers for Thumb: half-words as another assembler (llvm-mc 14) makes them, and operands that do not fit."""

import pytest

from tools.kernels.narrow import Narrow
from tools.kernels.thumb import LR, PC, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, R11, R12, SP
from tools.kernels.wide import Wide

NARROW = [
    ("mov", (R8, R3), [0x4698]),
    ("movs", (R7, 255), [0x27FF]),
    ("ands", (R0, R7), [0x4038]),
    ("eors", (R1, R6), [0x4071]),
    ("lsls_by", (R2, R5), [0x40AA]),
    ("adcs", (R3, R4), [0x4163]),
    ("sbcs", (R4, R4), [0x41A4]),
    ("rsbs", (R5, R2), [0x4255]),
    ("cmp", (R6, R1), [0x428E]),
    ("orrs", (R7, R0), [0x4307]),
    ("muls", (R0, R7), [0x4378]),
    ("bics", (R1, R2), [0x4391]),
    ("mvns", (R3, R4), [0x43E3]),
    ("lsls", (R5, R6, 31), [0x07F5]),
    ("lsrs", (R7, R1, 16), [0x0C0F]),
    ("asrs", (R2, R3, 31), [0x17DA]),
    ("adds", (R1, R2, R7), [0x19D1]),
    ("subs", (R7, R0, R5), [0x1B47]),
    ("adds_imm", (R4, 255), [0x34FF]),
    ("subs_imm", (R3, 32), [0x3B20]),
    ("cmp_imm", (R6, 9), [0x2E09]),
    ("add", (R10, R1), [0x448A]),
    ("add", (PC, R5), [0x44AF]),
    ("uxth", (R1, R7), [0xB2B9]),
    ("uxtb", (R6, R0), [0xB2C6]),
    ("rev", (R2, R4), [0xBA22]),
    ("ldr", (R7, R1, 124), [0x6FCF]),
    ("ldr", (R3, SP, 1020), [0x9BFF]),
    ("str", (R0, R6, 4), [0x6070]),
    ("str", (R5, SP, 272), [0x9544]),
    ("ldrh", (R4, R2, 62), [0x8FD4]),
    ("ldrb", (R1, R3, 31), [0x7FD9]),
    ("ldm", (R0, (R4, R7)), [0xC890]),
    ("stm", (R2, (R0, R1, R5)), [0xC223]),
    ("push", ((R4, R5, R6, R7),), [0xB4F0]),
    ("pop", ((R4, R7),), [0xBC90]),
    ("point", (R6, 1020), [0xAEFF]),
    ("add_sp", (280,), [0xB046]),
    ("sub_sp", (508,), [0xB0FF]),
    ("bx", (LR,), [0x4770]),
]
WIDE = [
    ("mov", (R12, R3), [0x469C]),
    ("mov_imm", (R9, 0xFFFF), [0xF64F, 0x79FF]),
    ("mov_imm", (R9, 0xBAAEDCE6), [0xF64D, 0x49E6, 0xF6CB, 0x29AE]),
    ("add", (R10, R9, R12, 5), [0xEB09, 0x1A4C]),
    ("adds", (R0, R1, R2), [0xEB11, 0x0002]),
    ("adcs", (R8, R11, R12), [0xEB5B, 0x080C]),
    ("subs", (R1, R2, R3), [0xEBB2, 0x0103]),
    ("sbcs", (R4, R4, R9), [0xEB74, 0x0409]),
    ("sbc", (R12, R12, R12), [0xEB6C, 0x0C0C]),
    ("and_", (R9, R9, R11), [0xEA09, 0x090B]),
    ("bic", (R7, R10, R8), [0xEA2A, 0x0708]),
    ("orr", (R8, R0, R1), [0xEA40, 0x0801]),
    ("orn", (R9, R9, R2), [0xEA69, 0x0902]),
    ("eor", (R0, R0, R11), [0xEA80, 0x000B]),
    ("lsr_imm", (LR, R11, 24), [0xEA4F, 0x6E1B]),
    ("lsl", (R11, R8, R11), [0xFA08, 0xFB0B]),
    ("add_imm", (R9, R9, 160), [0xF109, 0x09A0]),
    ("adc_imm", (R12, R12, 0), [0xF14C, 0x0C00]),
    ("adcs_imm", (R7, R7, 0), [0xF157, 0x0700]),
    ("sub_imm", (R2, R2, 1), [0xF1A2, 0x0201]),
    ("subs_imm", (R9, R9, 1), [0xF1B9, 0x0901]),
    ("sbcs_imm", (R3, R3, 0), [0xF173, 0x0300]),
    ("rsb_imm", (R11, R12, 0), [0xF1CC, 0x0B00]),
    ("cmp_imm", (R9, 200), [0xF1B9, 0x0FC8]),
    ("cmp", (R0, R5), [0xEBB0, 0x0F05]),
    ("tst_imm", (R11, 8), [0xF01B, 0x0F08]),
    ("ubfx", (R10, R11, 8, 8), [0xF3CB, 0x2A07]),
    ("sbfx", (R9, R9, 1, 1), [0xF349, 0x0940]),
    ("clz", (LR, R10), [0xFABA, 0xFE8A]),
    ("rev", (R9, R3), [0xFA93, 0xF983]),
    ("mul", (R11, R12, R9), [0xFB0C, 0xFB09]),
    ("mla", (R0, R8, LR, R0), [0xFB08, 0x000E]),
    ("umull", (R1, R2, R10, R9), [0xFBAA, 0x1209]),
    ("umaal", (R1, R2, R10, R9), [0xFBEA, 0x1269]),
    ("ldr", (R12, SP, 4092), [0xF8DD, 0xCFFC]),
    ("ldr_post", (R11, R12, 4), [0xF85C, 0xBB04]),
    ("ldrb", (R4, R1, 3), [0xF891, 0x4003]),
    ("ldrb_post", (R2, R5, 1), [0xF815, 0x2B01]),
    ("str", (R9, R10, 28), [0xF8CA, 0x901C]),
    ("ldrd", (R4, R5, R0, 8), [0xE9D0, 0x4502]),
    ("strd", (R6, R6, SP, 1020), [0xE9CD, 0x66FF]),
    ("ldm", (R12, (R0, R7)), [0xE89C, 0x0081]),
    ("stm", (R9, (R0, R1, R7)), [0xE889, 0x0083]),
    ("push", ((R8, R11),), [0xE92D, 0x0900]),
    ("pop", ((R8, R11),), [0xE8BD, 0x0900]),
]
CASES = [(Narrow, *case) for case in NARROW] + [(Wide, *case) for case in WIDE]


@pytest.mark.parametrize(("assembler", "name", "operands", "halves"), CASES)
def test_an_instruction_is_encoded_as_by_another_assembler(assembler, name, operands, halves):
    t = assembler()
    getattr(t, name)(*operands)
    assert t.assemble() == halves


def test_branches_of_half_a_word_reach_their_labels_in_both_directions():
    t = Narrow()
    t.label("start")
    t.b("end", "eq")
    t.b("start")
    t.bl("start")
    t.bl("end")
    t.b("end")
    t.label("end")
    assert t.assemble() == [0xD005, 0xE7FD, 0xF7FF, 0xFFFC, 0xF000, 0xF801, 0xE7FF]


def test_wide_branches_reach_their_labels_in_both_directions():
    t = Wide()
    t.label("start")
    t.b("end", "eq")
    t.b("start")
    t.b("end")
    t.b("start", "ne")
    t.label("end")
    assert t.assemble() == [0xF000, 0x8006, 0xF7FF, 0xBFFC, 0xF000, 0xB802, 0xF47F, 0xAFF8]


def test_tables_count_from_where_their_branch_does():
    t = Narrow()
    t.table(R5, ("one", "two"))
    t.label("one")
    t.mov(R0, R0)
    t.label("two")
    assert t.assemble() == [0x447D, 0x886D, 0x44AF, 2, 4, 0x4600]
    t = Wide()
    t.tbh(R8, ("one", "two"))
    t.label("one")
    t.mov(R0, R0)
    t.label("two")
    assert t.assemble() == [0xE8DF, 0xF018, 2, 3, 0x4600]


@pytest.mark.parametrize(
    ("assembler", "name", "operands"),
    [
        (Narrow, "movs", (R0, 256)),
        (Narrow, "movs", (R8, 0)),
        (Narrow, "ands", (R0, R8)),
        (Narrow, "adds", (R0, R1, R8)),
        (Narrow, "lsls", (R0, R0, 32)),
        (Narrow, "subs_imm", (R0, -1)),
        (Narrow, "ldr", (R0, R1, 128)),
        (Narrow, "ldr", (R0, SP, 1024)),
        (Narrow, "ldr", (R0, R8, 0)),
        (Narrow, "ldrh", (R0, R1, 64)),
        (Narrow, "ldm", (R0, (R4, R8))),
        (Narrow, "push", ((LR,),)),
        (Narrow, "point", (R0, 1024)),
        (Narrow, "sub_sp", (512,)),
        (Wide, "ldr", (R0, R1, 4096)),
        (Wide, "ldrd", (R0, R1, R2, 1024)),
        (Wide, "add_imm", (R0, R0, 256)),
        (Wide, "ldr_post", (R0, R1, -4)),
    ],
)
def test_an_operand_that_does_not_fit_is_refused(assembler, name, operands):
    with pytest.raises(ValueError, match="does not fit"):
        getattr(assembler(), name)(*operands)


@pytest.mark.parametrize(("condition", "farthest"), [("", 1024), ("ne", 128)])
def test_a_branch_that_is_too_far_is_refused(condition, farthest):
    for halves in (farthest, farthest + 1):
        t = Narrow()
        t.b("end", condition)
        for _ in range(halves):
            t.mov(R0, R0)
        t.label("end")
        if halves == farthest:
            assert len(t.assemble()) == halves + 1
        else:
            with pytest.raises(ValueError, match="does not fit"):
                t.assemble()
