"""49 KB cross the framing in both directions in well under a second, on both runtimes."""

from tests.micropython_runner import run_micropython
from tests.portable import link_speed


def test_49_kb_cross_both_ways_within_a_second_on_cpython():
    assert link_speed.run() < 1000


def test_49_kb_cross_both_ways_within_a_second_on_a_small_micropython():
    assert int(run_micropython(link_speed.__file__, heapsize="330k")) < 1000
