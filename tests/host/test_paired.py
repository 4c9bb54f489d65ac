"""The devices that a host is paired with, by identity and by port."""

import pytest
from daric_host.device import Pairing
from daric_host.paired import PairedDevices
from daric_protocol.errors import DaricError

from tests.session.parties import MemoryStore

FIRST, SECOND, PORT = b"\x02" + bytes(32), b"\x03" + bytes(32), "/dev/ttyACM0"


@pytest.fixture
def devices():
    return PairedDevices(MemoryStore())


def unknown(call, *arguments):
    with pytest.raises(DaricError) as error:
        call(*arguments)
    return error.value.name == "unpaired"


def test_a_device_is_found_by_its_port_and_by_its_identity(devices):
    devices.add(Pairing(FIRST, "first"), PORT)
    assert devices.find(PORT).identity == devices.find("elsewhere", FIRST).identity == FIRST
    assert unknown(devices.find, "elsewhere") and unknown(devices.find, PORT, SECOND)


@pytest.mark.parametrize(("old", "new"), [(FIRST, SECOND), (SECOND, FIRST)])
def test_a_wiped_device_at_the_same_port_is_the_one_that_is_meant(devices, old, new):
    devices.add(Pairing(old, "old"), PORT)
    devices.add(Pairing(new, "new"), PORT)
    assert devices.find(PORT).identity == new
    assert devices.find(PORT, old).identity == old, "the pairing itself stays until it is revoked"
    assert {device.path for device in devices.all()} == {PORT, ""}
    assert unknown(devices.find, "")


def test_a_device_that_is_paired_again_keeps_one_entry(devices):
    devices.add(Pairing(FIRST, "first"), PORT)
    devices.add(Pairing(FIRST, "renamed"), "other port")
    assert [(device.name, device.path) for device in devices.all()] == [("renamed", "other port")]


def test_a_forgotten_device_is_unpaired(devices):
    devices.add(Pairing(FIRST, "first"), PORT)
    devices.forget(FIRST)
    assert unknown(devices.find, PORT) and unknown(devices.name, FIRST) and devices.describe(FIRST) == ("", "")
