"""The ASGI application: routes, error documents, start and stop."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from importlib import resources

from daric_protocol.errors import DaricError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from . import endpoints, stream, tokens
from .desk import Endpoint, Handler, Services, observed, sealed
from .problems import MEDIA_TYPE, problem
from .settings import Keys, Settings
from .store import Store

SEALED: tuple[tuple[str, str, Endpoint], ...] = (
    ("POST", "/v1/auth/token", endpoints.token),
    ("GET", "/v1/me", endpoints.me),
    ("POST", "/v1/accounts", endpoints.register),
    ("POST", "/v1/accounts/invitations", endpoints.invite),
    ("POST", "/v1/accounts/join", endpoints.redeem),
    ("GET", "/v1/parties", endpoints.parties),
    ("POST", "/v1/parties", endpoints.attach),
    ("POST", "/v1/parties/revoke", endpoints.revoke),
    ("POST", "/v1/session-ids", endpoints.new_session_id),
    ("POST", "/v1/sessions", endpoints.create),
    ("GET", "/v1/sessions/{session}", endpoints.session),
    ("POST", "/v1/sessions/{session}/join", endpoints.join),
    ("POST", "/v1/sessions/{session}/start", endpoints.start),
    ("POST", "/v1/sessions/{session}/end", endpoints.end),
    ("GET", "/v1/sessions/{session}/accounts", endpoints.session_accounts),
    ("GET", "/v1/sessions/{session}/messages", endpoints.messages),
    ("POST", "/v1/sessions/{session}/messages", endpoints.publish),
    ("POST", "/v1/sessions/{session}/ack", endpoints.acknowledge),
)
Clear = Callable[[Services, Request], Awaitable[Response]]


async def health(_services: Services, _request: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


async def ready(services: Services, _request: Request) -> Response:
    """The store takes writes and the process is not about to stop."""
    if services.draining:
        raise DaricError("service", "the service is stopping")
    await services.store.write(lambda tx: tx.raw.execute("UPDATE alembic_version SET version_num=version_num"))
    return JSONResponse({"status": "ready"})


async def metrics(services: Services, _request: Request) -> Response:
    """Counters for Prometheus."""
    return PlainTextResponse(services.metrics.text(), media_type="text/plain; version=0.0.4")


async def key_set(services: Services, _request: Request) -> Response:
    """Public keys of tokens and closing records."""
    return JSONResponse(tokens.key_set(services.keys.token.public_key()), media_type="application/jwk-set+json")


async def document(_services: Services, _request: Request) -> Response:
    """The OpenAPI document of this interface."""
    text = resources.files("daric_host.services").joinpath("openapi.json").read_text()
    return Response(text, media_type="application/json")


CLEAR: tuple[tuple[str, str, Clear], ...] = (
    ("POST", "/v1/auth/challenge", endpoints.challenge),
    ("POST", "/v1/auth/login", endpoints.login),
    ("GET", "/v1/openapi.json", document),
    ("GET", "/.well-known/jwks.json", key_set),
    ("GET", "/healthz", health),
    ("GET", "/readyz", ready),
    ("GET", "/metrics", metrics),
)


class RequestId:
    """Echoes X-Request-Id, or makes one, so that a client's report finds its log line."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        name = given if 0 < len(given) <= 64 and given.isalnum() else secrets.token_hex(8).encode()

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), (b"x-request-id", name)]
            await send(message)

        await self._app(scope, receive, send_named)


async def on_refusal(_request: Request, error: Exception) -> Response:
    """A DaricError as its problem document."""
    return problem(error if isinstance(error, DaricError) else DaricError("internal"))


async def on_http(_request: Request, error: Exception) -> Response:
    """What the router itself refuses: unknown paths and methods."""
    status, headers = 500, None
    if isinstance(error, HTTPException):
        status, headers = error.status_code, error.headers
    body = {"type": "about:blank", "title": "not found" if status == 404 else "refused", "status": status}
    return JSONResponse(body | {"code": "parameter", "detail": "no such path or method"}, status, headers, MEDIA_TYPE)


def build(settings: Settings) -> Starlette:
    """The application over a state directory; `app.state.services` is what its endpoints share.

    The store opens when the application starts (ASGI lifespan) and closes, flushed, when it stops.
    """
    keys = Keys.load(settings.state)
    services = Services(settings, keys, Store(settings.state / "services.db", settings.clock))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        sweeper = asyncio.create_task(services.sweep())
        try:
            yield
        finally:
            services.drain()
            sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await sweeper
            await asyncio.to_thread(services.store.close)

    def route(method: str, path: str, handler: Handler) -> Route:
        return Route(path, observed(services, handler, path), methods=[method])

    async def socket(websocket: WebSocket) -> None:
        await stream.serve(services, websocket)

    routes = [
        *[route(method, path, partial(clear, services)) for method, path, clear in CLEAR],
        *[route(method, path, sealed(services, endpoint)) for method, path, endpoint in SEALED],
        WebSocketRoute("/v1/sessions/{session}/stream", socket),
    ]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(RequestId)],
        exception_handlers={DaricError: on_refusal, HTTPException: on_http, Exception: on_refusal},
    )
    app.state.services = services
    return app
