"""Text by two buttons: the left one turns to the next choice, the right one takes it.

First a group of characters is chosen, then one of them: a recovery code takes about a hundred presses. A board with a
keyboard, or a virtual one, may give the whole text at once instead. Specification: docs/architecture.md, the device.
"""

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
GROUP = 8
DELETE, DONE, CANCEL = "delete last", "done", "cancel"
LINE = 16


class TextEntry:
    """A text that grows. lines: what it is asked for."""

    def __init__(self, lines: "list[str]", alphabet: str = ALPHABET) -> None:
        self._lines = lines
        self._groups = [alphabet[at : at + GROUP] for at in range(0, len(alphabet), GROUP)]
        self._text = ""
        self._choices = []
        self._at = 0
        self._top()

    def page(self) -> "list[str]":
        """What is on the screen now: the question, the text so far, the choice."""
        shown = [self._text[at : at + LINE] for at in range(0, len(self._text), LINE)]
        return self._lines + shown + ["> " + self._choices[self._at]]

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
        elif choice == DELETE:
            self._text = self._text[:-1]
            self._top()
        elif choice in self._groups:
            self._choices = list(choice) + ["back"]
            self._at = 0
        else:
            if len(choice) == 1:
                self._text += choice
            self._top()
        return None

    def _top(self) -> None:
        self._choices = self._groups + ([DELETE, DONE] if self._text else []) + [CANCEL]
        self._at = 0
