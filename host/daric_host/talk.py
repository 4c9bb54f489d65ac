"""How a command speaks: to a person with progress, or as JSON lines to a program.

In JSON every line on standard output is one object with a `kind`: event, ask, result or error. After an `ask` the
program answers with one line on standard input: yes or no, or the phrase, passphrase or key that was asked for.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from functools import partial
from getpass import getpass
from typing import Any

from daric_protocol.errors import Abort, DaricError
from rich.console import Console

from daric_host.seats import Review
from daric_host.wallet import Event


class Talk:
    """One command's conversation."""

    def __init__(self, as_json: bool, assume_yes: bool = False) -> None:
        self.as_json = as_json
        self._assume_yes = assume_yes
        self._console = Console(stderr=True, highlight=False)

    def event(self, event: Event) -> None:
        """Something happened in a session."""
        if self.as_json:
            self._line("event", {"event": event.kind, "seat": event.seat, **event.data})
        elif event.kind == "session":
            self.show(event.data["uri"], event.data["qr"])
            self._console.print(f"session {event.data['session']}", markup=False)
        elif event.kind == "participants":
            names = ", ".join(f"{one['kind']} {one['name']}".strip() for one in event.data["joined"])
            left = max(0, event.data["expires"] - int(time.time())) // 60
            counted = f"{len(event.data['joined'])} of {event.data['needed']}, {left} minutes left"
            self._console.print(f"joined: {names} ({counted})", markup=False)
        elif event.kind == "ended":
            self._console.print(f"{event.seat}: {event.data['state']}, {event.data['sent']} bytes sent")
        elif event.kind == "advice":
            self._console.print(event.data["text"], style="yellow", markup=False)
        elif event.kind == "backup":
            advice = f"{len(event.data['outdated'])} backups ended: {event.data['advice']}"
            self._console.print(advice, style="yellow", markup=False)
        elif event.kind == "state" and event.data["round"] >= 0:
            self._console.print(f"{event.seat}: {event.data['state']}, round {event.data['round']}")

    def show(self, uri: str, qr: str) -> None:
        """A session's link and QR code, to a person only."""
        if not self.as_json:
            sys.stderr.write(qr)
            self._console.print(uri, markup=False, soft_wrap=True)

    async def approve(self, review: Review) -> bool:
        """Ask the person to confirm roster, threshold, code and request."""
        return await self.ask("approve", {"op": review.op, "code": review.code, "lines": review.lines}, review.lines)

    async def same_code(self, code: str) -> bool:
        """Ask whether the device shows the same six digits."""
        return await self.ask("pair", {"code": code}, [f"Does the device show {code}?"])

    async def ask(self, what: str, data: dict[str, Any], lines: list[str]) -> bool:
        """One question; everything but yes is no."""
        if self.as_json:
            self._line("ask", {"ask": what, **data})
        else:
            self._console.print("\n".join(lines), markup=False)
        if self._assume_yes:
            return True
        if not self.as_json:
            self._console.print("[bold]yes or no?[/bold] ", end="")
        answer = await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        return answer.strip().lower() in ("y", "yes")

    async def secret(self, what: str) -> str:
        """A line that is typed and not shown: a phrase, a passphrase or a key. From standard input, never an option."""
        if self.as_json:
            self._line("ask", {"ask": what})
        hidden = sys.stdin.isatty() and not self.as_json
        read = partial(getpass, f"{what}: ") if hidden else sys.stdin.readline
        line: str = await asyncio.get_running_loop().run_in_executor(None, read)
        return line.rstrip("\n")

    def result(self, data: dict[str, Any]) -> None:
        """What the command was for, on standard output."""
        if self.as_json:
            self._line("result", data)
            return
        width = max((len(name) for name in data), default=0)
        for name, value in data.items():
            sys.stdout.write(f"{name:{width}}  {value}\n")

    def error(self, error: DaricError) -> int:
        """Say what went wrong; the exit code, which is the error's number in the error table."""
        blame = error.blame if isinstance(error, Abort) else None
        if self.as_json:
            self._line("error", {"error": error.name, "detail": error.detail, "blame": blame})
        else:
            named = f" (party {blame})" if blame is not None else ""
            self._console.print(f"{error.name}: {error.detail}{named}", style="red", markup=False, soft_wrap=True)
        return error.number

    def _line(self, kind: str, data: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps({"kind": kind, **data}) + "\n")
        sys.stdout.flush()
