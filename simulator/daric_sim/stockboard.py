"""A board as it comes from the shop: MicroPython's prompt behind a pty. Once it is flashed it is a simulated device."""

import os
import sys
from pathlib import Path

from daric.board.code_virtual import BLOCKS as CODE_BLOCKS
from littlefs import LittleFS
from littlefs.errors import LittleFSError

from daric_sim import slots
from daric_sim.device import RESET, SimDevice

STOCK = Path(__file__).with_name("stock.py")
FILES = "files.littlefs"  # in the board's directory
BLOCKS, BLOCK = 64, 4096
HEAP = "330k"  # a Pico's 237 KB, with the larger objects of this 64-bit port
STARTERS = ("boot.py", "main.py")


class StockBoard(SimDevice):
    """One board; its file system and its code region lie in `state`. Options as those of SimDevice."""

    resets = (RESET, 0)  # Ctrl-D at the prompt is a soft reset, and ends the unix port

    def __init__(self, state: Path | str, **options: object) -> None:
        place = Path(state)
        place.mkdir(parents=True, exist_ok=True)
        for name, blocks in ((FILES, BLOCKS), (slots.CODE, CODE_BLOCKS)):
            if not (place / name).exists():
                (place / name).write_bytes(b"\xff" * (blocks * BLOCK))
        super().__init__(place, **{"heapsize": HEAP, **options})  # type: ignore[arg-type]

    @property
    def flashed(self) -> bool:
        """Whether the board's files start something, so that it shows no prompt."""
        try:
            return set(STARTERS) <= set(self.files())
        except LittleFSError:
            return False  # it never started

    def files(self) -> dict[str, bytes]:
        """What is in its file system. Raises LittleFSError before the first start."""
        system = LittleFS(block_size=BLOCK, block_count=BLOCKS, mount=False)
        system.context.buffer = bytearray((self.state / FILES).read_bytes())
        system.mount()
        found = {}
        for name in system.listdir("/"):
            with system.open(name, "rb") as file:
                found[name] = file.read()
        return found

    def _command(self) -> list[str]:
        # The firmware wants a line that does not block, MicroPython's prompt one that does.
        os.set_blocking(self._master, not self.flashed)
        files, code = ((self.state / name).resolve() for name in (FILES, slots.CODE))
        return [sys.executable, str(STOCK), str(files), str(BLOCKS), str(code), self._heapsize]
