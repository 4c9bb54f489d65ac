"""A device in whose flash a bit of a table has changed: it says so and answers nothing, rather than a wrong point."""

from pathlib import Path

import daric_protocol
import pytest
from daric_host.device import DeviceLink
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_sim import image
from daric_sim.device import SimDevice

TABLE = (Path(daric_protocol.__file__).parent / "generator.bin").read_bytes()


@pytest.mark.parametrize("bit", [0, 8 * len(TABLE) - 1])
async def test_a_device_with_a_damaged_table_of_the_generator_is_out_of_order(tmp_path, bit):
    whole = image.build().read_bytes()
    changed = bytearray(whole)
    changed[whole.index(TABLE) + bit // 8] ^= 1 << bit % 8
    rom = tmp_path / "rom"
    rom.write_bytes(changed)
    with SimDevice(tmp_path / "device", rom=rom) as device:
        async with await DeviceLink.open(device.path, Identity(4711)) as link:
            with pytest.raises(DaricError) as caught:
                await link.factory("info")
        assert caught.value.name == "storage"
        device.wait_for_screen("out of order")
