"""The parts of real boards give the same in the real MicroPython as here."""

import subprocess
import sys
from pathlib import Path

import pytest
from micropython_runner import run_micropython

from tests.boards.compiled import with_boards

PORTABLE = Path(__file__).parents[1] / "portable"
@pytest.fixture(scope="module")
def path(tmp_path_factory) -> dict[str, str]:
    return {"MICROPYPATH": with_boards(tmp_path_factory.mktemp("firmware") / "compiled")}


def test_buttons_light_line_and_flash_agree_on_both_runtimes(path):
    script = PORTABLE / "board_parts.py"
    here = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True).stdout
    there = run_micropython(script, env=path)
    assert here.splitlines() == there.splitlines()
    assert "pressed ('left'," in there
    assert "pressed ('hold right'," in there
    assert there.count("refused 5") == 6


def test_the_display_shows_what_micropythons_frame_buffer_draws(path):
    assert run_micropython(PORTABLE / "display_bytes.py", env=path) == "ok\n"
