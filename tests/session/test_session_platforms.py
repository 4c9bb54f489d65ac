"""The same session, byte for byte, on CPython and in MicroPython."""

import os
import pathlib
import subprocess
import sys

import pytest

from tests.micropython_runner import run_micropython
from tests.session.recording import record_changes, record_wallet

SCRIPT = pathlib.Path(__file__).parents[1] / "portable" / "session_rounds.py"
PARTY = SCRIPT.with_name("session_party.py")


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


@pytest.mark.parametrize(("threshold", "parties", "heap"), [(2, 3, "360k"), (3, 5, "380k")])
def test_a_party_on_a_small_heap_sends_the_very_frames_of_one_on_cpython(tmp_path, threshold, parties, heap):
    """Key generation and a signature: same seeds, same calls, same bytes. Most of the heap is bytecode."""
    record_wallet(tmp_path, threshold, parties)
    printed = run_micropython(PARTY, str(tmp_path), heapsize=heap)
    assert printed.count("as recorded") == 2


def test_a_party_in_micropython_changes_and_exports_a_group_as_one_on_cpython_does(tmp_path):
    """Creation, refresh, a fourth and a fifth member, export: same seeds, same calls, same bytes."""
    record_changes(tmp_path)
    assert run_micropython(PARTY, str(tmp_path), heapsize="420k").count("as recorded") == 5
