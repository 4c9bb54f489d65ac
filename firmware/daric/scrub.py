"""Overwrites the free heap: what was collected is still in memory until something else is put there.

Specification: docs/security.md, secrets in memory.
"""

import gc
import sys

LARGEST = 4096


def scrub() -> None:
    """Collect, then fill every free block once and give it back. Under CPython nothing happens."""
    if sys.implementation.name != "micropython":
        return
    threshold = gc.threshold()
    gc.threshold(-1)
    gc.collect()
    chain = None
    size = LARGEST
    while size:
        try:
            chain = (chain, bytearray(size) if size > 16 else 0)
        except MemoryError:
            size = size // 2 if size > 16 else 0
    chain = None
    gc.threshold(threshold)
    gc.collect()
