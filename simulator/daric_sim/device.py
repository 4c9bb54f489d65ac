"""A simulated device: the real firmware in the real MicroPython, started as a board starts, on its own serial line.

`path` is a pty that any serial program opens. The screen arrives in `screens`, what of its last page is to be seen in
`rows`; who presses the buttons is the `answer`: "approve", "refuse", "wait" (press() later) or a function of the
Screen, which may also answer "text:..." where a text is asked for. An answer is given by the presses of a person who
reads the page to its end; push() is one press. choose() picks something in the menu of an idle device.
"""

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
import tty
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from daric_host.flashing import signedimage

from daric_sim import flashed, slots
from daric_sim import image as romimage

FLASHED = Path(__file__).with_name("flashed.py")
PORTLINE = Path(__file__).with_name("portline.py")
RESET = 3  # exit code of a board that resets itself
RESETS = 5  # of a board in a row, within RESET_SECONDS each, before it counts as broken
RESET_SECONDS = 2.0
HEAP = "240k"  # less than a Pico has, on this 64-bit port with its larger objects: enough up to 2 of 3
APPROVE, REFUSE, WAIT = "approve", "refuse", "wait"
TEXT, MENU = "text:", "menu:"  # what such an answer begins with
PRESSES = ("left", "right", "hold left", "hold right")


@dataclass(frozen=True)
class Screen:
    """One page the device showed, with all its lines. ask: the buttons are lit. typed: it asks for a text.

    choice: short presses choose, as in the menu. pages: how often the display is full of it.
    """

    number: int
    lines: tuple[str, ...]
    ask: bool
    typed: bool = False
    choice: bool = False
    pages: int = 1

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


Answer = str | Callable[[Screen], str]


def presses(answer: str, ask: bool, choice: bool, left: int) -> list[str]:
    """What a person presses to answer a page of which `left` displays full are still to be read after this one.

    Raises ValueError if the answer is none.
    """
    if answer.startswith((TEXT, MENU)):
        return [answer]
    if answer not in (APPROVE, REFUSE):
        raise ValueError("an answer is approve, refuse, text:... or menu:...")
    if ask and not choice:
        return ["right"] * left + ["hold right"] if answer == APPROVE else ["hold left"]
    return ["right"] * (left + 1) if answer == APPROVE else ["left"]


