"""The simulated device: the image that ships, in the real MicroPython, started as a board starts."""

import asyncio
import os
import signal

import pytest
import serial
from daric_host.device import DeviceLink, Pairing
from daric_host.transport import SerialTransport
from daric_protocol import flows, platform
from daric_protocol.errors import DaricError
from daric_protocol.evm import address
from daric_protocol.identity import Identity
from daric_sim import image
from daric_sim.device import APPROVE, REFUSE, WAIT, SimDevice
from eth_account import Account
from eth_account.messages import encode_defunct

from tests.link.line import Faults
from tests.sim.rig import DeviceParty, LocalParty, paired, run_session

HOST = Identity(4711)
RAW_REPL = b"\r\x03\x03\r\x01import os\x04\x05A\x01\x02"  # what tools send to get a prompt
MESSAGE = b"signed by a device"


@pytest.fixture
def device(tmp_path):
    with SimDevice(tmp_path / "device") as running:
        yield running


def request() -> bytes:
    return platform.cbor_encode([2, MESSAGE, []])


async def test_a_flood_of_control_bytes_from_the_first_byte_of_boot_reaches_no_prompt(tmp_path):
    with SimDevice(tmp_path / "device", answer=WAIT) as device:
        with serial.Serial(device.path, timeout=0.2) as port:
            heard = b""
            for _ in range(40):
                port.write(RAW_REPL + bytes(range(1, 6)) * 20)
                heard += port.read(1000)
                if device.screens:
                    break
            port.write(bytes([3]) * 500)
            heard += port.read(1000)
        assert heard == b""
        async with await DeviceLink.open(device.path, HOST) as link:
            assert await link.hello() == 1
        assert device.log == ""


async def test_a_device_keeps_its_identity_and_its_hosts_through_power_cuts(device):
    link, pairing = await paired(device, HOST)
    before = await link.identity()
    for _ in range(2):
        device.restart()
        assert await link.identity() == before
    await link.close()
    async with await DeviceLink.open(device.path, HOST) as again:
        await again.connect(Pairing.decode(pairing.encode()))
        assert await again.identity() == before


async def test_a_stranger_is_refused_by_the_real_device(device):
    link, pairing = await paired(device, HOST)
    await link.close()
    async with await DeviceLink.open(device.path, Identity(666)) as stranger:
        with pytest.raises(DaricError) as caught:
            await stranger.connect(pairing)
    assert caught.value.name == "unpaired"


async def test_a_2_of_3_wallet_is_made_and_its_signature_recovers_its_address(device):
    link, _ = await paired(device, HOST)
    async with link:
        parties = [LocalParty(5), LocalParty(6)]
        terms = flows.create_terms(os.urandom(16), 2, 3, os.urandom, "Savings")
        outcomes = await run_session(terms, [DeviceParty(link), *parties])
        assert [state for state, _ in outcomes] == ["done"] * 3, (outcomes, device.log)
        roster = parties[0].custody.roster(terms.group)
        signers = [roster.index_of((await link.identity()).identity), roster.index_of(parties[0].identity.public)]
        terms = flows.sign_terms(os.urandom(16), terms.group, roster, signers, request())
        [(state, signature), _] = await run_session(terms, [DeviceParty(link), parties[0]])
        assert state == "done", device.log
    wallet = address.from_public_key(parties[0].custody.shard(terms.group).pk)
    electrum = signature[:64] + bytes([27 + signature[64]])
    signer = Account.recover_message(encode_defunct(MESSAGE), signature=electrum)
    assert bytes.fromhex(signer[2:]) == (wallet if isinstance(wallet, bytes) else bytes.fromhex(wallet[2:]))


