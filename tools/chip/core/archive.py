"""The files of the chip: which they are, and the archive in flash that port/files.h describes."""

from __future__ import annotations

import struct

from daric_host.flashing import compiling
from daric_protocol.errors import DaricError
from daric_sim import boards

from tools.chip import flash

MAGIC = b"core"
MOST_BYTES = 1 << 20  # of an archive
HEAD, RECORD = struct.Struct("<4s3I"), struct.Struct("<4I")
BOOT = "boot.mpy"  # what the program imports
LEFT_OUT = {  # by the arithmetic that is left: files that platform/points.py would take before it
    "kernel": (),
    "viper": (compiling.KERNEL,),
    "plain": (compiling.KERNEL, *compiling.VIPER),
}


def files(program: bytes = flash.MAIN) -> dict[str, bytes]:
    """The protocol and the party as an emulated Pico has them, and a program that starts, as text."""
    found = flash.modules()
    del found["main.py"]
    return {**found, BOOT: compiled("boot.py", program)}


def reduced(contents: dict[str, bytes], arithmetic: str) -> dict[str, bytes]:
    """The files without those of a faster arithmetic: a key of LEFT_OUT."""
    return {path: data for path, data in contents.items() if not path.startswith(LEFT_OUT[arithmetic])}


def compiled(name: str, source: bytes) -> bytes:
    """A module for this chip."""
    return compiling.compiled(name, source, boards.supported(flash.BOARD).architecture)


def pack(contents: dict[str, bytes], in_place: bool = False) -> bytes:
    """The archive. contents: path -> bytes. in_place: modules are executed where they lie, not from the heap.

    Raises DaricError("parameter") if it is larger than the room in flash.
    """
    records, data = bytearray(), bytearray()
    begin = HEAD.size + RECORD.size * len(contents)

    def put(piece: bytes) -> tuple[int, int]:
        data.extend(bytes(-len(data) % 4))
        data.extend(piece)
        return begin + len(data) - len(piece), len(piece)

    for path in sorted(contents):
        records += RECORD.pack(*put(path.encode()), *put(contents[path]))
    size = begin + len(data)
    if size > MOST_BYTES:
        raise DaricError("parameter", f"the files take {size} bytes of flash, of which there are {MOST_BYTES}")
    return HEAD.pack(MAGIC, size, in_place, len(contents)) + records + data
