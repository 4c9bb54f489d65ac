"""The boards by name: what mpy-cross compiles for, and whether the firmware runs there yet (docs/hardware.md)."""

from dataclasses import dataclass

from daric_protocol.errors import DaricError


@dataclass(frozen=True)
class Board:
    """architecture: of mpy-cross -march. module: the board's file in firmware/daric/board, empty if there is none.

    form: of its images, "romfs" where the port can execute code where it lies, else "littlefs".
    """

    architecture: str
    module: str = ""
    form: str = "romfs"


VIRTUAL = "virtual"
BOARDS = {
    VIRTUAL: Board("x64", "virtual"),
    "rp2040": Board("armv6m", "rp2"),
    "rp2350": Board("armv7emsp", "rp2"),
    "rp2350-riscv": Board("rv32imc", "rp2"),
    "esp32": Board("xtensawin", "esp32"),
    "esp32c3": Board("rv32imc", "esp32"),
    "stm32f4": Board("armv7emsp", "stm32", "littlefs"),
    "stm32h7": Board("armv7emdp", "stm32", "littlefs"),
}


def supported(name: str) -> Board:
    """A board that images are made for. Raises DaricError("parameter") for any other name."""
    board = BOARDS.get(name)
    if board is None:
        raise DaricError("parameter", f"no board is called {name}; known are {', '.join(BOARDS)}")
    if not board.module:
        raise DaricError("parameter", f"the firmware has no board file for {name} yet, so no image would run on it")
    return board
