"""Client of a device on a serial line: one method per request, one request at a time.

Specification: docs/architecture.md, the serial line; messages.cddl, section "Link". The serial port is driven in a
thread; everything here is awaited. A device that was restarted is connected to again; a request is repeated only when
the device could not have opened it.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from types import TracebackType
from typing import Any, Self

from daric_protocol import VERSION, channel, platform
from daric_protocol.errors import Abort, DaricError, error_name
from daric_protocol.identity import Identity
from daric_protocol.limits import (
    APPROVAL_TIMEOUT,
    KEYGEN_TIMEOUT,
    LINK_ACK_TIMEOUT,
    LINK_MESSAGE_BYTES,
    LINK_PIECE_BYTES,
    LINK_REPLY_TIMEOUT,
)
from daric_protocol.link import CONVERSATION_BYTES, Link
from daric_protocol.pairing import HostPairing

from daric_host.transport import POLL, SerialTransport, Transport

PAIRING_POLL = 0.2
PROBE_PAUSE = 5  # while waiting for an answer: was the device restarted? few enough to fit its buffer for 900 s
ENDLESS = 1 << 20  # repetitions: the time limit of the request decides, a device that computes acknowledges late


@dataclass(frozen=True)
class Pairing:
    """What a host stores of a device. identity: 33 bytes."""

    identity: bytes
    name: str

    def encode(self) -> bytes:
        return platform.cbor_encode([self.identity, self.name])

    @staticmethod
    def decode(data: bytes) -> "Pairing":
        """Raises DaricError("encoding")."""
        value = platform.cbor_decode(data)
        if not isinstance(value, list) or len(value) != 2 or not isinstance(value[1], str):
            raise DaricError("encoding", "a stored pairing has an identity and a name")
        return Pairing(channel.sized(value[0], 33), value[1])


@dataclass(frozen=True)
class DeviceInfo:
    """What a paired device says of itself. groups: ids of 16 bytes."""

    identity: bytes
    version: int
    groups: list[bytes]


@dataclass(frozen=True)
class SessionFrame:
    """One step of a session. seat and frame are None when the device has nothing to send now."""

    seat: int | None
    frame: bytes | None
    state: str
    round: int


@dataclass(frozen=True)
class SessionStatus:
    """Where the device's session stands: state and round as in daric_protocol.session, the check code, how it ended."""

    uuid: bytes | None
    state: str
    round: int
    code: str | None
    error: DaricError | None
    result: Any


class Refusal(DaricError):
    """The device refused a message in clear, before any request in it was opened."""


