"""One light in place of a display: whether something is asked, and a code of six digits, blinked digit by digit.

A light cannot show what is signed: such a board agrees to what its owner cannot read there. Specification:
docs/hardware.md.
"""

from daric_protocol.link import TICKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from machine import Pin

SHORT, LONG, GAP, PAUSE = 180, 900, 220, 1400  # milliseconds: a flash, a zero, between flashes, between digits
READY = ((60, 2940),)  # one wink every three seconds
ASKING = ((250, 250),)
END = 3000  # between two turns of a code


class Light:
    """pin: machine.Pin of the light, on at 1; or at 0 with inverted=True."""

    def __init__(self, pin: "Pin", inverted: bool = False) -> None:
        self._pin = pin
        self._on = 0 if inverted else 1
        self._pattern: "tuple[tuple[int, int], ...]" = READY
        self._at = 0  # which half of which flash
        self._since: "int | None" = None

    def rows(self, rows: "list[str]", ask: bool = False) -> None:
        """Show what can be shown of a page."""
        code = _code(rows)
        self._pattern = _flashes(code) if code else ASKING if ask else READY
        self._at = 0
        self._since = None

    def tick(self, now: int) -> None:
        """Turn the light on or off where it is time."""
        if self._since is not None:
            on, off = self._pattern[self._at // 2]
            if (now - self._since) & TICKS < (off if self._at % 2 else on):
                return
            self._at = (self._at + 1) % (2 * len(self._pattern))
        self._since = now
        self._pin.value(1 - self._on if self._at % 2 else self._on)


def _code(rows: "list[str]") -> str:
    """The six digits of a row "123 456", "" if there is none."""
    for row in rows:
        digits = row.strip().replace(" ", "")
        if len(digits) == 6 and digits.isdigit():
            return digits
    return ""


def _flashes(code: str) -> "tuple[tuple[int, int], ...]":
    """(on, off) of each flash: as many as the digit says, a zero is one long flash."""
    flashes = []
    for digit in code:
        for number in range(int(digit) or 1):
            last = number == (int(digit) or 1) - 1
            flashes.append((SHORT if digit != "0" else LONG, PAUSE if last else GAP))
    flashes[-1] = (flashes[-1][0], END)
    return tuple(flashes)
