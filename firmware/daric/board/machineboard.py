"""What boards with a `machine` module have in common; rp2.py, esp32.py and stm32.py say what is theirs.

Interface: docs/hardware.md, adding a board.
"""

import sys
import time

from daric_protocol.link import TICKS

from daric import made
from daric.panel import Panel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from machine import WDT

    from daric.board.buttons import Buttons
    from daric.board.led import Light
    from daric.board.lines import StandardLine, UartLine
    from daric.board.ssd1306 import Display
    from daric.board.usbcdc import UsbLine

PORT_VERSIONS = ((1, 28),)  # of MicroPython, whose way to random bytes was looked at (docs/hardware.md)
SLICE_MS = 2  # between two looks at line and buttons
WATCHDOG_MS = 8000  # the longest that every port can wait
TURN_MS = 900_000  # the longest turn of the program: a share of a large group is computed in one


class Watchdog:
    """Resets a board whose program hangs. A timer feeds the hardware, as long as the program turned not long ago.

    wdt: machine.WDT. timer: function(callback) that calls it every second.
    """

    def __init__(self, wdt: "WDT", timer: "Callable[[Callable[[object], None]], object]") -> None:
        self._wdt = wdt
        self._turned = ticks()
        self._timer = timer(self._feed)

    def turn(self) -> None:
        """The program is alive."""
        self._turned = ticks()

    def _feed(self, _timer: object = None) -> None:
        if (ticks() - self._turned) & TICKS < TURN_MS:
            self._wdt.feed()


class MachineBoard:
    """line: any, read, write. display: rows(rows, ask), tick(now). buttons: daric.board.buttons.Buttons or like it.

    A board adds unique_id, entropy, chip, and start_watchdog, which gives a Watchdog or None.
    """

    STRETCH_MS = 1000

    def __init__(
        self, line: "StandardLine | UartLine | UsbLine", display: "Display | Light", buttons: "Buttons"
    ) -> None:
        self._line = line
        self._display = display
        self._buttons = buttons
        self._ask = False
        self._panel = Panel(self, self.ticks)
        self._watchdog: "Watchdog | None" = None
        self._watched = False
        self._edges = b""

    def ticks(self) -> int:
        """A counter of milliseconds."""
        return ticks()

    def clock(self) -> int:
        """Seconds since any fixed day, or since the board was switched on."""
        return time.time()

    def wait(self, milliseconds: int) -> None:
        """Sleep until something arrives on the line, at most so long; buttons and light go on meanwhile."""
        begun = self.ticks()
        while True:
            now = self.ticks()
            self._buttons.sample()
            self._display.tick(now)
            left = milliseconds - ((now - begun) & TICKS)
            if left <= 0 or self._line.any():
                return
            time.sleep_ms(min(left, SLICE_MS))

    def read(self) -> bytes:
        """What the line has, without waiting."""
        return self._line.read()

    def write(self, data: bytes) -> None:
        """Give all bytes to the line; while nobody reads at the other end the rest is lost."""
        self._line.write(data)

    def show(self, lines: "list[str]", ask: bool, typed: str = "", choice: str = "") -> None:
        """Put a page on the display, as daric.panel.Panel.show."""
        self._ask = ask
        self._panel.show(lines, ask, typed, choice)

    def rows(self, rows: "list[str]") -> None:
        """Called by the panel: draw what of the page is to be seen."""
        self._display.rows(rows, self._ask)

    def button(self) -> "str | None":
        """The answer to the page that is on now, "approve" or "refuse", else None."""
        press = self._buttons.take()
        if press is None:
            return None
        self._edges = (time.ticks_us() & 0xFFFFFFFF).to_bytes(4, "big")  # type: ignore[operator]
        return self._panel.event(press[0], press[1])

    def held(self) -> bool:
        """Whether both buttons are held now."""
        return self._buttons.held()

    def noise(self) -> bytes:
        """What came along by chance since the last call, for the entropy to mix in; b"" for nothing."""
        edges, self._edges = self._edges, b""
        return edges

    def watch(self) -> None:
        """The program turns. The first turn starts the watchdog of a production image.

        A development image has none: after its maintenance exit nothing would feed it.
        """
        if not self._watched:
            self._watched = True
            if made.KIND == "production":
                self._watchdog = self.start_watchdog()
        if self._watchdog is not None:
            self._watchdog.turn()

    def start_watchdog(self) -> "Watchdog | None":
        return None

    @property
    def weak_erase(self) -> bool:
        """Whether an erased key may still be found in old blocks of a file system."""
        return False

    def chip(self) -> object:
        """The raw flash of the vault. Raises OSError."""
        raise NotImplementedError

    def open_vault(self, random: "Callable[[int], bytes]") -> object:
        """The vault on this board's flash. Raises DaricError("storage")."""
        from daric_protocol.errors import DaricError

        from daric.flash import open_vault

        try:
            chip = self.chip()
        except OSError:
            raise DaricError("storage", "The flash of the vault does not answer.")
        return open_vault(chip, random)

    def crashed(self, error: BaseException) -> None:
        """A board has nothing to say it to: nothing but frames leaves on the line."""

    def reset(self) -> None:
        """Start again from nothing; does not return."""
        import machine

        machine.reset()


def ticks() -> int:
    """A counter of milliseconds."""
    return time.ticks_ms() & TICKS  # type: ignore[operator]


def known_port() -> bool:
    """Whether this MicroPython is one whose os.urandom was looked at."""
    return tuple(sys.implementation.version[:2]) in PORT_VERSIONS
