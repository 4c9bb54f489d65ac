"""Sources that are stuck, biased, repeating or absent are refused at the start and in use, by both runtimes."""

import hashlib
import os
import sys
from pathlib import Path

import pytest
from daric.board import faults
from daric.board.flashfile import FlashFile, Partition
from daric.starts import check
from daric_protocol.errors import DaricError
from daric_protocol.platform.entropy import READ_BYTES, START_BYTES, STARTUP_BYTES, Entropy, Health
from micropython_runner import run_micropython

SCRIPT = Path(__file__).parent / "portable" / "entropy_faults.py"
SAID = """\
system good
missing absent
stuck refused: entropy
biased refused: entropy
leaning refused: entropy
repeating refused: entropy
seeded good
failing refused: entropy
"""
STARTS = """\
seeded started
system started
seeded refused: entropy
system started
"""


def in_cpython(capsys: pytest.CaptureFixture[str]) -> str:
    exec(compile(SCRIPT.read_text(), str(SCRIPT), "exec"), {"__name__": "faults"})
    return capsys.readouterr().out


def in_micropython(_capsys: pytest.CaptureFixture[str]) -> str:
    return run_micropython(SCRIPT, firmware=True)


@pytest.mark.parametrize("runtime", [in_cpython, in_micropython])
def test_each_broken_source_is_refused_at_the_start_and_in_use(runtime, capsys):
    out = runtime(capsys)
    assert out.startswith(SAID)
    assert out.endswith(STARTS)
    in_use = out.removeprefix(SAID).removesuffix(STARTS).splitlines()
    assert len(in_use) == 20
    assert not [line for line in in_use if "entropy" not in line]
    assert [line for line in in_use if "in use" in line] == [line for line in in_use if " after 1 " not in line]


@pytest.mark.parametrize("period", [1, 2, 31, 33, 97, 255, 1000, 1024, 2000])
@pytest.mark.parametrize("begins", [0, 50, 1000])
def test_a_loop_of_up_to_two_kilobytes_shows_within_four(period, begins):
    health = Health()
    for _ in range(begins):
        assert health.passes(os.urandom(READ_BYTES))
    loop = os.urandom(period)
    stream = loop * (4 * 2048 // period + 2)
    reads = [stream[at : at + READ_BYTES] for at in range(0, 4096 + 2048, READ_BYTES)]
    assert not all(health.passes(read) for read in reads)


def test_a_long_loop_shows_before_three_times_its_length():
    loop = os.urandom(100_003)
    health = Health()
    reads = 0
    while health.passes(bytes(loop[(reads * READ_BYTES + at) % len(loop)] for at in range(READ_BYTES))):
        reads += 1
        assert reads * READ_BYTES < 3 * len(loop)


def test_the_systems_own_source_passes_for_a_long_time():
    health = Health()
    assert all(health.passes(os.urandom(READ_BYTES)) for _ in range(20_000))


def test_a_source_with_a_slight_lean_is_left_to_the_bytewise_tests():
    # 51 ones in 100: within what a source may do that is credited with half of its bits.
    stream = hashlib.shake_256(b"lean").digest(STARTUP_BYTES)
    health = Health()
    assert all(health.passes(stream[at : at + READ_BYTES]) for at in range(0, len(stream), READ_BYTES))


@pytest.fixture
def block():
    return Partition(FlashFile(None, 1), 0, 1)


STARTS_KEPT = 4096 // START_BYTES


def start(number: int) -> bytes:
    return number.to_bytes(START_BYTES, "big")


def test_the_record_of_starts_survives_its_own_erasure(block):
    starts = [start(number) for number in range(1, STARTS_KEPT + 20)]
    for one in starts:
        check(block, one)
    assert block.flash.operations == len(starts) + 2  # one erasure, and the last start written again after it
    for one in starts[STARTS_KEPT - 1 :]:
        with pytest.raises(DaricError) as caught:
            check(block, one)
        assert caught.value.name == "entropy"


@pytest.mark.parametrize("torn", [False, True])
def test_a_power_cut_while_a_start_is_written_harms_no_later_one(block, torn):
    for cut in (1, 2, 3):
        block.flash.erase(0)
        for number in range(1, STARTS_KEPT + 1):
            check(block, start(number))
        block.flash.cut_power(cut, torn)
        with pytest.raises(DaricError) as caught:
            check(block, start(1000))
        assert caught.value.name == "storage"
        block.flash.restore_power()
        check(block, start(1001))
        with pytest.raises(DaricError) as caught:
            check(block, start(1001))
        assert caught.value.name == "entropy"


def test_the_start_says_nothing_of_what_is_drawn_later():
    door = Entropy(faults.source("seeded"))
    assert len(door.start) == START_BYTES
    assert door.start not in b"".join(door.draw(32) for _ in range(50))


@pytest.mark.parametrize("name", ["", "stuckk", "system@x", "stuck@-"])
def test_an_unknown_fault_is_not_taken_for_a_good_source(name):
    with pytest.raises(ValueError, match=r"."):
        faults.source(name)


def test_no_fault_is_loaded_by_a_board_that_has_none():
    assert "daric.board.faults" in sys.modules  # by this test, and by nothing in the firmware but the virtual board
    firmware = Path(faults.__file__).parents[1]
    naming = [path.name for path in firmware.rglob("*.py") if "board.faults" in path.read_text()]
    assert naming in ([], ["virtual.py"])
