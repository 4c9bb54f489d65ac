"""A place where the parties of one session meet without any service: in this process, and over a local socket.

It keeps the order of messages and nothing else. Frames are sealed end to end and joins are checked by every party
(daric_protocol.session), so the meeting place is trusted with no more than the relay is: it can delay and drop.
Specification: docs/sdk.md; messages.cddl, section "Meeting".
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from daric_protocol import platform
from daric_protocol.errors import DaricError, error_name
from daric_protocol.limits import BODY_BYTES, JOIN_BYTES, MAX_PARTIES, MEETING_MESSAGES, SESSION_TTL, TERMS_BYTES

from daric_host.relay import ABORTED, DONE, OPEN, RUNNING, SessionInfo
from daric_host.stream_client import Delivery

REQUEST_BYTES = 2 * BODY_BYTES  # terms or one message, with its ids
LENGTH_BYTES = 4
ENDED = (DONE, ABORTED)


@dataclass
class Gathering:
    """The one session of a meeting place. seats: identities; joins: their bodies; boxes: a mailbox for each."""

    uuid: bytes
    initiator: bytes
    terms: bytes
    needed: int
    allowed: list[bytes]
    expires: int
    state: str = OPEN
    version: int = 1
    seats: list[bytes] = field(default_factory=list)
    joins: list[bytes] = field(default_factory=list)
    boxes: list[list[Delivery]] = field(default_factory=list)
    finished: set[int] = field(default_factory=set)


class Meeting:
    """One session at a time; a new one may begin when the last has ended. All methods run in one event loop."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._one: Gathering | None = None
        self._changed = asyncio.Condition()

    async def call(self, identity: bytes, method: str, parameters: list[Any]) -> Any:
        """One request of a party, as its answer in CBOR values. Raises DaricError as the services do."""
        if method == "create":
            answer = self._create(identity, *_fields(parameters, bytes, bytes, int, list))
        elif method == "session":
            session, newer, wait = _fields(parameters, bytes, int, int)
            return await self._session(session, newer, wait)
        elif method == "read":
            session, after, wait = _fields(parameters, bytes, int, int)
            return await self._read(identity, session, after, wait)
        elif method == "join":
            answer = self._join(identity, *_fields(parameters, bytes, bytes))
        elif method == "start":
            answer = self._start(identity, *_fields(parameters, bytes))
        elif method == "send":
            answer = self._send(identity, *_fields(parameters, bytes, int, bytes))
        elif method == "end":
            answer = self._end(identity, *_fields(parameters, bytes, str))
        else:
            raise DaricError("parameter", "a meeting has no such request")
        async with self._changed:
            self._changed.notify_all()
        return answer

    def _create(self, identity: bytes, uuid: bytes, terms: bytes, needed: int, allowed: list[Any]) -> list[Any]:
        if self._one is not None and self._one.uuid != uuid and self._one.state not in ENDED:
            if self._one.expires > self._clock():
                raise DaricError("busy", "another session is meeting here")
        if len(uuid) != 16 or not 0 < len(terms) <= TERMS_BYTES or not 2 <= needed <= MAX_PARTIES:
            raise DaricError("parameter", f"a session has an id, terms and 2 to {MAX_PARTIES} members")
        if allowed and identity not in allowed:
            raise DaricError("parameter", "the list of allowed identities misses the initiator")
        if self._one is None or self._one.uuid != uuid:
            self._one = Gathering(uuid, identity, terms, needed, allowed, int(self._clock()) + SESSION_TTL)
        return self._info(self._one)

    def _info(self, one: Gathering) -> list[Any]:
        now = int(self._clock())
        rows = [[seat, who, "", "", now, seat in one.finished] for seat, who in enumerate(one.seats)]
        return [one.uuid, one.state, one.initiator, one.terms, one.needed, one.version, one.expires, rows]

    async def _session(self, session: bytes, newer: int, wait: int) -> list[Any]:
        one = self._find(session)
        await self._until(lambda: one.version > newer, wait)
        return self._info(one)

    async def _read(self, identity: bytes, session: bytes, after: int, wait: int) -> list[Any]:
        """[[number, sender or None, body] ..] behind `after`."""
        one = self._find(session)
        box = one.boxes[self._seat(one, identity)]
        if after < 0:
            raise DaricError("parameter", "a cursor is not negative")
        await self._until(lambda: len(box) > after, wait)
        return [list(delivery) for delivery in box[after : after + 1]]

    async def _until(self, ready: Callable[[], bool], wait: int) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(wait, 0)), self._changed:
                await self._changed.wait_for(ready)

    def _join(self, identity: bytes, session: bytes, body: bytes) -> list[int]:
        one = self._find(session)
        if one.allowed and identity not in one.allowed:
            raise DaricError("unauthorised", "this party is not a member of the session")
        if not 0 < len(body) <= JOIN_BYTES:
            raise DaricError("parameter", f"a join has 1 to {JOIN_BYTES} bytes")
        if identity in one.seats:
            seat = one.seats.index(identity)
            if one.joins[seat] != body:
                raise DaricError("conflict", "this party joined with another message")
            return [seat]
        if one.state != OPEN or len(one.seats) >= one.needed:
            raise DaricError("session", "the session is not open for joining")
        one.seats.append(identity)
        one.joins.append(body)
        one.boxes.append([])
        one.version += 1
        return [len(one.seats) - 1]

    def _start(self, identity: bytes, session: bytes) -> list[Any]:
        one = self._find(session)
        if identity != one.initiator:
            raise DaricError("unauthorised", "only the initiator starts a session")
        if one.state == RUNNING:
            return []
        if one.state != OPEN or len(one.seats) != one.needed:
            raise DaricError("session", f"{len(one.seats)} of {one.needed} members have joined")
        one.state = RUNNING
        self._notify(one, list(one.joins))
        return []

    def _send(self, identity: bytes, session: bytes, seat: int, body: bytes) -> list[int]:
        one = self._find(session)
        mine = self._seat(one, identity)
        if one.state != RUNNING:
            raise DaricError("session", "the session is not running")
        if seat == mine or not 0 <= seat < len(one.seats) or not 0 < len(body) <= BODY_BYTES:
            raise DaricError("parameter", "a message has a recipient and a body of a fit size")
        box = one.boxes[seat]
        if len(box) >= MEETING_MESSAGES:
            raise DaricError("limit")
        box.append((len(box) + 1, mine, body))
        return [len(box)]

    def _end(self, identity: bytes, session: bytes, outcome: str) -> list[Any]:
        one = self._find(session)
        seat = one.seats.index(identity) if identity in one.seats else None
        if seat is None and identity != one.initiator:
            raise DaricError("unauthorised", "this party is not a member of the session")
        if outcome not in ENDED:
            raise DaricError("parameter", "a session ends as done or aborted")
        if outcome == DONE and seat is not None:
            one.finished.add(seat)
        if one.state not in ENDED and (outcome == ABORTED or len(one.finished) == len(one.seats)):
            one.state = outcome
            self._notify(one, [outcome, seat])
        return []

    def _notify(self, one: Gathering, notice: list[Any]) -> None:
        one.version += 1
        body = platform.cbor_encode(notice)
        for box in one.boxes:
            box.append((len(box) + 1, None, body))

    def _find(self, session: bytes) -> Gathering:
        one = self._one
        if one is None or one.uuid != session:
            raise DaricError("unknown_session", "no such session meets here")
        if one.state not in ENDED and one.expires <= self._clock():
            one.state = ABORTED
            self._notify(one, [ABORTED, None])
        return one

    def _seat(self, one: Gathering, identity: bytes) -> int:
        if identity not in one.seats:
            raise DaricError("unauthorised", "this party is not a member of the session")
        return one.seats.index(identity)


