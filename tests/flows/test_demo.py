"""`make demo` is the main job: it must pass as a user runs it, with the device on the real MicroPython."""

import subprocess

from daric_sim.house import daric


def test_the_demo_passes_every_check(tmp_path):
    done = subprocess.run(daric("demo"), capture_output=True, text=True, timeout=240, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every check passed" in done.stdout
    assert done.stdout.count("coincurve") == 4, "one row for each signature"
    assert list(tmp_path.iterdir()) == [], "the demo cleans up after itself"


def test_a_demo_that_fails_says_so(tmp_path):
    blocked = tmp_path / "state"
    blocked.mkdir()
    (blocked / "service").write_text("a file where a directory has to be")
    command = daric("demo", "--keep", str(blocked))
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "the demo failed" in done.stdout
