"""Carries one seat of a session: relay on one side, this process or the device on the other.

What passes is sealed end to end; the carrier of a device's seat can read none of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from daric_protocol import session as driver
from daric_protocol.errors import DaricError
from daric_protocol.pump import EarlyFrames

from daric_host.relay import ABORTED, DONE, Ended, RelayClient, read_notice
from daric_host.seats import Seat, Status

Inbox = asyncio.Queue["tuple[int | None, bytes] | DaricError"]
Watch = Callable[[Status], None]
GIVE_UP_SECONDS = 5
OVER = ("session", "unknown_session")  # what the service says of a session that has ended there


async def carry(
    relay: RelayClient, session: bytes, seat: Seat, timeout: float, watch: Watch | None = None
) -> Status:
    """Carry a seat that has joined until its session ends; the last Status.

    session: 16 B. timeout: seconds for all of it, waiting for the start included. watch: called when state or round
    change. Raises what relay or device fail with, "service" or "link" for example, after the seat was cancelled and the
    session aborted for everybody.
    """
    inbox: Inbox = asyncio.Queue()
    reader = asyncio.create_task(_read(relay, session, inbox))
    try:
        return await _drive(relay, session, seat, inbox, asyncio.get_running_loop().time() + timeout, watch)
    except BaseException:
        await seat.cancel()
        await give_up(relay, session)
        raise
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def give_up(relay: RelayClient, session: bytes) -> None:
    """End a session for everybody, if the relay can be reached soon; else it expires there by itself."""
    with suppress(DaricError, TimeoutError):
        async with asyncio.timeout(GIVE_UP_SECONDS):
            await relay.abort(session)


async def _read(relay: RelayClient, session: bytes, inbox: Inbox) -> None:
    try:
        async for _, sender, body in relay.messages(session):
            inbox.put_nowait((sender, body))
    except DaricError as error:
        inbox.put_nowait(error)


async def _drive(
    relay: RelayClient, session: bytes, seat: Seat, inbox: Inbox, deadline: float, watch: Watch | None
) -> Status:
    early = EarlyFrames()
    seen: tuple[str, int] = ("", -1)
    loop = asyncio.get_running_loop()
    while True:
        await _send(relay, session, seat)
        status = await seat.status()
        if watch is not None and (status.state, status.round) != seen:
            seen = (status.state, status.round)
            watch(status)
        if status.ended:
            await _send(relay, session, seat)
            await _end(relay, session, status)
            return status
        if await _offer(seat, early):
            continue
        if loop.time() > deadline:
            await seat.cancel()
            continue
        try:
            message = await asyncio.wait_for(inbox.get(), seat.poll)
        except TimeoutError:
            continue
        if isinstance(message, DaricError):
            raise message
        await _take(seat, early, *message)


async def _send(relay: RelayClient, session: bytes, seat: Seat) -> None:
    """Everything that wants to leave, in order; a frame counts as sent once the relay has it on disk."""
    while (outgoing := await seat.fetch()) is not None:
        try:
            await relay.send(session, *outgoing)
        except DaricError as error:
            if error.name not in OVER:
                raise
            await seat.cancel()  # somebody ended the session: nothing that is left has a reader


async def _offer(seat: Seat, early: EarlyFrames) -> bool:
    """Offer early frames again; True if any was taken."""
    progress = False
    for sender, frame in early.take():
        if await seat.deliver(sender, frame):
            progress = True
        else:
            early.hold(sender, frame)
    return progress


async def _take(seat: Seat, early: EarlyFrames, sender: int | None, body: bytes) -> None:
    if sender is not None:
        if not await seat.deliver(sender, body):
            early.hold(sender, body)
        return
    notice = read_notice(body)
    if not isinstance(notice, Ended):
        await seat.start(notice)
    elif notice.state != DONE and not (await seat.status()).ended:
        await seat.cancel()


async def _end(relay: RelayClient, session: bytes, status: Status) -> None:
    """Tell the service how it ended here; a session that is over there already is no error."""
    outcome = DONE if status.state == driver.DONE else ABORTED
    try:
        await relay.end(session, outcome)
    except DaricError as error:
        if error.name not in OVER:
            raise
