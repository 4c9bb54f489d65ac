"""The flash of an emulated Pico: what a UF2 file says, and a file system that MicroPython takes as its own."""

import struct
import subprocess
from pathlib import Path

import pytest
from daric_host.flashing import compiling
from daric_protocol.errors import DaricError
from micropython_runner import build, run_micropython

from tools.chip import flash, uf2
from tools.chip.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
ROOM = flash.STORAGE_AT
MOUNT = """
import sys, vfs
with open(sys.argv[1], "rb") as file:
    area = bytearray(file.read())
class Device:
    def readblocks(self, block, buffer, offset=0):
        at = 4096 * block + offset
        buffer[:] = area[at : at + len(buffer)]
    def writeblocks(self, block, buffer, offset=None):
        at = 4096 * block + (offset or 0)
        area[at : at + len(buffer)] = buffer
    def ioctl(self, operation, argument):
        return {4: len(area) // 4096, 5: 4096}.get(operation, 0)
vfs.mount(vfs.VfsLfs2(Device(), progsize=256), "/stored")  # as the port's _boot.py does
with open("/stored/state.1", "wb") as file:
    file.write(bytes(5000))
sys.path[:] = ["/stored"]
"""
TABLE = """
from daric_protocol import tables
print(tables.__file__, len(tables.generator()), open("/stored/main.py").read().split())
"""
ARITHMETIC = """
from daric_protocol.platform import points
print(points.NAME)
"""


def block(number=0, of=1, address=uf2.XIP, data=bytes(range(256)), **changes):
    fields = {"start": uf2.START, "second": uf2.SECOND, "flags": uf2.HAS_FAMILY, "address": address, "size": len(data)}
    fields |= {"number": number, "of": of, "family": uf2.RP2040, "end": uf2.END}
    fields |= changes
    *head, end = fields.values()
    return struct.pack("<8I476sI", *head, data, end)


def blocks(*parts):
    """A file of these (address, data), numbered."""
    return b"".join([block(n, len(parts), uf2.XIP + address, data) for n, (address, data) in enumerate(parts)])


def refusal(data, room=ROOM):
    with pytest.raises(DaricError) as caught:
        uf2.read(data, room)
    assert caught.value.name == "parameter"
    return caught.value.detail


def test_blocks_lie_where_they_say_and_what_is_between_them_is_blank():
    assert uf2.read(block(), ROOM) == bytes(range(256))
    assert uf2.read(blocks((512, b"bbbb"), (0, b"a" * 256)), ROOM) == b"a" * 256 + b"\xff" * 256 + b"bbbb"
    assert uf2.read(block(address=uf2.XIP + ROOM - 256), ROOM)[-256:] == bytes(range(256))


@pytest.mark.parametrize("data", [b"", b"UF2\n", block()[:-1], block() + b"\0", blocks((0, b"a" * 256)) + b"x" * 100])
def test_a_file_that_is_empty_or_cut_is_none(data):
    assert "blocks of 512 bytes" in refusal(data)


@pytest.mark.parametrize("change", [{"start": 1}, {"second": uf2.SECOND ^ 1 << 31}, {"end": 0}])
def test_a_block_with_a_wrong_magic_number_is_none(change):
    assert "begin and end" in refusal(block(**change))


@pytest.mark.parametrize(("change", "named"), [({"family": 0xE48BFF59}, "0xe48bff59"), ({"flags": 0}, "none")])
def test_a_file_for_another_chip_is_refused_by_its_family(change, named):
    assert f"its family is {named}" in refusal(block(**change))


def test_a_block_that_is_not_for_flash_is_refused():
    assert "not for flash" in refusal(block(flags=uf2.HAS_FAMILY | uf2.NOT_FLASH))


@pytest.mark.parametrize(
    "data",
    [
        block(0, 2),  # its second block is missing
        block(1, 2) + block(0, 2, uf2.XIP + 256),
        block(0, 2) + block(0, 2, uf2.XIP + 256),
        block(0, 1) + block(0, 1, uf2.XIP + 256),  # two files, one behind the other
    ],
)
def test_a_file_whose_blocks_are_missing_doubled_or_mixed_is_refused(data):
    assert "cut or mixed" in refusal(data)


@pytest.mark.parametrize("second", [0, 4, 252])
def test_blocks_that_lie_over_each_other_are_refused(second):
    assert "over another one" in refusal(blocks((0, b"a" * 256), (second, b"a" * 256)))


