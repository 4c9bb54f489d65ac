"""The digits of a scalar, made by a board's viper code: right, and by the same instructions and addresses for each.

What the function asks the runtime for is not MicroPython's here; it asks before it reads anything of the scalar.
"""

import pytest
from daric_host.flashing import compiling
from daric_protocol import comb, glv, recode
from kernels import mpyfile
from kernels.catalogue import KERNELS
from kernels.emulated import PLATFORM, EmulatedViper
from kernels.test_points import SECRETS

SHAPES = {"any point": glv.WINDOWS, "the generator": comb.GENERATOR, "a base of its own": comb.COMB}
SOURCE = (PLATFORM / "recode_viper.py").read_text()
RIGHT = "negative = 1 - (digit >> (count - 1))"
BITS = 1  # which of the buffers holds the scalar

pytestmark = pytest.mark.parametrize(
    ("kernel", "architecture"),
    [(kernel, architecture) for kernel in KERNELS for architecture in kernel.architectures],
    ids=lambda of: of if isinstance(of, str) else of.name,
)


def emulated(kernel, architecture, source=SOURCE, model=0):
    (code,) = mpyfile.functions(compiling.compiled("recode_viper.py", source.encode(), architecture), mpyfile.VIPER)
    return EmulatedViper(code, kernel.processor, kernel.models[model])


def buffers(k, shape, monkeypatch):
    """What the product calls the function with for a scalar, and the steps that plain Python makes of it."""
    given = []

    def fill(steps, bits, shape):
        given.extend((bytearray(len(steps)), bytearray(bits), bytearray(shape)))
        recode.fill(steps, bits, shape)

    monkeypatch.setattr(glv, "fill", fill)
    steps = glv.schedule(k, shape)
    return given, steps


def traces(viper, shape, monkeypatch):
    return {viper.traced(*buffers(k, shape, monkeypatch)[0]) for k in SECRETS}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_steps_are_those_of_plain_python(kernel, architecture, shape, monkeypatch):
    for model in range(len(kernel.models)):
        viper = emulated(kernel, architecture, SOURCE, model)
        for k in (0, *SECRETS):
            given, steps = buffers(k, shape, monkeypatch)
            viper.run(*given)
            assert given[0] == steps


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_what_recoding_does_depends_on_no_secret(kernel, architecture, shape, monkeypatch):
    assert len(traces(emulated(kernel, architecture), shape, monkeypatch)) == 1


def test_the_runtime_is_asked_for_nothing_once_the_scalar_is_read(kernel, architecture, monkeypatch):
    given, _ = buffers(SECRETS[-1], glv.WINDOWS, monkeypatch)
    before, after = emulated(kernel, architecture).calls(BITS, *given)
    assert before > 0 and after == 0


@pytest.mark.parametrize(
    "wrong",
    [
        "negative = 0 if digit >> (count - 1) else 1",  # a branch
        "negative = (1 - (digit >> (count - 1))) | (int(form[6 + (digit & 1)]) & 0)",  # an address
    ],
)
def test_digits_that_show_are_told_apart(kernel, architecture, wrong, monkeypatch):
    """So that the comparison above can fail."""
    assert SOURCE.count(RIGHT) == 1
    viper = emulated(kernel, architecture, SOURCE.replace(RIGHT, wrong))
    given, steps = buffers(SECRETS[-1], glv.WINDOWS, monkeypatch)
    viper.run(*given)
    assert given[0] == steps
    assert len(traces(viper, glv.WINDOWS, monkeypatch)) > 1