def _fields(parameters: list[Any], *kinds: type) -> list[Any]:
    """Parameters of exactly these types; DaricError("encoding")."""
    fits = isinstance(parameters, list) and len(parameters) == len(kinds)
    if not fits or any(type(one) is not kind for one, kind in zip(parameters, kinds, strict=True)):
        raise DaricError("encoding", "a request of a meeting has another form")
    return parameters


# Over a local socket: 4 bytes of length, then CBOR


async def read_packet(reader: asyncio.StreamReader) -> Any:
    """One CBOR value. Raises DaricError: too_large, encoding; OSError or EOFError when the other side is gone."""
    size = int.from_bytes(await reader.readexactly(LENGTH_BYTES), "big")
    if size > REQUEST_BYTES:
        raise DaricError("too_large")
    return platform.cbor_decode(await reader.readexactly(size), REQUEST_BYTES)


async def write_packet(writer: asyncio.StreamWriter, value: Any) -> None:
    data = platform.cbor_encode(value)
    writer.write(len(data).to_bytes(LENGTH_BYTES, "big") + data)
    await writer.drain()


async def host(meeting: Meeting, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer [identity, method, parameters] with [0, answer] or [error number, detail], until the guest hangs up.

    A guest's identity is proved by its opening and its frames, in the session; what it says here only finds its seat.
    """
    try:
        while True:
            packet = await read_packet(reader)
            try:
                identity, method, parameters = _fields(packet, bytes, str, list)
                reply = [0, await meeting.call(identity, method, parameters)]
            except DaricError as error:
                reply = [error.number, error.detail]
            await write_packet(writer, reply)
    except (OSError, EOFError, DaricError):  # the guest is gone, or speaks another language
        pass
    finally:
        writer.close()


class Dialled:
    """A meeting place at the other end of a local socket: the same `call` as Meeting, one request at a time."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        """connect: awaited for (reader, writer), once for each request that may wait beside the others."""
        self._connect = connect
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def call(self, identity: bytes, method: str, parameters: list[Any]) -> Any:
        """Raises the meeting's DaricError, or "service" when it is not there."""
        try:
            reader, writer = self._idle.pop() if self._idle else await self._connect()
            try:
                await write_packet(writer, [identity, method, parameters])
                number, answer = _fields_of_reply(await read_packet(reader))
            except BaseException:
                writer.close()  # an answer may still be under way: nobody else may read it
                raise
        except (OSError, EOFError) as error:
            raise DaricError("service", "the other phone is not there any more") from error
        self._idle.append((reader, writer))
        if number:
            raise DaricError(error_name(number), str(answer))
        return answer

    async def close(self) -> None:
        """Hang up."""
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()


def _fields_of_reply(value: Any) -> tuple[int, Any]:
    if not isinstance(value, list) or len(value) != 2 or type(value[0]) is not int:
        raise DaricError("encoding", "the meeting answers with a number and a value")
    return value[0], value[1]


def info_of(value: list[Any]) -> SessionInfo:
    """SessionInfo of an answer. Raises DaricError("encoding")."""
    try:
        return SessionInfo.from_wire(value)
    except (TypeError, ValueError):
        raise DaricError("encoding", "the meeting's answer has another form") from None


__all__ = ["Dialled", "Meeting", "host", "info_of"]
