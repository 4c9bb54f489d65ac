"""A board made of files: serial line on standard input and output, a panel (screen and two buttons) on one descriptor.

Runs under MicroPython's unix port and CPython. The environment variable DARIC_BOARD names a JSON file:
    state    directory of the flash
    panel    number of an open stream: one JSON line out per change of the display, one line "NUMBER PRESS" in, PRESS
             being left, right, hold left, hold right, or as from a keyboard text:TYPED or, while the page asks nothing,
             menu:OP:GROUP. The rows of one page have one number; a press for another page is lost
    guard    milliseconds that rows are on before a press may approve them; 0: who reads a number may press at once
    entropy  "system", or a fault for tests by its name in board/faults.py
    blocks   of flash, 4 KB each
    code     file with the code slots, code_blocks of 4 KB; without it the board has none
    stretch  milliseconds that stretching a PIN shall take
Both buttons are held while there is a file "held" in the directory.
Standard input must be non-blocking. Specification: docs/architecture.md, the virtual board.
"""

import json
import os
import select
import sys
import time

from daric.panel import Panel

TICKS = (1 << 30) - 1
READ_BYTES = 512
RESET = 3  # exit code by which the simulator knows a reset from an end
BLOCKS = 384
WRITE_WAIT = 100  # milliseconds
STRETCH_MS = 20  # a real board takes a second
PRESSES = ("left", "right", "hold left", "hold right")


class Board:
    """Interface of every board: what daric.app and daric.screens ask of the hardware."""

    weak_erase = False  # a board whose erased keys stay for a while in old blocks of a file system says so

    def __init__(self, path: str) -> None:
        """path: of the JSON file. Raises OSError or ValueError if it cannot be read."""
        with open(path) as file:
            settings = json.load(file)
        self._state = settings["state"]
        self._entropy = settings["entropy"]
        self._blocks = settings.get("blocks", BLOCKS)
        self._code = settings.get("code", "")
        self.STRETCH_MS = settings.get("stretch", STRETCH_MS)
        self._input = open(0, "rb", 0)
        self._output = open(1, "wb", 0)
        self._panel_in = open(settings["panel"], "rb", 0)
        self._panel_out = open(settings["panel"], "wb", 0)
        self._poll = select.poll()
        self._poll.register(self._input, select.POLLIN)
        self._poll.register(self._panel_in, select.POLLIN)
        self._button = select.poll()
        self._button.register(self._panel_in, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(self._output, select.POLLOUT)
        self._screen = 0
        self._page = {}
        self._pages = Panel(self, self.ticks, settings.get("guard", 0))

    def ticks(self) -> int:
        """A counter of milliseconds."""
        if sys.implementation.name == "micropython":
            return time.ticks_ms() & TICKS
        return int(time.monotonic() * 1000) & TICKS

    def clock(self) -> int:
        """Seconds since any fixed day; of a board without a calendar, since it was switched on."""
        return int(time.time())

    def wait(self, milliseconds: int) -> None:
        """Sleep until something arrives on the line or the panel, at most so long."""
        self._poll.poll(milliseconds)

    def read(self) -> bytes:
        """What the line has, without waiting. The end of the line is the end of this board."""
        try:
            data = self._input.read(READ_BYTES)
        except OSError:
            data = b""
        if data is None:
            return b""
        if not data:
            sys.exit(0)
        return data

    def write(self, data: bytes) -> None:
        """Give all bytes to the line. While nobody reads at the other end the line is full and the rest is lost."""
        view = memoryview(data)
        while view:
            count = self._output.write(view)
            view = view[count or 0 :]
            if view and not self._writable.poll(WRITE_WAIT):
                return

    def show(self, lines: "list[str]", ask: bool, typed: str = "", choice: str = "") -> None:
        """Put a page on the screen, as daric.panel.Panel.show."""
        self._screen += 1
        self._page = {"number": self._screen, "lines": lines, "ask": ask, "typed": bool(typed), "choice": bool(choice)}
        self._pages.show(lines, ask, typed, choice)

    def rows(self, rows: "list[str]") -> None:
        """The display: what of the page is to be seen."""
        out = dict(self._page)
        out.update({"rows": rows, "page": self._pages.page, "pages": self._pages.pages})
        self._panel_out.write(json.dumps(out).encode() + b"\n")

    def button(self) -> "str | None":
        """The answer to the page that is on now, "approve", "refuse", "text:..." or "menu:...", else None."""
        if not self._button.poll(0):
            return None
        line = self._panel_in.readline()
        if not line:
            sys.exit(0)
        number, _, press = line.decode().strip().partition(" ")
        if number != str(self._screen):
            return None
        if press.startswith("text:") or press.startswith("menu:"):
            return press
        return self._pages.event(press) if press in PRESSES else None

    def held(self) -> bool:
        """Whether both buttons are held now."""
        try:
            os.stat(self._state + "/held")
        except OSError:
            return False
        return True

    def noise(self) -> bytes:
        """What came along by chance since the last call, such as the time of a press; b"" for nothing."""
        return b""

    def watch(self) -> None:
        """The program turns: a board with a watchdog feeds it."""

    def unique_id(self) -> bytes:
        """What no other board of this kind answers; no secret."""
        path = self._state + "/chip"
        try:
            with open(path, "rb") as file:
                return file.read()
        except OSError:
            with open(path, "wb") as file:
                file.write(os.urandom(8))
        return self.unique_id()

    def entropy(self):
        """The entropy source, n -> bytes, or None where there is none."""
        if self._entropy == "system":
            return os.urandom
        from daric.board.faults import source

        return source(self._entropy)

    def chip(self):
        """The flash under the vault, as board.flashfile.FlashFile; to wipe a board whose vault does not open."""
        from daric.board.flashfile import FlashFile

        return FlashFile(self._state + "/flash", self._blocks)

    def code(self):
        """The raw flash of the code slots, as daric.loader.Slots wants it; None on a board without them."""
        if not self._code:
            return None
        from daric.board.code_virtual import code

        return code()

    def open_vault(self, random):
        """The vault on this board's flash. Raises DaricError("storage")."""
        from daric.flash import open_vault
        from daric.vault import PathFiles

        chip = self.chip()
        if sys.implementation.name == "micropython":
            return open_vault(chip, random)
        root = self._state + "/files"

        def mount(_partition, first_start: bool) -> PathFiles:
            if first_start:
                os.makedirs(root, exist_ok=True)
            return PathFiles(root)

        return open_vault(chip, random, mount)

    def crashed(self, error: BaseException) -> None:
        """Say why before a reset. A board for use has nothing to say it to; here it is the simulator's log."""
        if hasattr(sys, "print_exception"):
            sys.print_exception(error, sys.stderr)
        else:
            import traceback

            traceback.print_exception(error)

    def reset(self) -> None:
        """Start again from nothing; does not return."""
        sys.exit(RESET)


def board() -> Board:
    """The board of this process."""
    return Board(os.getenv("DARIC_BOARD") or "")
