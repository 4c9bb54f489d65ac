"""The cloud party: a member of groups like any other, with its shards under a storage key per wallet (SEK).

`python -m daric_host.services.cloud`, also `daric cloud`: a process of its own. It confirms nothing and shows nothing:
it acts only for sessions whose human parties all belong to the account that owns the group. Specification:
docs/architecture.md; docs/security.md.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import structlog
import uvicorn
from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.limits import KEYGEN_TIMEOUT, TERMS_BYTES
from daric_protocol.terms import Terms
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from daric_host.carry import carry
from daric_host.keys import read_key
from daric_host.leftovers import freeing
from daric_host.party import Party
from daric_host.relay import RelayClient
from daric_host.seats import LocalSeat

from .__main__ import Server, listen, refused, set_up_logs
from .problems import problem
from .settings import CLOUD
from .tokens import Claims, TokenVerifier, bearer

OWNER = "owner/"  # which account a group belongs to
TIMEOUT = aiohttp.ClientTimeout(total=30)


class GuardedSeat(LocalSeat):
    """The cloud's seat: before it answers a start it looks who the other parties are."""

    def __init__(self, cloud: CloudParty, terms: Terms, account: bytes) -> None:
        super().__init__(cloud.party.open_session(terms, attended=False, describe=cloud.describe), cloud.party.custody)
        self._cloud = cloud
        self._account = account

    async def start(self, joins: list[bytes]) -> None:
        members = await self._cloud.relay.accounts(self.session.terms.uuid)
        strangers = [one for one in members if one.kind != "cloud" and one.account != self._account]
        if strangers or len(members) != len(joins):
            await self.cancel()
            return
        self._cloud.own(self.session.terms, self._account)
        await super().start(joins)


class CloudParty:
    """What the control endpoint may ask for. One per process and directory."""

    def __init__(self, party: Party, relay: RelayClient, verifier: TokenVerifier) -> None:
        self.party = party
        self.relay = relay
        self._verifier = verifier
        self._log = structlog.get_logger("daric.cloud")
        self._tasks: dict[bytes, asyncio.Task[None]] = {}  # by session

    def authorise(self, request: Request) -> Claims:
        """Who calls. Raises DaricError("unauthorised")."""
        claims = self._verifier.verify(bearer(request.headers.get("authorization")))
        if not claims.account:
            raise DaricError("unauthorised", "this party belongs to no account")
        return claims

    def describe(self, identity: bytes) -> tuple[str, str]:
        """(kind, name) as the cloud knows a party: it knows itself."""
        return ("cloud", "this cloud") if identity == self.party.identity.public else ("", "")

    async def join(self, claims: Claims, session: bytes) -> None:
        """Take a seat in a session, then take part in the background.

        Raises DaricError: unauthorised if the group belongs to another account, and what relay and custody raise.
        """
        terms = Terms.decode((await self.relay.session(session)).terms)
        if terms.uuid != session:
            raise DaricError("parameter", "the terms name another session")
        if terms.op != "create" or self._owner(terms.group) is not None:
            self._check_owner(claims.account, terms.group)
        if session in self._tasks:
            return
        seat = GuardedSeat(self, terms, claims.account)
        body = await seat.join()
        await freeing(self.relay, self._tasks, lambda: self.relay.join(session, body))
        task = self._tasks[session] = asyncio.create_task(self._take_part(seat))
        task.add_done_callback(lambda _: self._tasks.pop(session, None))

    def certificate(self, claims: Claims, group: bytes) -> bytes:
        """The certificate of a group of the caller's account."""
        self._check_owner(claims.account, group)
        return self.party.custody.certificate(group)

    def adopt(self, claims: Claims, certificate: bytes) -> bool:
        """Act on a certificate that this party missed, of a group of the caller's account."""
        fields = platform.cbor_decode(certificate)
        if not isinstance(fields, list) or not fields or not isinstance(fields[0], bytes):
            raise DaricError("encoding", "a certificate names its group first")
        self._check_owner(claims.account, fields[0])
        return self.party.custody.adopt(certificate)

    async def stop(self) -> None:
        """End every session here; the others are told."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.relay.close()
        self.party.close()

    def own(self, terms: Terms, account: bytes) -> None:
        """Bind a new group to an account, once all its members are known; refuse another account's group."""
        if terms.op == "create" and self._owner(terms.group) is None:
            self.party.store.write(OWNER + terms.group.hex(), account)
        self._check_owner(account, terms.group)

    def _owner(self, group: bytes) -> bytes | None:
        return self.party.store.read(OWNER + group.hex())

    def _check_owner(self, account: bytes, group: bytes) -> None:
        if self._owner(group) != account:
            raise DaricError("unauthorised", "the group belongs to another account")

    async def _take_part(self, seat: GuardedSeat) -> None:
        session = seat.session.terms.uuid
        log = self._log.bind(session=session.hex()[:8], op=seat.session.terms.op)
        try:
            status = await carry(self.relay, session, seat, KEYGEN_TIMEOUT)
        except DaricError as error:
            log.warning("session lost", error=error.name)
            return
        log.info("session ended", state=status.state, error=status.error.name if status.error else None)


