"""A device's panel under the real MicroPython: a question is read to its end, and a hasty press approves nothing."""

import asyncio
import os
import time

import pytest
from daric_host.device import DeviceLink
from daric_protocol import flows
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_protocol.limits import PRESS_GUARD_MS
from daric_sim.device import Screen, SimDevice

from tests.sim.rig import paired

HOST = Identity(4711)
NAME = "The savings of a family whose name is long, kept for hard times"


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_question_of_two_displays_is_approved_at_the_end_of_the_second(tmp_path):
    with SimDevice(tmp_path / "device") as device:
        link, _ = await paired(device, HOST)
        async with link:
            device.answer = "wait"
            terms = flows.create_terms(os.urandom(16), 2, 3, os.urandom, NAME)
            shown = len(device.screens)
            signing = asyncio.create_task(link.sign_terms(terms))
            await until(lambda: device.rows[-1:] == ("1/2        next>",))
            assert device.rows[:3] == ("Ask for this?", "New wallet", " The savings of")
            device.push("hold right")
            device.push("right")
            await until(lambda: device.rows[-1] == "hold: <no   yes>")
            assert device.rows[0] == device.screens[-1].lines[-1] == "2 of 3 sign"
            assert not signing.done()
            device.push("left")
            await until(lambda: device.rows[-1] == "1/2        next>")
            assert len(device.screens) == shown + 1
            assert device.screens[-1].pages == 2
            device.press("approve")
            assert len(await signing) == 64
            device.answer = "refuse"
            with pytest.raises(DaricError) as caught:
                await link.sign_terms(flows.create_terms(os.urandom(16), 2, 3, os.urandom, NAME))
            assert caught.value.name == "refused"
    assert device.log == ""


async def test_a_hasty_press_approves_nothing(tmp_path):
    with SimDevice(tmp_path / "device") as device:
        link, pairing = await paired(device, HOST)
        await link.close()
    asked: list[float] = []

    def person(screen: Screen) -> str:
        asked.append(time.monotonic())
        return "wait"

    with SimDevice(tmp_path / "device", answer=person, guard=PRESS_GUARD_MS) as device:
        async with await DeviceLink.open(device.path, HOST) as link:
            await link.connect(pairing)
            signing = asyncio.create_task(link.sign_terms(flows.create_terms(os.urandom(16), 2, 2, os.urandom, "A")))
            while not signing.done():
                if asked:
                    device.push("hold right")
                await asyncio.sleep(0.02)
            assert len(await signing) == 64
            assert time.monotonic() - asked[0] >= PRESS_GUARD_MS / 1000
