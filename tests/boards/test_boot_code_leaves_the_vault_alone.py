"""What a port runs before boot.py, on a provisioned flash: every byte of vault and code slots stays as it was.

And the stock rp2 port, whose boot code takes the whole storage area: why a Pico needs a MicroPython of its own.
"""

import os
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from daric.flash import open_vault

from tests.boards import portfiles
from tests.boards.fakes import PortDevice, SpiChip, installed
from tests.power.power_flash import LittleFiles, draws

PRODUCTION = Path(__file__).parents[2] / "tools" / "production"
STORAGE = {"pico": 328, "pico 2": 640}  # blocks of the storage area (tools/production/prepare.py)
FILES, VAULT = 16, 96  # blocks, as in daric/board/rp2.py
SECRET = b"the shard of this device" * 20


def provisioned(chip) -> None:
    """A vault in use on a raw flash."""
    vault = open_vault(chip, draws(1), LittleFiles)
    vault.write("shard/1", SECRET)


def still_there(chip) -> bool:
    return open_vault(chip, draws(2), LittleFiles).read("shard/1") == SECRET


def states() -> list:
    return ["healthy", "damaged", *(pytest.param(name, marks=pytest.mark.slow) for name in ("blank", "torn", "zeros"))]


def put_files(state: str, device) -> None:
    """The port's own files, as a boot may find them."""
    size = 4096 * device.ioctl(4, 0)
    if state in ("healthy", "torn"):
        portfiles.VfsLfs2.mkfs(device, 256)
        portfiles.VfsLfs2(device, 256).write("boot.py", b"import loader\n" * 40)
    if state in ("damaged", "torn"):
        device.writeblocks(0, os.urandom(size)[: 512 if state == "torn" else size], 0)
    if state == "zeros":
        device.writeblocks(0, bytes(size), 0)


class Pico:
    def __init__(self, board: str) -> None:
        self.blocks = STORAGE[board]
        self.memory = bytearray(b"\xff" * 4096 * self.blocks)
        self.vfs = portfiles.Vfs()

    def flash(self, start: int = 0, len: int | None = None) -> PortDevice:  # noqa: A002 - the port's own name
        blocks = self.blocks - start // 4096 if len is None else len // 4096
        return PortDevice(blocks, 256, self.memory, start)

    def raw(self) -> bytes:
        return bytes(self.memory[FILES * 4096 :])

    def chip(self, rawflash):
        return rawflash.PortFlash(self.flash(), FILES, VAULT, 256)

    def fill_code(self) -> None:
        code = self.flash((FILES + VAULT) * 4096)
        code.writeblocks(0, os.urandom(4096 * code.blocks), 0)

    def boot(self, name: str) -> None:
        """Run our file itself, on these modules."""
        rp2 = type(sys)("rp2")
        rp2.Flash = self.flash
        kept = {module: sys.modules.get(module) for module in ("rp2", "vfs")}
        sys.modules.update(rp2=rp2, vfs=self.vfs)
        try:
            exec(compile((PRODUCTION / name).read_text(), name, "exec"), {})
        finally:
            for module, before in kept.items():
                if before is None:
                    del sys.modules[module]
                else:
                    sys.modules[module] = before


@pytest.fixture
def rawflash(clock):
    with installed(clock):
        from daric.board import rawflash

        yield rawflash


@pytest.fixture(params=["pico", pytest.param("pico 2", marks=pytest.mark.slow)])
def pico(request, rawflash):
    pico = Pico(request.param)
    provisioned(pico.chip(rawflash))
    pico.fill_code()
    return pico


@pytest.mark.parametrize("state", states())
@pytest.mark.parametrize("name", ["_boot.py", "rp2/_boot_development.py"])
def test_our_boot_file_of_a_pico_changes_no_byte_of_vault_and_code(pico, rawflash, name, state):
    put_files(state, pico.flash(0, FILES * 4096))
    before = pico.raw()
    for _ in range(3):
        pico.boot(name)
    assert pico.raw() == before
    assert still_there(pico.chip(rawflash))


def test_a_production_image_of_a_pico_mounts_nothing(pico):
    pico.boot("_boot.py")
    assert pico.vfs.mounted == {}


def test_the_files_of_a_development_image_stay_in_their_blocks_however_full_they_are(pico, rawflash):
    pico.boot("rp2/_boot_development.py")
    before = pico.raw()
    files = pico.vfs.mounted["/"]
    with pytest.raises(portfiles.LittleFSError):
        for number in range(100):
            files.write(f"file{number}", os.urandom(3000))
    assert pico.raw() == before
    assert still_there(pico.chip(rawflash))


