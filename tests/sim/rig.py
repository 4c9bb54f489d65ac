"""Sessions between a device on a serial line and parties in this process; the host's part in a few lines."""

import asyncio
from collections.abc import Sequence

from daric_host.device import DeviceLink, Pairing
from daric_protocol import flows
from daric_protocol.custody import Custody
from daric_protocol.errors import DaricError
from daric_protocol.flows.backing import Backing, Keeper
from daric_protocol.identity import Identity
from daric_protocol.platform.entropy import Entropy
from daric_protocol.pump import EarlyFrames
from daric_protocol.session import Session
from daric_protocol.terms import Terms
from daric_sim.device import SimDevice


class MemoryStore:
    """A party's store that lasts as long as the test."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    def read(self, name: str) -> bytes | None:
        return self.values.get(name)

    def write(self, name: str, *parts: bytes) -> None:
        self.values[name] = b"".join(parts)

    def erase(self, name: str) -> None:
        self.values.pop(name, None)

    def names(self, prefix: str) -> list[str]:
        return sorted(name for name in self.values if name.startswith(prefix))


class LocalParty:
    """A party of this process that confirms everything, or that nobody attends."""

    def __init__(self, secret: int, keeper: Keeper | None = None, attended: bool = True) -> None:
        self.entropy = Entropy()
        self.identity = Identity(secret)
        self.custody = Custody(MemoryStore(), self.identity, self.entropy.draw)
        self.session: Session | None = None
        self.secret: flows.Secret | None = None  # the key that it brings to an import
        self.keeper = keeper  # of pieces of backups
        self.attended = attended

    async def join(self, terms: Terms) -> bytes:
        secret = self.secret if terms.op == "import" else None
        self.session = flows.open_session(
            terms, self.custody, self.entropy.draw, self.attended, secret=secret, backing=Backing(self.keeper)
        )
        return self.session.join()

    async def start(self, joins: list[bytes]) -> None:
        assert self.session is not None
        self.session.start(joins)

    async def deliver(self, seat: int, frame: bytes) -> bool:
        assert self.session is not None
        return self.session.receive(seat, frame)

    async def fetch(self) -> tuple[int, bytes] | None:
        assert self.session is not None
        if self.session.needs_confirmation:
            self.session.confirm()
        return self.session.send()

    async def outcome(self) -> tuple[str, object]:
        assert self.session is not None
        if self.session.state == "failed":
            assert self.session.error is not None
            return "failed", self.session.error
        return self.session.state, self.session.result


class DeviceParty:
    """A device behind its link."""

    def __init__(self, link: DeviceLink) -> None:
        self.link = link

    async def join(self, terms: Terms) -> bytes:
        return await self.link.session_join(terms.encode())

    async def start(self, joins: list[bytes]) -> None:
        await self.link.session_start(joins)

    async def deliver(self, seat: int, frame: bytes) -> bool:
        return await self.link.session_deliver(seat, frame)

    async def fetch(self) -> tuple[int, bytes] | None:
        step = await self.link.session_fetch()
        return None if step.seat is None or step.frame is None else (step.seat, step.frame)

    async def outcome(self) -> tuple[str, object]:
        status = await self.link.session_state()
        return status.state, status.error or status.result


Party = LocalParty | DeviceParty


async def run_session(terms: Terms, parties: Sequence[Party], seconds: float = 120) -> list[tuple[str, object]]:
    """Join, start and carry frames until every party is done or failed; returns (state, result or error) of each."""
    joins = [await party.join(terms) for party in parties]
    for party in parties:
        await party.start(joins)
    return await asyncio.wait_for(carry(parties), seconds)


async def carry(parties: Sequence[Party]) -> list[tuple[str, object]]:
    """Carry frames between parties that have started."""
    waiting = [EarlyFrames() for _ in parties]
    while True:
        progress = False
        for seat, party in enumerate(parties):
            for sender, frame in waiting[seat].take():
                if await party.deliver(sender, frame):
                    progress = True
                else:
                    waiting[seat].hold(sender, frame)
            sent = await party.fetch()
            while sent is not None:
                progress = True
                waiting[sent[0]].hold(seat, sent[1])
                sent = await party.fetch()
        outcomes = [await party.outcome() for party in parties]
        if not progress:
            if all(state in ("done", "failed") for state, _ in outcomes):
                return outcomes
            await asyncio.sleep(0.02)


async def paired(device: SimDevice, host: Identity) -> tuple[DeviceLink, Pairing]:
    """A connected link to a device that pairs now."""
    link = await DeviceLink.open(device.path, host)
    pairing = await link.pair(_sees_the_same(device))
    await link.connect(pairing)
    return link, pairing


def _sees_the_same(device: SimDevice):
    before = len(device.screens)

    async def compare(code: str) -> bool:
        shown = await asyncio.to_thread(device.wait_for_screen, "Pair with a host?", 30.0, before)
        return code in shown.text.replace(" ", "").replace("\n", "")

    return compare


def name_of(error: object) -> str:
    assert isinstance(error, DaricError)
    return error.name
