"""The rows of RVOLE by each kernel: right, as long as they were, and the same for every secret."""

from functools import partial

import pytest
from daric_protocol.platform import vole
from daric_protocol.tagged import Q
from kernels import checks
from kernels.catalogue import KERNELS
from kernels.emulated import Emulated
from portable import vole_twins

MORE = 1.05  # instructions that a change may add
BLOCK, DELTA = bytearray(range(51)), bytes(range(100, 116))
WEIGHTS, CHUNK = vole_twins.noise(b"weights", 1024), vole_twins.noise(b"parts", 3072)

pytestmark = pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)


def add(module, secret):
    inputs = secret, secret * 3 % Q, secret * 5 % Q
    module.AliceRows(BLOCK, DELTA, inputs).add(8, rows(secret), WEIGHTS, bytearray(3072))


def check(module, secret):
    inputs = secret, secret * 3 % Q, secret * 5 % Q
    module.AliceRows(BLOCK, DELTA, inputs, (3, Q - 4)).check(8, rows(secret), bytearray(3072))


def take(module, secret):
    module.BobRows(BLOCK, (3, Q - 4), bytes(31) + b"\5").take(8, rows(secret), secret & 255, WEIGHTS, CHUNK)


def select(module, secret):
    module.select((secret >> 7 & 0xFFFFFFFF).to_bytes(4, "little"), [WEIGHTS])


def rows(secret):
    return vole_twins.noise(secret.to_bytes(32, "big"), 128)


WORK = {"add": add, "check": check, "take": take, "select": select}


def test_rows_come_out_as_in_plain_python(kernel):
    vole_twins.check(vole, checks.vole(kernel.emulated().run), 12)


@pytest.mark.slow
def test_many_rows_come_out_as_in_plain_python(kernel):
    vole_twins.check(vole, checks.vole(kernel.emulated().run), 240)


@pytest.mark.parametrize("name", WORK)
def test_no_group_of_rows_takes_more_instructions_than_it_did(kernel, name):
    work = partial(WORK[name], secret=Q // 3)
    (count,) = checks.watched(kernel.emulated(), Emulated.counted, checks.vole, work)
    assert count <= kernel.rows[name] * MORE, count


@pytest.mark.parametrize("name", WORK)
def test_what_a_group_of_rows_does_depends_on_no_secret(kernel, name):
    def work(module):
        for secret in (0, 1, 255, Q - 1, Q // 2):
            WORK[name](module, secret)

    assert len({*checks.watched(kernel.emulated(), Emulated.traced, checks.vole, work)}) == 1
