"""The same session, byte for byte, on CPython and in MicroPython."""

import os
import pathlib
import subprocess
import sys

from tests.micropython_runner import run_micropython

SCRIPT = pathlib.Path(__file__).parents[1] / "portable" / "session_rounds.py"


def run_cpython(platform):
    environment = {**os.environ, "DARIC_PLATFORM": platform}
    return subprocess.run(
        [sys.executable, str(SCRIPT)], capture_output=True, text=True, env=environment, check=True
    ).stdout


def test_a_session_is_the_same_on_every_platform():
    native = run_cpython("")
    assert native.count(" done done") == 3 and native.count(" failed None ") == 3
    assert run_cpython("micropython") == native
    assert run_micropython(SCRIPT, heapsize="2M") == native
