"""The cloud party: a member of groups like any other, with its shards under a storage key per wallet (SEK).

`python -m daric_host.services.cloud`, also `daric cloud`: a process of its own. What it does is in cloud_party.py, what
its control endpoint takes in cloud_endpoints.py. Specification: docs/architecture.md, the cloud party.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import structlog
import uvicorn
from daric_protocol.errors import DaricError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from daric_host.keys import read_key
from daric_host.party import Party
from daric_host.relay import RelayClient

from .__main__ import Server, listen, refused, set_up_logs
from .cloud_endpoints import ROUTES
from .cloud_party import CloudParty
from .problems import problem
from .settings import CLOUD
from .tokens import TokenVerifier

TIMEOUT = aiohttp.ClientTimeout(total=30)


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, DaricError)
    return problem(error)


def build(
    party: Party, service: str, key: bytes, keys: dict[str, Any], clock: Callable[[], float] = time.time
) -> Starlette:
    """The application. service: URL of the services, key: their public key; keys: the auth service's key set."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        relay = RelayClient(service, party.signer, key)
        app.state.cloud = CloudParty(party, relay, TokenVerifier.from_key_set(keys, CLOUD), clock)
        try:
            yield
        finally:
            await app.state.cloud.stop()

    return Starlette(routes=ROUTES, lifespan=lifespan, exception_handlers={DaricError: _refuse})


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
