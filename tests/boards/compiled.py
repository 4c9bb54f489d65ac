"""The compiled firmware together with the files of real boards, which images for the virtual one leave out."""

import shutil
from pathlib import Path

from daric_host.flashing import compiling
from micropython_runner import build

PARTS = ["buttons", "led", "lines", "machineboard", "usbcdc", "rawflash", "ssd1306"]
PARTS += ["rp2", "code_rp2", "esp32", "code_esp32", "stm32", "code_stm32"]


def with_boards(target: Path) -> str:
    """Make the directory `target`; returns a MICROPYPATH."""
    shutil.copytree(build(firmware=True), target)
    for name in PARTS:
        source = compiling.FIRMWARE / "board" / f"{name}.py"
        (target / "daric" / "board" / f"{name}.mpy").write_bytes(compiling.compiled(name, source.read_bytes()))
    return f"{target}:.frozen"
