"""MicroPython's core for Cortex-M0+ under an emulator: what it computes, counts and says when it fails.

The programs of `Raw` are a few instructions of ARMv6-M. All of it is slow by what installs the compiler.
"""

import asyncio
import hashlib
import struct

import pytest
from core_programs import refused, said
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from daric_protocol.identity import Identity

from tools.chip import peers
from tools.chip.core import archive
from tools.chip.core.machine import FLASH_AT, Machine

PLATFORM = "daric_protocol/platform/"
KERNEL, VIPER, RECODING = PLATFORM + "kernel_v6m", PLATFORM + "words16", PLATFORM + "recode_viper"

pytestmark = pytest.mark.slow


class Raw:
    """Stands for what was built: instructions instead of the core. r0: the host's registers, r2: RAM."""

    START = (0x2040, 0x0600, 0x2220, 0x0612)  # movs r0, #0x40; lsls r0, #24; movs r2, #0x20; lsls r2, #24
    STOP = (0x2100, 0x6101, 0xE7FE)  # movs r1, #0; str r1, [r0, #16]; b .
    symbols = ((0, "gc_collect_start"), (0, "gc_alloc"))

    def __init__(self, built, body):
        halves = [0x2000, 0x2004, 9, FLASH_AT >> 16, *self.START, *body, *self.STOP]  # stack and start before
        self.firmware = struct.pack(f"<{len(halves)}H", *halves)
        self.counter = built.counter

    def cycles(self):
        machine = Machine(self, archive.pack({}))
        machine.run_to_end()
        return machine.counter.counts.cycles


@pytest.mark.parametrize(
    ("body", "cycles"),
    [
        ([0x3101], 1),  # adds r1, #1
        ([0x4349], 1),  # muls r1, r1
        ([0xBF00] * 5, 5),  # nop
        ([0x6811], 2),  # ldr r1, [r2]
        ([0x4900], 2),  # ldr r1, [pc]
        ([0x7011], 2),  # strb r1, [r2]
        ([0xCA0A], 3),  # ldm r2!, {r1, r3}
        ([0xB40A, 0xBC0A], 6),  # push {r1, r3}; pop {r1, r3}
        ([0xE7FF], 2),  # b to the next instruction
        ([0xF000, 0xF800], 3),  # bl to the next instruction
        ([0x4289, 0xD000, 0xBF00], 3),  # cmp r1, r1; beq over nop
        ([0x4289, 0xD100, 0xBF00], 3),  # cmp r1, r1; bne, not taken; nop
        ([0xF000, 0xF801, 0xE001, 0xB500, 0xBD00], 10),  # bl f; b on; f: push {lr}; pop {pc}
        ([0xF3BF, 0x8F4F], 3),  # dsb
        ([0x2364, 0x3B01, 0xD1FD], 1 + 100 * 3 - 1),  # movs r3, #100; again: subs r3, #1; bne again
    ],
)
def test_an_instruction_takes_the_cycles_of_the_technical_reference(built, body, cycles):
    assert Raw(built, body).cycles() - Raw(built, []).cycles() == cycles


WHICH = """
from daric_protocol.identity import Identity
from daric_protocol.platform import points
me = Identity(2**255 + 12345)
print(points.NAME, me.public.hex(), me.sign(bytes(range(32)), lambda count: bytes(count)).hex())
"""


def without(files, *starts):
    return {path: data for path, data in files.items() if not path.startswith(starts)}


