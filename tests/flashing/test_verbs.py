"""The verbs on a device that is there already: the firmware in CPython behind a pty, the tool in this process."""

import argparse
import json

import pytest
from daric_host.flashing import verbs
from daric_host.flashing.ports import Port
from daric_sim.device import SimDevice
from daric_sim.farm import Farm, answered

from tests.flashing.test_bare_board import small


class Desk(Farm):
    """A person at one device."""

    def __init__(self, device):
        self.boards = [device]

    def __exit__(self, *_):
        pass


@pytest.fixture
def device(tmp_path, request):
    entropy = getattr(request, "param", "system")
    with SimDevice(tmp_path / "device", runtime="cpython", answer=answered, entropy=entropy) as device:
        yield device


@pytest.fixture
def flash(device, monkeypatch, capsys):
    """Run the tool: (exit code, its lines)."""
    monkeypatch.setattr(verbs, "serial_ports", lambda: [Port(device.path, known="simulated")])
    monkeypatch.setattr(verbs, "Terminal", lambda yes: Desk(device))

    def run(*arguments):
        parser = argparse.ArgumentParser()
        verbs.add_verbs(parser.add_subparsers())
        capsys.readouterr()
        code = verbs.run(parser.parse_args([*map(str, arguments), "--json"]))
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


def result(lines):
    return next(line for line in lines if line["event"] in ("result", "error"))


def test_a_device_is_listed_with_what_it_tells(flash, device):
    code, lines = flash("list")
    found = result(lines)
    assert code == 0 and found["port"] == device.path
    assert [found["is"], found["why"], found["board"], found["hosts"]] == ["daric", "not provisioned", "virtual", 0]


def test_a_machine_without_ports_says_so(flash, monkeypatch):
    monkeypatch.setattr(verbs, "serial_ports", list)
    assert flash("list") == (0, [{"event": "result", "ports": 0}])
    assert flash("list", "--port", "/dev/none")[0] == 61


def test_a_device_tests_itself_and_its_panel(flash):
    code, lines = flash("selftest", "--panel")
    found = result(lines)
    assert code == 0, lines
    assert len(found["crypto"]) == 6 and found["panel"] == "display and both buttons"
    assert [line["step"] for line in lines if line["event"] == "step"][:2] == ["self-test entropy", "self-test flash"]


def test_a_button_that_does_nothing_fails_the_test(flash, device):
    device.answer = "approve"
    code, lines = flash("selftest", "--panel")
    assert code == 53 and "left button" in result(lines)["detail"]


def test_a_device_proves_its_identity_and_without_a_certificate_no_more(flash):
    assert flash("verify")[0] == 0
    code, lines = flash("verify", "--factory-key", "02" + "11" * 32)
    assert code in (12, 41)
    key = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
    code, lines = flash("verify", "--factory-key", key)
    assert code == 41 and "no certificate" in result(lines)["detail"]


def test_a_device_with_another_image_or_in_no_record_is_not_verified(flash, tmp_path):
    (tmp_path / "image").write_bytes(small().encode())
    assert flash("verify", "--image", tmp_path / "image")[0] == 41
    (tmp_path / "record").touch()
    assert flash("verify", "--record", tmp_path / "record")[0] == 41


def test_provisioning_takes_a_key_and_a_device_that_takes_certificates(flash, tmp_path):
    line = ["provision", "--record", tmp_path / "record", "--batch", "B", "--operator", "Ada"]
    assert flash(*line)[0] == 12
    build_key(tmp_path / "key.pem")
    assert flash(*line, "--key", tmp_path / "key.pem")[0] == 40  # the image of this device takes none
    assert flash(*line, "--key", tmp_path / "missing")[0] == 12


