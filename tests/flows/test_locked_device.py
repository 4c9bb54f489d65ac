"""A person whose device has a PIN: commands meet a locked device, the PIN opens it, the wallet goes on."""

import pytest
from daric_sim.device import APPROVE
from flows.test_commands import Person

PIN = "493021"


def types_the_pin(screen):
    return f"text:{PIN}" if screen.typed else APPROVE


@pytest.mark.slow
def test_commands_wait_for_the_pin_of_a_locked_device(house, device, tmp_path):
    person = Person(tmp_path / "person", house)
    port = ["--device", device.path]
    person.run("pair", "new", device.path, "--yes")
    assert person.refused("pair", "lock", *port) == "pin"
    device.answer = types_the_pin
    device.choose("pinflow.set_pin")
    device.wait_for_screen("The PIN is set")
    assert len(person.run("pair", "lock", *port)["locked"]) == 1
    assert person.refused("pair", "list", *port) == "locked"
    assert person.run("pair", "unlock", device.path)["unlocked"] == device.path
    made = person.run("wallet", "create", "Ours", "--yes", *port)
    assert len(made["members"]) == 3
