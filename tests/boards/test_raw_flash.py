"""Raw flash of the boards: what is programmed clears bits, what is erased is one block, what is outside is refused."""

import os

import pytest
from daric.board import code_stm32

from tests.boards.fakes import Clock, PortDevice, SpiChip

BLOCKS = 16


@pytest.fixture
def flashes(board_modules):
    from daric.board import rawflash

    return rawflash


@pytest.fixture(params=["rp2", "esp32", "spi", "files"])
def flash(request, flashes, tmp_path, clock):
    if request.param == "rp2":
        return flashes.PortFlash(PortDevice(3 + BLOCKS + 5, 256), 3, BLOCKS, 256)
    if request.param == "esp32":
        return flashes.PortFlash(PortDevice(BLOCKS))
    if request.param == "spi":
        chip = SpiChip(2 * BLOCKS * 4096)
        return code_stm32.SpiFlash(chip, chip, 7, BLOCKS)
    return flashes.FileFlash(str(tmp_path / "flash"), BLOCKS)


def held(flash, address: int, length: int) -> bytes:
    buffer = bytearray(length)
    flash.read(address, buffer)
    return bytes(buffer)


def test_a_new_flash_is_blank(flash):
    assert (flash.blocks, flash.block_size) == (BLOCKS, 4096)
    assert held(flash, 0, BLOCKS * 4096) == b"\xff" * BLOCKS * 4096


@pytest.mark.parametrize(
    ("address", "length"), [(0, 1), (0, 256), (1, 8), (250, 12), (255, 2), (4090, 12), (777, 1000), (4096 * 15, 4096)]
)
def test_what_is_programmed_is_there_and_nothing_else_changes(flash, address, length):
    data = os.urandom(length)
    flash.program(address, data)
    whole = held(flash, 0, BLOCKS * 4096)
    assert whole[address : address + length] == data
    assert set(whole[:address] + whole[address + length :]) == {255}


def test_programming_clears_bits_and_sets_none(flash):
    flash.program(300, b"\xf0\x0f\xaa")
    flash.program(300, b"\x3c\x3c\xff")
    assert held(flash, 299, 5) == b"\xff\x30\x0c\xaa\xff"


def test_an_erasure_is_of_one_block(flash):
    flash.program(0, bytes(3 * 4096))
    flash.erase(1)
    assert held(flash, 0, 3 * 4096) == bytes(4096) + b"\xff" * 4096 + bytes(4096)


@pytest.mark.parametrize("address", [-1, BLOCKS * 4096 - 3, BLOCKS * 4096, 1 << 30])
def test_nothing_outside_is_touched(flash, address):
    for act in (flash.read, flash.program):
        with pytest.raises(OSError, match=r"."):
            act(address, bytearray(4))
    for block in (-1, BLOCKS, 1 << 20):
        if hasattr(flash, "_folder") and 0 <= block < BLOCKS:
            continue
        with pytest.raises(OSError, match=r"."):
            flash.erase(block)
    assert held(flash, 0, BLOCKS * 4096) == b"\xff" * BLOCKS * 4096


def test_a_part_of_a_ports_area_never_leaves_it(flashes):
    device = PortDevice(24, 256)
    flash = flashes.PortFlash(device, 3, 16, 256)
    flash.program(0, bytes(16 * 4096))
    assert device.memory[: 3 * 4096] == b"\xff" * 3 * 4096
    assert device.memory[3 * 4096 : 19 * 4096] == bytes(16 * 4096)
    assert device.memory[19 * 4096 :] == b"\xff" * 5 * 4096
    flash.erase(0)
    flash.erase(15)
    assert device.erased == [3, 18]


@pytest.mark.parametrize(("first", "blocks"), [(24, 1), (20, 5), (-1, 4), (0, 25)])
def test_a_part_that_is_not_in_the_area_is_refused(flashes, first, blocks):
    with pytest.raises(OSError, match="5"):
        flashes.PortFlash(PortDevice(24), first, blocks)


def test_an_error_that_a_port_returns_is_one(flashes):
    device = PortDevice(4)
    device.ioctl = lambda operation, argument: -5 if operation == 6 else PortDevice.ioctl(device, operation, argument)
    device.readblocks = lambda *_: -5
    flash = flashes.PortFlash(device)
    for act in (lambda: flash.erase(1), lambda: flash.read(0, bytearray(1))):
        with pytest.raises(OSError, match="5"):
            act()


@pytest.mark.parametrize("identity", [b"\x00\x00\x00", b"\xff\xff\xff", b"\xef\x40\x0f", b"\xef\x40\x19"])
def test_a_bus_without_a_chip_of_known_size_is_refused(flashes, identity):
    chip = SpiChip(identity=identity)
    with pytest.raises(OSError, match="5"):
        code_stm32.SpiFlash(chip, chip)


def test_a_chip_that_stays_busy_is_an_error_and_not_a_device_that_hangs(flashes, clock: Clock):
    chip = SpiChip(BLOCKS * 4096)
    flash = code_stm32.SpiFlash(chip, chip)
    original = chip.read
    chip.hangs = True

    def read(count: int) -> bytes:
        clock.pass_(1)
        return original(count)

    chip.read = read
    before = clock.now
    with pytest.raises(OSError, match="5"):
        flash.program(0, b"x")
    with pytest.raises(OSError, match="5"):
        flash.erase(0)
    assert clock.now - before < 1100


def test_a_file_flash_survives_its_program(flashes, tmp_path):
    flashes.FileFlash(str(tmp_path / "f"), 4).program(5000, b"kept")
    again = flashes.FileFlash(str(tmp_path / "f"), 4)
    assert held(again, 5000, 4) == b"kept"
    again.erase(1)
    again.erase(1)
    assert held(flashes.FileFlash(str(tmp_path / "f"), 4), 5000, 4) == b"\xff" * 4


def test_the_vault_works_on_each_kind(flashes, tmp_path, clock):
    from daric.flash import MIN_BLOCKS, open_vault
    from power.power_flash import LittleFiles, draws

    device = PortDevice(MIN_BLOCKS + 4, 256)
    chip = SpiChip(64 * 4096)
    kinds = [
        lambda: flashes.PortFlash(device, 2, MIN_BLOCKS + 2, 256),
        lambda: code_stm32.SpiFlash(chip, chip),
        lambda: flashes.FileFlash(str(tmp_path / "flash"), MIN_BLOCKS),
    ]
    for number, kind in enumerate(kinds):
        vault = open_vault(kind(), draws(number), LittleFiles)
        vault.write("shard/1", b"s" * 700)
        vault.write("shard/1", b"t" * 900)
        assert open_vault(kind(), draws(number + 10), LittleFiles).read("shard/1") == b"t" * 900
