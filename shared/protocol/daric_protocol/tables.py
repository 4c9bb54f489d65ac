"""Tables that ship beside this module: used where they lie in flash, each compared with its SHA-256 before.

A machine of the curve reads them by words: an image has them at whole words (daric_host.flashing.romfs). A table that
lies elsewhere, or in a file system whose files have no address, is copied into RAM.
"""

from daric_protocol.errors import DaricError
from daric_protocol.platform import Sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

GENERATOR_BYTES = 64 << 7
GENERATOR_DIGEST = b"\xd1c>i{\xcc\x9e\xfd\x10\x01Q+\x0c\xb7\nN\xf8\xe7S\xe5\x04\t\x7fb\x1b}\xb1}\x8fw\xb0\x86"


def path(name: str) -> str:
    """Where the table of this name belongs."""
    here: str = globals().get("__file__", "")
    return here[: here.rfind("/") + 1] + name


def in_place(file: "Any") -> "memoryview | None":
    """A file's bytes in flash, None where they lie nowhere or not at a whole word."""
    try:
        table = memoryview(file)  # of MicroPython's read-only file system
    except TypeError:
        return None
    from uctypes import addressof

    return table if addressof(table) & 3 == 0 else None


def generator() -> "bytearray | memoryview":
    """The generator's comb (comb.py), 8 KB, made by tools/make_generator_table.py.

    Raises DaricError("storage") if it is missing or damaged: no multiple of the generator is computed then.
    """
    try:
        with open(path("generator.bin"), "rb") as file:
            table: "bytearray | memoryview | None" = in_place(file)
            if table is None:
                table = bytearray(GENERATOR_BYTES)  # read into: a growing buffer needs twice the room
                file.readinto(table)
    except OSError:
        table = bytearray()
    if len(table) != GENERATOR_BYTES or Sha256(table).digest() != GENERATOR_DIGEST:
        raise DaricError("storage", "The table of the generator is damaged; install generator.bin again.")
    return table
