"""The exported key on the device's own screen, page by page; it never crosses the link.

words.bin beside this module has the 2048 words of BIP39, eight bytes each. Specification: docs/protocol.md, section 11.
"""

from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.limits import SECRET_TIMEOUT
from daric_protocol.link import TICKS
from daric_protocol.tagged import scalar

WORD_BYTES = 8
WORD_BITS = 11
LINE = 16
WORDS_ON_PAGE = 4


class SecretPages:
    """Shows pages until the owner has seen the last one and closes it: right button next, left button back."""

    def __init__(self, device, exported) -> None:
        self._device = device
        self._pages = pages(exported)
        self._at = 0
        self._since = device.board.ticks()
        self._show()

    def tick(self, now: int) -> None:
        """A secret does not stay on a screen for ever."""
        if ((now - self._since) & TICKS) >= SECRET_TIMEOUT * 1000:
            self._close()

    def _show(self) -> None:
        self._device.screens.show(self._pages[self._at], self._answered, choice=self._buttons())

    def _buttons(self) -> str:
        if self._at == len(self._pages) - 1:
            return "<back     close>"
        return "<back      next>" if self._at else "           next>"

    def _answered(self, answer: str) -> None:
        self._since = self._device.board.ticks()
        if answer == "approve":
            self._at += 1
        elif self._at:
            self._at -= 1
        if self._at == len(self._pages):
            self._close()
        else:
            self._show()

    def _close(self) -> None:
        self._pages = []
        self._device.secret_shown()


def pages(exported) -> "list[list[str]]":
    """The lines of each page: the key in hexadecimal digits, the words of an imported phrase, the end."""
    key = scalar(exported.secret).hex()
    shown = [["SECRET KEY"] + [key[at : at + LINE] for at in range(0, len(key), LINE)]]
    try:
        words = phrase(exported.entropy) if exported.entropy else []
    except DaricError:
        words = []
        shown.append(["The phrase", "cannot be shown"])
    for first in range(0, len(words), WORDS_ON_PAGE):
        some = range(first, min(first + WORDS_ON_PAGE, len(words)))
        shown.append(["PHRASE, %d words" % len(words)] + ["%2d %s" % (n + 1, words[n]) for n in some])
    return shown + [["Written down?", "Then close this"]]


def phrase(entropy: bytes) -> "list[str]":
    """The words of 16 to 32 bytes of entropy and its checksum. Raises DaricError("storage") without the word list."""
    bits = len(entropy) // 4
    number = int.from_bytes(entropy, "big") << bits | platform.sha256(entropy)[0] >> 8 - bits
    count = (8 * len(entropy) + bits) // WORD_BITS
    try:
        with open(_path(), "rb") as file:
            return [_word(file, number >> WORD_BITS * (count - 1 - n) & 2047) for n in range(count)]
    except OSError:
        raise DaricError("storage", "The word list is missing.")


def _word(file, number: int) -> str:
    file.seek(WORD_BYTES * number)
    return file.read(WORD_BYTES).decode().rstrip()


def _path() -> str:
    folder = globals().get("__file__", "").rsplit("/", 1)
    return folder[0] + "/words.bin" if len(folder) == 2 else "words.bin"
