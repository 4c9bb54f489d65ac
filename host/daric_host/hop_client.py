"""A party's logged-in connection to the services: login, sealed requests, retries with back-off.

Specification: docs/protocol.md, section 1; host/daric_host/services/openapi.json for paths, messages.cddl for bodies.
Every request of this client may be repeated: the services take each one once.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
from daric_protocol import platform
from daric_protocol.auth import LOGIN, auth_digest
from daric_protocol.errors import ERRORS, DaricError
from daric_protocol.identity import Identity
from daric_protocol.limits import LONG_POLL, RELAY_PATIENCE
from daric_protocol.tagged import random_scalar

from daric_host import hop

AUDIENCE = "daric/relay"
REQUEST_TIMEOUT = LONG_POLL + 15
FIRST_DELAY, LONGEST_DELAY = 0.1, 5.0
PASSING = ("service", "storage", "limit")  # problems that go away by themselves


class Signer(Protocol):
    """Whoever holds an identity key: a phone itself, or a device through its link."""

    @property
    def public(self) -> bytes:
        """The identity, 33 B."""

    async def sign_auth(self, fields: list[Any]) -> bytes:
        """64 B over daric_protocol.auth.auth_digest(fields, public)."""


class LocalSigner:
    """A signer whose identity key is in this process."""

    def __init__(self, identity: Identity, random: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._identity = identity
        self._random = random
        self.public: bytes = identity.public

    async def sign_auth(self, fields: list[Any]) -> bytes:
        return self._identity.sign(auth_digest(fields, self.public), self._random)


class Delays:
    """Growing pauses with jitter, so that many clients do not come back at the same moment."""

    def __init__(self) -> None:
        self._next = FIRST_DELAY

    async def pause(self) -> None:
        spread = 0.5 + secrets.randbelow(1000) / 1000
        await asyncio.sleep(self._next * spread)
        self._next = min(2 * self._next, LONGEST_DELAY)


@dataclass(frozen=True)
class LoggedIn:
    """A login as the party holds it."""

    token: str
    channel: hop.Hop


class Forbidden(DaricError):
    """The service knows this party, and it may not do this: logging in again changes nothing."""

    def __init__(self, detail: str) -> None:
        super().__init__("unauthorised", detail)


class Refused(DaricError):
    """A problem document of the service. after: the cursor to go on from, when messages expired."""

    def __init__(self, code: str, detail: str, after: int | None = None, session: bytes | None = None) -> None:
        super().__init__(code if code in ERRORS else "service", detail)
        self.after = after
        self.session = session


def refusal(status: int, document: Any) -> DaricError:
    """The typed error of a problem document."""
    if not isinstance(document, dict) or not isinstance(document.get("code"), str):
        return DaricError("service", f"the service answered {status}")
    code, detail = document["code"], str(document.get("detail", ""))
    if status == 403:
        return Forbidden(detail)
    after, session = document.get("after"), document.get("session")
    return Refused(
        code,
        detail,
        after if isinstance(after, int) else None,
        bytes.fromhex(session) if isinstance(session, str) else None,
    )


class Connection:
    """Sealed requests of one party. Use from one event loop; `close` when done."""

    def __init__(self, url: str, signer: Signer, service: bytes, patience: float = RELAY_PATIENCE) -> None:
        """url: of the services. service: their pinned public key, 33 B. patience: seconds to keep retrying."""
        self.url = url.rstrip("/")
        self.signer = signer
        self.patience = patience
        self._service = service
        self._http: aiohttp.ClientSession | None = None
        self._login: LoggedIn | None = None
        self._lock = asyncio.Lock()

    @property
    def http(self) -> aiohttp.ClientSession:
        """The HTTP session, made at first use."""
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT))
        return self._http

    async def close(self) -> None:
        """Close every connection."""
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def logged_in(self, stale: LoggedIn | None = None) -> LoggedIn:
        """The current login; a new one if there is none or the current one is `stale`."""
        async with self._lock:
            if self._login is None or self._login is stale:
                self._login = await self._log_in()
            return self._login

    async def _log_in(self) -> LoggedIn:
        """Answer a challenge; DaricError("signature") if the service is not the pinned one."""
        given = await self.challenge(self.signer.public, LOGIN)
        ephemeral = Identity(random_scalar(secrets.token_bytes))
        try:
            fields: list[Any] = [
                LOGIN,
                AUDIENCE,
                bytes.fromhex(given["service"]),
                bytes.fromhex(given["service_ephemeral"]),
                bytes.fromhex(given["challenge"]),
                self.signer.public,
                ephemeral.public,
                given["expires"],
                b"",
            ]
        except (KeyError, TypeError, ValueError):
            raise DaricError("encoding", "the challenge is malformed") from None
        signature = await self.signer.sign_auth(fields)
        answer = {"challenge": fields[4].hex(), "ephemeral": ephemeral.public.hex(), "signature": signature.hex()}
        _, channel = hop.agree_party(fields, ephemeral)
        frame = await self._send("POST", "/v1/auth/login", {}, json=answer)
        _, plain = channel.open(frame, "POST /v1/auth/login")
        token, _, _ = platform.cbor_decode(plain)
        return LoggedIn(token, channel)

    async def challenge(self, identity: bytes, purpose: str) -> dict[str, Any]:
        """A challenge for an identity; refused unless it names the pinned service."""
        asked = {"identity": identity.hex(), "purpose": purpose}
        given = await self._send("POST", "/v1/auth/challenge", {}, json=asked)
        document = _parse_json(given)
        if document.get("service") != self._service.hex() or document.get("audience") != AUDIENCE:
            raise DaricError("signature", "the service does not have the key that this client pins")
        return document

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """One sealed request and its opened answer, repeated while the trouble may pass.

        path: with query. body: CBOR value of a POST. Raises DaricError: the service's problem, or "service" once
        `patience` is over.
        """
        deadline = asyncio.get_running_loop().time() + self.patience
        delays = Delays()
        stale: LoggedIn | None = None
        while True:
            login: LoggedIn | None = None
            try:
                login = await self.logged_in(stale)
                return await self._exchange(login, method, path, body)
            except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
                failure = DaricError("service", f"the service is not reachable ({type(error).__name__})")
            except DaricError as error:
                ended = error.name == "unauthorised" and not isinstance(error, Forbidden)
                if ended and login is not None and stale is None:  # once: the service restarted or the token expired
                    stale = login
                    continue
                if error.name not in PASSING:
                    raise
                failure = error
            if asyncio.get_running_loop().time() >= deadline:
                raise failure
            await delays.pause()

    async def _exchange(self, login: LoggedIn, method: str, path: str, body: Any) -> Any:
        context, counter, frame = f"{method} {path}", None, None
        if method == "POST":
            counter, frame = login.channel.seal(platform.cbor_encode(body), context)
        headers = {"Authorization": f"Bearer {login.token}", "Content-Type": "application/cbor"}
        answer = await self._send(method, path, headers, data=frame)
        _, plain = login.channel.open(answer, context, counter)
        return platform.cbor_decode(plain, max_bytes=hop.FRAME_BYTES)

    async def _send(self, method: str, path: str, headers: dict[str, str], **body: Any) -> bytes:
        """One HTTP exchange; a problem document becomes its error."""
        async with self.http.request(method, self.url + path, headers=headers, **body) as response:
            data = await response.read()
            if response.status != 200:
                raise refusal(response.status, _parse_json(data))
            return data


def _parse_json(data: bytes) -> dict[str, Any]:
    import json

    try:
        document = json.loads(data)
    except ValueError:
        document = None
    return document if isinstance(document, dict) else {}
