"""What count.c counts, and how it is hung into an emulator."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FLASH_BYTES = 2 << 20
SIZES, UNIT = 1024, 16  # kinds of allocations, bytes from one to the next
CACHED = 1 << 16


class _Block(ctypes.Structure):
    _fields_ = [
        ("address", ctypes.c_uint32), ("bytes", ctypes.c_uint32), ("cycles", ctypes.c_uint32),
        ("conditional", ctypes.c_bool),
    ]  # fmt: skip


class Counts(ctypes.Structure):
    """counts_t of count.c, field by field."""

    _fields_ = [
        ("flash", ctypes.c_void_p), ("ram", ctypes.c_void_p), ("cycles", ctypes.c_uint64), ("limit", ctypes.c_uint64),
        ("collections", ctypes.c_uint64), ("allocations", ctypes.c_uint64), ("allocated", ctypes.c_uint64),
        ("cycles_in_ram", ctypes.c_uint64), ("cycles_in_flash", ctypes.c_uint64 * (FLASH_BYTES // 2)),
        ("sizes", ctypes.c_uint64 * SIZES), ("collect_at", ctypes.c_uint32), ("allocate_at", ctypes.c_uint32),
        ("fall_through", ctypes.c_uint32), ("cache", _Block * CACHED),
    ]  # fmt: skip


@dataclass(frozen=True)
class Tally:
    """What was counted since the one before.

    allocated: bytes. places: offset in flash -> cycles of the code there. sizes: bytes of an allocation -> how many.
    """

    cycles: int
    collections: int
    allocations: int
    allocated: int
    cycles_in_ram: int
    places: dict[int, int] = field(repr=False)
    sizes: dict[int, int] = field(repr=False)


class Counter:
    """Counts in an emulator from now on. engine: a unicorn.Uc whose flash and RAM are these buffers."""

    def __init__(self, library: Path, engine: Any, flash: Any, ram: Any, collect_at: int, allocate_at: int) -> None:
        from unicorn import UC_HOOK_BLOCK
        from unicorn.unicorn_py3.unicorn import uclib

        self.counts = Counts(
            flash=ctypes.addressof(flash), ram=ctypes.addressof(ram), collect_at=collect_at, allocate_at=allocate_at
        )
        self._library = ctypes.CDLL(str(library))
        self._hook = ctypes.c_size_t()
        # The binding hooks functions of Python only, a thousand times slower; its handle is that of the C library.
        status = uclib.uc_hook_add(
            engine._uch, ctypes.byref(self._hook), UC_HOOK_BLOCK, ctypes.cast(self._library.count, ctypes.c_void_p),
            ctypes.addressof(self.counts), 1, 0,
        )  # fmt: skip
        assert status == 0
        self._cycles = 0

    def tally(self) -> Tally:
        """What was counted since the last call."""
        counts = self.counts
        places = {2 * i: cycles for i, cycles in enumerate(counts.cycles_in_flash) if cycles}
        sizes = {UNIT * i: many for i, many in enumerate(counts.sizes) if many}
        cycles, self._cycles = counts.cycles - self._cycles, counts.cycles
        found = Tally(
            cycles, counts.collections, counts.allocations, counts.allocated, counts.cycles_in_ram, places, sizes
        )
        counts.collections = counts.allocations = counts.allocated = counts.cycles_in_ram = 0
        ctypes.memset(counts.cycles_in_flash, 0, ctypes.sizeof(counts.cycles_in_flash))
        ctypes.memset(counts.sizes, 0, ctypes.sizeof(counts.sizes))
        return found
