"""The relay client: how a party meets the others. Specification: docs/sdk.md; messages.cddl for the bodies.

One client is one party: a phone with its own identity key, or a device whose host lends it the network. Bodies given
to it are sealed end to end already; the hop encryption around them is in hop_client.py.
"""

from __future__ import annotations

import uuid as uuid_module
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from daric_protocol import platform
from daric_protocol.auth import ATTACH
from daric_protocol.errors import DaricError
from daric_protocol.limits import LONG_POLL, RELAY_PATIENCE
from daric_protocol.tagged import TH, u8

from daric_host.hop_client import AUDIENCE, Connection, LocalSigner, Signer
from daric_host.stream_client import Delivery, SessionStream

LIVE, STORED = "live", "stored"
OPEN, RUNNING, DONE, ABORTED, EXPIRED = "open", "running", "done", "aborted", "expired"


@dataclass(frozen=True)
class Party:
    """A registered party. identity: 33 B. account: 16 B, b"" for a cloud party.

    last_seen: Unix time of its last request, as RelayClient.parties() knows it; 0: none since the service started.
    """

    identity: bytes
    account: bytes
    kind: str
    name: str
    last_seen: int = 0


@dataclass(frozen=True)
class Invitation:
    """Lets one more phone or browser into an account. token: 32 B, good once. expires: Unix time."""

    token: bytes
    expires: int


@dataclass(frozen=True)
class Participant:
    """A party in a session. seat: order of joining, from 0. last_seen: Unix time. finished: it is through."""

    seat: int
    identity: bytes
    kind: str
    name: str
    last_seen: int
    finished: bool


@dataclass(frozen=True)
class SessionInfo:
    """A session as its members see it. version grows with every change."""

    uuid: bytes
    state: str
    initiator: bytes
    terms: bytes
    needed: int
    version: int
    expires: int
    participants: tuple[Participant, ...]

    @classmethod
    def from_wire(cls, value: list[Any]) -> SessionInfo:
        uuid, state, initiator, terms, needed, version, expires, rows = value
        participants = tuple(Participant(*one) for one in rows)
        return cls(uuid, state, initiator, terms, needed, version, expires, participants)


@dataclass(frozen=True)
class AccountOf:
    """Which account a participant belongs to; b"" for a cloud party."""

    seat: int
    identity: bytes
    kind: str
    account: bytes


@dataclass(frozen=True)
class Ended:
    """The service's notice that a session is over. seat: who ended it, if it was a participant."""

    state: str
    seat: int | None


def read_notice(body: bytes) -> list[bytes] | Ended:
    """A message of the service: the join bodies in seat order at the start, or how the session ended."""
    value = platform.cbor_decode(body)
    if isinstance(value, list) and value and all(isinstance(one, bytes) for one in value):
        return value
    if isinstance(value, list) and len(value) == 2 and value[0] in (DONE, ABORTED, EXPIRED):
        return Ended(value[0], value[1])
    raise DaricError("encoding", "the service sent an unknown notice")


def message_id(session: bytes, sender: bytes, seat: int, body: bytes) -> bytes:
    """16 bytes, the same for the same body between the same parties: a repeated send is stored once."""
    return TH("daric/msg", session, sender, u8(seat), platform.sha256(body))[:16]


