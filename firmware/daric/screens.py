"""What the device shows, page by page, and the answer of the person in front of it.

A page is a list of lines, a few words each, for a 128x64 screen; nothing blocks, so the link stays alive meanwhile.
Specification: docs/architecture.md, the device.
"""

from daric.made import KIND


class Screens:
    """The one screen with its two buttons. An answer goes to whoever asked with the page that is on now."""

    def __init__(self, board, idle=None) -> None:
        """idle: called with what was pressed while the page asks nothing."""
        self._board = board
        self._idle = idle
        self._lines = []
        self.asker = None  # who gets the answer
        self._entry = None  # the text that grows, where one is asked for

    def show(self, lines: "list[str]", asker=None, typed: str = "", hidden: bool = False, choice: str = "") -> None:
        """Put a page on the screen, instead of any other and its question.

        asker: called once with "approve" or "refuse"; None for a page that asks nothing. typed: the alphabet of the
        text that the page asks for (daric.textentry), and the asker is called with "text:..." or "refuse"; hidden: it
        is not shown. choice: the row that says what the two buttons choose here, in place of yes and no.
        """
        self._entry = None
        if typed:
            from daric.textentry import TextEntry

            self._entry = TextEntry(lines, typed, hidden)
            lines = self._entry.page()
            choice = self._entry.FOOTER
        if lines != self._lines or asker is not None or self.asker is not None:
            self._board.show(lines, asker is not None, typed, choice)
        self._lines = lines
        self.asker = asker

    def poll(self) -> None:
        """Hand a pressed button to the asker; never waits."""
        answer = self._board.button()
        if answer is None:
            return
        asker, entry = self.asker, self._entry
        if asker is None:
            if self._idle is not None and not answer.startswith("text:"):
                self._idle(answer)
            return
        if entry is not None and not answer.startswith("text:"):
            answer = entry.press(answer)
            if answer is None:
                self._lines = entry.page()
                self._board.show(self._lines, True, entry.alphabet, entry.FOOTER)
                return
        elif entry is None and answer not in ("approve", "refuse"):
            return
        self.asker = self._entry = None
        asker(answer)


def ready(paired: int, groups: int, weak: bool = False) -> "list[str]":
    if paired:
        lines = ["Daric", "ready", "%d wallet%s" % (groups, "" if groups == 1 else "s")]
    else:
        lines = ["Daric", "not paired", "connect a phone"]
    if weak:
        lines.append("erasing is weak")
    return lines if KIND == "production" else lines + ["for development"]


def fault(error) -> "list[str]":
    return ["Daric", "out of order:", error.name]


def pairing(code: str) -> "list[str]":
    return ["Pair with a host?", "Same code there?", code[:3] + " " + code[3:]]


def progress(op: str, round_: int) -> "list[str]":
    return [op, "round %d" % round_ if round_ >= 0 else "starting", "please wait"]


def ended(op: str, outcome: str) -> "list[str]":
    return [op, outcome]