async def test_a_device_killed_in_the_middle_starts_again_and_makes_the_wallet(device):
    link, _ = await paired(device, HOST)
    async with link:
        terms = flows.create_terms(os.urandom(16), 2, 2, os.urandom)
        party = DeviceParty(link)
        session = asyncio.create_task(run_session(terms, [party, LocalParty(5)]))
        await asyncio.to_thread(device.wait_for_screen, "round 1")
        device.restart()
        with pytest.raises(DaricError) as caught:
            await session
        assert caught.value.name in ("link", "session")
        terms = flows.create_terms(os.urandom(16), 2, 2, os.urandom)
        outcomes = await run_session(terms, [DeviceParty(link), LocalParty(5)])
        assert [state for state, _ in outcomes] == ["done"] * 2


async def test_a_press_of_refuse_ends_the_session(device):
    link, _ = await paired(device, HOST)
    device.answer = REFUSE
    async with link:
        terms = flows.create_terms(os.urandom(16), 2, 2, os.urandom)
        (_, mine), (_, theirs) = await run_session(terms, [DeviceParty(link), LocalParty(5)])
    assert mine.name == "refused"
    assert theirs.name == "soft"


async def test_a_device_that_nobody_answers_waits_with_its_link_alive(device):
    link, _ = await paired(device, HOST)
    device.answer = WAIT
    async with link:
        terms = flows.create_terms(os.urandom(16), 2, 2, os.urandom)
        session = asyncio.create_task(run_session(terms, [DeviceParty(link), LocalParty(5)]))
        await asyncio.to_thread(device.wait_for_screen, "Check code")
        assert (await link.session_state()).state == "confirming"
        device.press(APPROVE)
        assert [state for state, _ in await session] == ["done"] * 2


async def test_a_line_that_alters_bytes_loses_no_message(device):
    class Faulty(SerialTransport):
        there, back = Faults(1, 0.001), Faults(2, 0.001)

        def write(self, data: bytes) -> None:
            super().write(self.there(data))

        def read(self, timeout: float) -> bytes:
            return self.back(super().read(timeout))

    async def same(code: str) -> bool:
        return True

    link = DeviceLink(lambda: Faulty(device.path), HOST, ack_timeout=0.05)
    async with link:
        await link.connect(await link.pair(same))
        identity = await link.identity()
        for _ in range(30):
            assert await link.identity() == identity


@pytest.mark.parametrize("entropy", ["stuck", "biased", "missing"])
async def test_a_device_with_a_bad_entropy_source_makes_no_key(tmp_path, entropy):
    with SimDevice(tmp_path / "device", entropy=entropy) as device:
        async with await DeviceLink.open(device.path, HOST) as link:
            with pytest.raises(DaricError) as caught:
                await link.pair(None)
        assert caught.value.name == "entropy"
        assert not (tmp_path / "device" / "flash").exists()


async def test_an_unforeseen_error_resets_the_device(tmp_path):
    with SimDevice(tmp_path / "device", runtime="cpython") as device:
        async with await DeviceLink.open(device.path, HOST):
            device.wait_for_screen("not paired")
            count = len(device.screens)
            os.kill(device.pid, signal.SIGINT)  # raises KeyboardInterrupt inside the loop
            device.wait_for_screen("not paired", since=count)
        assert "KeyboardInterrupt" in device.log
        async with await DeviceLink.open(device.path, HOST) as link:
            assert await link.hello() == 1


def test_two_programs_cannot_open_one_device(device):
    first = SerialTransport(device.path)
    with pytest.raises(OSError):
        SerialTransport(device.path)
    first.close()


async def test_a_port_that_is_not_there_is_a_link_error():
    with pytest.raises(DaricError) as caught:
        await DeviceLink.open("/dev/no-such-port", HOST)
    assert caught.value.name == "link"


def test_an_image_is_built_once_and_holds_no_source():
    path = image.build()
    assert image.build() == path
    packed = path.read_bytes()
    assert packed.startswith(b"\xd2\xcd\x31")
    assert b"app.mpy" in packed
    assert b"app.py" not in packed
    assert b"coincurve" not in packed
    assert b"docs/protocol.md" not in packed
