"""An image in memory: machine code with a flipped bit is not whole, and what multiplies points is not made of it.

usage: IMAGE BITS, a file with lines "MODULE PLACE": places of bits, counted from the image's beginning.
"""

import sys

import vfs

with open(sys.argv[1], "rb") as file:
    image = bytearray(file.read())
vfs.mount(vfs.VfsRom(image), "/rom")
sys.path[:] = ["/rom"]

from daric_protocol.platform import knownanswers  # noqa: E402

PLACE = "daric_protocol.platform."


def chosen():
    """What multiplies points after a new start."""
    for name in ("points", "words32", "recode_viper"):
        sys.modules.pop(PLACE + name, None)
    return __import__(PLACE + "points", None, None, ("NAME",)).NAME


def check(name):
    """Whether a module counts as whole."""
    sound = knownanswers.whole(name)
    if not name.startswith("kernel_"):  # no kernel is for this architecture
        assert chosen() == ("viper" if sound else "plain")
    return sound


refused = {}
with open(sys.argv[2]) as file:
    for line in file:
        name, bit = line.split()
        place = int(bit)
        if name not in refused:
            assert check(name)
            refused[name] = 0
        image[place >> 3] ^= 1 << (place & 7)
        refused[name] += not check(name)
        image[place >> 3] ^= 1 << (place & 7)
        if refused[name] == 1:
            assert check(name)
for name in sorted(refused):
    print(name, refused[name])
