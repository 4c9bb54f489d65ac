"""The firmware in this process: a board in memory, and a transport that lets it run whenever its host waits."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from threading import RLock

from daric.app import App
from daric.board import faults
from daric.board.flashfile import FlashFile, Partition
from daric.flash import open_vault
from daric.panel import Panel
from daric.vault import PathFiles
from daric_host.device import DeviceLink, Pairing
from daric_protocol.identity import Identity
from daric_sim.device import presses

BLOCKS = 64


class MemoryBoard:
    """A board without hardware: `answer` is what its person presses on every page that asks, None for nothing.

    pages: (lines, whether it asks) of each page. visible: what is on the display now. turn: held while a host gives the
    device its turns, which it does in a thread; whoever acts on the device meanwhile takes it.
    """

    STRETCH_MS = 0
    weak_erase = False

    def __init__(self, state: Path, answer: str | None = "approve", entropy: str = "system") -> None:
        self.answer = answer
        self.typing: str | None = None  # and on every page that asks for a text
        self.pages: list[tuple[list[str], bool]] = []
        self.to_device = b""
        self.to_host = b""
        self.now = 0
        self.seconds = 1_000_000
        self._state = state
        self._entropy = entropy
        self.both_held = False
        self.chance = b""  # what the next turn mixes into its entropy
        self.resets = 0
        self.watched = 0  # how often the watchdog was fed
        self.turn = RLock()
        self.code_flash: Partition | None = None  # of the code slots
        self.visible: list[str] = []
        self.panel = Panel(self, self.ticks, 0)
        self._page = (False, False)  # whether it asks, whether short presses choose
        self._presses: list[str] = []

    def ticks(self) -> int:
        return self.now & ((1 << 30) - 1)

    def clock(self) -> int:
        return self.seconds

    def wait(self, milliseconds: int) -> None:
        self.now += 1

    def read(self) -> bytes:
        data, self.to_device = self.to_device[:512], self.to_device[512:]
        return data

    def write(self, data: bytes) -> None:
        self.to_host += data

    def show(self, lines: list[str], ask: bool, typed: str = "", choice: str = "") -> None:
        self.pages.append((lines, ask))
        self._page = (ask, bool(choice))
        self._presses = []
        self.panel.show(lines, ask, typed, choice)
        answer = self.typing if typed else self.answer
        if ask and answer is not None:
            self.press(answer)

    def rows(self, rows: list[str]) -> None:
        self.visible = rows

    def press(self, answer: str) -> None:
        """What a person presses who reads the page to its end and then answers."""
        self._presses = presses(answer, *self._page, self.panel.pages - 1 - self.panel.page)

    def button(self) -> str | None:
        while self._presses:
            press = self._presses.pop(0)
            answer = press if press.startswith(("text:", "menu:")) else self.panel.event(press)
            if answer is not None:
                return answer
        return None

    def held(self) -> bool:
        return self.both_held

    def noise(self) -> bytes:
        noise, self.chance = self.chance, b""
        return noise

    def watch(self) -> None:
        self.watched += 1

    def unique_id(self) -> bytes:
        return b"memory board"

    def entropy(self):
        return faults.source(self._entropy)

    def open_vault(self, random):
        files = self._state / "files"
        files.mkdir(parents=True, exist_ok=True)
        return open_vault(self.chip(), random, lambda _, first: PathFiles(str(files)))

    def code(self) -> Partition | None:
        return self.code_flash

    def chip(self) -> FlashFile:
        return FlashFile(str(self._state / "flash"), BLOCKS)

    def reset(self) -> None:
        self.resets += 1


class Wired:
    """The transport between a DeviceLink and an App: the device gets its turns while the host reads."""

    def __init__(self, app: App, there=lambda data: data, back=lambda data: data) -> None:
        self.app = app
        self._there = there
        self._back = back

    def read(self, timeout: float) -> bytes:
        with self.app.board.turn:
            for _ in range(50):
                self.app.step(0)
                if self.app.board.to_host:
                    break
            data, self.app.board.to_host = self.app.board.to_host, b""
        return self._back(data)

    def write(self, data: bytes) -> None:
        self.app.board.to_device += self._there(data)

    def close(self) -> None:
        self.app.board.to_device = self.app.board.to_host = b""


def device(state: Path, answer: str | None = "approve", entropy: str = "system") -> App:
    """A device that has just started."""
    return App(MemoryBoard(state, answer, entropy))


def host_of(app: App, secret: int = 4711, **faults) -> DeviceLink:
    """A host that has just opened the port."""
    return DeviceLink(lambda: Wired(app, **faults), Identity(secret))


async def until(app: App, condition: Callable[[], bool]) -> None:
    """Let a host ask on until the device has come so far."""
    while True:
        with app.board.turn:
            if condition():
                return
        await asyncio.sleep(0.01)


def press(app: App, *answers: str) -> None:
    """The device's person presses, and the device sees each at once."""
    with app.board.turn:
        for answer in answers:
            app.board.press(answer)
            app.step(0)


def pass_seconds(app: App, seconds: int) -> None:
    with app.board.turn:
        app.board.now += seconds * 1000
        app.step(0)


async def pair(link: DeviceLink) -> Pairing:
    """Pair and connect; the person at the host agrees to any code."""

    async def same(code: str) -> bool:
        return True

    pairing = await link.pair(same)
    await link.connect(pairing)
    return pairing