class RelayClient:
    """Async client of the services for one party. Every method may be repeated; all raise DaricError."""

    def __init__(self, url: str, signer: Signer, service: bytes, patience: float = RELAY_PATIENCE) -> None:
        """url: of the services. service: their public key, 33 B, pinned. patience: seconds a request is retried."""
        self.signer = signer
        self._connection = Connection(url, signer, service, patience)
        self._streams: dict[bytes, SessionStream] = {}

    async def __aenter__(self) -> RelayClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop every stream and close the connections."""
        for stream in list(self._streams.values()):
            await stream.close()
        self._streams.clear()
        await self._connection.close()

    # Who I am

    async def login(self) -> Party | None:
        """Log in now instead of at the first request; the registration of this party, if there is one."""
        return (await self.me())[0]

    async def me(self) -> tuple[Party | None, bytes | None]:
        """This party's registration and the session it is active in."""
        party, session = await self._connection.call("GET", "/v1/me")
        return (Party(*party[0]) if party else None), session

    async def register(self, kind: str, name: str) -> Party:
        """Register this phone or browser with a new account (or a cloud party that the operator named)."""
        return Party(*await self._connection.call("POST", "/v1/accounts", [kind, name]))

    async def invite(self) -> Invitation:
        """An invitation for another phone or browser of this person."""
        return Invitation(*await self._connection.call("POST", "/v1/accounts/invitations", []))

    async def redeem(self, token: bytes, kind: str, name: str) -> Party:
        """Register this phone or browser in the account that invited it."""
        return Party(*await self._connection.call("POST", "/v1/accounts/join", [token, kind, name]))

    async def attach(self, signer: Signer, kind: str, name: str) -> Party:
        """Attach another party, which signs for it, to this party's account."""
        owner = (await self.me())[0]
        if owner is None:
            raise DaricError("unauthorised", "register this party first")
        given = await self._connection.challenge(signer.public, ATTACH)
        fields: list[Any] = [
            ATTACH,
            AUDIENCE,
            bytes.fromhex(given["service"]),
            b"",
            bytes.fromhex(given["challenge"]),
            signer.public,
            b"",
            given["expires"],
            owner.account,
        ]
        body = [fields[4], await signer.sign_auth(fields), kind, name]
        return Party(*await self._connection.call("POST", "/v1/parties", body))

    async def parties(self) -> list[Party]:
        """The parties of this account."""
        return [Party(*one) for one in await self._connection.call("GET", "/v1/parties")]

    async def revoke(self, identity: bytes) -> None:
        """Take another party of this account out of service for good."""
        await self._connection.call("POST", "/v1/parties/revoke", [identity])

    async def token(self, audience: str) -> str:
        """A bearer token for another service, such as "daric/cloud"."""
        token, _ = await self._connection.call("POST", "/v1/auth/token", [audience])
        return str(token)

    # Sessions

    async def new_session_id(self) -> bytes:
        """A uuidv4 from the auth service, 16 B, saved there for this party."""
        (session,) = await self._connection.call("POST", "/v1/session-ids", [])
        return bytes(session)

    async def create_session(
        self, session: bytes, terms: bytes, needed: int, allowed: Sequence[bytes] | None = None
    ) -> SessionInfo:
        """Open a session under an id from new_session_id. allowed: who may join; None: whoever knows the id."""
        body = [session, terms, needed, list(allowed or [])]
        return SessionInfo.from_wire(await self._connection.call("POST", "/v1/sessions", body))

    async def session(self, session: bytes, newer: int = 0, wait: int = 0) -> SessionInfo:
        """State and participants; with `newer` and `wait`, as soon as the version is higher or the wait is over."""
        path = f"{_path(session)}?newer={newer}&wait={wait}"
        return SessionInfo.from_wire(await self._connection.call("GET", path))

    async def watch(self, session: bytes) -> AsyncIterator[SessionInfo]:
        """State and participants now and after every change, until the session has ended."""
        version = 0
        while True:
            info = await self.session(session, version, LONG_POLL)
            if info.version > version or info.state not in (OPEN, RUNNING):
                yield info
            if info.state not in (OPEN, RUNNING):
                return
            version = info.version

    async def join(self, session: bytes, body: bytes) -> int:
        """Take a seat with a join message; repeated, the same seat."""
        (seat,) = await self._connection.call("POST", f"{_path(session)}/join", [body])
        return int(seat)

    async def start(self, session: bytes) -> None:
        """Freeze the members and send everybody the joins; for the initiator, once all needed members are in."""
        await self._connection.call("POST", f"{_path(session)}/start", [])

    async def end(self, session: bytes, outcome: str = DONE) -> None:
        """This party is through ("done"), or ends the session for everybody ("aborted")."""
        await self._connection.call("POST", f"{_path(session)}/end", [outcome])

    async def abort(self, session: bytes) -> None:
        """End the session for everybody."""
        await self.end(session, ABORTED)

    async def accounts(self, session: bytes) -> list[AccountOf]:
        """Which account each participant belongs to; for participants only."""
        return [AccountOf(*one) for one in await self._connection.call("GET", f"{_path(session)}/accounts")]

    # Messages

    async def send(
        self, session: bytes, seat: int, body: bytes, *, msg_id: bytes | None = None, kept: str = LIVE
    ) -> int:
        """Publish one message to a seat; returns its number there once it is durable.

        msg_id: 16 to 32 B, by default made from the body. kept: LIVE (minutes) or STORED (days).
        """
        return (await self.send_many(session, [(seat, body)], msg_id=msg_id, kept=kept))[0]

    async def send_many(
        self, session: bytes, messages: Sequence[tuple[int, bytes]], *, msg_id: bytes | None = None, kept: str = LIVE
    ) -> list[int]:
        """Publish to several seats in one transaction: all are stored or none."""
        own = self.signer.public
        items = [
            [seat, msg_id or message_id(session, own, seat, body), kept, bytes(body)] for seat, body in messages
        ]
        stream = self._streams.get(session)
        if stream is not None:
            return await stream.publish(items)
        return [int(seq) for seq in await self._connection.call("POST", f"{_path(session)}/messages", items)]

    async def messages(self, session: bytes) -> AsyncIterator[Delivery]:
        """(seq, seat of the sender or None for the service, body) in order, until the notice that the session ended.

        The first message after the start is the service's list of joins (read_notice). Asking for the next message
        acknowledges the previous one. One reader per session.
        """
        if session in self._streams:
            raise DaricError("parameter", "this session's messages are being read already")
        stream = self._streams[session] = SessionStream(self._connection, session)
        stream.start()
        try:
            while True:
                seq, sender, body = await stream.next()
                yield seq, sender, body
                await stream.acknowledge(seq)
                if sender is None and isinstance(read_notice(body), Ended):
                    return
        finally:
            self._streams.pop(session, None)
            await stream.close()


def _path(session: bytes) -> str:
    return f"/v1/sessions/{uuid_module.UUID(bytes=session)}"


__all__ = [
    "AccountOf",
    "Ended",
    "Invitation",
    "LocalSigner",
    "Participant",
    "Party",
    "RelayClient",
    "SessionInfo",
    "Signer",
    "message_id",
    "read_notice",
]
