"""Multiplications of points by each kernel: right, as long as they were, and the same for every secret."""

from random import Random

import pytest
from daric_protocol import chain, comb, curve, glv, jacobian
from daric_protocol.field import P, Q
from daric_protocol.platform import machine
from daric_protocol.steps import ADD, NEGATIVE, ODD, ODD_ENTRIES, SECRET
from kernels import checks
from kernels.catalogue import KERNELS
from kernels.checks import POINT
from kernels.emulated import Emulated

LAMBDA = 0x5363AD4CC05C30E0A5261C028812645A122E22EA20816678DF02967C1B23BD72
SECRETS = (1, 2, Q - 1, Q // 2, LAMBDA, 0xDEADBEEF << 200, *(Random(8).randrange(Q) for _ in range(4)))
MORE = 1.05  # instructions that a change may add

pytestmark = pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)


@pytest.fixture
def programs(kernel):
    return checks.programs(kernel.emulated().run)


# What the product does with a secret scalar, up to where points leave the machine (curve.py)


def fixed_base(programs, k):
    return programs.walk(checks.generator_table(), glv.schedule(k, comb.GENERATOR))


def own_base(programs, k):
    return programs.walk(checks.own_table(), glv.schedule(k, comb.COMB))


def variable_base(programs, k):
    return programs.walk_each(glv.schedule(k, glv.WINDOWS), [POINT])[0]


WORK = {"fixed_base": (fixed_base, curve.G), "own_base": (own_base, POINT), "variable_base": (variable_base, POINT)}


def test_points_are_multiplied_as_in_plain_python(programs):
    for work, base in WORK.values():
        found = programs.normalise([work(programs, k) for k in (0, *SECRETS)])
        assert found == [None, *(curve.mul(k, base) for k in SECRETS)]


def test_many_points_and_none_are_multiplied_normalised_and_doubled(programs):
    points = [None if k % 5 == 4 else curve.mul_g(k + 1) for k in range(11)]
    steps = glv.schedule(Q // 7, glv.WINDOWS)
    assert programs.normalise(programs.walk_each(steps, points)) == curve.mul_batch(Q // 7, points)
    assert programs.normalise([]) == []
    assert programs.normalise(programs.doubled(*POINT, [1, 3, 255])) == [curve.mul(2**n, POINT) for n in (1, 4, 259)]


def test_pairs_of_points_are_added_exceptions_too(programs):
    points = [curve.mul_g(k + 1) for k in range(11)]
    for other in (POINT, points[2], curve.neg(points[9]), None):
        assert programs.add_batch(points, [other] * 11) == jacobian.add_batch(points, [other] * 11)
    assert programs.add_batch([None], [None]) == [None]
    assert programs.add_batch([], []) == []


def test_square_roots_come_out_right(programs):
    for a in (0, 1, 4, 7, P - 1, Q, 2**255):
        assert programs.root(a * a % P) in (a, P - a)


def test_a_walk_that_meets_equal_or_opposite_points_is_right(programs):
    for odd in (0, 3, ODD_ENTRIES - 1):
        for flags, expected in ((ADD, 4 * odd + 2), (ADD | NEGATIVE, 0)):
            steps = bytes((0, ODD + odd, ADD, 0, ODD + odd, flags, 1, ODD, ADD))
            (found,) = programs.normalise(programs.walk_each(steps, [POINT]))
            assert found == curve.mul(2 * expected + 1, POINT)


def test_a_kernel_ends_a_walk_where_the_plain_machine_does(kernel):
    table = bytearray(64 * (ODD + ODD_ENTRIES))
    chain.odd_multiples(table, *POINT)
    later = bytes((0, 17, 1, 0, 16, 3, 0, 16, 3, 0, 16, 1))  # 3 - 1 - 1, and 1 more
    for steps in (bytes((0, 16, 1, 0, 16, 3)), bytes((0, 16, 1, 0, 16, 1)), later):
        ends = []
        for run in (kernel.emulated().run, machine.run):
            memory = bytearray(32 * 14)
            memory[32 * 12] = 1
            ends.append(checks.call(run, memory, checks.programs(run).CODE, 0, bytes(table), steps))
        assert ends == [len(steps)] * 2


# Instructions, and secrets: the addresses of instructions and of what they read and wrote are compared


def counted(kernel, work):
    """How many instructions the kernel takes in all its runs for work(programs)."""
    return sum(checks.watched(kernel.emulated(), Emulated.counted, checks.programs, work))


def traced(kernel, work):
    return b"".join(checks.watched(kernel.emulated(), Emulated.traced, checks.programs, work))


def packed(points):
    return [b"".join(number.to_bytes(32, "little") for number in (*point, 1)) for point in points]


@pytest.mark.parametrize("name", WORK)
def test_no_multiplication_takes_more_instructions_than_it_did(kernel, name):
    assert counted(kernel, lambda programs: WORK[name][0](programs, Q // 3)) <= getattr(kernel, name) * MORE


def test_no_batch_and_no_root_takes_more_instructions_than_it_did(kernel):
    points = [curve.mul_g(k + 1) for k in range(8)]
    for limit, work in (
        (kernel.normalising, lambda programs: programs.normalise(packed(points))),
        (kernel.adding, lambda programs: programs.add_batch(points, [POINT] * 8)),
        (kernel.root, lambda programs: programs.root(7)),
    ):
        assert counted(kernel, work) <= limit * MORE


def same_for_all(kernel, work, secrets):
    return len({traced(kernel, lambda programs: work(programs, k)) for k in secrets}) == 1  # noqa: B023


@pytest.mark.parametrize("name", WORK)
def test_what_a_multiplication_does_is_the_same_for_two_secrets(kernel, name):
    assert same_for_all(kernel, WORK[name][0], SECRETS[-2:])


@pytest.mark.slow
@pytest.mark.parametrize("name", WORK)
def test_what_a_multiplication_does_depends_on_no_secret(kernel, name):
    assert same_for_all(kernel, WORK[name][0], SECRETS)


def test_what_normalising_and_adding_do_depends_on_no_point(kernel):
    def work(programs, k):
        points = [curve.mul_g(k * n) for n in range(1, 9)]
        programs.normalise(packed(points))
        programs.add_batch(points, [POINT] * 8)
        programs.root(points[0][0])

    assert same_for_all(kernel, work, SECRETS[:3])


def test_steps_that_hide_nothing_are_told_apart(kernel):
    """So that the comparisons above can fail."""

    def work(programs, k):
        steps = glv.schedule(k, comb.GENERATOR)
        steps[2::3] = bytes(flags & ~SECRET for flags in steps[2::3])
        programs.walk(checks.generator_table(), steps)

    assert not same_for_all(kernel, work, SECRETS[:2])
