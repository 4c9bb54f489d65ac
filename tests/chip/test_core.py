"""The party on MicroPython's core for Cortex-M0+, emulated: what it costs, and how it is built and asked for.

What needs the compiler is slow: tools/install_arm.sh installs it.
"""

import hashlib
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from core_programs import refused

from tools.chip import peers
from tools.chip.core import __main__ as command
from tools.chip.core import archive, building, profile
from tools.chip.core.counter import SIZES, UNIT, Tally
from tools.chip.core.machine import FLASH_AT, HERTZ, STACK_BYTES, Machine

ROOT = Path(__file__).resolve().parents[2]
STACK_MOST = 7600  # what any process may use of it
IN_PLACE_LEAST = 155_000  # bytes of heap that are free with modules in place, and are not with modules in the heap


def unpacked(packed):
    """(in_place, path -> contents), as port/files.h describes an archive."""
    magic, size, in_place, count = struct.unpack_from("<4s3I", packed)
    assert magic == b"core" and size == len(packed)
    found = {}
    for i in range(count):
        name, name_bytes, data, length = struct.unpack_from("<4I", packed, 16 + 16 * i)
        assert data % 4 == 0 and max(name + name_bytes, data + length) <= size
        found[packed[name : name + name_bytes].decode()] = packed[data : data + length]
    return in_place, found


@pytest.mark.parametrize("files", [{}, {"a": b""}, {"boot.mpy": b"M", "p/table.bin": bytes(range(256)), "p/b": b"xyz"}])
def test_an_archive_has_each_file_at_a_whole_word(files):
    assert unpacked(archive.pack(files)) == (0, files)
    assert unpacked(archive.pack(files, in_place=True)) == (1, files)


def test_a_slower_arithmetic_is_what_is_left_without_the_files_of_the_faster_ones():
    names = ("kernel_v6m.mpy", "kernel_v6m.sha256", "words16.mpy", "words32.mpy", "chain_viper.mpy", "points.mpy")
    files = dict.fromkeys(["daric_protocol/platform/" + name for name in names], b"")
    left = {name: [path.rpartition("/")[2] for path in archive.reduced(files, name)] for name in archive.LEFT_OUT}
    assert left["kernel"] == list(names) and left["viper"] == list(names[2:])
    assert left["plain"] == ["chain_viper.mpy", "points.mpy"]


def test_files_that_do_not_fit_the_flash_are_refused():
    room = archive.MOST_BYTES - 16 - 16 - 4
    assert len(archive.pack({"a": bytes(room)})) == archive.MOST_BYTES
    assert "bytes of flash" in refused("parameter", archive.pack, {"a": bytes(room + 1)})


@pytest.mark.parametrize(
    "given",
    [
        ["3-of-5"], ["signature"], ["signature", "2-of-2"], ["2-of-2", "keys"], ["--garbage", "much"], ["--garbage"],
        ["--fast"], ["--arithmetic", "slow"],
    ],
)  # fmt: skip
def test_a_wrong_command_line_ends_with_2(given, capsys):
    with pytest.raises(SystemExit) as caught:
        command.main(given)
    assert caught.value.code == 2 and "error: " in capsys.readouterr().err


def test_all_processes_run_unless_some_are_named():
    assert command.arguments([]).processes == ["2-of-2", "2-of-3", "signature"]
    assert command.arguments(["2-of-3", "signature", "signature"]).processes == ["2-of-3", "signature", "signature"]


@pytest.mark.parametrize("missing", [["arm-none-eabi-gcc"], ["arm-none-eabi-gcc", "cc"], ["make"]])
def test_a_missing_compiler_is_named_with_what_installs_it(monkeypatch, tmp_path, capsys, missing):
    monkeypatch.setattr(shutil, "which", lambda name: None if name in missing else f"/usr/bin/{name}")
    detail = refused("parameter", building.build, tmp_path / "core")
    assert " and ".join(missing) + " missing" in detail and "tools/install_arm.sh" in detail
    assert not (tmp_path / "core").exists()
    assert command.main([]) == 12
    assert "tools/install_arm.sh" in capsys.readouterr().err


def test_sources_with_another_sha_256_are_not_unpacked(tmp_path):
    packed = tmp_path / f"{building.NAME}.tar.gz"
    packed.write_bytes(b"another archive")
    detail = refused("storage", building.source, tmp_path)
    assert building.SHA256 in detail and hashlib.sha256(b"another archive").hexdigest() in detail
    assert list(tmp_path.iterdir()) == [packed]


def test_sources_that_are_there_are_not_fetched_again(tmp_path, monkeypatch):
    monkeypatch.setattr(building, "_run", lambda _command: pytest.fail("fetched"))
    (tmp_path / building.NAME).mkdir()
    assert building.source(tmp_path) == tmp_path / building.NAME


