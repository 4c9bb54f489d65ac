"""The party that `make chip` puts on an emulated Pico, here in MicroPython's unix port behind two pipes."""

import asyncio
import sys
from pathlib import Path

import pytest
from daric_protocol.errors import DaricError
from micropython_runner import build

from tools.chip import party, peers
from tools.chip.flash import MAIN

HERE = Path(party.__file__).parent
PLENTY = 1 << 20  # of garbage before anybody collects: what takes time on a chip takes time here, too


class Pipes:
    """A chip's console: standard input and output of a process."""

    def __init__(self, process):
        self._process = process

    async def read(self, count):
        return await self._process.stdout.readexactly(count)

    async def write(self, data):
        self._process.stdin.write(data)
        await self._process.stdin.drain()


@pytest.fixture
async def pipes(tmp_path):
    """A function that starts a program on such a chip: bytes of main.py -> its console."""
    processes = []

    async def start(main=MAIN):
        (tmp_path / "main.py").write_bytes(main)
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).parent / "micropython"), "-X", "heapsize=1m", "main.py",
            env={"MICROPYPATH": f"{build()}:{HERE}:.frozen"}, cwd=tmp_path, stdin=-1, stdout=-1,
        )  # fmt: skip
        processes.append(process)
        return Pipes(process)

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def refused(name, request):
    with pytest.raises(DaricError) as caught:
        await request
    assert caught.value.name == name
    return caught.value.detail


async def story(chip):
    """What `make chip` does."""
    hello = await chip.hello()
    assert (hello.micropython[:3], hello.arithmetic) == ("1.2", "viper")
    await peers.key_generation(chip, 2, 2)
    first = chip.result
    assert len(first) == 33 and chip.micros > 1000 and 200_000 < chip.free < 1_000_000
    keepers = await peers.key_generation(chip, 2, 3)
    assert chip.result != first
    await peers.signature(chip, keepers, [1, 2])
    assert len(chip.result) == 64


async def test_a_party_makes_wallets_with_simulated_peers_and_signs_with_one(pipes):
    await story(peers.Party(await pipes(), PLENTY))


@pytest.mark.slow
async def test_a_party_that_collects_as_the_firmware_does_does_the_same(pipes):
    await story(peers.Party(await pipes()))


async def test_what_fails_on_the_chip_is_told_and_the_next_request_is_answered(pipes):
    chip = peers.Party(await pipes())
    no_wallet = chip.begin("case", bytes(31) + b"\1", "sign", [1, bytes(32), [1, 2], bytes(32)])
    assert "on the chip: OSError" in await refused("internal", no_wallet)
    for kind, data in (
        (b"x", None), (b"p", None), (b"t", None), (b"g", [2, b""]), (b"s", [2, b""]), (b"b", []), (b"b", b"no case"),
    ):  # fmt: skip
        assert "on the chip: " in await refused("internal", chip.request(kind, data))
    assert (await chip.hello()).arithmetic == "viper"


async def test_a_peers_message_that_was_changed_ends_the_process_on_the_chip(pipes, monkeypatch):
    chip = peers.Party(await pipes(), PLENTY)
    give = chip.give

    async def changed(peer, body, chunks):
        await give(peer, body[:-1] + bytes([body[-1] ^ 1]), chunks)

    monkeypatch.setattr(chip, "give", changed)
    assert "on the chip: Abort" in await refused("internal", peers.key_generation(chip, 2, 2))


@pytest.mark.parametrize(
    "said",
    [
        b"MicroPython v1.28.0 on a board",
        b"h\xff\xff\xff\xff" + b"x" * 9,
        b"h\0\0\0\1\0",
        b"h\0\0\0\2\x81\0",
    ],
)
async def test_a_program_that_answers_with_something_else_is_told_as_such(said):
    class Saying:
        async def read(self, count):
            nonlocal said
            data, said = said[:count], said[count:]
            return data

        async def write(self, data):
            pass

    assert await refused("link", peers.Party(Saying()).hello())


@pytest.mark.parametrize("result", [b"\2" + bytes(32), bytes(64)])
async def test_a_result_that_is_not_the_others_is_no_success(pipes, monkeypatch, result):
    chip = peers.Party(await pipes(), PLENTY)
    keepers = await peers.key_generation(chip, 2, 2)
    request = chip.request

    async def other(kind, data=None):
        answer = await request(kind, data)
        return [result, *answer[1:]] if kind == b"p" and answer else answer

    monkeypatch.setattr(chip, "request", other)
    again = peers.key_generation(chip, 2, 2) if len(result) == 33 else peers.signature(chip, keepers, [1, 2])
    await refused("internal", again)