@pytest.mark.parametrize("state", states())
def test_the_stock_boot_file_of_a_pico_takes_the_vaults_place(pico, rawflash, state):
    put_files(state, pico.flash(0, FILES * 4096))
    before = pico.raw()
    portfiles.stock_rp2(pico.vfs, pico.flash())
    files = pico.vfs.mounted["/"]
    assert files.fs.block_count == pico.blocks
    with pytest.raises(portfiles.LittleFSError):  # it takes files until the whole area is full
        for number in range(100):
            files.write(f"data{number}", bytes(200_000))
    after = pico.raw()
    damaged = sum(after[at : at + 4096] != before[at : at + 4096] for at in range(0, VAULT * 4096, 4096))
    assert damaged > VAULT // 2


def test_a_vault_at_the_start_of_a_stock_picos_storage_does_not_live_through_one_boot(rawflash):
    pico = Pico("pico")
    chip = rawflash.PortFlash(pico.flash(), 0, VAULT, 256)
    provisioned(chip)
    before = bytes(pico.memory[: 2 * 4096])
    portfiles.stock_rp2(pico.vfs, pico.flash())
    assert pico.memory[: 2 * 4096] != before


# ESP32


def table() -> dict[str, tuple[str, str, int, int]]:
    """Name -> (type, subtype, offset, size) of our partition table."""
    rows = {}
    for line in (PRODUCTION / "esp32" / "partitions.csv").read_text().splitlines():
        if line and not line.startswith("#"):
            name, kind, subtype, offset, size = [field.strip() for field in line.split(",")[:5]]
            rows[name] = (kind, subtype, int(offset, 0), int(size, 0))
    return rows


def test_the_partitions_of_an_esp32_fit_its_flash_and_do_not_overlap():
    rows = sorted(table().values(), key=lambda row: row[2])
    for row, following in pairwise(rows):
        assert row[2] + row[3] <= following[2]
    assert rows[-1][2] + rows[-1][3] <= 4 << 20
    assert all(row[2] % 4096 == 0 and row[3] % 4096 == 0 for row in rows)
    assert all(row[2] % 0x10000 == 0 for row in rows if row[0] == "app")


def test_no_boot_code_looks_for_the_vaults_partition():
    rows = table()
    assert rows["daric"][:2] == ("data", "0x40")  # no kind that the chip's own code knows
    assert {"vfs", "ffat", "nvs"} & {name for name in rows if name in ("daric", "romfs")} == set()
    assert rows["daric"][3] // 4096 == VAULT
    assert rows["romfs"][:2] == ("data", "0x8f")


@pytest.mark.parametrize("state", states())
@pytest.mark.parametrize("kind", ["development", "production"])
def test_the_boot_code_of_an_esp32_changes_no_byte_of_vault_and_code(rawflash, kind, state):
    memory = bytearray(b"\xff" * (4 << 20))
    parts = {name: PortDevice(row[3] // 4096, 1, memory, row[2]) for name, row in table().items()}
    provisioned(rawflash.PortFlash(parts["daric"]))
    parts["romfs"].writeblocks(0, os.urandom(4096 * parts["romfs"].blocks), 0)
    put_files(state, parts["vfs"])
    if kind == "production":
        del parts["vfs"]
    start = table()["daric"][2]
    before = bytes(memory[start:])
    for _ in range(3):
        try:
            portfiles.esp32(portfiles.Vfs(), parts)
        except portfiles.Corrupted:
            assert state in ("damaged", "torn", "zeros")
    assert memory[start:] == before
    assert still_there(rawflash.PortFlash(parts["daric"]))


# STM32


@pytest.mark.parametrize("factory_reset", [False, True])
@pytest.mark.parametrize("state", states())
def test_the_boot_code_of_an_stm32_changes_no_byte_of_the_vaults_chip(rawflash, state, factory_reset):
    from daric.board.code_stm32 import SpiFlash

    spi = SpiChip(1 << 20)
    chip = SpiFlash(spi, spi, 0, VAULT)
    provisioned(chip)
    storage = PortDevice(48)
    put_files(state, storage)
    before = bytes(spi.memory)
    for _ in range(3):
        portfiles.stm32(portfiles.Vfs(), storage, factory_reset)
    assert spi.memory == before
    assert still_there(SpiFlash(spi, spi, 0, VAULT))
