"""What the tool says while it works: bars or lines for a person, JSON lines for a program; and its exit code."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

from daric_protocol.errors import DaricError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from daric_host.flashing.ports import Port

MIXED = 1  # exit code where boards failed with different errors
TWENTIETH = 0.05

Bar = Callable[[int, int], None]


class Report:
    """One per run, shared by the threads of all boards."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._lock = threading.Lock()
        self._numbers: list[int] = []
        self._bars: Progress | None = None
        console = Console(file=sys.stderr)
        if not as_json and console.is_terminal:
            words = TextColumn("{task.description}")
            self._bars = Progress(words, BarColumn(), TimeElapsedColumn(), console=console, transient=True)

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    @property
    def code(self) -> int:
        """0 if every board is done; the error's number if all that failed did so alike, else 1."""
        numbers = set(self._numbers)
        return 0 if not numbers else numbers.pop() if len(numbers) == 1 else MIXED

    def step(self, port: Port, name: str) -> Bar:
        """A step begins; the result moves its bar: (done, total)."""
        self._say({"port": port.path, "event": "step", "step": name}, f"{port.path}  {name}")
        task = None if self._bars is None else self._bars.add_task(f"{port.path}  {name}", total=1)
        told = [0.0]

        def move(done: int, total: int) -> None:
            share = done / total if total else 1.0
            if self._bars is not None and task is not None:
                self._bars.update(task, completed=share, visible=share < 1.0)
            if share - told[0] >= TWENTIETH or (share >= 1.0 and told[0] < 1.0):
                told[0] = share
                if self._as_json:
                    line = {"port": port.path, "event": "progress", "step": name, "done": done, "total": total}
                    self._say(line, "")

        return move

    def result(self, port: Port | None, values: dict[str, Any]) -> None:
        """A board is done, or something was found out."""
        line: dict[str, Any] = {} if port is None else {"port": port.path}
        text = "\n".join(f"{name:<12} {_text(value)}" for name, value in {**line, **values}.items())
        self._say({**line, "event": "result", **values}, text + "\n")

    def error(self, port: Port | None, error: DaricError) -> None:
        """A board failed."""
        self._numbers.append(error.number)
        line: dict[str, Any] = {"event": "error", "error": error.name, "number": error.number, "detail": error.detail}
        where = {} if port is None else {"port": port.path}
        text = f"{error.name}: {error.detail}" if port is None else f"{port.path}: {error.name}: {error.detail}"
        self._say({**where, **line}, text, True)

    def _say(self, line: dict[str, Any], text: str, bad: bool = False) -> None:
        with self._lock:
            out = sys.stderr if bad and not self._as_json else sys.stdout
            if self._as_json or text:
                out.write((json.dumps(line) if self._as_json else text) + "\n")
                out.flush()


def each(ports: Sequence[Port], work: Callable[[Port], dict[str, Any]], jobs: int, report: Report) -> None:
    """Do the same at every board, `jobs` of them at a time; one that fails stops no other."""

    def one(port: Port) -> None:
        try:
            report.result(port, work(port))
        except DaricError as error:
            report.error(port, error)
        except OSError as error:
            report.error(port, DaricError("link", f"the port failed: {error.strerror or error}"))

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        for done in [pool.submit(one, port) for port in ports]:
            done.result()


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return str(value)
