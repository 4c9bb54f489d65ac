"""The real MicroPython on a real pty: noise during whole sessions, and the power cut in every round."""

import asyncio
import os

import pytest
from daric_host.device import DeviceLink
from daric_host.transport import SerialTransport
from daric_protocol import flows, platform
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_sim.device import SimDevice

from tests.link.line import Faults
from tests.sim.rig import DeviceParty, LocalParty, paired, run_session

HOST = Identity(4711)
CREATE_ROUNDS = range(5)  # round 0 to the acknowledgements
SIGN_ROUNDS = range(1, 4)


@pytest.fixture
def device(tmp_path):
    with SimDevice(tmp_path / "device") as running:
        yield running


def request(text: bytes) -> bytes:
    return platform.cbor_encode([2, text, []])


async def sign_terms(link, party, group, text):
    roster = party.custody.roster(group)
    signers = [roster.index_of((await link.identity()).identity), roster.index_of(party.identity.public)]
    return flows.sign_terms(os.urandom(16), group, roster, signers, request(text))


async def done(terms, parties):
    return [state for state, _ in await run_session(terms, parties)] == ["done"] * len(parties)


async def killed(device, terms, link, party, number):
    """A session whose device loses its power when it begins a round."""
    since = len(device.screens)
    session = asyncio.create_task(run_session(terms, [DeviceParty(link), party]))
    await asyncio.to_thread(device.wait_for_screen, f"{terms.op}\nround {number}", 60, since)
    device.restart()
    with pytest.raises(DaricError) as caught:
        await session
    assert caught.value.name in ("link", "session")
    party.session.expire()


@pytest.mark.slow
async def test_a_device_killed_in_any_round_of_a_key_generation_loses_nothing(device):
    link, _ = await paired(device, HOST)
    async with link:
        for number in CREATE_ROUNDS:
            terms = flows.create_terms(os.urandom(16), 2, 2, os.urandom)
            await killed(device, terms, link, LocalParty(5), number)
            assert terms.group not in (await link.identity()).groups or number == CREATE_ROUNDS[-1]
        party = LocalParty(5)
        terms = flows.create_terms(os.urandom(16), 2, 2, os.urandom)
        assert await done(terms, [DeviceParty(link), party])
        assert await done(await sign_terms(link, party, terms.group, b"whole"), [DeviceParty(link), party])


@pytest.mark.slow
async def test_a_device_killed_in_any_round_of_a_signature_signs_again(device):
    link, _ = await paired(device, HOST)
    async with link:
        party = LocalParty(5)
        created = flows.create_terms(os.urandom(16), 2, 2, os.urandom)
        assert await done(created, [DeviceParty(link), party])
        for number in SIGN_ROUNDS:
            text = b"killed in round %d" % number
            await killed(device, await sign_terms(link, party, created.group, text), link, party, number)
            again = [await sign_terms(link, party, created.group, text), [DeviceParty(link), party]]
            if not await done(*again):  # a check was open: its mark is a ban until a new set-up
                roster = party.custody.roster(created.group)
                terms = flows.pair_terms(os.urandom(16), created.group, roster, 1, 2)
                assert await done(terms, [DeviceParty(link), party])
                assert await done(await sign_terms(link, party, created.group, text), [DeviceParty(link), party])


async def test_a_key_generation_and_a_signature_survive_noise_on_the_line(device):
    there, back = Faults(1, 0.00005), Faults(2, 0.00005)

    class Noisy(SerialTransport):
        def write(self, data: bytes) -> None:
            super().write(there(data))

        def read(self, timeout: float) -> bytes:
            return back(super().read(timeout))

    async def same(code: str) -> bool:
        return True

    async with DeviceLink(lambda: Noisy(device.path), HOST, ack_timeout=0.05) as link:
        await link.connect(await link.pair(same))
        party = LocalParty(5)
        terms = flows.create_terms(os.urandom(16), 2, 2, os.urandom)
        assert await done(terms, [DeviceParty(link), party])
        assert await done(await sign_terms(link, party, terms.group, b"noisy"), [DeviceParty(link), party])
    assert there.count + back.count > 3
