"""What the demo and the walk through all processes share: real services, people with phones, a device and its owner.

Everything lies in one directory and every command of a phone is a process of its own. Nobody says yes to six digits
that differ from those on another screen.
"""

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from daric_sim.device import APPROVE, REFUSE, TEXT, Screen, SimDevice
from daric_sim.house import START_SECONDS, House, daric

COMMAND_SECONDS = 300
ASKS_CODE = re.compile(r"^(?:Check code|Same code there\?)", re.MULTILINE)
RECOVERY_CODE = re.compile(r"^Recovery code:\n (\w{4}) (\w{4})\n (\w{4}) (\w{4})", re.MULTILINE)

Watch = Callable[[dict[str, Any]], None]
"""Called with every JSON line of a command."""


class DemoError(Exception):
    """A step failed, or a check on its result."""


@dataclass
class Step:
    """A row of the table at the end. sent: bytes of the sealed frames that phones and devices sent."""

    name: str
    seconds: float
    sent: int
    verified: str
    parties: str = ""


class Codes:
    """The six digits of one session, as each person sees them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.code = ""

    def fresh(self) -> None:
        """Another session begins."""
        with self._changed:
            self.code = ""

    def agree(self, code: str) -> bool:
        """A phone shows these: whether they are the ones of every other screen."""
        with self._changed:
            self.code = self.code or code
            self._changed.notify_all()
            return code == self.code

    def on_device(self, screen: Screen) -> bool:
        """The owner of a device looks at a phone's screen, too, before pressing the button."""
        with self._changed:
            seen = self._changed.wait_for(lambda: self.code, START_SECONDS)
            return bool(seen) and self.code in screen.text.replace(" ", "")


