"""What is at a serial port: a Daric device, a bare MicroPython, or something that is left alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from daric_protocol.errors import DaricError

from daric_host.flashing import factory
from daric_host.flashing.bench import Host, connected, opened
from daric_host.flashing.factory import Facts
from daric_host.flashing.ports import Port, check_known
from daric_host.flashing.rawboard import BoardFacts, RawBoard

DARIC, MICROPYTHON, CLOSED, OTHER = "daric", "micropython", "closed", "other"
HELLO_SECONDS = 1.5


@dataclass(frozen=True)
class Finding:
    """what: "daric", "micropython", "closed" (not opened, or it cannot be) or "other". why: in words.

    facts: of a Daric device that tells them to this host. board: of a bare MicroPython.
    """

    port: Port
    what: str
    why: str
    facts: Facts | None = None
    board: BoardFacts | None = None

    def as_json(self) -> dict[str, Any]:
        """For a line of JSON."""
        found: dict[str, Any] = {"is": self.what, "why": self.why, "usb": self.port.usb, "product": self.port.product}
        if self.facts is not None:
            found |= self.facts.as_json()
        if self.board is not None:
            found |= {"micropython": ".".join(map(str, self.board.version)), "platform": self.board.platform}
            found |= {"machine": self.board.machine, "architecture": self.board.architecture}
            found |= {"unique_id": self.board.unique_id.hex()}
        return found


def probe(port: Port, host: Host, force: bool = False) -> Finding:
    """Find out. A program that runs on a bare MicroPython is interrupted; a port of unknown identity is not opened."""
    try:
        check_known(port, force)
        return asyncio.run(_device(port, host))
    except DaricError as error:
        if error.name == "port":
            return Finding(port, CLOSED, error.detail)
        if error.name != "link":
            return Finding(port, DARIC, f"{error.name}: {error.detail}")
    try:
        with RawBoard(port) as board:
            facts = board.facts()
            return Finding(port, MICROPYTHON, f"MicroPython on {facts.machine or facts.platform}", board=facts)
    except DaricError as error:
        return Finding(port, CLOSED if error.name == "port" else OTHER, error.detail)


async def _device(port: Port, host: Host) -> Finding:
    async with opened(port, host, HELLO_SECONDS) as link:
        try:
            facts = await factory.info(link)
        except DaricError as error:
            if error.name not in ("unpaired", "locked"):
                return Finding(port, DARIC, f"out of order: {error.name}")
            if error.name == "locked":
                return Finding(port, DARIC, "locked")
            if not await connected(link, host):
                return Finding(port, DARIC, "paired with a host, so it tells a stranger nothing more")
            facts = await factory.info(link)
        return Finding(port, DARIC, "provisioned" if facts.certificate else "not provisioned", facts)
