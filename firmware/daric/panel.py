"""Eight rows of sixteen characters and two buttons: what every board shows of a page, and what a press means there.

A page that asks is read to its end before it can be approved: right turns to the next rows, left back; a long press of
the right button agrees on the last rows, one of the left button refuses anywhere. A choice (menu, text, pages of a
secret) answers to short presses. A page that asks nothing turns likewise and then tells that a button was pressed.
A label and the indented lines under it stay together where they fit.
Specification: docs/architecture.md, the device.
"""

from daric_protocol.limits import PRESS_GUARD_MS
from daric_protocol.link import TICKS

COLUMNS, ROWS = 16, 8
DECIDE = "hold: <no   yes>"


class Panel:
    """A page on a display. display: its rows(list of at most 8 str) draws them; ticks: a counter of milliseconds.

    guard: milliseconds that a page is on before a press that approves it may begin.
    """

    def __init__(self, display, ticks, guard: int = PRESS_GUARD_MS) -> None:
        self._display = display
        self._ticks = ticks
        self._guard = guard
        self._lines = ()
        self._ask = False
        self._choice = ""
        self._since = 0
        self._starts = [0]  # the first row of each display full, and how many rows there are
        self.page = 0  # which display full of the page is on, from 0

    def show(self, lines: "list[str]", ask: bool, typed: str = "", choice: str = "") -> None:
        """A page from its beginning. ask: it wants an answer. choice: how its buttons choose, in place of a question.

        typed: the alphabet of the text that it asks for; such a page is a choice.
        """
        self._lines, self._ask, self._choice = lines, ask, choice if ask else ""
        starts = [0]
        count = block = 0
        for line in lines:
            for row in wrapped(line):
                if not row.startswith(" "):
                    block = count
                if count - starts[-1] == ROWS - 1:
                    starts.append(block if block > starts[-1] else count)
                count += 1
        if self._choice:
            # A choice is at a page's end: where it is too long its beginning is left out.
            starts = [max(0, count - ROWS + 1)]
        elif not ask and count <= ROWS:
            starts = [0]
        self._starts = starts + [count]
        self.page = 0
        self._draw()

    @property
    def pages(self) -> int:
        """How often the display is full of the page."""
        return len(self._starts) - 1

    def event(self, press: str, began: "int | None" = None) -> "str | None":
        """A press, "left", "right", "hold left" or "hold right": the answer "approve" or "refuse", or None.

        began: the ticks at which the button went down, None for now. A press that began before these rows were on
        says nothing about them.
        """
        age = ((self._ticks() if began is None else began) - self._since) & TICKS
        if self._ask and age > TICKS >> 1:  # a page that asks nothing may be on for weeks
            return None
        question = self._ask and not self._choice
        last = self.page == self.pages - 1
        if question and press == "hold right":
            return "approve" if last and age >= self._guard else None
        if question and press == "hold left":
            return "refuse"
        step = 1 if press in ("right", "hold right") else -1
        if 0 <= self.page + step < self.pages:
            self.page += step
            self._draw()
            return None
        return None if question else "approve" if step == 1 else "refuse"

    def _draw(self) -> None:
        first, end = self._starts[self.page], self._starts[self.page + 1]
        rows, at = [], 0
        for line in self._lines:
            for row in wrapped(line):
                if first <= at < end:
                    rows.append(row)
                at += 1
        if self._ask or self.pages > 1:
            rows.extend([""] * (ROWS - 1 - len(rows)) + [self._footer()])
        self._since = self._ticks()
        self._display.rows(rows)

    def _footer(self) -> str:
        if self._choice:
            return self._choice
        if self.page == self.pages - 1:
            return DECIDE if self._ask else "<%d/%d" % (self.page + 1, self.pages)
        left = "%s%d/%d" % ("<" if self.page else "", self.page + 1, self.pages)
        return left + " " * (COLUMNS - 5 - len(left)) + "next>"


def wrapped(line: str):
    """The rows of a line, one after another: all but the first indented, so that no name imitates a label."""
    while len(line) > COLUMNS:
        cut = line.rfind(" ", COLUMNS // 2, COLUMNS + 1)
        if cut < 0:
            cut = COLUMNS
        yield line[:cut]
        line = " " + line[cut + 1 if line[cut] == " " else cut :]
    yield line
