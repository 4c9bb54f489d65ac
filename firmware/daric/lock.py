"""The PIN: the page that asks for it, the device that is locked until it was typed, and the wipe.

Loaded while a device is locked or asks for its PIN. Specification: docs/architecture.md, the PIN.
"""

from daric_protocol.errors import DaricError
from daric_protocol.limits import APPROVAL_TIMEOUT, PIN_MAX, PIN_MIN, WIPE_HOLD
from daric_protocol.link import TICKS

from daric.flash import table_key
from daric.flash import wipe as wipe_flash
from daric.tablekey import OPEN, WRONG

UNLOCKED, LOCKED, WAITING = 0, 1, 2  # states in the answer to UNLOCK


def confirm(device, then) -> None:
    """Ask for the PIN: then(True) once the right one was typed, at once where none is set; else then(False).

    A wrong PIN is asked again, after its delay; refusing, waiting too long and stop() end it. Nothing blocks.
    Raises DaricError("storage").
    """
    if device.lock is not None:
        device.lock.stop()
    page = PinPage(device, then)
    if page.has_pin:
        device.lock = page
        page.ask()
    else:
        then(True)


def wipe(device) -> None:
    """Erase everything that this device ever stored, and restart it. A power cut does not stop what was begun."""
    try:
        wipe_flash(device.board.chip() if device.vault is None else device.vault.chip, device.board.watch)
    except OSError:
        device.fault = DaricError("storage", "The flash can't be erased.")
        device.show_ready()
        return
    device.wiped = True
    device.restart()


def holding(device, seconds: int) -> None:
    """Both buttons of a device that is locked or out of order have been down for so long."""
    if seconds >= WIPE_HOLD:
        device.screens.show(wiping_page())
        wipe(device)
    elif seconds:
        device.screens.show(holding_page(WIPE_HOLD - seconds))


class PinPage:
    """Asks for the PIN until it is right, and ends with then(True) or then(False)."""

    def __init__(self, device, then) -> None:
        """Raises DaricError("storage")."""
        self._device = device
        self._then = then
        self._key = table_key(device.vault.chip, device.entropy.draw)
        self._remark = []
        self._asking = False  # whether the page is on that takes the PIN
        self._wait()

    @property
    def has_pin(self) -> bool:
        return self._key.has_pin

    @property
    def seconds(self) -> int:
        """How long until the next try."""
        if self._delay:
            passed = ((self._device.board.ticks() - self._began) & TICKS) // 1000
            if passed < self._delay:
                return self._delay - passed
            self._delay = 0
        return 0

    def _wait(self) -> None:
        """The delay of the tries so far begins; at each start of the device also."""
        self._began = self._since = self._device.board.ticks()
        self._delay = self._key.delay()

    def ask(self) -> None:
        """Show the page that takes the PIN, or how long that has to wait."""
        seconds = self.seconds
        self._asking = not seconds
        if seconds:
            self._device.screens.show(wait_page(seconds, self._key.left))
            return
        from daric.textentry import DIGITS

        self._since = self._device.board.ticks()
        self._device.screens.show(pin_page(self._remark), self._typed, DIGITS, True)

    def tick(self, now: int) -> None:
        """Count the delay down, and end a question that nobody answers."""
        if self._delay and not self._asking:
            self.ask()
        elif ((now - self._since) & TICKS) >= APPROVAL_TIMEOUT * 1000:
            self.stop()

    def stop(self) -> None:
        """End without the PIN."""
        self._end(False)

    def _typed(self, answer: str) -> None:
        self._asking = False
        if not answer.startswith("text:"):
            self.stop()
            return
        pin = bytearray(answer[5:].encode())
        del answer
        if not is_pin(pin):
            self._remark = ["%d to %d digits" % (PIN_MIN, PIN_MAX)]
            self.ask()
            return
        self._device.screens.show(["Checking", "please wait"])
        try:
            self._try(pin)
        except OSError:
            self._device.fault = DaricError("storage", "The flash can't be written.")
            self._device.show_ready()
        finally:
            for at in range(len(pin)):
                pin[at] = 0
            self._device.modules.soiled = True  # the text that was typed lies in free memory

    def _try(self, pin: bytearray) -> None:
        """Raises OSError."""
        outcome, key = self._key.attempt(pin, self._device.board)
        if outcome == OPEN:
            self._right(key)
            return
        left = self._key.left
        self._wait()
        self._remark = wrong_remark(left)
        self._device.screens.show(wait_page(self.seconds, left) if left else wiping_page())
        if outcome != WRONG:
            wipe(self._device)  # the last try; or the wipe code, and the page does not tell

    def _right(self, key: bytes) -> None:
        self._end(True)

    def _end(self, right: bool) -> None:
        device, then = self._device, self._then
        self._then = None
        if device.lock is self:
            device.lock = None
        if then is not None:
            device.modules.forget("daric.lock", "daric.flash", "daric.tablekey", "daric.stretch", "daric.textentry")
            then(right)


