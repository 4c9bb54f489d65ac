"""An image in memory: its tables are used where they lie, copied where that is no whole word, refused if changed.

usage: IMAGE PLACE_OF_GENERATOR PLACE_OF_GADGET BITS: places in bytes; a file with bits of the tables, counted from the
image's beginning.
"""

import sys

import uctypes
import vfs

with open(sys.argv[1], "rb") as file:
    image = bytearray(file.read() + b"\0\0\0")  # room to move
size = len(image) - 3
generator_at, gadget_at = int(sys.argv[2]), int(sys.argv[3])
vfs.mount(vfs.VfsRom(image), "/rom")
sys.path[:] = ["/rom"]

from daric_protocol import curve, gadget, tables  # noqa: E402
from daric_protocol.errors import DaricError  # noqa: E402


def lies_at(table):
    return uctypes.addressof(table) - uctypes.addressof(image)


def answers():
    return curve.FixedBase(curve.G).mul(12345), gadget.select(b"\xa5" * 52)


expected = answers()
assert expected[0] == curve.mul(12345, curve.G)
assert lies_at(tables.generator()) == generator_at
assert [lies_at(part) for part in gadget.parts()] == list(range(gadget_at, gadget_at + 32 * gadget.COUNT, gadget.PART))
print("in place")

for shift in (1, 2, 3):
    moved = bytearray(len(image))
    moved[shift : shift + size] = memoryview(image)[:size]
    vfs.umount("/rom")
    vfs.mount(vfs.VfsRom(memoryview(moved)[shift : shift + size]), "/rom")
    assert isinstance(tables.generator(), bytearray)
    assert [type(part) for part in gadget.parts()] == [bytes] * 13
    assert answers() == expected
    print("copied", shift)
vfs.umount("/rom")
vfs.mount(vfs.VfsRom(image), "/rom")

refused = 0
with open(sys.argv[4]) as file:
    bits = [int(line) for line in file]
for bit in bits:
    image[bit >> 3] ^= 1 << (bit & 7)
    try:
        answers()
    except DaricError as error:
        refused += error.name == "storage"
    image[bit >> 3] ^= 1 << (bit & 7)
assert answers() == expected
print("refused", refused)
