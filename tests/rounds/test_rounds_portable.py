"""Every change of a group, from import to recovery, in the real MicroPython."""

import subprocess
import sys

from micropython_runner import ROOT, run_micropython

SCRIPT = ROOT / "tests" / "portable" / "group_changes.py"


def test_every_change_of_a_group_runs_on_cpython():
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "done\n", done.stderr


def test_every_change_of_a_group_runs_on_micropython():
    assert run_micropython(SCRIPT).endswith("done\n")
