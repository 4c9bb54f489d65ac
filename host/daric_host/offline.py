"""The wallet without any service: this phone and its devices alone, or with another phone over a local socket.

    async with await OfflineWallet.open(home, service, approve) as wallet:
        device = await wallet.connect(port)
        proposal = await wallet.propose_signature(group_id, request, signers)
        await wallet.invite(proposal, [device])
        signature = await wallet.run(proposal)

It is the Wallet with another meeting place: sessions, rounds and screens are the same. Nothing is sent anywhere.
Specification: docs/sdk.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from daric_protocol.errors import DaricError
from daric_protocol.limits import LONG_POLL

from daric_host.hop_client import Connection
from daric_host.joinlink import JoinLink
from daric_host.meeting import Dialled, Meeting, host, info_of
from daric_host.party import Party
from daric_host.relay import DONE, LIVE, Ended, RelayClient, SessionInfo, Signer, read_notice
from daric_host.relay import Party as Registration
from daric_host.seats import Approve
from daric_host.stream_client import Delivery
from daric_host.wallet import Event, Proposal, Service, Wallet

UNIX, TCP = "unix:", "tcp:"
LINGER = 5  # seconds that a meeting place stays for guests who are not through


class NoConnection(Connection):
    """Where a request to the services ends: it is refused before anything is sent."""

    def __init__(self, signer: Signer) -> None:
        super().__init__("", signer, b"")

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        raise DaricError("service", "this wallet works offline: it asks no service")

    async def challenge(self, identity: bytes, purpose: str) -> dict[str, Any]:
        raise DaricError("service", "this wallet works offline: it asks no service")


class MeetingClient(RelayClient):
    """One party at a meeting place. What needs an account is refused with "service"."""

    def __init__(self, signer: Signer, place: Callable[[], Meeting | Dialled], random: Callable[[int], bytes]) -> None:
        """place: where the session meets now. random: the entropy door, for session ids."""
        self.signer = signer
        self._place = place
        self._random = random
        self._connection = NoConnection(signer)
        self._streams = {}

    async def _call(self, method: str, *parameters: Any) -> Any:
        return await self._place().call(self.signer.public, method, list(parameters))

    async def login(self) -> Registration | None:
        """Nobody registers offline."""
        return Registration(self.signer.public, b"", "phone", "phone")

    async def new_session_id(self) -> bytes:
        """A uuidv4 of this party's own."""
        value = bytearray(self._random(16))
        value[6] = value[6] & 0x0F | 0x40
        value[8] = value[8] & 0x3F | 0x80
        return bytes(value)

    async def create_session(
        self, session: bytes, terms: bytes, needed: int, allowed: Sequence[bytes] | None = None
    ) -> SessionInfo:
        return info_of(await self._call("create", session, terms, needed, list(allowed or [])))

    async def session(self, session: bytes, newer: int = 0, wait: int = 0) -> SessionInfo:
        return info_of(await self._call("session", session, newer if wait else -1, wait))

    async def join(self, session: bytes, body: bytes) -> int:
        (seat,) = await self._call("join", session, bytes(body))
        return int(seat)

    async def start(self, session: bytes) -> None:
        await self._call("start", session)

    async def end(self, session: bytes, outcome: str = DONE) -> None:
        await self._call("end", session, outcome)

    async def send(
        self, session: bytes, seat: int, body: bytes, *, msg_id: bytes | None = None, kept: str = LIVE
    ) -> int:
        (number,) = await self._call("send", session, seat, bytes(body))
        return int(number)

    async def messages(self, session: bytes) -> AsyncIterator[Delivery]:
        taken = 0
        while True:
            for number, sender, body in await self._call("read", session, taken, LONG_POLL):
                taken = number
                yield number, sender, body
                if sender is None and isinstance(read_notice(body), Ended):
                    return


class OfflineWallet(Wallet):
    """A Wallet whose sessions meet in this process, at an address of its own, or at another phone's."""

    def __init__(self, party: Party, service: Service, approve: Approve, watch: Callable[[Event], None]) -> None:
        self._place: Meeting | Dialled = Meeting()
        self._server: asyncio.Server | None = None
        self._guests: set[asyncio.Task[None]] = set()
        self._address = ""
        super().__init__(party, service, approve, watch)

    async def serve(self, address: str) -> str:
        """Let other phones meet here; the address, with the port that was taken.

        address: unix:PATH, or tcp:HOST:PORT with port 0 for any. Raises DaricError: parameter, service.
        """
        if not isinstance(self._place, Meeting) or self._server is not None:
            raise DaricError("parameter", "this wallet meets elsewhere already")
        kind, place = _read(address)
        try:
            if kind == UNIX:
                self._server = await asyncio.start_unix_server(self._welcome, place[0])
                self._address = address
            else:
                self._server = await asyncio.start_server(self._welcome, place[0], int(place[1]))
                self._address = f"{TCP}{place[0]}:{self._server.sockets[0].getsockname()[1]}"
        except OSError as error:
            raise DaricError("service", f"nobody can be met at {address}: {error.strerror}") from error
        return self._address

    async def dial(self, address: str) -> None:
        """Meet at another phone's address from now on. Raises DaricError: parameter, service."""
        if self._server is not None:
            raise DaricError("parameter", "this wallet has others meet here already")
        kind, place = _read(address)
        connect = asyncio.open_unix_connection if kind == UNIX else asyncio.open_connection
        try:
            _, writer = await connect(*place)
        except OSError as error:
            raise DaricError("service", f"nobody is at {address}: {error.strerror}") from error
        writer.close()
        self._place = Dialled(partial(connect, *place))
        self._address = address

    def link(self, proposal: Proposal) -> JoinLink:
        """What to show the other phone: it names the address where this wallet is met."""
        return JoinLink.of(proposal.uuid, self._address, proposal.initiator.signer.public, proposal.join_secret)

    async def close(self) -> None:
        """Close connections, the address and the directory."""
        if isinstance(self._place, Dialled):
            await self._place.close()
        if self._server is not None:
            self._server.close()
            if self._guests:  # they have the end of the session to fetch, and hang up by themselves
                await asyncio.wait(self._guests, timeout=LINGER)
            for guest in self._guests:
                guest.cancel()
            await asyncio.gather(*self._guests, return_exceptions=True)
            if self._address.startswith(UNIX):
                Path(self._address.removeprefix(UNIX)).unlink(missing_ok=True)
        await super().close()

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert isinstance(self._place, Meeting)
        guest = asyncio.current_task()
        assert guest is not None
        self._guests.add(guest)
        try:
            await host(self._place, reader, writer)
        except asyncio.CancelledError:  # this wallet closes: nothing is left to answer
            writer.close()
        finally:
            self._guests.discard(guest)

    def _meet(self, signer: Signer) -> RelayClient:
        return MeetingClient(signer, lambda: self._place, self.party.entropy.draw)


def _read(address: str) -> tuple[str, list[str]]:
    """(UNIX, [path]) or (TCP, [host, port]) of an address; DaricError("parameter")."""
    if address.startswith(UNIX) and address != UNIX:
        return UNIX, [address.removeprefix(UNIX)]
    name, _, port = address.removeprefix(TCP).rpartition(":")
    if address.startswith(TCP) and name and port.isascii() and port.isdigit() and int(port) < 1 << 16:
        return TCP, [name, port]
    raise DaricError("parameter", "an address is unix:PATH or tcp:HOST:PORT")
