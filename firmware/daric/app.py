"""The device: one loop that reads the line, answers requests and watches the buttons.

Specification: docs/architecture.md, the device. The device speaks only when asked; nothing but frames ever leaves on
the line; an unforeseen error resets it.
"""

import gc
import sys

from daric_protocol.errors import DaricError
from daric_protocol.garbage import often
from daric_protocol.link import CONVERSATION_BYTES, TICKS, Link

from daric import screens
from daric.dispatch import Dispatcher
from daric.hosts import Hosts
from daric.modules import Modules, part
from daric.screens import Screens

# Loaded at the start, and then forgotten.
START = (
    "daric.flash", "daric.starts", "daric.lock", "daric.tablekey", "daric.locksectors", "daric_protocol.limits",
    "daric_protocol.tables",
)  # fmt: skip
RESTART_MS = 1000  # from the answer that says so to the reset: a host gets it even over noise
REST_MS = 500  # of silence, before a device with a worn heap starts anew
IDLE_WAIT = 50  # milliseconds between two looks at buttons and repetitions


class App:
    """Everything a running device holds. board: as daric.board.virtual.Board.

    fault: the DaricError that keeps the device out of order (its flash failed at the start, its entropy then or later),
    else None.
    """

    def __init__(self, board) -> None:
        self.board = board
        self.screens = Screens(board, self._pressed)
        self.fault = None
        self.entropy = None
        self.vault = None
        self.identity = None
        self.custody = None
        self.sessions = None
        self.errands = None  # daric.errands, once a host asks for something that the owner decides on
        self.menu = None  # daric.menu, once the owner presses a button
        self.secret = None  # daric.secretpages, while an exported key is on the screen
        self.lock = None  # daric.lock: the Lock of a locked device, or the page that asks for the PIN
        self.has_pin = False
        self.restarting = None  # the ticks since when nothing is done any more, before a reset
        self.wiped = False
        self._held = None  # the ticks since when both buttons are down
        self.leaving = False  # the owner agreed to a maintenance exit
        self._heard = 0  # the ticks when the line last had anything
        self.worn = False  # names of loaded code took too much of the heap for good (daric.scrub)
        self.on_trial = "/trial" in sys.path  # whether the image that runs is still to be confirmed, by the loader
        self.restored = None  # the Shard that came back from a backup, until the group has taken this device back
        self.hosts = Hosts(self)
        try:
            self._open()
        except DaricError as error:
            self.fault = error
        self.link = Link(self._conversation(), True)
        self.dispatcher = Dispatcher(self)
        self._settle()

    def _open(self) -> None:
        """Entropy, then the vault; with a PIN the start goes on in `unlocked`."""
        from daric_protocol.platform.entropy import Entropy

        from daric.flash import check_start

        source = self.board.entropy()
        if source is None:
            raise DaricError("entropy", "this board has no entropy source")
        self.entropy = Entropy(source)
        self.vault = self.board.open_vault(self.entropy.draw)
        check_start(self.vault.chip, self.entropy.start)
        if self.locked:
            from daric.lock import Lock

            self.lock = Lock(self)
        else:
            self._opened()

    def _opened(self) -> None:
        """The identity and the custody, which finishes whatever a power cut interrupted."""
        from daric_protocol.custody import Custody, load_identity

        from daric.sessions import Sessions

        self.identity = load_identity(self.vault, self.entropy.draw)
        self.custody = Custody(self.vault, self.identity, self.entropy.draw)
        self.sessions = Sessions(self)

    def _settle(self) -> None:
        """Forget what only the start needs, and meet what flows will load."""
        self.modules = Modules(START)
        if not self.locked:
            self.modules.meet()
        self.show_ready()

    @property
    def locked(self) -> bool:
        """Whether the vault waits for the PIN."""
        return self.vault is not None and self.vault.locked

    @property
    def shut(self) -> bool:
        """Whether nothing is answered but what a locked device answers."""
        return self.locked or self.restarting is not None

    def unlocked(self, key: bytes) -> None:
        """The PIN was right: go on with the start. key: the vault's table key."""
        self.lock = None
        self.has_pin = True
        self.modules.forget()
        try:
            self.vault = self.vault.open(key)
            self._opened()
        except DaricError as error:
            self.fault = error
        self._settle()

    def restart(self) -> None:
        """Reset in a moment, with everything forgotten; nothing but the answer under way leaves the device."""
        self.restarting = self.board.ticks()

    def _conversation(self) -> bytes:
        if self.fault is None:
            return self.entropy.draw(CONVERSATION_BYTES)
        return (self.board.ticks() & 0xFFFFFFFF).to_bytes(CONVERSATION_BYTES, "big")  # no secret, only fresh

    def show_ready(self) -> None:
        """The page of a device that waits, unless a session has the screen."""
        if self.restarting is not None:
            return  # the page says why
        if self.fault is not None:
            self.screens.show(screens.fault(self.fault))
        elif self.locked:
            self.lock.show()
        elif not self.busy:
            self.screens.show(screens.ready(len(self.hosts), len(self.custody.groups()), self.board.weak_erase))

    @property
    def busy(self) -> bool:
        """Whether a session or an exported key has the device."""
        return self.sessions.active or self.secret is not None

    def stand_by(self, errands=None) -> None:
        """Something begins: a pairing, a question or a choice in the menu that was there before ends.

        errands: those that are to stay.
        """
        self.hosts.stop()
        if self.lock is not None:
            self.lock.stop()
        if self.errands is not None and self.errands is not errands:
            self.errands.stop()
            self.errands = None
        self.menu = None
        self.modules.forget(*([] if errands is None else ["daric.menu"]))

    def show_secret(self, exported) -> None:
        """Put an exported key on the screen, page by page."""
        from daric.secretpages import SecretPages

        self.secret = SecretPages(self, exported)

    def secret_shown(self) -> None:
        """The owner closed the pages, or time is up."""
        self.secret = None
        self.modules.forget()
        self.show_ready()

    def _pressed(self, answer: str) -> None:
        """A button while the page asks nothing: the menu, where nothing else is going on."""
        if self.locked and self.fault is None:
            self.lock.pressed()
            return
        if self.lock is not None:
            self.lock.stop()
        if self.fault is not None or self.busy:
            return
        if self.menu is None:
            from daric.menu import Menu

            self.menu = Menu(self)
        self.menu.pressed(answer)

    def step(self, wait: int = IDLE_WAIT) -> None:
        """One turn: take what the line has, answer it, repeat what was lost, watch the buttons."""
        self.board.watch()
        self.board.wait(min(wait, self.link.due(self.board.ticks())))
        data = self.board.read()
        try:
            if data:
                self._heard = self.board.ticks()
                requests = self.link.receive(data)
                self._flush()  # acknowledge before a long computation
                while requests:
                    reply = self.dispatcher.answer(requests.pop(0))
                    self.link.send(reply)
                    del reply
            self._flush()
        except MemoryError:
            self.dispatcher.short = True  # an answer that was lost never comes, and the host stops waiting
        if self.on_trial and self.dispatcher.served and self.fault is None and not self.entropy.failed:
            self._confirm()
        if self.restarting is not None:
            if ((self.board.ticks() - self.restarting) & TICKS) >= RESTART_MS:
                self.board.reset()
            return
        if self.fault is None and self.entropy.failed:
            self._break(DaricError("entropy"))
        if self.fault is None:
            self.screens.poll()
            noise = self.board.noise()
            if noise:
                self.entropy.mix(noise)
        now = self.board.ticks()
        if self.fault is not None or self.locked:
            self._look_held(now)
        if self.fault is None and self.restarting is None:
            if not self.locked:
                self.hosts.tick(now)
                self.sessions.tick(now)
            for one in (self.errands, self.menu, self.secret, self.lock):
                if one is not None:
                    one.tick(now)
            if self.locked or not self.busy:
                if data and not self.locked:
                    if self.dispatcher.short:
                        self.dispatcher.short = False
                        self.sessions.leave()
                    self.modules.tidy(() if self.errands is None else ("daric.errands",))
                self.modules.clean(self)
                if self.worn and self.link.idle and ((now - self._heard) & TICKS) >= REST_MS:
                    self.modules.soiled = True  # once more: at rest no large message is left on the stack
                    self.modules.clean(self)
                    if self.worn:
                        self.board.reset()

    def _confirm(self) -> None:
        """A new image works: entropy, vault and identity are open, and a host was served."""
        part("loader").Slots(self.board.code()).confirm()
        self.on_trial = False
        self.modules.forget("daric.update", "daric.loader", "daric_protocol.imagehead")

    def _break(self, error: DaricError) -> None:
        """Out of order from now on: what was under way is forgotten, and nothing is answered but why."""
        self.fault = error
        self.errands = self.menu = self.secret = self.sessions = None
        self.modules.forget()
        self.show_ready()

    def _look_held(self, now: int) -> None:
        """Both buttons held for long wipe a device that nothing else gets out of where it is."""
        if self.board.held():
            if self._held is None:
                self._held = now
            from daric.lock import holding

            holding(self, ((now - self._held) & TICKS) // 1000)
        elif self._held is not None:
            self._held = None
            self.show_ready()

    def _flush(self) -> None:
        out = self.link.output(self.board.ticks())
        if out:
            self.board.write(out)


def run() -> None:
    """Run the device of this board for ever. Any error resets it: there is no prompt to fall back to."""
    from daric.board.this import board as this_board

    board = this_board()
    try:
        gc.collect()
        often()
        app = App(board)
        gc.collect()
        while not (app.leaving and app.link.idle):
            app.step()
        app.screens.show(["Maintenance", "Restart ends it"])
        del app
        part("maintenance").prompt()
        return
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - nothing may lead to a prompt
        board.crashed(error)
    board.reset()
    sys.exit(1)
