"""The person at the bench: compares codes, looks at screens. One question at a time, however many boards there are."""

from __future__ import annotations

import sys
import threading
from typing import Protocol

from daric_host.flashing.ports import Port


class Operator(Protocol):
    """Who answers while the tool works."""

    def same_code(self, port: Port, code: str) -> bool:
        """Whether the device at this port shows these six digits."""
        ...

    def look(self, port: Port, what: str) -> None:
        """Tell the person what the device at this port waits for."""
        ...


class Terminal:
    """A person at a terminal; yes: every question is answered with yes."""

    def __init__(self, yes: bool = False) -> None:
        self._yes = yes
        self._lock = threading.Lock()

    def same_code(self, port: Port, code: str) -> bool:
        with self._lock:
            if self._yes:
                return True
            if not sys.stdin.isatty():
                return False  # nobody compared them
            self._say(f"{port.path}: does the device show {code[:3]} {code[3:]}? [y/N] ")
            return sys.stdin.readline().strip().lower() in ("y", "yes")

    def look(self, port: Port, what: str) -> None:
        with self._lock:
            self._say(f"{port.path}: at the device: {what}\n")

    @staticmethod
    def _say(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
