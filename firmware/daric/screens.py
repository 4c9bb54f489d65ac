"""What the device shows, page by page, and the answer of the person in front of it.

A page is a list of lines, a few words each, for a 128x64 screen; nothing blocks, so the link stays alive meanwhile.
Specification: docs/architecture.md, the device.
"""


class Screens:
    """The one screen with its two buttons. An answer goes to whoever asked with the page that is on now."""

    def __init__(self, board) -> None:
        self._board = board
        self._lines = []
        self._asker = None

    def show(self, lines: "list[str]", asker=None) -> None:
        """Put a page on the screen, instead of any other and its question.

        asker: called once with "approve" or "refuse"; None for a page that asks nothing.
        """
        if lines != self._lines or asker is not None or self._asker is not None:
            self._board.show(lines, asker is not None)
        self._lines = lines
        self._asker = asker

    def poll(self) -> None:
        """Hand a pressed button to the asker; never waits."""
        answer = self._board.button()
        asker = self._asker
        if answer is not None and asker is not None:
            self._asker = None
            asker(answer)


def ready(paired: int, groups: int) -> "list[str]":
    if not paired:
        return ["Daric", "not paired", "connect a phone"]
    return ["Daric", "ready", "%d wallet%s" % (groups, "" if groups == 1 else "s")]


def fault(error) -> "list[str]":
    return ["Daric", "out of order:", error.name]


def pairing(code: str) -> "list[str]":
    return ["Pair with a host?", "Same code there?", code[:3] + " " + code[3:]]


def progress(op: str, round_: int) -> "list[str]":
    return [op, "round %d" % round_ if round_ >= 0 else "starting", "please wait"]


def ended(op: str, outcome: str) -> "list[str]":
    return [op, outcome]
