"""Two buttons between a pin and ground: debounced presses, short and long. Specification: docs/hardware.md."""

from daric_protocol.link import TICKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from machine import Pin

DEBOUNCE_MS = 25  # a contact is at rest after so long
HOLD_MS = 1200  # a press this long decides
QUEUE = 4  # presses that wait to be taken: nobody means more than that


class Buttons:
    """left, right: pins with pull-up, 0 while pressed (machine.Pin). ticks: a counter of milliseconds.

    `sample` wants to be called every few milliseconds; while a long computation runs it is not, and a press that began
    and ended meanwhile is not seen.
    """

    def __init__(self, left: "Pin", right: "Pin", ticks: "Callable[[], int]") -> None:
        self._pins = (left, right)
        self._ticks = ticks
        self._raw = [False, False]  # as last read
        self._changed = [0, 0]  # when that changed
        self._down = [False, False]  # debounced
        self._began = [0, 0]  # when it went down
        self._told = [True, True]  # this press was reported, or counts for nothing
        self._presses: "list[tuple[str, int]]" = []

    def sample(self) -> None:
        """Look at the pins."""
        now = self._ticks()
        for side in (0, 1):
            raw = not self._pins[side].value()
            if raw != self._raw[side]:
                self._raw[side] = raw
                self._changed[side] = now
            elif raw != self._down[side] and (now - self._changed[side]) & TICKS >= DEBOUNCE_MS:
                self._settle(side, raw)
            if self._down[side] and not self._told[side] and (now - self._began[side]) & TICKS >= HOLD_MS:
                self._tell("hold " + ("left", "right")[side], side)

    def take(self) -> "tuple[str, int] | None":
        """The oldest press that was not taken, (as daric.panel names it, ticks at which the button went down)."""
        self.sample()
        return self._presses.pop(0) if self._presses else None

    def held(self) -> bool:
        """Whether both buttons are down."""
        self.sample()
        return self._down[0] and self._down[1]

    def _settle(self, side: int, down: bool) -> None:
        self._down[side] = down
        if down:
            both = self._down[1 - side]
            self._told[side] = both  # both together are no press of either
            if both:
                self._told[1 - side] = True
            self._began[side] = self._changed[side]
        elif not self._told[side]:
            self._tell(("left", "right")[side], side)

    def _tell(self, press: str, side: int) -> None:
        self._told[side] = True
        if len(self._presses) < QUEUE:
            self._presses.append((press, self._began[side]))
