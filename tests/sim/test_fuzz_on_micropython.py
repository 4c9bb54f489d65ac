"""Random and mutated traffic at the real MicroPython: it never leaves the protocol, never stops, never shows a prompt.

DARIC_FUZZ_SECONDS is how long the slow test goes on (600), DARIC_FUZZ_SEED where it begins (1).
"""

import asyncio
import os
import time

import pytest
from daric_host.device import DeviceInfo, DeviceLink
from daric_host.transport import SerialTransport
from daric_protocol import flows, platform
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_protocol.link import Link
from daric_sim.device import APPROVE, REFUSE, WAIT, Screen, SimDevice

from tests.firmware.test_device_fuzz import ASKED, valid
from tests.link.fuzz import Fuzz
from tests.link.line import unwrapped
from tests.sim.rig import DeviceParty, LocalParty, run_session

HOST = Identity(4711)
SEED = int(os.environ.get("DARIC_FUZZ_SEED", "1"))
SECONDS = float(os.environ.get("DARIC_FUZZ_SECONDS", "600"))
FAST_SECONDS = 10.0
RESTING = 8.0  # in which a device starts anew whose heap is full of the names of all that was loaded
PATIENCE = 20.0  # seconds for an answer, on a busy machine
ENDING = ("wipe", "forget", "maintenance", "lock", "pin", "update")  # what an owner refuses here


class Listened(SerialTransport):
    """A port whose every byte from the device has to be of a frame."""

    tail = b""
    frames = 0
    strange: list[bytes] = []  # noqa: RUF012 - of the one device

    def read(self, timeout: float) -> bytes:
        data = super().read(timeout)
        *pieces, Listened.tail = (Listened.tail + data).split(b"\0")
        for piece in pieces:
            if piece:
                Listened.frames += 1
                if unwrapped(piece) is None:
                    Listened.strange.append(piece)
        return data


class Attack:
    """One device under fire of one seed."""

    def __init__(self, device: SimDevice, seed: int) -> None:
        self.device = device
        self.fuzz = Fuzz(seed)
        self.port: Listened | None = None
        self.link = DeviceLink(self._open, HOST, ack_timeout=0.2)
        self.sent = 0
        Listened.tail, Listened.frames, Listened.strange = b"", 0, []

    def _open(self) -> Listened:
        self.port = Listened(self.device.path)
        return self.port

    def press(self, screen: Screen) -> str:
        if any(word in screen.text.lower() for word in ENDING):
            return REFUSE
        return self.fuzz.dice.choice((APPROVE, APPROVE, REFUSE, WAIT))

    async def pair(self) -> None:
        async def same(code: str) -> bool:
            return True

        await self.link.connect(await self.link.pair(same))

    def noise(self) -> None:
        """Noise and frames, whatever they do to the message under way."""
        for _ in range(self.fuzz.dice.randrange(1, 8)):
            self.port.write(self.fuzz.noise() if self.fuzz.dice.random() < 0.5 else self.fuzz.frame())
            self.sent += 1
        self.port.read(0.01)

    def message(self) -> None:
        """A message in clear, which has to be answered."""
        link = Link(self.fuzz.dice.randbytes(4), ack_timeout=0.2, retries=100)
        link.send(self.fuzz.clear())
        self.sent += 1
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self.port.write(link.output(int(time.monotonic() * 1000)))
            for data in link.receive(self.port.read(0.02)):
                self.port.write(link.output(int(time.monotonic() * 1000)))
                if isinstance(platform.cbor_decode(data), list):
                    return
        raise AssertionError("no answer to a message in clear")

    async def request(self, party: LocalParty, gid: bytes) -> str:
        """A request of the paired host, mutated; how it ended."""
        method = self.fuzz.dice.choice(ASKED)
        parameters = self.fuzz.parameters(valid(party, gid, method))
        if method == "hosts_revoke" and parameters[:1] == [HOST.public]:
            return ""
        self.sent += 1
        try:
            await self.link._call(method, *parameters, timeout=60)
        except DaricError as error:
            return error.name
        return "done"

    async def identity(self) -> DeviceInfo:
        """What the device says of itself: the answer to somebody's noise may come first, and be a refusal."""
        for _ in range(5):
            try:
                return await self.link.identity()
            except DaricError as error:
                assert error.name in ("memory", "encoding", "unpaired", "sealed", "pairing", "too_large"), error
        raise AssertionError("the device does not answer its host any more")

    async def rest(self) -> None:
        """Let the device be, with no session of which it holds the rest."""
        await self.link.session_abort()
        try:
            while (await self.link.session_fetch()).frame is not None:
                pass
        except DaricError as error:
            assert error.name == "session", error
        for _ in range(int(RESTING)):
            await asyncio.sleep(1)
            await self.identity()  # an app goes on asking

    async def go_on(self, seconds: float, party: LocalParty, gid: bytes) -> set[str]:
        """Fire for so long, and look again and again whether the device is the same; how requests ended."""
        known = await self.identity()
        outcomes: set[str] = set()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for _ in range(20):
                roll = self.fuzz.dice.random()
                if roll < 0.25:
                    await asyncio.to_thread(self.noise)
                elif roll < 0.4:
                    await asyncio.to_thread(self.message)
                else:
                    outcomes.add(await self.request(party, gid))
            seen = await self.identity()
            assert (seen.identity, seen.groups) == (known.identity, known.groups), self.device.log
            assert self.device.log == ""
            assert Listened.strange == []
        assert len(await self.link.hosts()) == 1
        assert outcomes >= {"parameter", "encoding"} and "internal" not in outcomes
        assert Listened.frames > self.sent
        return outcomes


