"""MicroPython itself: the right tool for the file, and nothing for the wrong board."""

import subprocess

import pytest
from daric_host.flashing import basefirmware
from daric_host.flashing.basefirmware import check_uf2, dfu_command, esptool_command, way, write
from daric_host.flashing.ports import Port
from daric_protocol.errors import DaricError
from uf2utils.file import UF2File

PORT = Port("/dev/ttyACM7")
RP2040 = 0xE48BFF56


def uf2(path, family=RP2040):
    file = UF2File()
    file.header.board_family = family
    file.header.flags = 0x2000
    file.append_payload(bytearray(range(256)) * 3, 0x10000000)
    file.to_file(str(path))
    return path


@pytest.fixture
def drive(tmp_path):
    place = tmp_path / "RPI-RP2"
    place.mkdir()
    (place / basefirmware.INFO).write_text("UF2 Bootloader")
    return place


def refused(name, call, *arguments):
    with pytest.raises(DaricError) as caught:
        call(*arguments)
    assert caught.value.name == name
    return caught.value.detail


def test_the_suffix_decides_the_tool(tmp_path):
    for name, tool in (("a.bin", "esptool"), ("a.uf2", "uf2"), ("a.DFU", "dfu")):
        (tmp_path / name).touch()
        assert way(tmp_path / name) == tool
    refused("parameter", way, tmp_path / "a.hex")
    refused("parameter", way, tmp_path / "missing.bin")


def test_a_uf2_file_is_copied_to_the_boot_loaders_drive(tmp_path, drive):
    file = uf2(tmp_path / "micropython.uf2")
    write(PORT, "rp2040", file, drive)
    assert (drive / file.name).read_bytes() == file.read_bytes()


def test_a_uf2_file_for_another_chip_or_none_at_all_is_not_copied(tmp_path, drive):
    file = uf2(tmp_path / "other.uf2", 0xE48BFF59)
    assert "0xe48bff59" in refused("parameter", write, PORT, "rp2040", file, drive)
    check_uf2(file, "rp2350")
    assert "0xe48bff59" in refused("parameter", check_uf2, file, "rp2350-riscv")
    check_uf2(uf2(tmp_path / "riscv.uf2", 0xE48BFF5A), "rp2350-riscv")
    refused("parameter", check_uf2, file, "stm32f4")
    for data in (b"", b"UF2\n" + bytes(100), bytes(512)):
        (tmp_path / "bad.uf2").write_bytes(data)
        refused("parameter", check_uf2, tmp_path / "bad.uf2", "rp2040")
    assert [one.name for one in drive.iterdir()] == [basefirmware.INFO]


def test_the_drive_of_a_board_that_was_in_its_boot_loader_before_is_left_alone(tmp_path, drive, monkeypatch):
    monkeypatch.setattr(basefirmware, "find_drive", lambda: drive)
    told = refused("link", write, PORT, "rp2040", uf2(tmp_path / "micropython.uf2"))
    assert "another board" in told and "--drive" in told
    assert [one.name for one in drive.iterdir()] == [basefirmware.INFO]


def test_a_directory_that_is_no_boot_loaders_drive_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(basefirmware, "DRIVE_SECONDS", 0)
    assert "BOOTSEL" in refused("link", write, PORT, "rp2040", uf2(tmp_path / "a.uf2"), tmp_path)


def test_esptool_accepts_the_command_line(tmp_path):
    (tmp_path / "m.bin").write_bytes(bytes(64))
    command = esptool_command(PORT, "esp32", tmp_path / "m.bin")
    assert command[3:] == ["--port", PORT.path, "--chip", "esp32s3", "write-flash", "0x0", str(tmp_path / "m.bin")]
    refused("parameter", esptool_command, PORT, "rp2040", tmp_path / "m.bin")


@pytest.mark.slow
def test_esptools_own_complaint_is_told(tmp_path):
    (tmp_path / "m.bin").write_bytes(bytes(64))
    told = refused("link", write, PORT, "esp32", tmp_path / "m.bin")
    assert PORT.path in told or "port" in told


def test_dfu_util_is_run_or_asked_for(tmp_path, monkeypatch):
    (tmp_path / "m.dfu").touch()
    ran = []
    write(PORT, "stm32f4", tmp_path / "m.dfu", None, lambda command: ran.append(command) or done(0))
    assert ran == [dfu_command(tmp_path / "m.dfu", False)]
    assert ran[0][1:3] == ["--device", "0483:df11"], "whatever else knows DFU is left alone"
    monkeypatch.setattr(basefirmware.shutil, "which", lambda name: None)
    assert "apt-get install dfu-util" in refused("parameter", dfu_command, tmp_path / "m.dfu")


def test_a_tool_that_fails_is_told_in_its_own_words(tmp_path):
    (tmp_path / "m.dfu").touch()
    told = refused("link", write, PORT, "stm32f4", tmp_path / "m.dfu", None, lambda command: done(74, "No DFU device"))
    assert "No DFU device" in told


def done(code, err=""):
    return subprocess.CompletedProcess([], code, "", err)
