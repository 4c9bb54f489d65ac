"""Simulated boards for tools/flash.py: bare at first, each at its own pty, with a person who looks and presses."""

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from daric_host.flashing.ports import Port

from daric_sim.device import APPROVE, REFUSE, Screen
from daric_sim.stockboard import StockBoard

CODE_SECONDS = 30.0
SIMULATED = "simulated board"


class Farm:
    """Boards and their person, who approves everything and compares codes; as daric_host.flashing.operator asks."""

    def __init__(self, count: int, state: Path | None = None) -> None:
        """state: directory of the boards' flash, one below it for each; None: new ones that are gone afterwards."""
        self._temporary = None if state is not None else tempfile.TemporaryDirectory(prefix="daric-farm-")
        place = state or Path(self._temporary.name if self._temporary is not None else ".")
        self.boards = [StockBoard(place / f"board{number}", answer=answered) for number in range(1, count + 1)]

    @property
    def ports(self) -> list[Port]:
        """A port for each board."""
        return [Port(board.path, product=board.state.name, known=SIMULATED) for board in self.boards]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for board in self.boards:
            board.stop()
        if self._temporary is not None:
            self._temporary.cleanup()

    def at(self, path: str) -> StockBoard:
        """The board at a port."""
        return next(board for board in self.boards if board.path == path)

    def same_code(self, port: Port, code: str) -> bool:
        """Read the code from the board's screen."""
        board = self.at(port.path)
        spaced = code[:3] + " " + code[3:]
        try:
            board.wait_for_screen(spaced, CODE_SECONDS, max(0, len(board.screens) - 3))
        except TimeoutError:
            return False
        return True

    def look(self, port: Port, what: str) -> None:
        """The boards answer by themselves."""


def answered(screen: Screen) -> str:
    """What the person presses: yes, but where the left button is tested."""
    return REFUSE if "the left button" in screen.text else APPROVE
