"""Client of a device on a serial line: one method per request.

Specification: docs/architecture.md, the serial line; docs/sdk.md, the device's requests. Here is what goes before the
encrypted channel; the requests on it are in devicesessions.py, deviceowner.py and devicecare.py.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from daric_protocol import VERSION, channel
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_protocol.limits import LINK_ACK_TIMEOUT, LINK_REPLY_TIMEOUT, TYPING_TIMEOUT
from daric_protocol.pairing import HostPairing

from daric_host.deviceanswers import BackupMade, DeviceInfo, LockState, Pairing, SessionFrame, SessionStatus
from daric_host.devicecare import DeviceCare
from daric_host.devicelink import Line, only
from daric_host.deviceowner import DeviceOwner
from daric_host.devicerequests import POLL, until_answered
from daric_host.devicesessions import DeviceSessions
from daric_host.transport import SerialTransport, Transport


class DeviceLink(DeviceSessions, DeviceOwner, DeviceCare):
    """A device. open(), then pair() once, then connect(), then requests; every failure is a DaricError.

    Its own kinds: "link" (the port failed or the device is silent; the next request opens the port again), "timeout",
    "unpaired", "pairing". All others come from the device's error table.
    """

    def __init__(
        self,
        open_transport: Callable[[], Transport],
        identity: Identity,
        random: Callable[[int], bytes] = os.urandom,
        ack_timeout: float = LINK_ACK_TIMEOUT,
    ) -> None:
        """open_transport: gives a fresh byte stream each time. identity: of this host. ack_timeout: seconds until a
        frame is repeated.
        """
        super().__init__(Line(open_transport, identity, random, ack_timeout), random)
        self._identity = identity

    @classmethod
    async def open(cls, path: str, identity: Identity, *, timeout: float = LINK_REPLY_TIMEOUT) -> Self:
        """The device at a serial port, after its hello. Raises DaricError("link") if none answers."""
        device = cls(lambda: SerialTransport(path), identity)
        try:
            await device.hello(timeout)
        except BaseException:
            await device.close()
            raise
        return device

    async def close(self) -> None:
        """Give the port back. Requests under way and those that wait for the port end with DaricError("link")."""
        await self._line.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # Without a channel

    async def hello(self, timeout: float = LINK_REPLY_TIMEOUT) -> int:
        """The device's protocol version. Raises DaricError("parameter") if it is another than ours."""
        version = only(await self._line.ask(channel.HELLO, [], timeout))
        if version != VERSION:
            raise DaricError("parameter", f"the device speaks version {version} of the protocol, this host {VERSION}")
        return VERSION

    async def lock_state(self) -> LockState:
        """Whether the device is locked; where it is, the page that takes the PIN comes onto its screen."""
        fields = await self._line.ask(channel.UNLOCK, [])
        if len(fields) != 3:
            raise DaricError("encoding", "the device answers with a state, seconds and tries")
        state, seconds, tries = [channel.ranged(field, 0, channel.MAX_COUNTER) for field in fields]
        return LockState(state != 0, seconds, tries)

    async def unlock(self, watch: Callable[[LockState], None] = lambda state: None) -> None:
        """Wait until the device's owner has typed the PIN on it; returns at once where it is not locked.

        watch: called with each change. Raises DaricError("timeout").
        """
        deadline = time.monotonic() + TYPING_TIMEOUT
        last = None
        while time.monotonic() < deadline:
            state = await self.lock_state()
            if not state.locked:
                return
            if state != last:
                watch(state)
                last = state
            await asyncio.sleep(POLL)
        raise DaricError("timeout", "nobody typed the PIN on the device")

    async def wipe_locked(self) -> None:
        """Erase everything on a locked device, if its owner agrees on the screen. It restarts as a new one.

        Raises DaricError("refused", "timeout"), "busy" while the PIN is typed, "unpaired" where it is not locked.
        """

        async def ask() -> int:
            return channel.ranged(only(await self._line.ask(channel.WIPE, [])), 0, 1)

        await until_answered(ask)

    async def pair(
        self, show_code: Callable[[str], Awaitable[bool]], name: str = "host", cloud: bytes = b""
    ) -> Pairing:
        """Pair: show_code gets the six digits and returns whether the person sees the same ones on the device.

        cloud: identity of the cloud party this host uses, which the device will show as the known cloud.
        Store the result and give it to connect(). Raises DaricError("pairing") if either side refuses, "timeout" if
        the owner of the device presses no button.
        """
        pairing = HostPairing(self._identity, name, self._random, cloud)
        revealed = await self._line.ask(channel.PAIR_START, [pairing.commitment])
        if len(revealed) != 2:
            raise DaricError("encoding", "the device reveals a key and a nonce")
        opening, code = pairing.reveal(*revealed)
        await self._line.ask(channel.PAIR_OPEN, list(opening))
        if not await show_code(code):
            raise DaricError("pairing", "the codes were not confirmed at the host")
        card = pairing.confirm()

        async def ask() -> Any:
            return only(await self._line.ask(channel.PAIR_FINISH, [card]))

        answer = pairing.finish(await until_answered(ask))
        return Pairing(answer.identity, answer.name)

    async def connect(self, pairing: Pairing) -> None:
        """Open the encrypted channel. Raises DaricError("unpaired") if the device does not know this host."""
        await self._line.connect(pairing.identity)
    # Requests of a paired host

    async def identity(self) -> DeviceInfo:
        """Who the device is and which groups it is a member of."""
        identity, version, groups = await self._call("identity")
        return DeviceInfo(identity, version, groups)

    async def auth(self, fields: list[Any]) -> bytes:
        """The device's signature (64 B) over AuthFields, see daric_protocol.auth."""
        return channel.sized(await self._call("auth", fields), 64)


__all__ = ["BackupMade", "DeviceInfo", "DeviceLink", "LockState", "Pairing", "SessionFrame", "SessionStatus"]
