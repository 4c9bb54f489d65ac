"""The link to a device on the bench: as a stranger where nobody is paired, else as the host of a directory.

Specification: docs/hardware.md, tools/flash.py.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_protocol.platform.entropy import Entropy
from daric_protocol.tagged import random_scalar

from daric_host.device import DeviceLink, Pairing
from daric_host.flashing.factory import Facts, info
from daric_host.flashing.operator import Operator
from daric_host.flashing.ports import Port, explained, found_again
from daric_host.paired import PairedDevices
from daric_host.party import Party
from daric_host.transport import SerialTransport

HELLO_SECONDS = 3.0
RESTART_SECONDS = 40.0
PAUSE = 0.3
HOST = "workbench"


class Host:
    """Who the tool is to a device: a new identity each time, or the one of a directory as `daric` makes it (--home)."""

    def __init__(self, home: Path | None = None) -> None:
        """Raises DaricError("busy", "storage") where the directory is open elsewhere or broken."""
        self._home = home
        self._lock = threading.Lock()
        self.pairings: list[Pairing] = []
        self.identity = Identity(random_scalar(Entropy().draw))
        if home is not None:
            party = Party(home, "phone")
            try:
                self.identity = party.identity
                self.pairings = [Pairing(one.identity, one.name) for one in PairedDevices(party.store).all()]
            finally:
                party.close()

    def keep(self, pairing: Pairing, port: Port) -> None:
        """Remember a pairing, in the directory if there is one; several boards may be paired at once."""
        with self._lock:
            self.pairings.append(pairing)
            if self._home is not None:
                party = Party(self._home, "phone")
                try:
                    PairedDevices(party.store).add(pairing, port.path)
                finally:
                    party.close()


@asynccontextmanager
async def opened(port: Port, host: Host, seconds: float = HELLO_SECONDS) -> AsyncIterator[DeviceLink]:
    """The device at a port after its hello. Raises DaricError("port") if the port cannot be opened, "link" if nothing
    of ours answers.
    """

    def transport() -> SerialTransport:
        try:
            return SerialTransport(found_again(port).path)
        except OSError as error:
            raise explained(error, port) from None

    link = DeviceLink(transport, host.identity)
    try:
        await link.hello(seconds)
        yield link
    finally:
        await link.close()


@asynccontextmanager
async def known(port: Port, host: Host, operator: Operator | None = None) -> AsyncIterator[DeviceLink]:
    """As `opened`, on the encrypted channel if a pairing is known. operator: pair first where none is.

    Raises DaricError("unpaired") if another host is paired with the device and this one is not.
    """
    async with opened(port, host) as link:
        if not await connected(link, host) and operator is not None:
            await pair(link, port, host, operator)
        yield link


async def connected(link: DeviceLink, host: Host) -> bool:
    """Try the known pairings; which device is at the port shows only when one fits."""
    for pairing in host.pairings:
        try:
            await link.connect(pairing)
        except DaricError as error:
            if error.name not in ("unpaired", "sealed"):
                raise
            continue
        return True
    return False


async def pair(link: DeviceLink, port: Port, host: Host, operator: Operator) -> Pairing:
    """Pair and connect; the person compares the codes. Raises DaricError("pairing", "timeout")."""

    async def same(code: str) -> bool:
        return await asyncio.to_thread(operator.same_code, port, code)

    pairing = await link.pair(same, HOST)
    await link.connect(pairing)
    host.keep(pairing, port)
    return pairing


async def new_device(port: Port, host: Host, seconds: float = RESTART_SECONDS) -> Facts:
    """Wait until the device at this port has restarted as one that nobody is paired with; what it is.

    Until it has, it answers nothing or says that it is locked. Raises DaricError("link", "locked", "unpaired").
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            async with opened(port, host, 1.0) as link:
                return await info(link)
        except DaricError as error:
            if time.monotonic() > deadline or error.name not in ("link", "port", "locked"):
                raise
        await asyncio.sleep(PAUSE)
