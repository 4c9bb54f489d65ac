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
        self.screens = Screens(board)
        self.fault = None
        self.entropy = None
        self.vault = None
        self.identity = None
        self.custody = None
        self.sessions = None
        self.hosts = Hosts(self)
        try:
            self._open()
        except DaricError as error:
            self.fault = error
        self.link = Link(self._conversation(), True)
        self.dispatcher = Dispatcher(self)
        self.modules = Modules(("daric.flash",))
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
        elif not self.sessions.active:
            self.screens.show(screens.ready(len(self.hosts), len(self.custody.groups())))

    def step(self, wait: int = IDLE_WAIT) -> None:
        """One turn: take what the line has, answer it, repeat what was lost, watch the buttons."""
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

    def _flush(self) -> None:
        out = self.link.output(self.board.ticks())
        if out:
            self.board.write(out)


def run() -> None:
    """Run the device of this board for ever. Any error resets it: there is no prompt to fall back to."""
    from daric.board.virtual import board as this_board

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