async def test_ten_seconds_of_random_and_mutated_traffic_stay_in_the_protocol(tmp_path):
    party, other = LocalParty(5), LocalParty(6)
    terms = flows.create_terms(os.urandom(16), 2, 2, os.urandom)
    await run_session(terms, [party, other])
    with SimDevice(tmp_path / "device", interrupts=True) as device:
        attack = Attack(device, SEED)
        async with attack.link:
            await attack.pair()
            device.answer = attack.press
            await attack.go_on(FAST_SECONDS, party, terms.group)


@pytest.mark.slow
@pytest.mark.timeout(SECONDS * 2 + 300)
async def test_minutes_of_random_and_mutated_traffic_leave_a_device_that_signs(tmp_path):
    with SimDevice(tmp_path / "device", interrupts=True) as device:
        attack = Attack(device, SEED)
        async with attack.link as link:
            await attack.pair()
            party = LocalParty(5)
            made = flows.create_terms(os.urandom(16), 2, 2, os.urandom)
            assert [state for state, _ in await run_session(made, [DeviceParty(link), party])] == ["done"] * 2
            device.answer = attack.press
            assert {"done", "refused"} <= await attack.go_on(SECONDS, party, made.group)
            device.answer = APPROVE
            await attack.rest()
            await link.identity()
            roster = party.custody.roster(made.group)
            signers = [member.index for member in roster.members]
            request = platform.cbor_encode([2, b"after all", []])
            terms = flows.sign_terms(os.urandom(16), made.group, roster, signers, request)
            outcomes = await run_session(terms, [DeviceParty(link), party])
            assert [state for state, _ in outcomes] == ["done"] * 2, [str(result) for _, result in outcomes]
            assert Listened.strange == [] and device.log == ""


@pytest.mark.slow
async def test_a_device_that_everything_was_asked_of_starts_anew_when_it_rests_and_signs(tmp_path):
    """The interpreter never frees a name, and the names of all code together take the room of a signature."""
    with SimDevice(tmp_path / "device") as device:
        attack = Attack(device, SEED)
        async with attack.link as link:
            await attack.pair()
            party = LocalParty(5)
            made = flows.create_terms(os.urandom(16), 2, 2, os.urandom)
            await run_session(made, [DeviceParty(link), party])
            device.answer, pid = REFUSE, device.pid
            for method in ASKED:
                for _ in range(2):
                    try:
                        await link._call(method, *valid(party, made.group, method))
                    except DaricError as error:
                        assert error.name != "internal"
            device.answer = APPROVE
            await attack.rest()
            assert (await link.identity()).groups == [made.group]
            assert device.pid != pid and device.log == "", [screen.lines for screen in device.screens[-3:]]
            roster = party.custody.roster(made.group)
            signers = [member.index for member in roster.members]
            terms = flows.sign_terms(os.urandom(16), made.group, roster, signers, platform.cbor_encode([2, b"x", []]))
            assert [state for state, _ in await run_session(terms, [DeviceParty(link), party])] == ["done"] * 2
