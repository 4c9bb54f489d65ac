"""`daric pair unlock` at a simulated device: it waits for the PIN, tells what is left, and needs no pairing."""

import json

import pytest
from daric_host.cli import app
from daric_protocol.errors import DaricError
from daric_sim.device import SimDevice
from typer.testing import CliRunner

PIN, OTHER = "493021", "8675309"


@pytest.fixture
def device(tmp_path):
    with SimDevice(tmp_path / "device", runtime="cpython", answer="wait") as device:
        device.wait_for_screen("not paired")
        yield device


def unlock(device, home):
    done = CliRunner().invoke(app, ["pair", "unlock", device.path, "--home", str(home), "--json"])
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]


def types(device, *pins):
    left = list(pins)
    device.answer = lambda screen: f"text:{left.pop(0)}" if screen.typed and left else "wait"


def test_a_device_without_a_pin_is_open(device, tmp_path):
    code, [result] = unlock(device, tmp_path / "phone")
    assert code == 0 and result["unlocked"] == device.path


def test_the_command_waits_for_the_pin(device, tmp_path):
    types(device, PIN, PIN)
    device.choose("pinflow.set_pin")
    device.wait_for_screen("The PIN is set")
    device.restart()
    types(device, PIN)
    code, lines = unlock(device, tmp_path / "phone")
    assert code == 0 and lines[-1]["kind"] == "result"
    advice = [line["text"] for line in lines if line["kind"] == "event"]
    assert advice == ["type the PIN on the device; 10 tries left"]


def test_a_port_without_a_device_is_an_error(tmp_path):
    done = CliRunner().invoke(app, ["pair", "unlock", str(tmp_path / "none"), "--home", str(tmp_path), "--json"])
    assert done.exit_code == DaricError("link").number
