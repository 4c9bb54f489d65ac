"""What throws random traffic at a board on the bench: it passes a device, and finds a prompt."""

import os
import pty
import subprocess
import sys
import threading
from contextlib import suppress

import pytest
from daric_sim.device import SimDevice

from tests.docs.pages import ROOT
from tests.link.fuzz_port import opened, throw


def test_a_device_passes(tmp_path):
    with SimDevice(tmp_path / "device") as device:
        line = [sys.executable, "-m", "tests.link.fuzz_port", device.path, "1", "7"]
        done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert int(done.stdout.split(" ")[0]) > 0
    assert device.log == ""


def test_a_prompt_is_found():
    board, port = pty.openpty()
    threading.Thread(target=prompt, args=(board,), daemon=True).start()
    with pytest.raises(AssertionError, match=r"no frames: .*>>> "):
        throw(os.ttyname(port), 10, 1)
    os.close(port)


def prompt(board: int) -> None:
    """A board that answers what it reads by its prompt, until nobody has the port open any more."""
    with suppress(OSError):
        while os.read(board, 4096):
            os.write(board, b"\r\n>>> \0")


def test_a_port_that_never_comes_is_an_error(tmp_path):
    with pytest.raises(OSError, match="no-such"):
        opened(str(tmp_path / "no-such"), 0)
