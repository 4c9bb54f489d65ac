"""What the owner does about the PIN in the device's menu, and the requests of a host to lock or wipe the device.

Each function(device) takes over the screen. Loaded for one of them. Specification: docs/architecture.md, the PIN.
"""

from daric_protocol.errors import DaricError
from daric_protocol.limits import APPROVAL_TIMEOUT, PIN_MAX, PIN_MIN
from daric_protocol.link import TICKS

from daric import lock
from daric.errands import Question
from daric.flash import table_key

NO_PIN = "No PIN is set"


def set_pin(device) -> None:
    """The first PIN, or another one after the one that is set."""
    Asking(device, "New PIN", _keep_pin)


def remove_pin(device) -> None:
    """No PIN any more, and no wipe code."""
    if not _table(device).has_pin:
        device.screens.show([NO_PIN])
    else:
        Asking(device, "", _keep_pin)


def wipe_code(device) -> None:
    """A code that wipes the device when it is typed as the PIN."""
    if not _table(device).has_pin:
        device.screens.show([NO_PIN])
    else:
        Asking(device, "Wipe code", _keep_code)


def lock_now(device) -> None:
    """Forget everything that the PIN opened, by a restart."""
    if not _table(device).has_pin:
        device.screens.show([NO_PIN])
    else:
        device.screens.show(lock.locked_page())
        device.restart()


def wipe(device) -> None:
    """Erase everything, after a question and the PIN."""
    Asking(device, None, None)


# Requests of a host


def lock_request(device, _host: bytes) -> bool:
    """Lock the device now. Raises DaricError("pin") where no PIN is set."""
    if not _table(device).has_pin:
        raise DaricError("pin", "no PIN is set")
    device.screens.show(lock.locked_page())
    device.restart()
    return True


def wipe_request(device, _host: bytes) -> Question:
    """Erase everything, if the owner agrees and types the PIN."""
    return Question(lock.wipe_question(), lambda _: _wiped(device), pin=True)


def _wiped(device) -> bool:
    device.screens.show(lock.wiping_page())
    lock.wipe(device)
    return True


# The pages


class Asking:
    """The PIN that is set, then a new code twice, or a question; then act(device, code). One at a time: device.lock."""

    def __init__(self, device, title: "str | None", act) -> None:
        """title: of the code to type, "" where the PIN goes, None for the wipe."""
        self._device = device
        self._title = title
        self._act = act
        self._first = b""
        self._remark = []
        self._since = 0
        device.hosts.stop()  # a pairing that began before would put its page over these
        if title is None:
            self._begin()
            self._show(lock.wipe_question(), self._agreed)
        else:
            lock.confirm(device, self._confirmed)

    def tick(self, now: int) -> None:
        """End a page that nobody answers."""
        if ((now - self._since) & TICKS) >= APPROVAL_TIMEOUT * 1000:
            self.stop()

    def stop(self) -> None:
        """Nothing changes."""
        self._end()
        self._device.show_ready()

    def _begin(self) -> None:
        if self._device.lock is not None:
            self._device.lock.stop()
        self._device.lock = self

    def _end(self) -> None:
        self._first = b""
        if self._device.lock is self:
            self._device.lock = None

    def _show(self, lines: "list[str]", asker, typed: str = "") -> None:
        self._since = self._device.board.ticks()
        self._device.screens.show(lines, asker, typed, bool(typed))

    def _confirmed(self, right: bool) -> None:
        """The owner may change this."""
        if not right:
            self._device.show_ready()
        elif self._title is None:
            _wiped(self._device)
        else:
            self._begin()
            if self._title:
                self._ask()
            else:
                self._show(remove_question(), self._agreed)

    def _agreed(self, answer: str) -> None:
        if answer != "approve":
            self.stop()
        elif self._title is None:
            self._end()
            lock.confirm(self._device, self._confirmed)
        else:
            self._do(b"")

    def _ask(self) -> None:
        from daric.textentry import DIGITS

        self._show(code_page(self._title, bool(self._first), self._remark), self._typed, DIGITS)

    def _typed(self, answer: str) -> None:
        if not answer.startswith("text:"):
            self.stop()
            return
        code = answer[5:].encode()
        self._remark = []
        if not lock.is_pin(code):
            self._remark = ["%d to %d digits" % (PIN_MIN, PIN_MAX)]
        elif not self._first:
            self._first = code
        elif code == self._first:
            self._do(code)
            return
        else:
            self._first = b""
            self._remark = ["They differ"]
        self._ask()

    def _do(self, code: bytes) -> None:
        self._end()
        device = self._device
        device.screens.show(["Storing", "please wait"])
        try:
            done = self._act(device, code)
        except DaricError as error:
            done = [error.detail]
        except OSError:
            done = ["The flash can't", "be written"]
        device.modules.forget()
        device.screens.show(done)


def _keep_pin(device, pin: bytes) -> "list[str]":
    _table(device).set_pin(device.vault.keys.key, pin, device.board)
    device.has_pin = bool(pin)
    return ["The PIN is set"] if pin else ["The PIN is", "removed"]


def _keep_code(device, code: bytes) -> "list[str]":
    _table(device).set_wipe_code(code, device.board)
    return ["The wipe code", "is set"]


def _table(device) -> object:
    return table_key(device.vault.chip, device.entropy.draw)


def code_page(title: str, again: bool, remark: "list[str]") -> "list[str]":
    return remark + [title + (" again:" if again else ":")]


def remove_question() -> "list[str]":
    return ["Remove the PIN?", "Who holds this", "device can then", "use it"]
