"""The factory's requests on the real MicroPython in a device's heap."""

from daric_host.device import DeviceLink
from daric_host.flashing import factory, selftesting
from daric_protocol.identity import Identity
from daric_sim.device import SimDevice

SPARE = 2048  # bytes of heap that a request may keep: names are never freed


async def test_a_device_proves_itself_and_measures_itself_in_its_heap(tmp_path):
    with SimDevice(tmp_path) as device:
        async with await DeviceLink.open(device.path, Identity(4711)) as link:
            before = await factory.info(link)
            answer, certificate = await factory.attest(link)
            assert before.arithmetic == "viper" and answer.identity == before.identity and certificate is None
            steps = []
            measured = await selftesting.board(link, steps.append)
            assert set(measured) == {*selftesting.BY_ITSELF, "link"} and len(steps) == len(measured)
            assert len(measured["crypto"]) == 6 and measured["multiply"]["any_point_us"] > 0
            await selftesting.line(link)
            after = await factory.info(link)
            assert after.free > before.free - SPARE, (before.free, after.free, device.log)
