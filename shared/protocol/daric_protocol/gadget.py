"""The public weights of RVOLE, g_j = SHA256("dkls/gadget/v1" || u16 j) mod q.

Specification: docs/protocol.md, section 1. gadget.bin beside this module holds all of them, 32 bytes each;
where the file was not installed they are computed.
"""

import os
from hashlib import sha256

from daric_protocol import tables
from daric_protocol.errors import DaricError
from daric_protocol.limits import STREAM_ROWS
from daric_protocol.platform import Sha256, equal, matrix
from daric_protocol.tagged import Q, scalar, u16

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

COUNT = 416  # xi = 256 + 2 * 80: one weight per row of the OT extension
PART = 32 * STREAM_ROWS  # bytes of the weights that go with one chunk of the RVOLE stream
DIGEST = b"\xb9\x18g\xcc\x18\xca(\x92h\xfb\x94\x85\xaf\xcd\x9c\xbf>H+\x13\xd7\tL\xae\x7f.\x97w\xd7\x12\xc98"


def weight(j: int) -> int:
    """g_j."""
    return int.from_bytes(sha256(b"dkls/gadget/v1" + u16(j)).digest(), "big") % Q


def parts() -> "Iterator[bytes | memoryview]":
    """The table in parts of 32 weights (1024 B), one by one so that a device never has to hold it whole.

    DaricError("storage") after the last whole part if the table is damaged: nothing made with it may be used before.
    """
    running = Sha256()
    for part in _read() if _installed() else _computed():
        if len(part) != PART:
            break  # cut off: machine code reads as many bytes as a part has
        running.update(part)
        yield part
    if not equal(running.digest(), DIGEST):
        raise DaricError("storage", "The table of gadget weights is damaged; install gadget.bin again.")


def _installed() -> bool:
    try:
        os.stat(tables.path("gadget.bin"))
    except OSError:
        return False
    return True


def _read() -> "Iterator[bytes | memoryview]":
    with open(tables.path("gadget.bin"), "rb") as file:
        table = tables.in_place(file)
        for at in range(0, 32 * COUNT, PART):
            yield file.read(PART) if table is None else table[at : at + PART]


def _computed() -> "Iterator[bytes]":
    for first in range(0, COUNT, STREAM_ROWS):
        yield b"".join([scalar(weight(j)) for j in range(first, first + STREAM_ROWS)])


def select(beta: bytes) -> int:
    """b = sum of g_j over the set bits j of beta (52 B, little-endian)."""
    return matrix.select(beta, parts())
