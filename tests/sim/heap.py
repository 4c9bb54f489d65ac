"""The heap of a simulated device as its process has it: what is in use, what was given back and lies there still.

The interpreter's heap is one block of memory: a table with two bits per block of 32 bytes (0 free, 1 head, 2 tail,
3 marked), then flags of finalisers, then the blocks (MicroPython, py/gc.c). It is found by its size.
"""

import itertools
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass

from coincurve import PublicKey

BLOCK = 32
PER_TABLE_BYTE = 4
PER_FINALISER_BYTE = 8
PAGE = 4096
HEADER = 16  # what malloc puts in front: the size of the chunk, with a flag for one that has pages of its own
MAPPED = 2
DIFFERENT = 22  # of 32 random bytes at least so many differ, but for one time in 100,000
SCALAR = 32
TRIES, PAUSE = 500, 0.01  # the kernel tells nobody that another process waits: it is asked again and again


@dataclass(frozen=True)
class Heap:
    """A copy of all blocks. used: of each block whether something refers to it, as of the last collection.

    outside: everything else in the process that can be written, the stack among it.
    """

    blocks: bytes
    used: list[bool]
    outside: bytes = b""

    @classmethod
    def of(cls, pid: int, heapsize: str) -> "Heap":
        """Read it while the device waits. heapsize: as in "240k"."""
        for _ in range(TRIES):
            try:
                heap, outside = _read(pid, int(heapsize.removesuffix("k")) * 1024)
                return cls(*cls.parse(heap), outside)
            except ValueError:
                time.sleep(PAUSE)  # it was at work
        raise AssertionError("the device has no such heap, or never waits")

    @staticmethod
    def parse(region: bytes) -> tuple[bytes, list[bool]]:
        """(blocks, used) of a region as gc_setup_area lays it out. ValueError for none, or one being collected."""
        table = (len(region) - 1) * 8 // (8 + 8 * PER_TABLE_BYTE // PER_FINALISER_BYTE + 8 * PER_TABLE_BYTE * BLOCK)
        count = table * PER_TABLE_BYTE
        kinds = [region[at // PER_TABLE_BYTE] >> 2 * (at % PER_TABLE_BYTE) & 3 for at in range(count)]
        if 3 in kinds or any(tail == 2 and before == 0 for before, tail in itertools.pairwise(kinds)):
            raise ValueError
        return region[-count * BLOCK :], [kind != 0 for kind in kinds]

    @property
    def live(self) -> bytes:
        """The blocks in use; zeros for all others."""
        return self._only(True)

    @property
    def freed(self) -> bytes:
        """The blocks not in use; zeros for all others."""
        return self._only(False)

    def _only(self, used: bool) -> bytes:
        out = bytearray(len(self.blocks))
        for at, mine in enumerate(self.used):
            if mine == used:
                out[BLOCK * at : BLOCK * at + BLOCK] = self.blocks[BLOCK * at : BLOCK * at + BLOCK]
        return bytes(out)


def _read(pid: int, size: int) -> tuple[bytes, bytes]:
    """(heap, all else that can be written) of a process that is stopped meanwhile. ValueError if it did not wait."""
    chunk = (size + HEADER + PAGE - 1) // PAGE * PAGE
    if _state(pid) != "S":
        raise ValueError
    os.kill(pid, signal.SIGSTOP)
    try:
        while _state(pid) not in ("T", "t"):
            time.sleep(PAUSE)
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
            found, outside = [], bytearray()
            for low, high in _writable(maps):
                memory.seek(low)
                region = memory.read(high - low)
                for at in range(0, len(region) - chunk + 1, PAGE):
                    if int.from_bytes(region[at + 8 : at + HEADER], "little") == chunk | MAPPED:
                        found.append(region[at + HEADER : at + (HEADER + size) // BLOCK * BLOCK])  # as gc_init does
                        region = region[:at] + region[at + chunk :]
                        break
                outside += region
    finally:
        os.kill(pid, signal.SIGCONT)
    if len(found) != 1:
        raise ValueError
    return found[0], bytes(outside)


def _state(pid: int) -> str:
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(") ")[2][0]


def _writable(maps: Iterable[str]) -> Iterable[tuple[int, int]]:
    for line in maps:
        place, flags, *_ = line.split()
        if flags.startswith("rw"):
            low, high = place.split("-")
            yield int(low, 16), int(high, 16)


def count(memory: bytes, secret: bytes) -> int:
    """How often a secret lies there, as bytes or as the digits of an integer."""
    return memory.count(secret) + (memory.count(secret[::-1]) if len(secret) == SCALAR else 0)


def logarithms(memory: bytes, points: set[bytes]) -> set[bytes]:
    """x of the points (33 B) whose secret scalar lies anywhere in the memory, as bytes or as an integer's digits."""
    found = set()
    either = {point[1:] for point in points}
    tried = set()
    for at in range(len(memory) - SCALAR + 1):
        window = memory[at : at + SCALAR]
        if window[0] == window[1] == 0 or len(set(window)) < DIFFERENT:
            continue
        for scalar in (window, window[::-1]) if at % 4 == 0 else (window,):
            if scalar in tried:
                continue
            tried.add(scalar)
            try:
                x = PublicKey.from_secret(scalar).format()[1:]
            except ValueError:
                continue
            if x in either:
                found.add(x)
    return found
