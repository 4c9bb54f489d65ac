"""One party's mailbox in one session, read by cursor: over a WebSocket, or by long-polling where that is blocked.

A connection that breaks is made again from the last message taken; nothing is lost and nothing comes twice. A message
is acknowledged when the reader asks for the next one.
"""

from __future__ import annotations

import asyncio
import itertools
import uuid as uuid_module
from contextlib import suppress
from typing import Any

import aiohttp
from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.limits import CREDIT, LONG_POLL, REQUEST_BYTES

from daric_host import hop
from daric_host.hop_client import PASSING, Connection, Delays, LoggedIn, Refused

SUBPROTOCOL = "daric.relay.v1"
HEARTBEAT = 20.0
POLL_SPELL = 60.0  # seconds of long-polling before a WebSocket is tried again
ANSWER_TIMEOUT = 10.0
UNAUTHORISED = 4401

Delivery = tuple[int, int | None, bytes]  # sequence number, sender's seat or None for the service, body


class WebSocketBlocked(Exception):
    """The handshake failed although the service answers: a proxy in between does not pass WebSockets."""


class SessionStream:
    """Deliveries of one session, and the fast way to publish while the WebSocket is open."""

    def __init__(self, connection: Connection, session: bytes) -> None:
        self._connection = connection
        self.path = f"/v1/sessions/{uuid_module.UUID(bytes=session)}"
        self._cursor = 0  # last message put into the queue
        self._acked = 0
        self._queue: asyncio.Queue[Delivery | DaricError] = asyncio.Queue()
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._login: LoggedIn | None = None
        self._context = ""
        self._answers: dict[int, asyncio.Future[list[int]]] = {}
        self._references = itertools.count(1)  # 0 is the stream itself
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to receive."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop receiving."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def next(self) -> Delivery:
        """The next message in order; whatever came before it is acknowledged. Raises what ended the stream."""
        one = await self._queue.get()
        if isinstance(one, DaricError):
            self._queue.put_nowait(one)  # whoever asks again gets the same answer
            raise one
        return one

    async def acknowledge(self, up_to: int) -> None:
        """Everything up to a number was processed; over HTTP only now and then, it is a hint to free space."""
        self._acked = up_to
        if self._socket is not None:
            await self._send(["ack", up_to])
        elif up_to % (CREDIT // 2) == 0:
            await self._connection.call("POST", f"{self.path}/ack", [up_to])

    async def publish(self, items: list[list[Any]]) -> list[int]:
        """Sequence numbers of durable messages. items: [seat, msg_id, "live" or "stored", body]."""
        if self._socket is not None:
            reference = next(self._references)
            answer: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
            self._answers[reference] = answer
            try:
                await self._send(["put", reference, items])
                async with asyncio.timeout(ANSWER_TIMEOUT):
                    return await answer
            except (TimeoutError, ConnectionError, aiohttp.ClientError):
                pass  # it may be stored or not: the same ids go once more over HTTP
            except DaricError as error:
                if error.name not in ("limit", "storage", "service"):
                    raise
            finally:
                self._answers.pop(reference, None)
        return [int(seq) for seq in await self._connection.call("POST", f"{self.path}/messages", items)]

    async def _send(self, request: list[Any]) -> None:
        if self._socket is None or self._login is None:
            raise ConnectionError
        _, frame = self._login.channel.seal(platform.cbor_encode(request), self._context)
        with suppress(ConnectionError, aiohttp.ClientError):  # the receiving task makes a new connection
            await self._socket.send_bytes(frame)

    async def _run(self) -> None:
        """Receive until a lasting error, which the reader gets."""
        loop = asyncio.get_running_loop()
        deadline, delays = loop.time() + self._connection.patience, Delays()
        while True:
            before, failure = self._cursor, DaricError("service", "the service is not reachable")
            try:
                await self._over_websocket()
            except WebSocketBlocked:
                failure = await self._over_polling(loop.time() + POLL_SPELL)
            except DaricError as error:
                failure = error
            except (aiohttp.ClientError, ConnectionError, TimeoutError):
                pass
            if self._cursor > before:
                deadline, delays = loop.time() + self._connection.patience, Delays()
            if failure.name not in PASSING or loop.time() >= deadline:
                self._queue.put_nowait(failure)
                return
            await delays.pause()

    async def _over_websocket(self) -> None:
        """One WebSocket until it closes; the login is renewed when it has expired. DaricError: it will not work."""
        login = await self._connection.logged_in()
        path = f"{self.path}/stream?after={self._cursor}"
        try:
            socket = await self._open(path, login)
        except aiohttp.WSServerHandshakeError as error:
            if error.status == 401:
                await self._connection.logged_in(stale=login)
                return
            raise WebSocketBlocked from error
        self._socket, self._login, self._context = socket, login, f"WS {path}"
        try:
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.BINARY:
                    break
                _, plain = login.channel.open(message.data, self._context)
                self._take(platform.cbor_decode(plain, max_bytes=REQUEST_BYTES))
        finally:
            self._socket = None
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(ConnectionError())
            await socket.close()
        if socket.close_code == UNAUTHORISED:
            await self._connection.logged_in(stale=login)

    async def _open(self, path: str, login: LoggedIn) -> aiohttp.ClientWebSocketResponse:
        return await self._connection.http.ws_connect(
            self._connection.url + path,
            protocols=[SUBPROTOCOL],
            headers={"Authorization": f"Bearer {login.token}"},
            heartbeat=HEARTBEAT,
            max_msg_size=hop.FRAME_BYTES,
        )

    def _take(self, event: Any) -> None:
        """A StreamEvent of the service."""
        match event:
            case ["msg", int(seq), sender, bytes(), bytes(body)]:
                self._deliver(seq, sender, body)
            case ["ok", int(reference), list(seqs)]:
                self._answer(reference, seqs)
            case ["problem", 0, str(code), str(detail), after]:
                raise Refused(code, detail, after)
            case ["problem", int(reference), str(code), str(detail), _]:
                self._answer(reference, Refused(code, detail))
            case _:
                raise DaricError("encoding", "the service sent an unknown event")

    def _deliver(self, seq: int, sender: int | None, body: bytes) -> None:
        """Queue the next message; one that was queued before is dropped, a gap is an error of the service."""
        if seq <= self._cursor:
            return
        if seq != self._cursor + 1:
            raise DaricError("expired", "the service left out a message")
        self._cursor = seq
        self._queue.put_nowait((seq, sender, body))

    def _answer(self, reference: int, outcome: list[int] | DaricError) -> None:
        answer = self._answers.get(reference)
        if answer is None or answer.done():
            return
        if isinstance(outcome, DaricError):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)

    async def _over_polling(self, until: float) -> DaricError:
        """Long-poll with the same cursor for a while; at most CREDIT messages wait for the reader.

        Returns the error that ended it, "service" when it is time to try a WebSocket again.
        """
        loop = asyncio.get_running_loop()
        try:
            while loop.time() < until:
                room = CREDIT - self._queue.qsize()
                if room <= 0:
                    await asyncio.sleep(0.05)
                    continue
                query = f"after={self._cursor}&limit={room}&wait={LONG_POLL}"
                for seq, sender, _, body in await self._connection.call("GET", f"{self.path}/messages?{query}"):
                    self._deliver(seq, sender, body)
        except DaricError as error:
            return error
        return DaricError("service")
