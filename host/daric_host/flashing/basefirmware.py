"""`--base`: MicroPython itself onto a board, by the tool that its maker gives out: esptool, UF2 copy or dfu-util.

Specification: docs/hardware.md, flashing.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from daric_protocol.errors import DaricError

from daric_host.flashing.ports import Port
from daric_host.flashing.rawboard import RawBoard

ESPTOOL, UF2, DFU = "esptool", "uf2", "dfu"
BY_SUFFIX = {".bin": ESPTOOL, ".uf2": UF2, ".dfu": DFU}
CHIPS = {"esp32": "esp32s3", "esp32c3": "esp32c3"}  # board -> esptool's name of the chip
FAMILIES = {"rp2040": 0xE48BFF56, "rp2350": 0xE48BFF59, "rp2350-riscv": 0xE48BFF5A}  # family ids of microsoft/uf2
UF2_MAGIC = b"UF2\n"
DFU_DEVICE = "0483:df11"  # of the boot loader in every STM32: dfu-util would take any device that knows DFU
OFFSETS = {"esp32": "0x0", "esp32c3": "0x0"}  # of a MicroPython with its boot loader
INFO = "INFO_UF2.TXT"  # on the drive of every UF2 boot loader
DRIVE_SECONDS = 20.0
TOOL_SECONDS = 600
BOOTLOADER = "import machine\nmachine.bootloader()\n"

Run = Callable[[list[str]], "subprocess.CompletedProcess[str]"]


def way(file: Path) -> str:
    """How this file gets onto a board. Raises DaricError("parameter")."""
    found = BY_SUFFIX.get(file.suffix.lower())
    if found is None:
        raise DaricError("parameter", f"{file.name} is no .bin (esptool), .uf2 (copied) or .dfu (dfu-util)")
    if not file.is_file():
        raise DaricError("parameter", f"{file} is not there")
    return found


def write(port: Port, board: str, file: Path, drive: Path | None = None, run: Run | None = None) -> None:
    """Put MicroPython onto the board at this port; it restarts afterwards.

    board: its name in docs/hardware.md. drive: of the UF2 boot loader, found by itself if not given. Raises
    DaricError: "parameter" (the file is not for that board, or a tool is missing), "link" (the tool failed).
    """
    how = way(file)
    if how == UF2:
        check_uf2(file, board)
        _copy(port, file, drive)
    elif how == ESPTOOL:
        _do(esptool_command(port, board, file), run or _run)
    else:
        _into_bootloader(port)
        _do(dfu_command(file, run is None), run or _run)


def esptool_command(port: Port, board: str, file: Path) -> list[str]:
    """The command line. Raises DaricError("parameter") for a board that is no ESP32."""
    if board not in CHIPS:
        raise DaricError("parameter", f"esptool does not write {board}")
    where = ["--port", port.path, "--chip", CHIPS[board]]
    return [sys.executable, "-m", "esptool", *where, "write-flash", OFFSETS[board], str(file)]


def dfu_command(file: Path, must_exist: bool = True) -> list[str]:
    """The command line. Raises DaricError("parameter") where dfu-util is not installed."""
    if must_exist and shutil.which("dfu-util") is None:
        raise DaricError("parameter", "dfu-util is not installed: sudo apt-get install dfu-util")
    return ["dfu-util", "--device", DFU_DEVICE, "--alt", "0", "--download", str(file), "--reset"]


def check_uf2(file: Path, board: str) -> None:
    """Raises DaricError("parameter") for a file that is no UF2, or is one for another chip."""
    from uf2utils.file import UF2File

    try:
        with file.open("rb") as start:
            good = start.read(len(UF2_MAGIC)) == UF2_MAGIC
        families = {block.header.board_family for block in UF2File(str(file))} if good else set()
    except Exception as error:  # noqa: BLE001 - the library raises its own kinds and struct's
        raise DaricError("parameter", f"{file.name} is a damaged UF2 file: {error}") from None
    if FAMILIES.get(board) not in families:
        found = ", ".join(hex(family) for family in sorted(families)) or "none"
        raise DaricError("parameter", f"{file.name} is not for {board}: its UF2 families are {found}")


def find_drive() -> Path | None:
    """Where a UF2 boot loader is mounted, if exactly one is; two boards in their boot loaders would be a guess."""
    roots = [Path("/Volumes"), *Path("/media").glob("*"), *Path("/run/media").glob("*")]
    found = [drive for root in roots if root.is_dir() for drive in root.iterdir() if (drive / INFO).is_file()]
    return found[0] if len(found) == 1 else None


def _copy(port: Port, file: Path, drive: Path | None) -> None:
    if drive is None:
        if find_drive() is not None:
            # The board at the port is not in its boot loader yet.
            raise DaricError("link", "another board is in its UF2 boot loader: unplug it, or name its drive by --drive")
        _into_bootloader(port)
    deadline = time.monotonic() + DRIVE_SECONDS
    while drive is None and time.monotonic() < deadline:
        drive = find_drive()
        time.sleep(0.5)
    if drive is None or not (drive / INFO).is_file():
        raise DaricError("link", "no drive of a UF2 boot loader: hold BOOTSEL while you plug the board in, or --drive")
    try:
        shutil.copy(file, drive / file.name)
    except OSError as error:
        raise DaricError("link", f"{drive} cannot be written: {error.strerror}") from None


def _into_bootloader(port: Port) -> None:
    """Ask MicroPython, if it is there already; else a person has to."""
    try:
        with RawBoard(port) as board:
            board.run(BOOTLOADER)
    except DaricError:
        pass  # it went, or was not there


def _do(command: list[str], run: Run) -> None:
    done = run(command)
    if done.returncode:
        said = [line for line in (done.stderr + "\n" + done.stdout).splitlines() if line.strip()]
        raise DaricError("link", f"{command[0].rsplit('/', 1)[-1]} failed: {said[0] if said else done.returncode}")


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=TOOL_SECONDS)
    except subprocess.TimeoutExpired:
        raise DaricError("link", f"{command[0]} did not end within {TOOL_SECONDS} seconds") from None