@pytest.mark.parametrize("device", ["seeded"], indirect=True)
def test_a_device_whose_random_source_has_a_fixed_seed_gets_no_certificate(flash, tmp_path):
    assert flash("list")[1][0]["why"] == "not provisioned"  # at its first start nobody can tell
    line = ["provision", "--record", tmp_path / "record", "--batch", "B", "--operator", "Ada"]
    assert flash(*line, "--key", build_key(tmp_path / "key.pem"))[0] == 50
    assert not (tmp_path / "record").exists()
    assert flash("list")[1][0]["why"] == "out of order: entropy"


def build_key(path):
    from tests.tools.test_device_image import pem

    return pem(path)


def test_a_paired_host_reads_the_record_and_a_stranger_does_not(flash, tmp_path):
    assert flash("log")[0] == 20
    code, lines = flash("log", "--home", tmp_path / "home", "--pair")
    assert code == 0 and [result(lines)[name] for name in ("count", "arithmetic")] == [0, "libsecp256k1"]
    assert flash("log", "--home", tmp_path / "home")[0] == 0  # the pairing was kept
    assert flash("log")[0] == 20
    assert result(flash("list")[1])["why"].startswith("paired with a host")


def test_what_belongs_to_the_factory_is_refused_once_the_device_is_paired(flash, tmp_path):
    flash("log", "--home", tmp_path / "home", "--pair")
    assert flash("selftest")[0] == flash("wipe")[0] == flash("verify")[0] == 20
    assert flash("verify", "--home", tmp_path / "home")[0] == 0


def test_a_device_is_wiped_when_its_owner_agrees(flash, device):
    before = result(flash("list")[1])["identity"]
    code, lines = flash("wipe")
    assert code == 0, lines
    assert result(lines)["identity"] == result(flash("list")[1])["identity"] != before


def test_a_device_is_not_wiped_against_its_owners_will(flash, device):
    before = result(flash("list")[1])["identity"]
    device.answer = "refuse"
    assert flash("wipe")[0] == 22
    assert result(flash("list")[1])["identity"] == before


def test_a_device_is_no_bare_board(flash, tmp_path):
    (tmp_path / "image").write_bytes(small().encode())
    code, lines = flash("plan", tmp_path / "image")
    assert code == 0 and result(lines)["plan"] == "update"
    assert flash("flash", tmp_path / "image")[0] == 40
    (tmp_path / "image").write_bytes(small(board="rp2040").encode())
    assert flash("plan", tmp_path / "image")[0] == 12
    assert flash("plan", tmp_path / "image", "--port", "/dev/full", "--force-port")[0] == 61


def test_a_file_that_is_no_image_is_told_before_a_port_is_opened(flash, tmp_path):
    (tmp_path / "image").write_bytes(b"no image")
    code, lines = flash("flash", tmp_path / "image")
    assert code == 10 and "port" not in result(lines)
    (tmp_path / "image").write_bytes(small().encode())
    assert flash("flash", tmp_path / "image", "--public", "02" + "11" * 32)[0] in (12, 13)


def test_ports_are_chosen_by_name_or_all_and_never_guessed(flash, device, monkeypatch):
    two = [Port(device.path, known="simulated"), Port("/dev/none", known="simulated"), Port("/dev/unknown")]
    monkeypatch.setattr(verbs, "serial_ports", lambda: two)
    code, lines = flash("verify")
    assert code == 61 and "--all" in result(lines)["detail"]
    assert flash("verify", "--port", device.path)[0] == 0
    assert flash("verify", "--port", "/dev/unknown")[0] == flash("verify", "--port", "/dev/nowhere")[0] == 61
    code, lines = flash("verify", "--all", "--jobs", 2)
    assert code == 61 and sorted(line["event"] for line in lines) == ["error", "result"]
    monkeypatch.setattr(verbs, "serial_ports", lambda: two[2:])
    code, lines = flash("verify")
    assert code == 61 and "list" in result(lines)["detail"]


def test_a_wrong_command_line_ends_with_2(flash, capsys):
    for line in (["flash"], ["provision"], ["list", "--jobs", "0"], ["list", "--sim", "x"]):
        with pytest.raises(SystemExit) as caught:
            flash(*line)
        assert caught.value.code == 2
