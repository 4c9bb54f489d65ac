"""A key generation and a signature of a device with two simulated peers in this process: timed and verified.

Everything is as in use: pairing, the encrypted link, the device's screens; only the other parties' phones and services
are missing. The key is worth nothing, and the device is wiped afterwards. Specification: docs/hardware.md, self-test.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from daric_protocol import flows, platform
from daric_protocol.custody import Custody
from daric_protocol.errors import DaricError
from daric_protocol.evm.request import MESSAGE, Request
from daric_protocol.identity import Identity, ecdsa_verify
from daric_protocol.limits import APPROVAL_TIMEOUT, KEYGEN_TIMEOUT
from daric_protocol.platform.entropy import Entropy
from daric_protocol.pump import EarlyFrames
from daric_protocol.rounds.sign import Signature
from daric_protocol.session import Session
from daric_protocol.tagged import random_scalar
from daric_protocol.terms import Terms

from daric_host.device import DeviceLink

PAUSE = 0.05
NAME = "Self-test"
TEXT = b"Daric self-test"


@dataclass(frozen=True)
class Trial:
    """Seconds of a key generation and of a signature, the owner's time at the buttons included."""

    keygen: float
    sign: float


class Memory:
    """A peer's store for as long as the test takes."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}

    def read(self, name: str) -> bytes | None:
        return self._values.get(name)

    def write(self, name: str, *parts: bytes) -> None:
        self._values[name] = b"".join(parts)

    def erase(self, name: str) -> None:
        self._values.pop(name, None)

    def names(self, prefix: str) -> list[str]:
        return sorted(name for name in self._values if name.startswith(prefix))


class Seat(Protocol):
    """One party of the session."""

    async def join(self, terms: Terms) -> bytes: ...
    async def start(self, joins: list[bytes]) -> None: ...
    async def deliver(self, seat: int, frame: bytes) -> bool: ...
    async def fetch(self) -> tuple[int, bytes] | None: ...
    async def ended(self) -> bool: ...


class Peer:
    """A simulated party, which confirms everything."""

    def __init__(self) -> None:
        self._entropy = Entropy()
        self._session: Session | None = None
        self.custody = Custody(Memory(), Identity(random_scalar(self._entropy.draw)), self._entropy.draw)

    @property
    def session(self) -> Session:
        assert self._session is not None
        return self._session

    async def join(self, terms: Terms) -> bytes:
        self._session = flows.open_session(terms, self.custody, self._entropy.draw)
        return self.session.join()

    async def start(self, joins: list[bytes]) -> None:
        self.session.start(joins)

    async def deliver(self, seat: int, frame: bytes) -> bool:
        return self.session.receive(seat, frame)

    async def fetch(self) -> tuple[int, bytes] | None:
        if self.session.needs_confirmation:
            self.session.confirm()
        return self.session.send()

    async def ended(self) -> bool:
        if self.session.error is not None:
            raise self.session.error
        return self.session.state == "done"


class Tested:
    """The device."""

    def __init__(self, link: DeviceLink) -> None:
        self._link = link

    async def join(self, terms: Terms) -> bytes:
        return await self._link.session_join(terms.encode())

    async def start(self, joins: list[bytes]) -> None:
        await self._link.session_start(joins)

    async def deliver(self, seat: int, frame: bytes) -> bool:
        return await self._link.session_deliver(seat, frame)

    async def fetch(self) -> tuple[int, bytes] | None:
        step = await self._link.session_fetch()
        return None if step.seat is None or step.frame is None else (step.seat, step.frame)

    async def ended(self) -> bool:
        status = await self._link.session_state()
        if status.error is not None:
            raise status.error
        return status.state == "done"


async def run(link: DeviceLink, step: Callable[[str], None] = lambda name: None) -> Trial:
    """Make a 2-of-3 wallet and sign with it; link: connected to a device without wallets, whose owner approves.

    step: called with the name of what begins. Raises DaricError: "internal" if the result does not verify, and
    whatever ended a session.
    """
    device, peers = Tested(link), [Peer(), Peer()]
    step("key generation with two simulated peers")
    terms = flows.create_terms(os.urandom(16), 2, 3, os.urandom, NAME)
    keygen = await _session(terms, [device, *peers])
    shard = peers[0].custody.shard(terms.group)
    ours = (await link.identity()).identity
    indexes = {member.identity: member.index for member in shard.roster.members}
    step("signature with a simulated peer")
    request = Request(MESSAGE, TEXT).encode()
    signing = flows.sign_terms(os.urandom(16), terms.group, shard.roster, [shard.me, indexes[ours]], request)
    sign = await _session(signing, [device, peers[0]])
    result = peers[0].session.result
    digest = flows.request_digest(request)
    if not isinstance(result, Signature) or not ecdsa_verify(
        platform.curve.decode(shard.pk), digest, result.r, result.s
    ):
        raise DaricError("internal", "the signature does not verify under the wallet's key")
    return Trial(round(keygen, 2), round(sign, 2))


async def _session(terms: Terms, seats: Sequence[Seat]) -> float:
    """Seconds from the first join to the end at every party."""
    started = time.monotonic()
    async with asyncio.timeout(KEYGEN_TIMEOUT + APPROVAL_TIMEOUT):
        joins = [await seat.join(terms) for seat in seats]
        for seat in seats:
            await seat.start(joins)
        await _carry(seats)
    return time.monotonic() - started


async def _carry(seats: Sequence[Seat]) -> None:
    waiting = [EarlyFrames() for _ in seats]
    while True:
        moved = False
        for number, seat in enumerate(seats):
            for sender, frame in waiting[number].take():
                if await seat.deliver(sender, frame):
                    moved = True
                else:
                    waiting[number].hold(sender, frame)
            while (sent := await seat.fetch()) is not None:
                moved = True
                waiting[sent[0]].hold(number, sent[1])
        if not moved:
            if all([await seat.ended() for seat in seats]):
                return
            await asyncio.sleep(PAUSE)
