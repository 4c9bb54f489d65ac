"""Broken entropy sources in a whole simulated device: the real firmware in the real MicroPython."""

import pytest
from daric_host.device import DeviceLink
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_sim.device import SimDevice

OUT_OF_ORDER = ("Daric", "out of order:", "entropy")


async def pairing_fails(device: SimDevice) -> str:
    async def same(code: str) -> bool:
        return True

    async with await DeviceLink.open(device.path, Identity(4711)) as link:
        assert await link.hello() == 1
        with pytest.raises(DaricError) as caught:
            await link.pair(same)
    return caught.value.name


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("missing", "stuck", "biased", "leaning", "failing")]


@pytest.mark.parametrize("entropy", ["repeating", *SLOW])
async def test_a_board_with_a_broken_source_says_so_and_does_nothing_else(tmp_path, entropy):
    with SimDevice(tmp_path / "device", entropy=entropy) as device:
        assert device.wait_for_screen("out of order").lines == OUT_OF_ORDER
        assert await pairing_fails(device) == "entropy"


@pytest.mark.slow
async def test_a_source_that_breaks_in_use_stops_the_board(tmp_path):
    async def same(code: str) -> bool:
        return True

    with SimDevice(tmp_path / "device", entropy="repeating@70") as device:
        device.wait_for_screen("not paired")
        async with await DeviceLink.open(device.path, Identity(4711)) as link:
            await link.connect(await link.pair(same))
            info = await link.identity()
            key = b"\2" + bytes(32)
            with pytest.raises(DaricError) as caught:
                for _ in range(100):
                    await link.auth(["login", "daric", key, key, bytes(32), info.identity, key, 1, b""])
            assert caught.value.name == "entropy"
        assert device.wait_for_screen("out of order").lines == OUT_OF_ORDER
        assert await pairing_fails(device) == "entropy"


@pytest.mark.slow
def test_a_seeded_generator_is_refused_at_the_second_start(tmp_path):
    with SimDevice(tmp_path / "device", entropy="seeded") as device:
        device.wait_for_screen("not paired")
        seen = len(device.screens)
        device.restart()
        assert device.wait_for_screen("out of order", since=seen).lines == OUT_OF_ORDER
