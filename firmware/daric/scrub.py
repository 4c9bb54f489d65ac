"""Overwrites the free heap: what was collected is still in memory until something else is put there.

Specification: docs/security.md, secrets in memory.
"""

import gc
import sys

LARGEST = 1 << 16  # bytes of the piece that is tried first


def scrub() -> None:
    """Collect, then fill every free block once and give it back. Under CPython nothing happens."""
    if sys.implementation.name != "micropython":
        return
    gc.collect()
    gc.disable()  # nothing is to be collected meanwhile: a piece that does not fit fails at once
    chain = None
    size = LARGEST
    try:
        while size > 16:
            try:
                chain = (chain, bytearray(size))
            except MemoryError:
                size >>= 1
        while True:
            chain = (chain, None)  # one block each; a list of them would need room to grow
    except MemoryError:
        pass
    chain = None
    gc.enable()
    gc.collect()