async def _json(request: Request, field: str) -> str:
    body = await request.body()
    if len(body) > 2 * TERMS_BYTES:
        raise DaricError("too_large")
    try:
        value = (await request.json())[field]
    except (ValueError, KeyError, TypeError):
        raise DaricError("encoding", f"a JSON object with the text {field} was expected") from None
    if not isinstance(value, str):
        raise DaricError("encoding", f"{field} is a text")
    return value


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise DaricError("encoding", "the value is not hex") from None


async def post_join(request: Request) -> Response:
    """{session}: take a seat."""
    cloud: CloudParty = request.app.state.cloud
    claims = cloud.authorise(request)
    await cloud.join(claims, _hex((await _json(request, "session")).replace("-", "")))
    return JSONResponse({"joined": True})


async def post_certificate(request: Request) -> Response:
    """{group}: hex of a group's id; answers {certificate}."""
    cloud: CloudParty = request.app.state.cloud
    claims = cloud.authorise(request)
    certificate = cloud.certificate(claims, _hex(await _json(request, "group")))
    return JSONResponse({"certificate": certificate.hex()})


async def post_adopt(request: Request) -> Response:
    """{certificate}: hex of a certificate; answers {current}, whether a pending shard became current."""
    cloud: CloudParty = request.app.state.cloud
    claims = cloud.authorise(request)
    return JSONResponse({"current": cloud.adopt(claims, _hex(await _json(request, "certificate")))})


async def health(_: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, DaricError)
    return problem(error)


def build(party: Party, service: str, key: bytes, keys: dict[str, Any]) -> Starlette:
    """The application. service: URL of the services, key: their public key; keys: the auth service's key set."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        relay = RelayClient(service, party.signer, key)
        app.state.cloud = CloudParty(party, relay, TokenVerifier.from_key_set(keys, CLOUD))
        try:
            yield
        finally:
            await app.state.cloud.stop()

    routes = [
        Route("/v1/join", post_join, methods=["POST"]),
        Route("/v1/certificate", post_certificate, methods=["POST"]),
        Route("/v1/adopt", post_adopt, methods=["POST"]),
        Route("/healthz", health),
    ]
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers={DaricError: _refuse})


async def enrol(party: Party, service: str, key: bytes) -> dict[str, Any]:
    """Register this party at its first start; the key set of the auth service. DaricError if either is refused."""
    try:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT, trust_env=False) as http,
            http.get(service + "/.well-known/jwks.json") as answer,
        ):
            keys = dict(await answer.json(content_type=None))
    except (aiohttp.ClientError, TimeoutError, ValueError, TypeError) as error:
        raise DaricError("service", f"the services do not answer at {service}") from error
    async with RelayClient(service, party.signer, key) as relay:
        if await relay.login() is None:
            await relay.register("cloud", "cloud")
    return keys


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="daric cloud", description="the cloud party, a process of its own")
    parser.add_argument("--state", type=Path, required=True, help="directory of the store and the key file")
    parser.add_argument("--service", help="URL of auth, sessions and relay")
    parser.add_argument("--service-key", help="their public key, hex")
    parser.add_argument("--host", default="127.0.0.1", help="address of the control endpoint")
    parser.add_argument("--port", type=int, default=0, help="0: any free port, see the ready file")
    parser.add_argument("--identity", action="store_true", help="print this party's identity and exit")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until a signal; 0 after an orderly stop, else the number of the error that keeps it from starting."""
    options = parse(arguments)
    set_up_logs("info")
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    log = structlog.get_logger("daric.cloud")
    try:
        party = Party(options.state, "cloud")
        if options.identity:
            sys.stdout.write(party.identity.public.hex() + "\n")
            party.close()
            return 0
        if not options.service or not options.service_key:
            raise DaricError("parameter", "--service and --service-key are needed")
        key = read_key(options.service_key, "the service's key")
        app = build(party, options.service, key, asyncio.run(enrol(party, options.service, key)))
        listener = listen(options.host, options.port)
    except (DaricError, OSError) as error:
        return refused(log, error)
    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False)
    document: dict[str, object] = {
        "url": f"http://{options.host}:{listener.getsockname()[1]}",
        "pid": os.getpid(),
    }
    server = Server(config, options.state / "ready.json", document)
    server.run(sockets=[listener])
    return 0 if server.started else DaricError("internal").number


if __name__ == "__main__":
    sys.exit(main())