def test_a_download_that_fails_is_told_with_what_pip_says(tmp_path, monkeypatch):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho no matching distribution >&2\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    assert "no matching distribution" in refused("internal", building.source, tmp_path)


def test_a_machine_needs_what_is_to_be_built(tmp_path):
    detail = refused("parameter", Machine, building.Built(tmp_path), archive.pack({}))
    assert "firmware.bin" in detail and "make core" in detail


def test_a_profile_names_functions_by_their_cycles_and_allocations_by_their_bytes():
    symbols = [(FLASH_AT + 1, "reset"), (FLASH_AT + 0x11, "gc_alloc"), (FLASH_AT + 0x21, "mp_call")]
    tally = Tally(1000, 1, 5, 64, 500, {0: 100, 0x10: 150, 0x1E: 150, 0x100: 100}, {16: 3, UNIT * (SIZES - 1): 2})
    lines = profile.table(tally, symbols).split("\n")
    assert [line.split() for line in lines[:2]] == [
        ["50.0", "%", "of", "the", "cycles", "in", "(machine", "code", "of", "modules)"],
        ["30.0", "%", "of", "the", "cycles", "in", "gc_alloc"],
    ]
    assert {line.split()[-1] for line in lines[2:4]} == {"reset", "mp_call"}
    assert [line.strip() for line in lines[4:]] == ["2 allocations of 16368 bytes or more", "3 allocations of 16 bytes"]


def test_make_chip_without_a_file_points_here_and_make_core_installs_the_compiler():
    said = subprocess.run(["make", "-C", ROOT, "chip"], capture_output=True, text=True, check=True).stdout
    assert "skipped" in said and "make core" in said
    planned = subprocess.run(["make", "-n", "-C", ROOT, "core"], capture_output=True, text=True, check=True).stdout
    assert planned.index("tools/install_arm.sh") < planned.index("-m tools.chip.core")


@pytest.mark.slow
async def test_a_party_makes_a_wallet_and_signs_within_its_time_heap_and_stack(built, files):
    machine = Machine(built, archive.pack(files))
    chip = peers.Party(machine)
    assert (await chip.hello()).arithmetic == "kernel_v6m"
    keepers = await peers.key_generation(chip, 2, 2)
    assert len(chip.result) == 33 and 1e6 < chip.micros < 12e6 and 110_000 < chip.free < IN_PLACE_LEAST
    assert 1000 < machine.stack_used < STACK_MOST
    tally = machine.counter.tally()
    assert 10 < tally.collections < 2000 and 10_000 < tally.allocations < 200_000
    assert tally.allocated == sum(size * count for size, count in tally.sizes.items())
    assert tally.cycles_in_ram + sum(tally.places.values()) <= tally.cycles < 15 * HERTZ
    machine.forget_stack()
    await peers.signature(chip, keepers, [1, 2])
    assert len(chip.result) == 64 and 1e5 < chip.micros < 6e6 and 95_000 < chip.free < IN_PLACE_LEAST
    assert 1000 < machine.stack_used < STACK_MOST


@pytest.mark.slow
async def test_modules_in_place_leave_more_heap(built, files):
    chip = peers.Party(Machine(built, archive.pack(files, in_place=True)))
    await peers.key_generation(chip, 2, 2)
    assert chip.free > IN_PLACE_LEAST


@pytest.mark.slow
async def test_a_party_without_a_kernel_makes_a_wallet_in_viper(built, files):
    machine = Machine(built, archive.pack(archive.reduced(files, "viper")))
    chip = peers.Party(machine)
    assert (await chip.hello()).arithmetic == "viper"
    await peers.key_generation(chip, 2, 2)
    assert 20e6 < chip.micros < 80e6 and machine.stack_used < STACK_MOST


@pytest.mark.slow
def test_known_costs_are_near_those_of_a_stock_pico(built, capsys):
    assert command.main(["--calibrate"]) == 0
    assert "SHA-256 of 64 bytes" in capsys.readouterr().out
    found = command.calibrated(Machine(built, archive.pack(command.calibration())))
    assert 225_000 < found["free"] < 240_000
    for name, (_what, reference) in command.REFERENCE.items():
        assert 0.7 * reference < found[name] < 1.3 * reference, name


@pytest.mark.slow
def test_the_command_tells_what_it_is_and_what_was_counted(built, capsys):
    assert command.main(["2-of-2", "--garbage", "200000", "--profile"]) == 0
    out = capsys.readouterr().out
    for wanted in (
        "no silicon, no USB, no littlefs", "arithmetic                   kernel_v6m", "after 200000 bytes",
        "s at 125 MHz", "bytes of heap free after import", "collections", f"of {STACK_BYTES} bytes of stack",
        "% of the cycles in gc_alloc", "allocations of 16 bytes",
    ):  # fmt: skip
        assert wanted in out
