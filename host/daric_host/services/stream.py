"""The WebSocket of one party in one session: publishing and deliveries, with a credit window.

Frames are HopFrames of StreamRequest and StreamEvent (messages.cddl), the same cursor as GET .../messages. A client
that leaves CREDIT deliveries unacknowledged gets no more of them until it acknowledges; nobody else waits for it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from functools import partial
from typing import Any

from daric_protocol import limits, platform
from daric_protocol.errors import DaricError
from starlette.websockets import WebSocket, WebSocketDisconnect

from daric_host import hop

from . import endpoints, mailbox, sessions, tokens
from .accounts import NotAllowed
from .desk import Services, check_fields, context_of, session_id
from .problems import describe, problem

SUBPROTOCOL = "daric.relay.v1"
BEARER = "bearer."  # a browser cannot set headers: its token comes as a second subprotocol
GOING_AWAY, RESTART, UNAUTHORISED, BAD_FRAME = 1001, 1012, 4401, 4400


def offered_token(socket: WebSocket) -> str:
    """The token of the header, or of the subprotocol list."""
    for one in socket.scope.get("subprotocols", []):
        if one.startswith(BEARER):
            return str(one[len(BEARER) :])
    return tokens.bearer(socket.headers.get("authorization"))


class Stream:
    """One open WebSocket."""

    def __init__(self, services: Services, socket: WebSocket) -> None:
        """Check everything before the handshake is answered; DaricError otherwise."""
        self._services = services
        self._socket = socket
        if SUBPROTOCOL not in socket.scope.get("subprotocols", []):
            raise DaricError("parameter", f"the subprotocol is {SUBPROTOCOL}")
        self._login = services.authority.authenticate(offered_token(socket))
        if self._login.party is None:
            raise NotAllowed("register this party first")
        self._session = session_id(socket.path_params["session"])
        self._context = context_of(socket, "WS")
        text = socket.query_params.get("after", "0")
        if not (text.isascii() and text.isdigit()) or len(text) > 16:
            raise DaricError("parameter", "after is a sequence number")
        self._cursor = self._acked = int(text)
        self._credit = asyncio.Event()
        self._pending: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until the client leaves, its token expires or the process stops."""
        identity, session = self._login.identity, self._session
        seat = await self._services.store.read(lambda db: sessions.seat_of(db, session, identity))
        await self._socket.accept(SUBPROTOCOL)
        self._services.metrics.streams.inc()
        tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._deliver(seat))]
        try:
            left = self._login.expires - self._services.settings.clock()
            done, _ = await asyncio.wait(tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            code, error = UNAUTHORISED, None
            for task in done:
                error = task.exception()
                code = RESTART if error is None else BAD_FRAME if isinstance(error, DaricError) else GOING_AWAY
            if isinstance(error, DaricError):
                await self._send(["problem", 0, error.name, error.detail, describe(error).get("after")])
            if not isinstance(error, WebSocketDisconnect):
                with suppress(RuntimeError, WebSocketDisconnect):  # the client may be gone already
                    await self._socket.close(code)
            if error is not None and not isinstance(error, (DaricError, WebSocketDisconnect)):
                raise error
        finally:
            self._services.metrics.streams.dec()
            for one in [*tasks, *self._pending]:
                one.cancel()
            await asyncio.gather(*tasks, *self._pending, return_exceptions=True)

    async def _send(self, event: list[Any]) -> None:
        _, frame = self._login.channel.seal(platform.cbor_encode(event), self._context)
        with suppress(RuntimeError, WebSocketDisconnect):  # the client left; the receiver task notices
            await self._socket.send_bytes(frame)

    async def _receive(self) -> None:
        """Take requests; at most CREDIT publishes of one connection wait for the disk at a time."""
        room = asyncio.Semaphore(limits.CREDIT)
        while True:
            frame = await self._socket.receive_bytes()
            if len(frame) > hop.FRAME_BYTES:
                raise DaricError("too_large")
            _, plain = self._login.channel.open(frame, self._context)
            request = platform.cbor_decode(plain, max_bytes=limits.REQUEST_BYTES)
            self._services.seen[self._login.identity] = int(self._services.settings.clock())
            if isinstance(request, list) and request[:1] == ["ack"]:
                _, up_to = check_fields(request, str, int)
                done = endpoints.submit_ack(self._services, self._session, self._login.identity, up_to)
                done.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # it is only a hint
                self._acked = max(self._acked, up_to)
                self._credit.set()
                continue
            kind, reference, items = check_fields(request, str, int, list)
            if kind != "put":
                raise DaricError("encoding", "the request is unknown")
            await room.acquire()
            self._publish(reference, items, room)

    def _publish(self, reference: int, value: list[Any], room: asyncio.Semaphore) -> None:
        """Queue a publish now, in the order of arrival, and answer it when it is durable."""
        services = self._services
        future: asyncio.Future[list[int] | mailbox.Conflict] | None = None
        refusal: DaricError | None = None
        try:
            items = endpoints.publish_items(services, value)
            future = endpoints.submit_publish(services, self._session, self._login.identity, items)
        except DaricError as error:
            refusal = error

        async def answer() -> None:
            problem_ = refusal
            try:
                if future is not None:
                    await self._send(["ok", reference, endpoints.published(services, await future)])
            except DaricError as error:
                problem_ = error
            finally:
                room.release()
            if problem_ is not None:
                await self._send(["problem", reference, problem_.name, problem_.detail, None])

        task = asyncio.create_task(answer())
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def _deliver(self, seat: int) -> None:
        """Send what follows the cursor, within the credit; ends when the process is about to stop."""
        services, session = self._services, self._session
        with services.store.bells.listen(("mailbox", session, seat)) as bell:
            while not services.draining:
                bell.clear()
                self._credit.clear()
                room = self._acked + limits.CREDIT - self._cursor
                if room <= 0:
                    await self._either(bell, self._credit)
                    continue
                now = services.settings.clock()
                page = await services.store.read(partial(self._read, seat=seat, limit=room, now=now))
                for one in page:
                    await self._send(["msg", *endpoints.describe_delivery(one)])
                    self._cursor = one.seq
                services.metrics.delivered.inc(len(page))
                if not page:
                    await self._either(bell, None)

    def _read(self, db: sqlite3.Connection, seat: int, limit: int, now: float) -> list[mailbox.Delivery]:
        return mailbox.read(db, self._session, seat, self._cursor, limit, now)

    async def _either(self, bell: asyncio.Event, credit: asyncio.Event | None) -> None:
        """Wait until there is news, or credit if that is what is missing; a drain rings the bell."""
        if credit is None:
            await bell.wait()
            return
        while not credit.is_set() and not self._services.draining:
            waits = [asyncio.create_task(bell.wait()), asyncio.create_task(credit.wait())]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for one in waits:
                one.cancel()
            if not self._services.draining:
                bell.clear()


async def serve(services: Services, socket: WebSocket) -> None:
    """The WebSocket endpoint; a refusal before the handshake is a problem document."""
    try:
        stream = Stream(services, socket)
        await stream.run()
    except DaricError as error:
        if "websocket.http.response" in socket.scope.get("extensions", {}):
            await socket.send_denial_response(problem(error))
        else:
            await socket.close(UNAUTHORISED)