class Command:
    """One `daric` command of a phone, in a process of its own; its person answers what it asks."""

    def __init__(
        self, home: Path, log: Path, codes: Codes, arguments: tuple[str, ...], typed: dict[str, str], watch: Watch
    ) -> None:
        self.name = "daric " + " ".join(arguments[:4])
        self.sent = 0
        self._codes = codes
        self._typed = typed
        self._watch = watch
        self._lines: list[dict[str, Any]] = []
        self._ended = False
        self._changed = threading.Condition()
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                daric(*arguments, "--home", str(home), "--json"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=errors, text=True, start_new_session=True,
            )  # fmt: skip
        threading.Thread(target=self._read, args=(log.with_suffix(".jsonl"),), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()

    def event(self, name: str) -> dict[str, Any]:
        """The first event of this name. Raises DemoError if the command ends without it."""
        return self._wait(lambda line: line.get("event") == name, f"without the event {name}")

    def sessions(self) -> Iterator[str]:
        """The link of every session that the command shows to others, as it is shown, until the command ends."""
        seen: list[str] = []

        def new(line: dict[str, Any]) -> bool:
            return line["kind"] in ("result", "error") or (line.get("event") == "session" and line["uri"] not in seen)

        while (line := self._wait(new, "without a result", errors=False))["kind"] == "event":
            seen.append(line["uri"])
            yield line["uri"]

    def result(self, patience: float = COMMAND_SECONDS) -> dict[str, Any]:
        """What the command was for, with `sent` added. Raises DemoError."""
        found = self._wait(lambda line: line["kind"] == "result", "without a result", patience=patience)
        if self._process.wait(START_SECONDS):
            raise DemoError(f"{self.name} ended with {self._process.returncode}")
        return {**found, "sent": self.sent}

    def error(self) -> str:
        """The name of the error with which the command ends. Raises DemoError if it does not."""
        found = self._wait(lambda line: line["kind"] == "error", "without an error", errors=False)
        if self._process.wait(START_SECONDS) == 0:
            raise DemoError(f"{self.name} said {found['error']} and ended with 0")
        return str(found["error"])

    def failure(self, patience: float = COMMAND_SECONDS) -> str:
        """Why the command failed, once it has ended; empty if it succeeded."""
        try:
            self.result(patience)
        except DemoError as error:
            return str(error)
        return ""

    def _wait(
        self,
        wanted: Callable[[dict[str, Any]], bool],
        lacking: str,
        errors: bool = True,
        patience: float = COMMAND_SECONDS,
    ) -> dict[str, Any]:
        deadline = time.monotonic() + patience
        with self._changed:
            while True:
                for line in self._lines:
                    if wanted(line):
                        return line
                    if errors and line["kind"] == "error":
                        raise DemoError(f"{self.name}: {line['error']}: {line['detail']}")
                if self._ended:
                    raise DemoError(f"{self.name} ended {lacking}: {self._lines[-1:]}")
                if not self._changed.wait(deadline - time.monotonic()):
                    raise DemoError(f"{self.name} takes too long: {self._lines[-1:]}")

    def _read(self, transcript: Path) -> None:
        assert self._process.stdout is not None
        try:
            with transcript.open("a") as kept:
                for text in self._process.stdout:
                    kept.write(text)
                    kept.flush()
                    self._take(json.loads(text))
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _take(self, line: dict[str, Any]) -> None:
        if line["kind"] == "ask":
            agreed = not line.get("code") or self._codes.agree(line["code"])
            self._answer(self._typed.get(line["ask"], "yes" if agreed else "no"))
        elif line["kind"] == "event" and line["event"] == "ended":
            self.sent += line["sent"]
        self._watch(line)
        with self._changed:
            self._lines.append(line)
            self._changed.notify_all()

    def _answer(self, text: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(text + "\n")
            self._process.stdin.flush()
        except OSError:
            pass  # it ended; its last line says why


class Phone:
    """A phone or browser of one person: its directory, and its commands."""

    def __init__(self, home: Path, codes: Codes) -> None:
        self.home = home
        self._codes = codes

    def connect(self, house: House) -> None:
        """Tell the phone its services and the keys that it pins."""
        line = daric(
            "connect", "--home", str(self.home), "--service", house.url, "--key", house.key.hex(),
            "--cloud", house.cloud_url, "--cloud-identity", house.cloud_identity.hex(),
        )  # fmt: skip
        subprocess.run(line, check=True, timeout=START_SECONDS, stdout=subprocess.DEVNULL)

    def start(self, *arguments: str, typed: dict[str, str] | None = None, watch: Watch = lambda line: None) -> Command:
        """Start a command; to be used as a context. typed: what the person types where the command asks for it."""
        return Command(self.home, self.home.with_suffix(".log"), self._codes, arguments, typed or {}, watch)

    def run(
        self, *arguments: str, typed: dict[str, str] | None = None, watch: Watch = lambda line: None
    ) -> dict[str, Any]:
        """Run a command to its result."""
        with self.start(*arguments, typed=typed, watch=watch) as command:
            return command.result()

    def refused(self, *arguments: str) -> str:
        """The name of the error with which a command ends that must not succeed."""
        with self.start(*arguments) as command:
            return command.error()


class Scene:
    """Everything that runs, in one directory. a, c: the phones of party A and party C."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.codes = Codes()
        self.noted = ""  # the recovery code that a device showed last
        self.house = House(home)
        self.device = SimDevice(home / "device", answer=self.answer)
        self.devices = [self.device]
        self.a = Phone(home / "phone", self.codes)
        self.c = Phone(home / "party-c", self.codes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for device in self.devices:
            device.stop()
        self.house.stop()

    def answer(self, screen: Screen) -> str:
        """The device's owner, who compares six digits, notes the recovery code that is shown, and types it later."""
        if screen.typed:
            return TEXT + self.noted
        shown = RECOVERY_CODE.search(screen.text)
        if shown:
            self.noted = "".join(shown.groups())
        if ASKS_CODE.search(screen.text) and not self.codes.on_device(screen):
            return REFUSE
        return APPROVE

    def start(self) -> None:
        """Start what does not run, and tell party A's phone where it is."""
        self.house.start()
        self.a.connect(self.house)

    def restart(self) -> None:
        """End every process and start it again on the same state."""
        self.house.stop()
        for device in self.devices:
            device.restart()
        self.start()


def stop_on_signals() -> None:
    """A signal ends a demo as an error does: every process stops, nothing stays behind."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)


def _stop(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