class SimDevice:
    """One device. Its flash lives in `state` and survives kill(), stop() and a new SimDevice on the same directory.

    runtime: "micropython" (what ships: compiled files, heap of `heapsize`) or "cpython" (fast, for flows). entropy:
    "system", or a fault of daric.board.faults. watch: called with every screen, turned with the rows of a page that was
    turned, in a thread of their own. rom: a ROMFS to run in MicroPython in place of the one of these sources. guard:
    milliseconds that rows have to be on before a press approves them, as at a board for people; 0 for a program, whose
    press names its page. image: a signed image file that a device without code slots gets; then it starts as a board
    does, by its loader, and takes updates.
    interrupts: byte 0x03 on the line interrupts the program while it may, as a port's driver does (portline.py).
    Raises RuntimeError if the image does not build.
    """

    resets: tuple[int, ...] = (RESET,)  # exit codes of a board that starts again

    def __init__(
        self,
        state: Path | str,
        *,
        answer: Answer = APPROVE,
        runtime: str = "micropython",
        heapsize: str = HEAP,
        entropy: str = "system",
        watch: Callable[[Screen], None] = lambda screen: None,
        turned: Callable[[tuple[str, ...]], None] = lambda rows: None,
        rom: Path | None = None,
        guard: int = 0,
        image: Path | None = None,
        interrupts: bool = False,
    ) -> None:
        if runtime not in ("micropython", "cpython") or (image is not None and (rom or runtime == "cpython")):
            raise ValueError("the runtime is micropython or cpython; images run in micropython, one of image and rom")
        self.state = Path(state)
        self.answer = answer
        self._watch_screen = watch
        self._watch_rows = turned
        self.screens: list[Screen] = []
        self.rows: tuple[str, ...] = ()
        self._page = 0  # of the last screen
        self._guard = guard
        self._runtime = runtime
        self._heapsize = heapsize
        self._entropy = entropy
        self._rom = rom
        self._interrupts = interrupts
        if image is not None and not (self.state / slots.CODE).exists():
            slots.lay(signedimage.load(image), self.state)
        self._slots = rom is None and (self.state / slots.CODE).exists()
        self._changed = threading.Condition()
        self._panel: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._wanted = False
        self.state.mkdir(parents=True, exist_ok=True)
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self.start()

    # Power

    def start(self) -> None:
        """Switch the power on."""
        if self._wanted:
            return
        termios.tcflush(self._slave, termios.TCIOFLUSH)
        self._wanted = True
        self._spawn()
        threading.Thread(target=self._watch, args=(self._process,), daemon=True).start()

    def kill(self) -> None:
        """Cut the power: nothing of what the device was doing finishes."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Unplug for good: the process ends and the line closes."""
        if self._master < 0:
            return
        self._end(signal.SIGKILL)
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = -1

    def restart(self) -> None:
        """Cut the power and switch it on again; the path stays."""
        self.kill()
        self.start()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Process id of the running board; 0 when the power is off."""
        return self._process.pid if self._process is not None and self.running else 0

    @property
    def log(self) -> str:
        """What the board said when it crashed; empty for a healthy one."""
        path = self.state / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # Screen and buttons

    def press(self, answer: str) -> None:
        """Press a button for the page that is on now. Raises ValueError if it asks nothing."""
        screen = self.screens[-1] if self.screens else None
        if screen is None or not screen.ask:
            raise ValueError("the screen asks nothing")
        self._press(screen, answer)

    def push(self, press: str) -> None:
        """Press "left" or "right" once, or "hold left" or "hold right". Raises ValueError before the first page."""
        if press not in PRESSES or not self.screens:
            raise ValueError("a press is left, right, hold left or hold right, of a page that is on")
        self._send(self.screens[-1], [press])

    def type(self, text: str) -> None:
        """Type a text for the page that is on now. Raises ValueError if it asks for none."""
        screen = self.screens[-1] if self.screens else None
        if screen is None or not screen.typed:
            raise ValueError("the screen asks for no text")
        self._press(screen, TEXT + text)

    def choose(self, op: str, group: bytes | int = 1) -> None:
        """Pick "refresh", "backup" or "export", or "MODULE.FUNCTION" of daric.menu's table, in an idle device's menu.

        group: id (16 B) or place in the menu, from 1, of the former three. A busy device takes no notice. Raises
        ValueError while the screen asks something.
        """
        screen = self.screens[-1] if self.screens else None
        if screen is None or screen.ask:
            raise ValueError("the device has no menu now")
        named = "" if "." in op else f":{group.hex() if isinstance(group, bytes) else group}"
        self._press(screen, MENU + op + named)

    def wait_for_screen(self, text: str, timeout: float = 30.0, since: int = 0) -> Screen:
        """The first page from number `since` of `screens` on that holds `text`. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                for screen in self.screens[since:]:
                    if text in screen.text:
                        return screen
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    raise TimeoutError(f"no screen with {text!r} but {self.screens[-3:]}; log: {self.log[-2000:]}")

    # Inside

    def _spawn(self) -> None:
        ours, theirs = socket.socketpair()
        settings = {
            "state": str(self.state.resolve()),
            "panel": theirs.fileno(),
            "entropy": self._entropy,
            "guard": self._guard,
        }
        if self._slots:
            settings["code"] = str((self.state / slots.CODE).resolve())
        path = self.state / "board.json"
        path.write_text(json.dumps(settings))
        with (self.state / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(PORTLINE)] * self._interrupts + self._command(),
                stdin=self._master,
                stdout=self._master,
                stderr=log,
                pass_fds=(theirs.fileno(),),
                env=dict(os.environ, DARIC_BOARD=str(path.resolve())),
                cwd=self.state,
                start_new_session=True,
            )
        theirs.close()
        self._panel = ours
        threading.Thread(target=self._read_panel, args=(ours,), daemon=True).start()

    def _command(self) -> list[str]:
        start = [flashed.INTERRUPTED] if self._interrupts else []
        if self._slots:
            code, base = ((self.state / name).resolve() for name in (slots.CODE, slots.BASE))
            return [sys.executable, str(FLASHED), "--code", str(code), str(base), self._heapsize, *start]
        if self._runtime == "micropython":
            rom = (self._rom or romimage.build()).resolve()
            return [sys.executable, str(FLASHED), str(rom), self._heapsize, *start]
        firmware = str(romimage.FIRMWARE.parent)
        # A shell may have started this process with the interrupt ignored, and a board would inherit that.
        interrupt = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
        return [sys.executable, "-c", f"{interrupt}; import sys; sys.path.insert(0, {firmware!r}); import boot, main"]

    def _watch(self, process: "subprocess.Popen[bytes] | None") -> None:
        """Start a board again that reset itself, as its boot code would."""
        quick = 0
        while process is not None:
            started = time.monotonic()
            code = process.wait()
            with self._changed:
                if not self._wanted or self._process is not process or code not in self.resets:
                    return
                quick = quick + 1 if time.monotonic() - started < RESET_SECONDS else 0
                if quick > RESETS:
                    return
                self._close_panel()
                self._spawn()
                process = self._process

    def _end(self, number: int) -> None:
        with self._changed:
            self._wanted = False
            process = self._process
        if process is not None:
            if process.poll() is None:
                process.send_signal(number)
            process.wait()
        self._close_panel()

    def _close_panel(self) -> None:
        if self._panel is not None:
            try:
                self._panel.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the board is gone already
            self._panel = None

    def _read_panel(self, panel: socket.socket) -> None:
        with panel, panel.makefile("rb") as lines:
            try:
                number = 0
                for line in lines:
                    shown = json.loads(line)
                    self._show(shown, shown["number"] == number)
                    number = shown["number"]
            except ConnectionResetError:
                pass  # the power went off before the board had read all that was pressed

    def _show(self, shown: dict[str, Any], turned: bool) -> None:
        """What the display shows: keep it; of a new page tell whoever waits for it, and answer."""
        with self._changed:
            self.rows, self._page = tuple(shown["rows"]), shown["page"]
            screen = None if turned else self._screen(shown)
            self._changed.notify_all()
        if screen is None:
            self._watch_rows(self.rows)
            return
        self._watch_screen(screen)
        if screen.ask:
            answer = self.answer(screen) if callable(self.answer) else self._constant(screen, self.answer)
            if answer != WAIT:
                self._press(screen, answer)

    def _screen(self, shown: dict[str, Any]) -> Screen:
        fields = [shown[name] for name in ("ask", "typed", "choice", "pages")]
        screen = Screen(shown["number"], tuple(shown["lines"]), *fields)
        self.screens.append(screen)
        return screen

    @staticmethod
    def _constant(screen: Screen, answer: str) -> str:
        """An answer that is always the same, on a page that asks for a text: nobody approves one, "refuse" gives up."""
        if not screen.typed or answer == WAIT:
            return answer
        if answer == APPROVE:
            return WAIT
        return APPROVE if screen.lines[-1] == "> cancel" else REFUSE

    def _press(self, screen: Screen, answer: str) -> None:
        page = self._page if screen is self.screens[-1] else 0
        self._send(screen, presses(answer, screen.ask, screen.choice, screen.pages - 1 - page))

    def _send(self, screen: Screen, presses: list[str]) -> None:
        panel = self._panel
        if panel is not None:
            try:
                panel.sendall(b"".join(f"{screen.number} {press}\n".encode() for press in presses))
            except OSError:
                pass  # the power went off meanwhile
