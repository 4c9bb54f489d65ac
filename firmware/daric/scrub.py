"""Overwrites the free heap: what was collected is still in memory until something else is put there.

Specification: docs/security.md, secrets in memory.
"""

import gc
import sys

LARGEST = 1 << 16  # bytes of the piece that is tried first
CHAINS = 32  # a stale pointer on the stack, which the collector takes for a live one, holds one of them at most


def scrub() -> None:
    """Collect, then fill every free block once and give it back. Under CPython nothing happens."""
    if sys.implementation.name != "micropython":
        return
    gc.collect()
    gc.disable()  # nothing is to be collected meanwhile: a piece that does not fit fails at once
    chains = [None] * CHAINS
    size = LARGEST
    at = 0
    try:
        while size > 16:
            try:
                chains[at] = (chains[at], bytearray(size))
                at = (at + 1) % CHAINS
            except MemoryError:
                size >>= 1
        while True:
            chains[at] = (chains[at], None)  # one block each; a list of them would need room to grow
            at = (at + 1) % CHAINS
    except MemoryError:
        pass
    for at in range(CHAINS):
        chains[at] = None
    gc.enable()
    gc.collect()
