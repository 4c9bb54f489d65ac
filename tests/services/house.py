"""The services in this process on a free port, and parties that talk to them through the real client."""

import asyncio
import contextlib
import dataclasses
import functools
import secrets
import tempfile
from pathlib import Path

import uvicorn
from daric_host.relay import LocalSigner, RelayClient
from daric_host.services.__main__ import SOCKET_BYTES
from daric_host.services.app import build
from daric_host.services.settings import Settings
from daric_host.services.store import connect, migrate
from daric_protocol.identity import Identity

PATIENCE = 5.0


@functools.cache
def empty_database():
    """The bytes of a freshly migrated database."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        engine = connect(path)
        migrate(engine)
        engine.dispose()
        return path.read_bytes()


class Clock:
    """Time that passes when a test says so."""

    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


def new_identity():
    return Identity(secrets.randbelow(2**255) + 1)


class House:
    """One running service; `client()` gives a logged-out party, `phone()` a registered one."""

    def __init__(self, state, **settings):
        self.clock = Clock()
        database = state / "services.db"
        if not database.exists():
            database.write_bytes(empty_database())
        self.settings = dataclasses.replace(Settings(state, clock=self.clock, sweep=3600), **settings)
        self.app = build(self.settings)
        self.services = self.app.state.services
        config = uvicorn.Config(
            self.app, port=0, log_config=None, access_log=False, ws="websockets-sansio", ws_max_size=SOCKET_BYTES
        )
        self.server = uvicorn.Server(config)
        self.clients = []

    @property
    def service(self):
        return self.services.keys.hop.public

    async def __aenter__(self):
        self.task = asyncio.create_task(self.server.serve())
        while not self.server.started:
            await asyncio.sleep(0.005)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_):
        for client in self.clients:
            await client.close()
        self.services.drain()
        self.server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await self.task

    def client(self, identity=None, service=None):
        signer = LocalSigner(identity or new_identity())
        client = RelayClient(self.url, signer, service or self.service, PATIENCE)
        self.clients.append(client)
        return client

    async def phone(self, name="phone"):
        client = self.client()
        await client.register("phone", name)
        return client

    async def running(self, *members, terms=b"terms"):
        """A started session of these registered parties, the first of them its initiator."""
        session = await members[0].new_session_id()
        await members[0].create_session(session, terms, len(members))
        for member in members:
            await member.join(session, b"join of " + member.signer.public)
        await members[0].start(session)
        return session
