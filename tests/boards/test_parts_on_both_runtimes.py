"""The parts of real boards give the same in the real MicroPython as here."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from daric_host.flashing import compiling
from micropython_runner import build, run_micropython

PORTABLE = Path(__file__).parents[1] / "portable"
PARTS = ["buttons", "led", "usbcdc", "rawflash", "code_stm32", "ssd1306"]


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> dict[str, str]:
    """The compiled firmware with the parts of real boards, which images for the virtual one leave out."""
    target = tmp_path_factory.mktemp("firmware") / "compiled"
    shutil.copytree(build(firmware=True), target)
    for name in PARTS:
        source = Path(compiling.FIRMWARE) / "board" / f"{name}.py"
        (target / "daric" / "board" / f"{name}.mpy").write_bytes(compiling.compiled(name, source.read_bytes()))
    return {"MICROPYPATH": f"{target}:.frozen"}


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
