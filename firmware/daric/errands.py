"""Requests that the owner decides on outside a session: the host repeats one until its answer is there.

At most one at a time. Specification: docs/architecture.md, the device.
"""

from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.limits import APPROVAL_TIMEOUT, LINK_REPLY_TIMEOUT, TYPING_TIMEOUT
from daric_protocol.link import TICKS

from daric.modules import part

GUESTS = (  # loaded for one errand
    "daric_protocol", "daric.backups", "daric.terms", "daric.textentry", "daric.hostsmenu", "daric.maintenance",
    "daric.update", "daric.loader", "daric.policy", "daric.review",
)  # fmt: skip


class Question:
    """What an errand asks. lines: of the page. act: called with the answer, gives the result.

    typed: alphabet of the text it wants, "" for none; hidden: of one that is not shown. pin: the owner who agrees
    types the PIN too, where one is set.
    """

    def __init__(self, lines: "list[str]", act, typed: str = "", hidden: bool = False, pin: bool = False) -> None:
        self.lines = lines
        self.act = act
        self.typed = typed
        self.hidden = hidden
        self.pin = pin


class Errands:
    """The errand under way, or the last one with its result, which may be asked for again."""

    def __init__(self, device) -> None:
        self._device = device
        self._host = b""
        self._key = b""  # hash of the request, by which it is known again
        self._question = None
        self._answer = ""  # of the owner, "" until then
        self._since = 0
        self._result = None  # [result] once it is there
        self._handler = self._answered

    @property
    def waiting(self) -> bool:
        """Whether the owner has a question to answer."""
        return self._question is not None and not self._answer

    @property
    def held(self) -> bool:
        """Whether there is a question, or a result that its host may ask for again."""
        return self._question is not None or self._result is not None

    def call(self, host: bytes, method: str, module: str, function: str, parameters: list) -> list:
        """[] while the owner has not answered, then [result]. Raises DaricError: "busy", "refused", "timeout" ..

        module, function: give the Question for (device, host, parameters), or None where nobody has to be asked.
        """
        key = platform.sha256(platform.cbor_encode([method] + parameters))
        if host != self._host or key != self._key:
            self.check_free(host)
            # Revoking a host ends its session, so it has to be possible meanwhile.
            if self._device.busy and (not method.startswith("hosts_revoke") or self._device.secret is not None):
                raise DaricError("busy")
            self.stop()
            self._device.stand_by(self)
            self._since = self._device.board.ticks()
            self._result = self._begin(getattr(part(module), function)(self._device, host, *parameters))
            self._host, self._key = host, key
        return self._progress()

    def check_free(self, host: bytes) -> None:
        """DaricError("busy") while the owner has a question of another host to answer."""
        if self.waiting and host != self._host:
            raise DaricError("busy")

    def _begin(self, question: "Question | None") -> "list | None":
        """Ask the owner. Returns [result] where nobody has to be asked."""
        if question is None:
            return [True]
        self._question = question
        self._show()
        return None

    def _show(self) -> None:
        question = self._question
        self._device.screens.show(question.lines, self._handler, question.typed, question.hidden)

    def _progress(self) -> list:
        if self._result is not None:
            return self._result
        if not self._answer:
            # A session's progress took the page; not the one that asks for the PIN.
            if self._device.screens.asker is not self._handler and self._device.lock is None:
                self._show()
            return []
        question, answer = self._question, self._answer
        try:
            if answer in ("refuse", "timeout"):
                raise DaricError("refused" if answer == "refuse" else "timeout")
            result = [question.act(answer)]
        except DaricError:
            self.stop()
            raise
        finally:
            question.act = None
            self._question = None
            self._tidy()
        self._result = result
        self._since = self._device.board.ticks()
        return result

    def _answered(self, answer: str) -> None:
        question = self._question
        if question is None:
            return  # the errand ended while the PIN was typed
        # Without a PIN its code is not loaded: the names in it stay, and a signature needs the room.
        if question.pin and self._device.has_pin and answer not in ("refuse", "timeout"):
            from daric.lock import confirm

            question.pin = False
            confirm(self._device, lambda right: self._confirmed(question, answer if right else "refuse"))
            return
        self._answer = answer
        self._since = self._device.board.ticks()
        self._device.show_ready()

    def _confirmed(self, question: Question, answer: str) -> None:
        if question is self._question:
            self._answered(answer)

    def _tidy(self) -> None:
        """Forget the code of the errand; a session that is under way gets its page back and keeps its code."""
        if self._device.sessions.active:
            self._device.sessions.show_again()
        else:
            self._device.modules.forget(*GUESTS)
            self._device.show_ready()

    def stop(self) -> None:
        """Forget the errand and its result."""
        shown = self.waiting
        self._host = self._key = b""
        self._question = self._result = None
        self._answer = ""
        if shown:
            if self._device.lock is not None:
                self._device.lock.stop()
            self._tidy()

    def drop(self, host: bytes) -> None:
        """Forget the errand of a host that was revoked."""
        if host == self._host:
            self.stop()

    def tick(self, now: int) -> None:
        """End a question that nobody answers; forget an answer no host came for, and a result that it has by now."""
        age = (now - self._since) & TICKS
        if self._result is not None:
            if age >= LINK_REPLY_TIMEOUT * 1000:
                self.stop()
        elif self._answer:
            if age >= APPROVAL_TIMEOUT * 1000:
                self.stop()  # who agreed to it then does not agree to it at any time
        elif self.waiting and self._device.lock is None:
            limit = TYPING_TIMEOUT if self._question.typed else APPROVAL_TIMEOUT
            if age >= limit * 1000:
                self._answered("timeout")