def flipped(files, path):
    data = bytearray(files[path])
    data[len(data) // 2] ^= 8
    return {**files, path: bytes(data)}


@pytest.mark.parametrize(
    ("change", "arithmetic"),
    [
        (lambda files: files, "kernel_v6m"),
        (lambda files: without(files, KERNEL), "viper"),
        (lambda files: without(files, KERNEL + ".sha256"), "viper"),
        (lambda files: flipped(files, KERNEL + ".sha256"), "viper"),
        (lambda files: flipped(files, KERNEL + ".mpy"), "viper"),
        (lambda files: without(files, KERNEL, VIPER), "plain"),
        (lambda files: without(flipped(files, VIPER + ".sha256"), KERNEL), "plain"),
        (lambda files: flipped(files, RECODING + ".mpy"), "plain"),
    ],
)
@pytest.mark.parametrize("in_place", [False, True])
def test_each_arithmetic_computes_the_same_and_none_is_used_that_is_not_whole(
    built, files, change, arithmetic, in_place
):
    me = Identity(2**255 + 12345)
    expected = [arithmetic, me.public.hex(), me.sign(bytes(range(32)), bytes).hex()]
    assert said(built, change(files), WHICH, in_place).split() == expected


HASHES = """
from hashlib import sha256
data = bytes([(7 * i + 3) & 255 for i in range(300)])
for size in range(0, 300, 3):
    hash = sha256(data[:size // 2])
    hash.update(memoryview(data)[size // 2:size])
    print(hash.digest().hex())
"""
CIPHERS = """
from cryptolib import aes
data = bytes([(11 * i + 5) & 255 for i in range(96)])
for key in data[:16], data[:32]:
    into = bytearray(96)
    given = aes(key, 1).encrypt(data, into)
    print(aes(key, 1).encrypt(data).hex(), into.hex(), given is into)
    cipher = aes(key, 2, data[40:56])
    print(cipher.encrypt(data[:48]).hex() + cipher.encrypt(data[48:]).hex())
for wrong in ((bytes(24), 1), (bytes(16), 6), (bytes(16), 2, bytes(15))):
    try:
        print(aes(*wrong))
    except ValueError as error:
        print("refused", error)
for wrong in ((bytes(15),), (bytes(32), bytearray(16))):
    try:
        print(aes(bytes(16), 1).encrypt(*wrong))
    except ValueError as error:
        print("refused", error)
"""


def test_the_cores_sha_256_is_that_of_hashlib(built):
    data = bytes((7 * i + 3) & 255 for i in range(300))
    assert said(built, {}, HASHES).split() == [hashlib.sha256(data[:size]).hexdigest() for size in range(0, 300, 3)]


def test_the_cores_aes_is_that_of_cryptography_and_refuses_wrong_sizes(built):
    data = bytes((11 * i + 5) & 255 for i in range(96))
    found = said(built, {}, CIPHERS).split("\n")
    for key, (ecb, cbc) in zip((data[:16], data[:32]), (found[:2], found[2:4]), strict=True):
        codebook = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(data).hex()
        chained = Cipher(algorithms.AES(key), modes.CBC(data[40:56])).encryptor().update(data).hex()
        assert (ecb.split(), cbc) == ([codebook, codebook, "True"], chained)
    assert [line.split()[0] for line in found[4:9]] == ["refused"] * 5


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: b"",
        lambda packed: b"Core" + packed[4:],
        lambda packed: packed[:4] + struct.pack("<I", archive.MOST_BYTES + 1) + packed[8:],
        lambda packed: packed[:4] + struct.pack("<I", len(packed) - 4) + packed[8:],
        lambda packed: packed[:8] + struct.pack("<I", 2) + packed[12:],
        lambda packed: packed[:12] + struct.pack("<I", 1 << 28) + packed[16:],
        lambda packed: packed[:16] + struct.pack("<I", 0xFFFFFFFF) + packed[20:],
        lambda packed: packed[:28] + struct.pack("<I", 0xFFFFFFFF) + packed[32:],
    ],
)
def test_a_damaged_archive_is_told_as_such(built, damage):
    packed = damage(archive.pack({archive.BOOT: archive.compiled("boot.py", b"print(1)\n")}))
    assert "no whole archive" in refused("link", Machine(built, packed).run_to_end)


def test_a_damaged_or_missing_module_ends_the_program_with_what_micropython_says(built, files):
    broken = {**files, "party.mpy": b"N" + files["party.mpy"][1:]}
    detail = refused("link", said, built, broken, "import party\n")
    assert "exception" in detail and "ValueError: incompatible .mpy file" in detail
    assert "ImportError" in refused("link", said, built, {}, "import party\n")


READING = "import sys\nsys.stdin.buffer.read(100)\n"
OUTSIDE = """
import micropython
@micropython.viper
def outside():
    word = ptr32(0x30000000)
    word[0] = 1
outside()
"""


@pytest.mark.parametrize(
    ("program", "what"),
    [
        (READING, "waits for input"),
        ("while True:\n    pass\n", "does not answer within 1 emulated seconds"),
        (OUTSIDE, "cannot be emulated further"),
        ("print('so far')\nraise SystemExit\n", "so far"),
        ("def deeper():\n    deeper()\ndeeper()\n", "maximum recursion depth exceeded"),
        ("kept = []\nwhile True:\n    kept.append(bytes(5000))\n", "MemoryError"),
    ],
)
def test_a_program_that_does_not_end_well_is_told_as_such(built, program, what):
    assert what in refused("link", lambda: said(built, {}, program, patience=1))


@pytest.mark.parametrize(("program", "what"), [("print('hi')", "has ended, having said b'hi"), (READING, "waits")])
def test_a_chip_that_answers_no_request_is_told_as_such(built, program, what):
    packed = archive.pack({archive.BOOT: archive.compiled("boot.py", program.encode())})
    chip = peers.Party(Machine(built, packed))
    assert what in refused("link", lambda: asyncio.run(chip.hello()))


FILES = """
import os
with open("made", "wb") as file:
    file.write(b"some ")
    file.write(b"bytes")
with open("made", "rb") as file:
    print(file.read(3), file.read())
print(open("/held", "rb").read(), os.stat("held")[6])
for name in "missing", "a name that is too long for the host":
    try:
        open(name, "rb")
    except OSError as error:
        print(error.errno)
try:
    open("held", "rb").write(b"x")
except OSError as error:
    print(error.errno)
try:
    print(bytes(memoryview(open("held", "rb"))))
except TypeError:
    print("no buffer")
"""


@pytest.mark.parametrize(("in_place", "buffer"), [(False, "no buffer"), (True, "b'held data'")])
def test_files_are_made_and_read_and_those_in_place_are_buffers(built, in_place, buffer):
    found = said(built, {"held": b"held data"}, FILES, in_place).strip().split("\n")
    assert found == ["b'som' b'e bytes'", "b'held data' 9", "2", "2", "30", buffer]
