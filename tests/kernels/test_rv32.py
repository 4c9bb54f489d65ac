"""The assembler for RV32IM: words as another assembler (llvm-mc 14) makes them, and operands that do not fit."""

import pytest

from tools.kernels.rv32 import A0, A1, A2, A3, A4, A5, A7, RA, SP, T0, T1, T2, T3, T4, T5, T6, ZERO, Rv32, S


@pytest.mark.parametrize(
    ("name", "operands", "words"),
    [
        ("addi", (A0, SP, -2048), [0x80010513]),
        ("seqz", (T0, T6), [0x001FB293]),
        ("not_", (S[11], A7), [0xFFF8CD93]),
        ("andi", (A0, A1, 2047), [0x7FF5F513]),
        ("slli", (T1, T2, 31), [0x01F39313]),
        ("srli", (S[0], S[1], 1), [0x0014D413]),
        ("add", (T0, A0, S[2]), [0x012502B3]),
        ("neg", (RA, T6), [0x41F000B3]),
        ("sll", (A3, A4, A5), [0x00F716B3]),
        ("sltu", (A0, A7, S[3]), [0x0138B533]),
        ("xor", (S[4], S[5], S[6]), [0x016ACA33]),
        ("or_", (S[7], S[8], S[9]), [0x019C6BB3]),
        ("and_", (S[10], T3, T4), [0x01DE7D33]),
        ("mul", (T5, A0, A1), [0x02B50F33]),
        ("mulhu", (T0, A2, A3), [0x02D632B3]),
        ("lw", (A0, SP, 2047), [0x7FF12503]),
        ("lbu", (A1, T0, -1), [0xFFF2C583]),
        ("sw", (S[2], SP, -4), [0xFF212E23]),
        ("sb", (A7, T2, 31), [0x01138FA3]),
        ("jr", (A0, 12), [0x00C50067]),
        ("auipc", (A0, 1), [0x00001517]),
        ("li", (T0, 0xBAAEDCE6), [0xBAAEE2B7, 0xCE628293]),
        ("li", (T1, 1 << 31), [0x80000337]),
        ("li", (T2, (1 << 32) - 2), [0xFFE00393]),
    ],
)
def test_an_instruction_is_encoded_as_by_another_assembler(name, operands, words):
    t = Rv32()
    getattr(t, name)(*operands)
    assert t.assemble() == words


def test_branches_reach_their_labels_in_both_directions():
    t = Rv32()
    t.label("start")
    t.beqz(A0, "end")
    t.bne(A0, A1, "start")
    t.bltu(A2, A3, "end")
    t.j("start")
    t.j("end")
    t.label("end")
    assert t.assemble() == [0x00050A63, 0xFEB51EE3, 0x00D66663, 0xFF5FF06F, 0x0040006F]


@pytest.mark.parametrize(
    ("name", "operands"),
    [
        ("addi", (A0, A0, 2048)),
        ("addi", (A0, A0, -2049)),
        ("lw", (A0, SP, 2048)),
        ("sw", (A0, SP, -2049)),
        ("slli", (A0, A0, 32)),
        ("srli", (A0, A0, -1)),
        ("li", (A0, 1 << 32)),
        ("li", (A0, -1)),
    ],
)
def test_an_operand_that_does_not_fit_is_refused(name, operands):
    with pytest.raises(ValueError, match="does not fit"):
        getattr(Rv32(), name)(*operands)


@pytest.mark.parametrize(("words", "fits"), [(1023, True), (1024, False)])
def test_a_branch_that_is_too_far_is_refused(words, fits):
    t = Rv32()
    t.beq(A0, ZERO, "end")
    for _ in range(words - 1):
        t.mv(A0, A0)
    t.label("end")
    if fits:
        assert len(t.assemble()) == words
    else:
        with pytest.raises(ValueError, match="does not fit"):
            t.assemble()


def test_a_label_is_put_exactly_once():
    t = Rv32()
    t.j("nowhere")
    with pytest.raises(KeyError):
        t.assemble()
    t.label("nowhere")
    with pytest.raises(ValueError, match="twice"):
        t.label("nowhere")