@pytest.mark.parametrize("address", [0, uf2.XIP - 4, uf2.XIP + ROOM - 252, 0x20000000, 0xFFFFFFFC])
def test_a_block_outside_the_room_for_code_is_refused(address):
    assert "outside" in refusal(block(address=address))


@pytest.mark.parametrize("change", [{"size": 0}, {"size": 477}, {"size": 0xFFFFFFFF}, {"address": uf2.XIP + 2}])
def test_a_block_of_a_wrong_size_or_address_is_refused(change):
    assert "bytes for" in refusal(block(**change))


def test_the_storage_area_is_one_that_micropython_mounts_writes_and_imports_from(tmp_path):
    sources = {"daric_protocol/tables.py", "daric_protocol/errors.py", "daric_protocol/__init__.py"}
    files = {name: data for name, data in compiling.sources().items() if name.startswith("daric_protocol/")}
    wanted = {name: data for name, data in files.items() if name in sources or name.endswith(".bin")}
    platform = b"from hashlib import sha256 as Sha256\n"
    files = {**wanted, "daric_protocol/platform.py": platform, "main.py": flash.MAIN}
    assert said(tmp_path, files, TABLE) == "/stored/daric_protocol/tables.py 8192 ['import', 'party', 'party.serve()']"


def said(directory, files, script):
    """What MicroPython prints that has a storage area with these files mounted, and nothing else."""
    area = flash.storage(files)
    assert len(area) == flash.STORAGE_BYTES
    (directory / "area").write_bytes(area)
    (directory / "mount.py").write_text(MOUNT + script)
    arguments = [directory / "mount.py", str(directory / "area")]
    return run_micropython(*arguments, heapsize="8m", env={"MICROPYPATH": ""}).strip()


def test_in_the_storage_area_machine_code_with_a_flipped_bit_is_not_used(tmp_path):
    files = {path.relative_to(build()).as_posix(): path.read_bytes() for path in build().rglob("*") if path.is_file()}
    assert said(tmp_path, files, ARITHMETIC) == "viper"
    for name in ("words32", "recode_viper"):
        inside = f"daric_protocol/platform/{name}.mpy"
        code = bytearray(files[inside])
        code[len(code) // 2] ^= 8
        assert said(tmp_path, {**files, inside: bytes(code)}, ARITHMETIC) == "plain"


@pytest.fixture
def uncompiled(monkeypatch):
    """Files of the same names with nothing in them."""
    monkeypatch.setattr(compiling, "compiled", lambda inside, data, architecture="": b"")


def test_the_file_system_holds_the_protocol_as_built_for_the_board_and_nothing_of_the_rest(uncompiled):
    names = set(flash.modules())
    assert {"main.py", "party.mpy", "daric_protocol/generator.bin", "daric_protocol/rounds/sign.mpy"} < names
    assert not [name for name in names if not name.startswith("daric_protocol/") and "/" in name]
    kernels = {name for name in names if name.startswith(compiling.KERNEL)}
    wanted = compiling.KERNELS.get("armv6m")
    assert kernels == {f"daric_protocol/platform/{wanted}{suffix}" for suffix in (".mpy", ".sha256") if wanted}


def test_the_flash_has_the_code_first_and_the_file_system_at_its_end(uncompiled):
    image = flash.image(block())
    assert len(image) == flash.FLASH_BYTES and image[:256] == bytes(range(256))
    assert image[256 : flash.STORAGE_AT] == b"\xff" * (flash.STORAGE_AT - 256)
    assert b"littlefs" in image[flash.STORAGE_AT : flash.STORAGE_AT + 64]


def test_the_command_refuses_a_wrong_file_before_anything_is_built_or_emulated(tmp_path, capsys):
    (tmp_path / "wrong.uf2").write_bytes(block(family=0xE48BFF59))
    assert main([str(tmp_path / "wrong.uf2")]) == 12
    assert main([str(tmp_path / "missing.uf2")]) == 12
    assert main([str(tmp_path)]) == 12
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("parameter: ") == 3 and "0xe48bff59" in said.err


@pytest.mark.parametrize("given", [[], ["UF2="]])
def test_without_a_file_make_chip_says_that_it_skipped_and_why_and_installs_nothing(given):
    done = subprocess.run(["make", "-C", ROOT, "chip", *given], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "pip" not in done.stdout
    assert "chip: skipped, nothing was emulated" in done.stdout and "UF2=path" in done.stdout


def test_a_wrong_command_line_ends_with_2():
    for arguments in ([], ["a", "b"], ["a", "--garbage", "much"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
