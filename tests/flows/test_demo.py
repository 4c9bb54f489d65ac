"""`make demo` is the main job, `daric demo --all` every process: both must pass as a user runs them, with the device on
the real MicroPython.
"""

import subprocess

import pytest
from daric_sim.house import daric
from daric_sim.processes import PROCESSES


def test_the_demo_passes_every_check(tmp_path):
    done = subprocess.run(daric("demo"), capture_output=True, text=True, timeout=240, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every check passed" in done.stdout
    assert done.stdout.count("coincurve") == 4, "one row for each signature"
    assert list(tmp_path.iterdir()) == [], "the demo cleans up after itself"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_walk_through_every_process_passes(tmp_path):
    command = daric("demo", "--all")
    done = subprocess.run(command, capture_output=True, text=True, timeout=880, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every check passed" in done.stdout
    table = done.stdout.partition("verified by")[2]
    assert [name for name, _ in PROCESSES if f"│ {name}" not in table] == []
    assert list(tmp_path.iterdir()) == [], "the walk cleans up after itself"


def test_the_walk_goes_through_all_eleven_processes():
    numbers = {name.split()[0] for name, _ in PROCESSES}
    assert {str(number) for number in range(1, 12)} <= numbers


def test_a_demo_that_fails_says_so(tmp_path):
    blocked = tmp_path / "state"
    blocked.mkdir()
    (blocked / "service").write_text("a file where a directory has to be")
    command = daric("demo", "--keep", str(blocked))
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "the demo failed" in done.stdout
