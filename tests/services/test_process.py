"""The services as a real process: killed, restarted, stopped."""

import asyncio
import contextlib
import json
import os
import signal
import sys

import aiohttp
import pytest
from daric_host.relay import LocalSigner, RelayClient, read_notice
from daric_host.services.__main__ import main
from daric_protocol.errors import ERRORS, DaricError

from tests.services.house import new_identity


class Process:
    """`python -m daric_host.services` on a state directory."""

    def __init__(self, state):
        self.state = state
        self.ready = state / "ready.json"
        self.port = 0

    async def start(self):
        self.ready.unlink(missing_ok=True)  # a killed process leaves it behind
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "daric_host.services", "--state", str(self.state), "--port", str(self.port),
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        while not self.ready.exists():
            assert self.process.returncode is None, (await self.process.stderr.read()).decode()
            await asyncio.sleep(0.02)
        document = json.loads(self.ready.read_text())
        self.log = asyncio.create_task(self.process.stderr.read())
        self.url, self.port, self.service = document["url"], document["port"], bytes.fromhex(document["service"])

    async def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        await self.process.wait()

    async def stop(self):
        self.process.terminate()
        async with asyncio.timeout(9):
            await self.process.wait()
        return (await self.log).decode()


@pytest.fixture
async def process(tmp_path):
    running = Process(tmp_path)
    await running.start()
    yield running
    if running.process.returncode is None:
        await running.kill()
    await running.log


async def phone(process, stack, identity=None):
    client = RelayClient(process.url, LocalSigner(identity or new_identity()), process.service)
    await stack.enter_async_context(client)
    await client.register("phone", "phone")
    return client


async def running_session(a, b):
    session = await a.new_session_id()
    await a.create_session(session, b"terms", 2)
    for one in (a, b):
        await one.join(session, b"j")
    await a.start(session)
    return session


async def test_nothing_acknowledged_is_lost_when_the_service_is_killed(process):
    async with contextlib.AsyncExitStack() as stack:
        a, b = await phone(process, stack), await phone(process, stack)
        session = await running_session(a, b)
        acknowledged = {}
        rounds = 2

        async def sender(number):
            for k in range(40):
                body = b"%d %d" % (number, k)
                acknowledged[body] = await a.send(session, 1, body)

        senders = [asyncio.create_task(sender(number)) for number in range(4)]
        received = []
        reader = b.messages(session)
        assert read_notice((await anext(reader))[2]) == [b"j", b"j"]
        for part in range(rounds):
            while len(acknowledged) < 40 * (part + 1):
                await asyncio.sleep(0.005)
            await process.kill()
            await process.log
            await process.start()
        await asyncio.gather(*senders)
        while len(received) < 160:
            received.append(await anext(reader))
    assert [seq for seq, _, _ in received] == list(range(2, 162))
    assert {body: seq for seq, _, body in received} == acknowledged


async def test_a_client_that_knows_nothing_of_the_crash_finds_its_session_and_messages(process):
    async with contextlib.AsyncExitStack() as stack:
        a, b = await phone(process, stack), await phone(process, stack)
        session = await running_session(a, b)
        await a.send(session, 1, b"before")
        await process.kill()
        await process.log
        await process.start()
        assert (await a.me())[1] == session
        await a.send(session, 1, b"after")
        reader = b.messages(session)
        assert [(await anext(reader))[2] for _ in range(3)][1:] == [b"before", b"after"]


async def test_a_signal_closes_websockets_with_1012_ends_long_polls_and_leaves_a_clean_database(process):
    async with contextlib.AsyncExitStack() as stack:
        a, b = await phone(process, stack), await phone(process, stack)
        session = await running_session(a, b)
        reader = b.messages(session)
        await anext(reader)
        socket = b._streams[session]._socket
        poll = asyncio.create_task(a.session(session, newer=1 << 30, wait=25))
        await a.session(session)
        log = await process.stop()
        assert (await poll).state == "running"
        assert socket.close_code == 1012
    assert process.process.returncode in (0, -signal.SIGTERM)
    assert not process.ready.exists()
    assert not (process.state / "services.db-wal").exists() or not (process.state / "services.db-wal").stat().st_size
    lines = [json.loads(line) for line in log.splitlines()]
    assert {"listening", "request"} <= {line["event"] for line in lines}
    assert session.hex() not in log and "Traceback" not in log


async def test_it_says_whether_it_lives_is_ready_and_what_it_counts(process):
    async with aiohttp.ClientSession(process.url) as http:
        for path, word in (("/healthz", "ok"), ("/readyz", "ready"), ("/metrics", "daric_requests_total")):
            async with http.get(path) as response:
                assert response.status == 200 and word in await response.text()


@pytest.fixture
def quiet(monkeypatch):
    """main() in this process leaves the test run's own logging alone."""
    monkeypatch.setattr("daric_host.services.__main__.set_up_logs", lambda level: None)


def test_it_refuses_to_start_on_a_damaged_database_or_a_bad_option(tmp_path, quiet):
    (tmp_path / "services.db").write_bytes(b"x" * 4096)
    assert main(["--state", str(tmp_path)]) == ERRORS["storage"][0]
    assert main(["--state", str(tmp_path), "--cloud", "xyz"]) == ERRORS["parameter"][0]
    assert main(["--state", str(tmp_path / "services.db")]) == ERRORS["storage"][0]
    assert main(["--state", str(tmp_path / "new"), "--host", "192.0.2.1"]) == ERRORS["service"][0]


def test_it_prints_the_key_that_clients_pin(tmp_path, capsys, quiet):
    assert main(["--state", str(tmp_path), "--public-key"]) == 0
    first = capsys.readouterr().out
    assert main(["--state", str(tmp_path), "--public-key"]) == 0
    assert capsys.readouterr().out == first and len(bytes.fromhex(first)) == 33


async def test_an_unreachable_service_is_a_typed_error_once_patience_is_over():
    async with RelayClient("http://127.0.0.1:9", LocalSigner(new_identity()), bytes(33), patience=0.1) as client:
        with pytest.raises(DaricError) as refused:
            await client.login()
    assert refused.value.name == "service"
