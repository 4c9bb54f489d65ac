"""Serial ports: only boards are opened, and whoever cannot open one is told why and what to do."""

import errno
import os

import pytest
import serial
from daric_host.flashing import ports
from daric_host.flashing.ports import Port, check_known, explained, port_at, serial_ports
from daric_protocol.errors import DaricError
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo


def info(path, vid=None, pid=None, maker=None, product=None):
    found = ListPortInfo(path, skip_link_detection=True)
    found.vid, found.pid, found.manufacturer, found.product = vid, pid, maker, product
    return found


@pytest.fixture
def bench(monkeypatch):
    there = [
        info("/dev/ttyUSB0", 0x10C4, 0xEA60, "Silicon Labs", "CP2102 USB to UART"),
        info("/dev/ttyACM1", 0x1209, 0x0001, "Daric", "device"),
        info("/dev/ttyACM0", 0x2E8A, 0x0005, "MicroPython", "Board in FS mode"),
        info("/dev/ttyS0"),
    ]
    monkeypatch.setattr(list_ports, "comports", lambda: there)
    return serial_ports()


def test_boards_are_known_by_their_usb_identity_and_bridges_are_not(bench):
    assert {port.path: port.known for port in bench} == {
        "/dev/ttyACM0": "MicroPython on RP2", "/dev/ttyACM1": "Daric", "/dev/ttyS0": "", "/dev/ttyUSB0": "",
    }  # fmt: skip


def test_a_port_that_the_system_lists_twice_is_one(monkeypatch):
    monkeypatch.setattr(list_ports, "comports", lambda: [info("/dev/cu.usb1", 0x2E8A, 5)] * 2)
    assert len(serial_ports()) == 1


def test_an_unknown_port_is_not_opened_unless_the_person_insists(bench):
    bridge = port_at("/dev/ttyUSB0", bench)
    with pytest.raises(DaricError, match=r"10c4:ea60.*--force-port") as caught:
        check_known(bridge, False)
    assert caught.value.name == "port"
    check_known(bridge, True)
    check_known(port_at("/dev/ttyACM0", bench), False)
    with pytest.raises(DaricError, match="no USB device"):
        check_known(port_at("/dev/ttyS0", bench), False)


def test_a_port_is_found_by_a_link_to_it(bench, tmp_path):
    (tmp_path / "by-id").symlink_to("/dev/ttyACM0")
    assert port_at(str(tmp_path / "by-id"), bench).vid == 0x2E8A


def test_a_board_is_found_again_under_another_name_by_its_place_on_the_usb(monkeypatch):
    there = info("/dev/ttyACM3", 0x1209, 1, "Daric")
    there.location = "1-2.4:1.2"
    monkeypatch.setattr(list_ports, "comports", lambda: [info("/dev/ttyS0"), there])
    gone = Port("/dev/none", place="1-2.4:1.0")
    assert ports.found_again(gone).path == "/dev/ttyACM3"
    assert ports.found_again(Port("/dev/none", place="1-2.5:1.0")).path == "/dev/none"
    assert ports.found_again(Port("/dev/none")).path == "/dev/none"


def test_a_board_with_two_ports_keeps_the_one_it_was_named_by(monkeypatch):
    both = [info("/dev/ttyACM3", 0x1209, 1, "Daric"), info("/dev/ttyACM4", 0x1209, 1, "Daric")]
    for one, number in zip(both, (0, 2), strict=True):
        one.location = f"1-2.4:1.{number}"
    monkeypatch.setattr(list_ports, "comports", lambda: both)
    for port in serial_ports():
        assert ports.found_again(port) == port


def test_boards_that_swapped_their_names_in_a_restart_are_not_taken_for_one_another(monkeypatch):
    def plugged(**names):
        there = [info("/dev/" + name, 0x2E8A, 5) for name in names]
        for one, plug in zip(there, names.values(), strict=True):
            one.location = plug + ":1.0"
        monkeypatch.setattr(list_ports, "comports", lambda: there)

    plugged(ttyACM0="1-1", ttyACM1="1-2")
    first, second = serial_ports()
    plugged(ttyACM0="1-2", ttyACM1="1-1")
    assert (ports.found_again(first).path, ports.found_again(second).path) == (second.path, first.path)
    plugged(ttyACM0="1-2")  # the first one is still starting
    with pytest.raises(DaricError, match="another board") as caught:
        ports.found_again(first)
    assert caught.value.name == "port"


def test_a_port_that_is_not_there_is_told(bench):
    with pytest.raises(DaricError, match="not there"):
        port_at("/dev/ttyACM9", bench)
    port = Port("/dev/ttyACM9")
    for error in (FileNotFoundError(errno.ENOENT, "no such file"), serial.SerialException("[Errno 2] could not open")):
        assert "data cable" in explained(error, port).detail


def test_a_missing_permission_names_the_group(monkeypatch, tmp_path):
    place = tmp_path / "ttyACM0"
    place.touch(mode=0o660)
    monkeypatch.setattr(ports.os, "stat", lambda path: os.stat_result((0o20660, 0, 0, 1, 0, 4711, 0, 0, 0, 0)))
    import grp

    monkeypatch.setattr(grp, "getgrgid", lambda number: grp.struct_group(("dialout", "", number, [])))
    told = explained(PermissionError(errno.EACCES, "Permission denied"), Port(str(place))).detail
    assert "sudo usermod -aG dialout $USER" in told


def test_a_missing_permission_without_a_group_gives_the_udev_rule(monkeypatch):
    monkeypatch.setattr(ports.os, "stat", lambda path: os.stat_result((0o20600, 0, 0, 1, 0, 0, 0, 0, 0, 0)))
    error = explained(PermissionError(errno.EACCES, "no"), Port("/dev/ttyACM0", 0x2E8A, 5))
    assert error.name == "port"
    assert 'ATTRS{idVendor}=="2e8a", ATTRS{idProduct}=="0005"' in error.detail and "60-daric.rules" in error.detail


def test_a_port_in_use_is_told_and_by_whom_as_far_as_is_known(monkeypatch):
    monkeypatch.setattr(ports, "holders", lambda path: ["minicom (4711)"])
    busy = serial.SerialException("[Errno 11] Could not exclusively lock port")
    assert explained(busy, Port("/dev/ttyACM0")).detail.endswith("minicom (4711)")
    monkeypatch.setattr(ports, "holders", lambda path: [])
    assert "ModemManager" in explained(OSError(errno.EBUSY, "busy"), Port("/dev/ttyACM0")).detail


def test_any_other_failure_keeps_the_systems_words():
    assert "Input/output error" in explained(OSError(errno.EIO, os.strerror(errno.EIO)), Port("/dev/x")).detail


def test_the_program_that_holds_a_file_is_found(tmp_path):
    import subprocess

    place = tmp_path / "port"
    place.touch()
    with place.open() as file, subprocess.Popen(["sleep", "30"], stdin=file) as other:
        assert ports.holders(str(place)) == [f"sleep ({other.pid})"]
        other.kill()
