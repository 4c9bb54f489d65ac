"""The front desk: what one request needs before its endpoint runs. Who is it, what did it seal, how is it answered."""

from __future__ import annotations

import asyncio
import time
import uuid as uuid_module
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import jwt
import structlog
from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.limits import REQUEST_BYTES
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from daric_host import hop

from . import sessions, tokens
from .accounts import NotAllowed, Party
from .auth import Authority, Login
from .metrics import Metrics
from .settings import Keys, Settings
from .store import Store

FRAME_TYPE = "application/cbor"


class Services:
    """Everything the endpoints share: settings, keys, store, logins, metrics, and who was seen when."""

    def __init__(self, settings: Settings, keys: Keys, store: Store) -> None:
        self.settings = settings
        self.keys = keys
        self.store = store
        self.authority = Authority(settings, keys)
        self.metrics = Metrics()
        self.seen: dict[bytes, int] = {}
        self.draining = False
        self.log = structlog.get_logger("daric.services")
        self.rules = sessions.Rules(settings.session_ttl, settings.live_ttl, settings.stored_ttl, self.sign_closing)

    def sign_closing(self, record: dict[str, object]) -> str:
        """A closing record as a JWS under the token key."""
        key = self.keys.token
        return jwt.encode(record, key, algorithm=tokens.ALGORITHM, headers={"kid": tokens.key_id(key.public_key())})

    def drain(self) -> None:
        """The process is about to stop: not ready any more, and nobody is kept waiting."""
        self.draining = True
        self.store.bells.close()

    async def sweep(self) -> None:
        """Expire messages and sessions again and again until cancelled."""
        while True:
            await asyncio.sleep(self.settings.sweep)
            try:
                await self.store.write(lambda tx: sessions.sweep(tx, self.rules))
            except DaricError as error:
                self.log.warning("sweep failed", code=error.name)


@dataclass
class Call:
    """One authenticated request. body: the opened CBOR value of a POST, None for a GET."""

    services: Services
    request: Request
    login: Login
    body: Any

    @property
    def party(self) -> Party:
        """The caller, registered; DaricError("unauthorised") before its registration."""
        if self.login.party is None:
            raise NotAllowed("register this party first")
        return self.login.party

    @property
    def session(self) -> bytes:
        """The session id of the path."""
        return session_id(self.request.path_params["session"])

    def fields(self, *kinds: type | tuple[type, ...]) -> list[Any]:
        """The body as an array of exactly these kinds; DaricError("encoding") for anything else."""
        return check_fields(self.body, *kinds)

    def number(self, name: str, default: int, top: int) -> int:
        """An integer of the query, 0 to `top`."""
        text = self.request.query_params.get(name, str(default))
        if not (text.isascii() and text.isdigit()) or len(text) > 18 or int(text) > top:
            raise DaricError("parameter", f"{name} is a number from 0 to {top}")
        return int(text)


def check_fields(value: Any, *kinds: type | tuple[type, ...]) -> list[Any]:
    """A decoded array whose items have these types, in this order; a bool is no int."""
    if not isinstance(value, list) or len(value) != len(kinds):
        raise DaricError("encoding", f"an array of {len(kinds)} fields was expected")
    for one, kind in zip(value, kinds, strict=True):
        if not isinstance(one, kind) or isinstance(one, bool):
            raise DaricError("encoding", "a field has another type")
    return value


def session_id(text: str) -> bytes:
    """16 bytes of a uuidv4 in its canonical text form; DaricError("unknown_session") for any other text."""
    try:
        value = uuid_module.UUID(text)
    except ValueError:
        raise DaricError("unknown_session") from None
    if str(value) != text or value.version != 4:
        raise DaricError("unknown_session")
    return value.bytes


def context_of(connection: HTTPConnection, method: str) -> str:
    """What a sealed body is bound to: method, path and query as they were sent."""
    query = connection.url.query
    return f"{method} {connection.url.path}" + (f"?{query}" if query else "")


async def read_body(request: Request, limit: int) -> bytes:
    """The request body; DaricError("too_large") as soon as it passes the limit."""
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > limit:
            raise DaricError("too_large")
    return bytes(parts)


Endpoint = Callable[[Call], Awaitable[Any]]
Handler = Callable[[Request], Awaitable[Response]]


def sealed(services: Services, endpoint: Endpoint) -> Handler:
    """An endpoint behind its login: the body is opened for it, its result is sealed for the caller."""

    async def handle(request: Request) -> Response:
        login = services.authority.authenticate(tokens.bearer(request.headers.get("authorization")))
        if login.party is not None:
            services.seen[login.identity] = int(services.settings.clock())
        context = context_of(request, request.method)
        answers, body = None, None
        if request.method == "POST":
            frame = await read_body(request, hop.FRAME_BYTES)
            answers, plain = login.channel.open(frame, context)
            body = platform.cbor_decode(plain, max_bytes=REQUEST_BYTES)
        result = await endpoint(Call(services, request, login, body))
        _, frame = login.channel.seal(platform.cbor_encode(result), context, answers)
        return Response(frame, media_type=FRAME_TYPE)

    return handle


def observed(services: Services, handler: Handler, route: str) -> Handler:
    """Count and log a request: route, status, time and the party's short name, never a body, a token or an id."""

    async def handle(request: Request) -> Response:
        begun = time.perf_counter()
        status = 500
        try:
            response = await handler(request)
            status = response.status_code
            return response
        except DaricError as error:
            from .problems import status_of

            status = status_of(error)
            raise
        finally:
            seconds = time.perf_counter() - begun
            services.metrics.request(request.method, route, status, seconds)
            services.log.info("request", method=request.method, route=route, status=status, ms=round(seconds * 1000, 1))

    return handle