class DeviceLink:
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
        self._open_transport = open_transport
        self._identity = identity
        self._random = random
        self._transport: Transport | None = None
        self._ack_timeout = ack_timeout
        self._link = self._new_link()
        self._channel: channel.Channel | None = None
        self._pairing: Pairing | None = None
        self._request = int.from_bytes(random(3), "big")
        self._fetched = 0
        self._lock = asyncio.Lock()
        self._stop = Event()
        self._closed = False
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="daric-device")

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
        self._closed = True
        self._stop.set()
        async with self._lock:
            self._executor.shutdown(wait=True)
            self._close_transport()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # Without a channel

    async def hello(self, timeout: float = LINK_REPLY_TIMEOUT) -> int:
        """The device's protocol version. Raises DaricError("parameter") if it is another than ours."""
        version = _only(await self._run(self._ask, channel.HELLO, [], timeout))
        if version != VERSION:
            raise DaricError("parameter", f"the device speaks version {version} of the protocol, this host {VERSION}")
        return VERSION

    async def pair(
        self, show_code: Callable[[str], Awaitable[bool]], name: str = "host", cloud: bytes = b""
    ) -> Pairing:
        """Pair: show_code gets the six digits and returns whether the person sees the same ones on the device.

        cloud: identity of the cloud party this host uses, which the device will show as the known cloud.
        Store the result and give it to connect(). Raises DaricError("pairing") if either side refuses, "timeout" if
        the owner of the device presses no button.
        """
        pairing = HostPairing(self._identity, name, self._random, cloud)
        revealed = await self._run(self._ask, channel.PAIR_START, [pairing.commitment], LINK_REPLY_TIMEOUT)
        if len(revealed) != 2:
            raise DaricError("encoding", "the device reveals a key and a nonce")
        opening, code = pairing.reveal(*revealed)
        await self._run(self._ask, channel.PAIR_OPEN, opening, LINK_REPLY_TIMEOUT)
        if not await show_code(code):
            raise DaricError("pairing", "the codes were not confirmed at the host")
        card = pairing.confirm()
        deadline = time.monotonic() + APPROVAL_TIMEOUT
        while time.monotonic() < deadline:
            sealed = _only(await self._run(self._ask, channel.PAIR_FINISH, [card], LINK_REPLY_TIMEOUT))
            if sealed:
                answer = pairing.finish(sealed)
                return Pairing(answer.identity, answer.name)
            await asyncio.sleep(PAIRING_POLL)
        raise DaricError("timeout", "nobody answered on the device")

    async def connect(self, pairing: Pairing) -> None:
        """Open the encrypted channel. Raises DaricError("unpaired") if the device does not know this host."""
        self._pairing = pairing
        await self._run(self._connect)

    # Requests of a paired host

    async def identity(self) -> DeviceInfo:
        """Who the device is and which groups it is a member of."""
        identity, version, groups = await self._call("identity")
        return DeviceInfo(identity, version, groups)

    async def auth(self, fields: list[Any]) -> bytes:
        """The device's signature (64 B) over AuthFields, see daric_protocol.auth."""
        return channel.sized(await self._call("auth", fields), 64)

    async def session_join(self, terms: bytes) -> bytes:
        """Begin to take part in a session: what to join with. DaricError("busy") while another one is active."""
        self._fetched = 0
        join = await self._call("session_join", terms, self._random(32), timeout=KEYGEN_TIMEOUT)
        if not isinstance(join, bytes):
            raise DaricError("encoding", "a join is a byte string")
        return join

    async def session_start(self, joins: Sequence[bytes]) -> bool:
        """Hand over the start list, in seat order. False: it came before and was dropped."""
        return bool(await self._call("session_start", list(joins), timeout=KEYGEN_TIMEOUT))

    async def session_deliver(self, seat: int, frame: bytes) -> bool:
        """A frame from another seat. False: early, offer it again after progress."""
        taken = None
        for offset in range(0, len(frame), LINK_PIECE_BYTES):
            piece = frame[offset : offset + LINK_PIECE_BYTES]
            taken = await self._call("session_deliver", seat, len(frame), offset, piece, timeout=KEYGEN_TIMEOUT)
        return bool(taken)

    async def session_fetch(self) -> SessionFrame:
        """The next frame to send, if there is one. Between rounds this is where the device computes."""
        number, seat, length, frame, state, round_ = await self._fetch(0)
        if frame is None:
            return SessionFrame(None, None, state, round_)
        while len(frame) < length:
            again, _, _, piece, _, _ = await self._fetch(len(frame))
            if again != number or not piece:
                raise DaricError("encoding", "the device changed its frame")
            frame += piece
        self._fetched = channel.ranged(number, 0, channel.MAX_COUNTER)
        return SessionFrame(seat, frame, state, round_)

    async def _fetch(self, offset: int) -> Any:
        return await self._call("session_fetch", self._fetched, offset, timeout=KEYGEN_TIMEOUT)

    async def session_state(self) -> SessionStatus:
        """Where the session stands; after its end, how it ended."""
        uuid, state, round_, code, error, result = await self._call("session_state")
        failure = None
        if error is not None:
            number, detail, blame = error
            name = error_name(number)
            aborted = name in ("soft", "spent", "blame", "ban")
            failure = Abort(name, blame, detail) if aborted else DaricError(name, detail)
        return SessionStatus(uuid, state, round_, code, failure, result)

    async def session_abort(self) -> None:
        """End the active session; nothing happens if there is none."""
        await self._call("session_abort")

    async def group_list(self) -> list[list[Any]]:
        """The device's groups, see daric.groups."""
        groups = await self._call("group_list")
        return list(groups)

    async def group_certificate(self, group: bytes) -> bytes:
        """The certificate of a group's current epoch, for a member that missed it. Errors "group" and "pending"."""
        certificate = await self._call("group_certificate", group)
        if not isinstance(certificate, bytes):
            raise DaricError("encoding", "a certificate is a byte string")
        return certificate

    async def group_adopt(self, certificate: bytes) -> bool:
        """Hand over a certificate that the device may have missed; True if a pending shard became current."""
        return bool(await self._call("group_adopt", certificate))

    # In the thread of the port

    async def _call(self, method: str, *parameters: Any, timeout: float = LINK_REPLY_TIMEOUT) -> Any:
        return await self._run(self._request_sealed, method, list(parameters), timeout)

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
        if self._pairing is None:
            raise DaricError("unpaired")
        caller = channel.Caller(self._identity, self._pairing.identity, self._random)
        accept = _only(self._ask(channel.CONNECT, [caller.request.to_wire()], LINK_REPLY_TIMEOUT))
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
        raise Refusal(error_name(channel.ranged(_only(message[2:]), 0, 255)))


def _only(fields: list[Any]) -> Any:
    if len(fields) != 1:
        raise DaricError("encoding", "the device answered with a wrong number of fields")
    return fields[0]


def _now() -> int:
    return int(time.monotonic() * 1000)
