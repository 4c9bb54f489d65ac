"""Run by MicroPython: the vault on real littlefs, cut at every flash operation. Prints how many cuts were made."""

import sys

from daric.board.flashfile import FlashFile
from daric.flash import MIN_BLOCKS, open_vault
from daric_protocol.errors import DaricError
from daric_protocol.platform.entropy import Entropy

path = sys.argv[1]
stride = int(sys.argv[2])
entropy = Entropy()


def on_flash(pattern):
    """Whether the bytes are anywhere on the chip."""
    with open(path, "rb") as file:
        tail = b""
        while True:
            piece = file.read(1024)
            if not piece:
                return False
            if pattern in tail + piece:
                return True
            tail = piece[-len(pattern) :]


def expect(condition, what):
    if not condition:
        print("FAILED", what)
        sys.exit(1)


def on_start():
    return open_vault(FlashFile(path, MIN_BLOCKS), entropy.draw)


# First start, restart
vault = on_start()
vault.write("shard/00/1", b"s" * 700)
vault.write("pair/00/1/2", b"p" * 6224)
vault = on_start()
expect(vault.read("shard/00/1") == b"s" * 700, "restart")
expect(vault.names("pair/") == ["pair/00/1/2"], "names")
expect(not on_flash(b"s" * 16) and not on_flash(b"p" * 16), "nothing in clear")
expect(on_flash(b"littlefs"), "the file system is on the chip")

# Replace a pair state and erase a shard, cut at every operation
cuts = 0
done = False
after = 1
while not done:
    for torn in (False, True):
        chip = FlashFile(path, MIN_BLOCKS)
        vault = open_vault(chip, entropy.draw)
        vault.write("shard/00/1", b"s" * 700)
        vault.write("pair/00/1/2", b"p" * 6224)
        chip.cut_power(after, torn)
        try:
            vault.write("pair/00/1/2", b"q" * 6224)
            vault.erase("shard/00/1")
            done = True
        except DaricError as error:
            expect(error.name == "storage", error.name)
        chip.close()
        vault = on_start()
        pair = vault.read("pair/00/1/2")
        shard = vault.read("shard/00/1")
        expect(pair in (b"p" * 6224, b"q" * 6224), f"old or new at {after}")
        expect(shard in (b"s" * 700, None), f"there or gone at {after}")
        expect(shard is not None or pair == b"q" * 6224, f"in order at {after}")
        cuts += 1
    after += stride

# Full
try:
    for number in range(1000):
        vault.write(f"big/{number}", bytes(20000))
    expect(False, "a full vault took more")
except DaricError as error:
    expect(error.name == "storage", error.name)
expect(vault.read("pair/00/1/2") == b"q" * 6224, "a full vault keeps what it has")
for name in vault.names("big/"):
    vault.erase(name)
vault.write("small", b"fits again")

# A file that was tampered with is named
expect(on_start().damaged() == [], "nothing is damaged")
with open("/vault/{:08x}".format(vault._find("small")[2]), "wb") as file:
    file.write(b"\x00" * 40)
expect(on_start().damaged() == ["small"], "the damaged entry is named")
print("cuts", cuts)
