"""Overwrites the free heap: what was collected is still in memory until something else is put there.

Specification: docs/security.md, secrets in memory.
"""

import gc
import sys

LARGEST = 1 << 16  # bytes of the piece that is tried first
LOST = 16384  # bytes less than after the start: then it starts anew
CHAINS = 32  # a stale pointer on the stack, which the collector takes for a live one, holds one of them at most


def scrub(device=None) -> None:
    """Collect, then fill every free block once and give it back. Under CPython nothing happens.

    device: finds out whether it is worn: names are never freed, and those of all code take the room of a signature.
    """
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
    if device is not None and not device.locked:
        _weigh(device)


def _weigh(device) -> None:
    """Let a device start anew that lost too much, while nothing is under way that a start would end."""
    free, modules = gc.mem_free() + device.link.held, device.modules  # half a message wears nothing
    if not modules.free:
        modules.free = free
    waits = device.errands is not None and device.errands.held
    waits = waits or device.menu or device.secret or device.lock or device.restored
    device.worn = free < modules.free - LOST and not (waits or device.sessions.held or device.hosts.pairing)