class Lock(PinPage):
    """A locked device: nothing of its vault is open, and it answers hello, UNLOCK and WIPE only."""

    def __init__(self, device) -> None:
        PinPage.__init__(self, device, None)
        self._wish = ""  # of a host to wipe: "asked", then "refused" or "timeout"

    def show(self) -> None:
        """The page of a device that waits for its owner."""
        self._asking = False
        if self._wish != "asked":
            self._device.screens.show(wait_page(self.seconds, self._key.left) if self.seconds else locked_page())

    def pressed(self) -> None:
        """A button while the page asks nothing."""
        self.ask()

    def tick(self, now: int) -> None:
        """Count the delay down; take away a page that nobody answers."""
        late = ((now - self._since) & TICKS) >= APPROVAL_TIMEOUT * 1000
        if self._wish == "asked":
            if late:
                self._answered("timeout")
        elif self._delay:
            self.show()
        elif self._asking and late:
            self.show()

    def stop(self) -> None:
        """The owner typed no PIN."""
        self.show()

    def unlock(self) -> "list[int]":
        """A host wants the device unlocked: [state, seconds to wait, tries left]; the page for the PIN is on."""
        seconds = self.seconds
        if not seconds and not self._asking and self._wish != "asked":
            self.ask()
        return [WAITING if seconds else LOCKED, seconds, self._key.left]

    def wipe_wanted(self) -> int:
        """A host wants the device wiped: 0 until the owner answers. Raises DaricError("refused", "timeout", "busy")."""
        if self._wish in ("refused", "timeout"):
            wish, self._wish = self._wish, ""
            raise DaricError(wish)
        if self._asking:
            raise DaricError("busy")  # nobody takes the page away on which the owner types
        if not self._wish:
            self._wish = "asked"
            self._since = self._device.board.ticks()
            self._device.screens.show(wipe_question(), self._answered)
        return 0

    def _answered(self, answer: str) -> None:
        if answer == "approve":
            self._device.screens.show(wiping_page())
            wipe(self._device)
            return
        self._wish = "timeout" if answer == "timeout" else "refused"
        self.show()

    def _right(self, key: bytes) -> None:
        self._device.unlocked(key)


def is_pin(text: bytes) -> bool:
    """Whether these are the digits of a PIN."""
    return PIN_MIN <= len(text) <= PIN_MAX and not [byte for byte in text if not 48 <= byte < 58]


# Pages


def locked_page() -> "list[str]":
    return ["Daric", "locked", "press for PIN"]


def pin_page(remark: "list[str]") -> "list[str]":
    return remark + ["PIN:"]


def wrong_remark(left: int) -> "list[str]":
    return ["Wrong PIN", "%d tr%s left" % (left, "y" if left == 1 else "ies")]


def wait_page(seconds: int, left: int) -> "list[str]":
    return wrong_remark(left) + ["wait %d s" % seconds]


def wipe_question() -> "list[str]":
    return ["WIPE THE DEVICE?", "All keys on it", "are lost"]


def wiping_page() -> "list[str]":
    return ["Wiping", "please wait"]


def holding_page(seconds: int) -> "list[str]":
    return ["Keep holding:", "WIPE in %d s" % seconds, "All keys on it", "are lost"]
