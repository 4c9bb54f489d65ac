"""How the entropy source began at earlier starts: a generator with a fixed seed begins the same way each time.

A hash of each start in one raw block, which is erased when it is full. What was read for it is thrown away before the
first output, so that the record tells nothing. Specification: docs/architecture.md, the vault.
"""

from daric_protocol.errors import DaricError
from daric_protocol.platform.entropy import START_BYTES

PIECE = 256  # bytes read at a time


def check(block, start: bytes) -> None:
    """Refuse a beginning that was there before, then remember this one.

    block: a board.flashfile.Partition of one block. start: daric_protocol.platform.entropy.Entropy.start.
    Raises DaricError("entropy") or DaricError("storage").
    """
    try:
        at, last = _find(block, start)
        if at == block.block_size:
            block.erase(0)
            block.program(0, last)
            at = START_BYTES
        block.program(at, start)
    except OSError:
        raise DaricError("storage", "The record of starts can't be read or written.")


def _find(block, start: bytes) -> tuple:
    """(place of the first blank record, the record before it). Raises DaricError("entropy") if `start` is there."""
    piece = bytearray(PIECE)
    blank = b"\xff" * START_BYTES
    last = blank
    for begin in range(0, block.block_size, PIECE):
        block.read(begin, piece)
        for at in range(0, PIECE, START_BYTES):
            record = bytes(piece[at : at + START_BYTES])
            if record == blank:
                return begin + at, last
            if record == start:
                raise DaricError("entropy", "The entropy source begins as it did before: it is a seeded generator.")
            last = record
    return block.block_size, last
