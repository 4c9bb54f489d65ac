"""Text by two buttons: the left one turns to the next choice, the right one takes it.

Of many characters first a group is chosen, then one of them: a recovery code takes about a hundred presses. A board
with a keyboard, or a virtual one, may give the whole text at once instead. Specification: docs/architecture.md, the
device.
"""

CODE = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
DIGITS = "0123456789"
GROUP = 8
FEW = 10  # characters to choose from without groups
DELETE, DONE, CANCEL, READ = "delete last", "done", "cancel", "go on"
LINE = 16
ROWS = 6  # of a screen, beside the choice and what the buttons do
LABEL = 2  # lines of a long question that stay while the text is typed


class TextEntry:
    """A text that grows. lines: what it is asked for. alphabet: its characters. hidden: nobody sees them.

    A question that leaves no room for the text is read first.
    """

    FOOTER = "<next      take>"

    def __init__(self, lines: "list[str]", alphabet: str = CODE, hidden: bool = False) -> None:
        self.alphabet = alphabet
        self._lines = lines
        self._hidden = hidden
        size = 1 if len(alphabet) <= FEW else GROUP
        self._groups = [alphabet[at : at + size] for at in range(0, len(alphabet), size)]
        self._text = ""
        self._choices = [READ, CANCEL]
        self._at = 0
        if len(lines) < ROWS:
            self._top()

    def page(self) -> "list[str]":
        """What is on the screen now: the question, the text so far, the choice."""
        text = "*" * len(self._text) if self._hidden else self._text
        shown = [text[at : at + LINE] for at in range(0, len(text), LINE)]
        read = self._choices[0] == READ
        return self._lines[: ROWS if read else None] + shown + ["> " + self._choices[self._at]]

    def press(self, button: str) -> "str | None":
        """A button: "approve" takes the choice, "refuse" turns to the next. At the end "text:..." or "refuse"."""
        choice = self._choices[self._at]
        if button == "refuse":
            self._at = (self._at + 1) % len(self._choices)
        elif button != "approve":
            pass  # none of this page's
        elif choice == CANCEL:
            return "refuse"
        elif choice == DONE:
            return "text:" + self._text
        elif choice == READ:
            self._read()
        elif choice == DELETE:
            self._text = self._text[:-1]
            self._top()
        elif len(choice) > 1 and choice in self._groups:
            self._choices = list(choice) + ["back"]
            self._at = 0
        else:
            if len(choice) == 1:
                self._text += choice
            self._top()
        return None

    def _read(self) -> None:
        """On to the next rows of a long question; its last lines stay."""
        self._at = 0
        if len(self._lines) >= ROWS:
            self._lines = self._lines[min(ROWS, len(self._lines) - LABEL) :]
        if len(self._lines) < ROWS:
            self._top()

    def _top(self) -> None:
        self._choices = self._groups + ([DELETE, DONE] if self._text else []) + [CANCEL]
        self._at = 0
