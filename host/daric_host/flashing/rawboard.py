"""A board with MicroPython's prompt: files, values and pieces of code through mpremote's raw REPL."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import serial
from daric_protocol.errors import DaricError
from mpremote import transport_serial
from mpremote.transport import TransportError, TransportExecError

from daric_host.flashing.ports import Port, explained, found_again

# sys.implementation._mpy >> 10, as MicroPython's py/persistentcode.h counts (and mpy-cross -march names) them
ARCHITECTURES = (
    "", "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp", "xtensa", "xtensawin",
    "rv32imc",
)  # fmt: skip
SUBSETS = {"armv7emdp": ("armv7emsp", "armv7em", "armv7m", "armv6m"), "armv7emsp": ("armv7em", "armv7m", "armv6m")}
ENTER_SECONDS = 6  # a board that has just been plugged in is still starting
READ_SECONDS = 10
PIECE = 256
RESTART = """
try:
    from machine import reset as _r
except ImportError:
    def _r():
        raise SystemExit(3)
_r()
"""
FACTS = (
    "(lambda s, o, g, m: (s.implementation[0], tuple(s.implementation[1])[:3], s.platform, "
    "getattr(s.implementation, '_machine', ''), getattr(s.implementation, '_mpy', 0), "
    "m.unique_id() if hasattr(m, 'unique_id') else b'', g.mem_free()))"
    "(__import__('sys'), __import__('os'), __import__('gc'), __import__('machine'))"
)

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class BoardFacts:
    """What a bare MicroPython says of itself. architecture: of mpy-cross, empty where it loads no machine code."""

    version: tuple[int, ...]
    platform: str
    machine: str
    architecture: str
    unique_id: bytes
    free: int


def _quiet(*_words: object) -> None:
    """mpremote prints what it read before it raises; that would break lines of JSON."""


transport_serial.print = _quiet


class RawBoard:
    """The board at a port, in raw REPL as long as the `with` lasts. What runs there is interrupted.

    Raises DaricError: "port" (it cannot be opened), "link" (no prompt, or the line failed), "internal" (the board's
    Python raised something).
    """

    def __init__(self, port: Port, seconds: float = ENTER_SECONDS) -> None:
        """seconds: to wait for the prompt."""
        self.port = port = found_again(port)
        try:
            self._line = transport_serial.SerialTransport(port.path, timeout=min(seconds, READ_SECONDS))
        except (TransportError, OSError) as error:
            raise explained(_cause(port, error), port) from None
        try:
            self._line.enter_raw_repl(soft_reset=False, timeout_overall=seconds)
            self._line.serial.timeout = READ_SECONDS
        except (TransportError, OSError):
            self._close()
            raise DaricError("link", f"nothing at {port.path} shows MicroPython's prompt") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._line.in_raw_repl:
                self._line.exit_raw_repl()
        except OSError:
            pass  # it was unplugged, or has restarted
        self._close()

    def run(self, code: str) -> bytes:
        """Run statements; what they printed."""
        return bytes(self._do(lambda: self._line.exec(code)))

    def value(self, expression: str) -> Any:
        """The value of an expression, for the types whose repr is a literal."""
        return self._do(lambda: self._line.eval(expression))

    def facts(self) -> BoardFacts:
        """Who is there."""
        _, version, platform, machine, mpy, unique_id, free = self.value(FACTS)
        number = mpy >> 10
        architecture = ARCHITECTURES[number] if number < len(ARCHITECTURES) else ""
        return BoardFacts(tuple(version), platform, machine, architecture, unique_id, free)

    def names(self) -> list[str]:
        """Files in the directory where the board starts."""
        return [entry.name for entry in self._do(self._line.fs_listdir)]

    def digest(self, name: str) -> bytes | None:
        """SHA-256 of a file, computed by the board; None if there is none."""
        if name not in self.names():
            return None
        return bytes(self._do(lambda: self._line.fs_hashfile(name, "sha256")))

    def put(self, name: str, data: bytes, progress: Progress = lambda done, total: None) -> None:
        """Have a file on the board, its hash computed there; the name has its old or its new contents at any time."""
        partial = name + ".new"
        self._do(lambda: self._line.fs_writefile(partial, data, PIECE, lambda done, _: progress(done, len(data))))
        if self.digest(partial) != hashlib.sha256(data).digest():
            raise DaricError("storage", f"the board's flash does not hold what was written to {name}")
        self.run(f"import os\nos.rename({partial!r}, {name!r})")

    def restart(self) -> None:
        """Start the board as its reset button does; the raw REPL is gone."""
        try:
            self._line.exec_raw_no_follow(RESTART)
        except (TransportError, OSError):
            pass  # it went before it had answered
        self._line.in_raw_repl = False

    def _do(self, step: Callable[[], Any]) -> Any:
        try:
            return step()
        except TransportExecError as error:
            last = str(error.error_output).strip().rsplit("\n", 1)[-1]
            raise DaricError("internal", f"the board says: {last}") from None
        except (TransportError, OSError, ValueError, SyntaxError) as error:
            raise DaricError("link", f"{self.port.path} failed: {error}") from None

    def _close(self) -> None:
        try:
            self._line.close()
        except OSError:
            pass  # it was unplugged


def runs_on(image: str, board: str) -> bool:
    """Whether machine code for one architecture of mpy-cross runs on a board of another."""
    return image == board or image in SUBSETS.get(board, ())


def _cause(port: Port, error: Exception) -> OSError:
    """mpremote tells no reason: ask the system again, without leaving the port open."""
    if isinstance(error, OSError):
        return error
    try:
        serial.Serial(port.path, exclusive=True).close()
    except OSError as found:
        return found
    return OSError(0, os.strerror(0))
