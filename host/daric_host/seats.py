"""A party's place in a session, whoever computes it: this process, or the device behind the bridge."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from daric_protocol import flows, platform
from daric_protocol import session as driver
from daric_protocol.custody import Custody
from daric_protocol.errors import DaricError
from daric_protocol.roster import Roster
from daric_protocol.session import Session
from daric_protocol.terms import Terms

from daric_host.device import DeviceLink


@dataclass(frozen=True)
class Review:
    """What a person confirms before anything secret moves.

    op: the process. name: of the wallet. threshold and roster: as they will be. code: six digits to compare with the
    other screens, None among stored members. lines: all of it as a device shows it, the request to sign included.
    authenticated: indexes of those who showed that they have read the link's secret.
    """

    op: str
    name: str
    threshold: int
    roster: Roster
    code: str | None
    lines: list[str]
    authenticated: tuple[int, ...] = ()


Approve = Callable[[Review], Awaitable[bool]]


@dataclass(frozen=True)
class Status:
    """Where a seat stands. state: of daric_protocol.session. round: -1 outside rounds. result: of a done session."""

    state: str
    code: str | None = None
    round: int = -1
    error: DaricError | None = None
    result: object = None

    @property
    def ended(self) -> bool:
        return self.state in (driver.DONE, driver.FAILED)


class Seat(Protocol):
    """What `carry` needs of a party.

    poll: seconds after which a seat that waits for a person is asked again. sent: bytes of the frames fetched so far.
    """

    poll: float

    @property
    def sent(self) -> int: ...

    async def join(self) -> bytes:
        """What the party joins with."""

    async def start(self, joins: list[bytes]) -> None:
        """The start list, in seat order."""

    async def deliver(self, seat: int, frame: bytes) -> bool:
        """A frame from a seat; False: early, offer it again after progress."""

    async def fetch(self) -> tuple[int, bytes] | None:
        """(seat, frame) that wants to leave, or None."""

    async def status(self) -> Status:
        """Where the party stands now."""

    async def cancel(self) -> None:
        """End the session here; the others are told."""


class LocalSeat:
    """A session of this process. `approve` is asked once, when roster, code and request are known."""

    poll = 0.05

    def __init__(self, session: Session, custody: Custody, approve: Approve | None = None) -> None:
        """approve: None where nobody is asked, as at the cloud party, whose session is unattended."""
        self.session = session
        self._custody = custody
        self._approve = approve
        self.initiator = b""  # SHA-256 of an identity that has to be among the parties; empty: any
        self._asking: asyncio.Task[bool] | None = None

    @property
    def sent(self) -> int:
        return self.session.sent_bytes

    async def join(self) -> bytes:
        return self.session.join()

    async def start(self, joins: list[bytes]) -> None:
        self.session.start(joins)

    async def deliver(self, seat: int, frame: bytes) -> bool:
        return self.session.receive(seat, frame)

    async def fetch(self) -> tuple[int, bytes] | None:
        return self.session.send()

    async def status(self) -> Status:
        session = self.session
        if session.needs_confirmation and not self._is_met():
            session.cancel()
        if session.needs_confirmation:
            self._ask(session.terms)
        return Status(session.state, session.code, session.round, session.error, session.result)

    async def cancel(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
        self.session.cancel()

    def _is_met(self) -> bool:
        """Whether the party that a link named is really there, by the key that its opening proved."""
        assert self.session.roster is not None
        digests = [platform.sha256(member.identity) for member in self.session.roster.members]
        return not self.initiator or self.initiator in digests

    def _ask(self, terms: Terms) -> None:
        if self._asking is None:
            self._asking = asyncio.ensure_future(self._answer(self._review(terms)))
        elif self._asking.done() and self.session.needs_confirmation:
            if not self._asking.cancelled() and self._asking.result():
                self.session.confirm()
            else:
                self.session.refuse()

    async def _answer(self, review: Review) -> bool:
        return self._approve is not None and await self._approve(review)

    def _review(self, terms: Terms) -> Review:
        assert self.session.roster is not None
        lines = flows.question(self.session, self._custody)
        read = tuple(self.session.authenticated)
        return Review(terms.op, terms.name, terms.threshold, self.session.roster, self.session.code, lines, read)


class DeviceSeat:
    """A session of a device. Its owner confirms on its own screen; here its frames only pass."""

    poll = 0.05

    def __init__(self, device: DeviceLink, terms: Terms) -> None:
        self._device = device
        self._terms = terms
        self.sent = 0

    async def join(self) -> bytes:
        return await self._device.session_join(self._terms.encode())

    async def start(self, joins: list[bytes]) -> None:
        await self._device.session_start(joins)

    async def deliver(self, seat: int, frame: bytes) -> bool:
        return await self._device.session_deliver(seat, frame)

    async def fetch(self) -> tuple[int, bytes] | None:
        step = await self._device.session_fetch()
        if step.seat is None or step.frame is None:
            return None
        self.sent += len(step.frame)
        return step.seat, step.frame

    async def status(self) -> Status:
        status = await self._device.session_state()
        if status.uuid != self._terms.uuid:
            raise DaricError("session", "the device lost the session: it was restarted or reset")
        return Status(status.state, status.code, status.round, status.error, status.result)

    async def cancel(self) -> None:
        with suppress(DaricError):  # a device that is gone has cancelled already
            await self._device.session_abort()
