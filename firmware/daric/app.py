"""The device: one loop that reads the line, answers requests and watches the buttons.

Specification: docs/architecture.md, the device. The device speaks only when asked; nothing but frames ever leaves on
the line; an unforeseen error resets it.
"""

import gc
import sys

from daric_protocol.errors import DaricError
from daric_protocol.link import CONVERSATION_BYTES, Link

from daric import screens
from daric.dispatch import Dispatcher
from daric.hosts import Hosts
from daric.modules import Modules
from daric.screens import Screens

GARBAGE = 4096  # collect after so many bytes: what lives stays together, and large blocks stay free (measured)
IDLE_WAIT = 50  # milliseconds between two looks at buttons and repetitions


class App:
    """Everything a running device holds. board: as daric.board.virtual.Board.

    fault: the DaricError that keeps the device out of order (its entropy or flash failed at the start), else None.
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
        self.restored = None  # the Shard that came back from a backup, until the group has taken this device back
        self.hosts = Hosts(self)
        try:
            self._open()
        except DaricError as error:
            self.fault = error
        self.link = Link(self._conversation(), True)
        self.dispatcher = Dispatcher(self)
        self.modules = Modules(("daric.flash",))
        self.modules.meet()
        self.show_ready()

    def _open(self) -> None:
        """Entropy, then the vault and the custody, which finishes whatever a power cut interrupted."""
        from daric_protocol.custody import Custody, load_identity
        from daric_protocol.platform.entropy import Entropy

        from daric.sessions import Sessions

        source = self.board.entropy()
        if source is None:
            raise DaricError("entropy", "this board has no entropy source")
        self.entropy = Entropy(source)
        self.vault = self.board.open_vault(self.entropy.draw)
        self.identity = load_identity(self.vault, self.entropy.draw)
        self.custody = Custody(self.vault, self.identity, self.entropy.draw)
        self.sessions = Sessions(self)

    def _conversation(self) -> bytes:
        if self.fault is None:
            return self.entropy.draw(CONVERSATION_BYTES)
        return (self.board.ticks() & 0xFFFFFFFF).to_bytes(CONVERSATION_BYTES, "big")  # no secret, only fresh

    def show_ready(self) -> None:
        """The page of a device that waits, unless a session has the screen."""
        if self.fault is not None:
            self.screens.show(screens.fault(self.fault))
        elif not self.busy:
            self.screens.show(screens.ready(len(self.hosts), len(self.custody.groups())))

    @property
    def busy(self) -> bool:
        """Whether a session or an exported key has the device."""
        return self.sessions.active or self.secret is not None

    def stand_by(self, errands=None) -> None:
        """Something begins: a pairing, a question or a choice in the menu that was there before ends.

        errands: those that are to stay.
        """
        self.hosts.stop()
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
        if data:
            requests = self.link.receive(data)
            self._flush()  # acknowledge before a long computation
            while requests:
                reply = self.dispatcher.answer(requests.pop(0))
                self.link.send(reply)
                del reply
        self._flush()
        if self.fault is None:
            self.screens.poll()
            now = self.board.ticks()
            self.hosts.tick(now)
            self.sessions.tick(now)
            for part in (self.errands, self.menu, self.secret):
                if part is not None:
                    part.tick(now)

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
        if hasattr(gc, "threshold"):
            gc.threshold(GARBAGE)
        app = App(board)
        gc.collect()
        while True:
            app.step()
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - nothing may lead to a prompt
        board.crashed(error)
    board.reset()
    sys.exit(1)
