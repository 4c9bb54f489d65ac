"""The line to a device: one request at a time over a serial port, on the encrypted channel or in clear.

Specification: docs/architecture.md, the serial line; messages.cddl, section "Link". The serial port is driven in a
thread; everything here is awaited. A device that was restarted is connected to again; a request is repeated only when
the device could not have opened it.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

from daric_protocol import channel, platform
from daric_protocol.errors import DaricError, error_name
from daric_protocol.identity import Identity
from daric_protocol.limits import LINK_MESSAGE_BYTES, LINK_REPLY_TIMEOUT
from daric_protocol.link import CONVERSATION_BYTES, Link

from daric_host.transport import POLL, Transport

PROBE_PAUSE = 5  # while waiting for an answer: was the device restarted? few enough to fit its buffer for 900 s
ENDLESS = 1 << 20  # repetitions: the time limit of the request decides, a device that computes acknowledges late


class Refusal(DaricError):
    """The device refused a message in clear, before any request in it was opened."""


class Line:
    """Messages to one device and its answers; every failure is a DaricError."""

    def __init__(
        self,
        open_transport: Callable[[], Transport],
        identity: Identity,
        random: Callable[[int], bytes],
        ack_timeout: float,
    ) -> None:
        """As DeviceLink."""
        self._open_transport = open_transport
        self._identity = identity
        self._random = random
        self._transport: Transport | None = None
        self._ack_timeout = ack_timeout
        self._link = self._new_link()
        self._channel: channel.Channel | None = None
        self._device = b""
        self._request = int.from_bytes(random(3), "big")
        self._lock = asyncio.Lock()
        self._stop = Event()
        self._closed = False
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="daric-device")

    async def ask(self, kind: int, fields: list[Any], timeout: float = LINK_REPLY_TIMEOUT) -> list[Any]:
        """The fields that answer a request in clear."""
        answer: list[Any] = await self._run(self._ask, kind, fields, timeout)
        return answer

    @property
    def sealed(self) -> bool:
        """Whether requests go on an encrypted channel."""
        return self._channel is not None

    @property
    def peer(self) -> bytes:
        """Identity of the device at the other end of the encrypted channel, b"" where none is open."""
        return self._device if self.sealed else b""

    async def connect(self, device: bytes) -> None:
        """Open the encrypted channel to a paired device (its identity, 33 B). Raises DaricError("unpaired")."""
        self._device = device
        await self._run(self._connect)

    async def call(self, method: str, parameters: list[Any], timeout: float = LINK_REPLY_TIMEOUT) -> Any:
        """The result of a request on the encrypted channel, or the device's error."""
        return await self._run(self._request_sealed, method, parameters, timeout)

    async def close(self) -> None:
        """Give the port back. Requests under way and those that wait for the port end with DaricError("link")."""
        self._closed = True
        self._stop.set()
        async with self._lock:
            self._executor.shutdown(wait=True)
            self._close_transport()

    # In the thread of the port

    async def _run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run a blocking step in the port's thread; a cancelled request lets go of the port before it returns."""
        async with self._lock:
            if self._closed:
                raise DaricError("link", "the link to the device is closed")
            self._stop.clear()
            step = asyncio.get_running_loop().run_in_executor(self._executor, function, *arguments)
            try:
                return await asyncio.shield(step)
            except asyncio.CancelledError:
                self._stop.set()
                await asyncio.wait([step])
                raise

    def _connect(self) -> None:
        if not self._device:
            raise DaricError("unpaired")
        challenge = only(self._ask(channel.CONNECT, [[]], LINK_REPLY_TIMEOUT))
        caller = channel.Caller(self._identity, self._device, self._random, channel.sized(challenge, 16))
        accept = only(self._ask(channel.CONNECT, [caller.request.to_wire()], LINK_REPLY_TIMEOUT))
        if not isinstance(accept, list):
            raise DaricError("encoding", "the device accepts with an array")
        self._channel = caller.finish(channel.Accept.from_wire(accept))

    def _request_sealed(self, method: str, parameters: list[Any], timeout: float) -> Any:
        if self._transport is None or self._channel is None:
            self._connect()
        try:
            return self._sealed_once(method, parameters, timeout)
        except Refusal as error:
            if error.name != "sealed":
                raise
        self._connect()  # the device was restarted: it could not open the request, so repeating it is safe
        return self._sealed_once(method, parameters, timeout)

    def _sealed_once(self, method: str, parameters: list[Any], timeout: float) -> Any:
        assert self._channel is not None
        self._request += 1
        id_ = self._request
        sealed = self._channel.seal(platform.cbor_encode([id_, method, *parameters]))
        reply = self._exchange(sealed, lambda message: self._opened(message, id_), timeout)
        number = channel.ranged(reply[1], 0, 255)
        if number:
            raise DaricError(error_name(number), str(reply[2]))
        return reply[2]

    def _opened(self, message: list[Any], id_: int) -> list[Any] | None:
        """The reply to request `id_` inside a link message; None for an answer to something else."""
        assert self._channel is not None
        _raise_refusal(message)
        if message[0] != channel.SEALED:
            return None
        try:
            reply = platform.cbor_decode(self._channel.open(message), LINK_MESSAGE_BYTES)
        except DaricError:
            return None  # of an earlier connection, or forged
        return reply if isinstance(reply, list) and len(reply) == 3 and reply[0] == id_ else None

    def _ask(self, kind: int, fields: list[Any], timeout: float) -> list[Any]:
        """A request in clear; returns the fields of its answer."""
        self._request += 1
        id_ = self._request

        def answer(message: list[Any]) -> list[Any] | None:
            if message[1] != id_:
                return None
            _raise_refusal(message)
            return message[2:] if message[0] == kind else None

        return self._exchange([kind, id_, *fields], answer, timeout)

    def _exchange(
        self, message: list[Any], answer: Callable[[list[Any]], list[Any] | None], timeout: float
    ) -> list[Any]:
        """Send a link message and wait for the one that answers it. Raises DaricError("link") when none comes."""
        deadline = time.monotonic() + timeout
        probe = time.monotonic() + PROBE_PAUSE
        try:
            if self._transport is None:
                self._link = self._new_link()
                self._transport = self._open_transport()
            self._link.drop()
            self._link.send(platform.cbor_encode(message))
            while time.monotonic() < deadline and not self._stop.is_set():
                found = self._turn(self._transport, answer)
                if found is not None:
                    return found
                if time.monotonic() >= probe:
                    probe += PROBE_PAUSE
                    self._link.probe()
        except OSError as error:
            self._close_transport()
            raise DaricError("link", f"the serial port failed: {error.strerror or error}") from None
        self._link.drop()
        raise DaricError("link", f"the device gave no answer within {timeout:.0f} seconds")

    def _turn(self, transport: Transport, answer: Callable[[list[Any]], list[Any] | None]) -> list[Any] | None:
        self._write(transport)
        found = None
        for data in self._link.receive(transport.read(min(POLL, self._link.due(_now()) / 1000 + 0.001))):
            self._write(transport)  # the acknowledgement, before anything else can fail
            try:
                message = platform.cbor_decode(data, LINK_MESSAGE_BYTES)
            except DaricError:
                continue
            if isinstance(message, list) and len(message) >= 2 and found is None:
                found = answer(message)
        if self._link.failed is not None:
            error, self._link.failed = self._link.failed, None
            raise error
        self._write(transport)
        return found

    def _write(self, transport: Transport) -> None:
        out = self._link.output(_now())
        if out:
            transport.write(out)

    def _new_link(self) -> Link:
        """For a new byte stream: whatever was under way on the old one is gone."""
        return Link(self._random(CONVERSATION_BYTES), retries=ENDLESS, ack_timeout=self._ack_timeout)

    def _close_transport(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None


def _raise_refusal(message: list[Any]) -> None:
    if message[0] == channel.REFUSAL:
        raise Refusal(error_name(channel.ranged(only(message[2:]), 0, 255)))


def only(fields: list[Any]) -> Any:
    """The one field of an answer, or DaricError("encoding")."""
    if len(fields) != 1:
        raise DaricError("encoding", "the device answered with a wrong number of fields")
    return fields[0]


def _now() -> int:
    return int(time.monotonic() * 1000)
