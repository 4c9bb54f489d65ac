"""Cells of 32 bytes in raw flash, each programmed once between two erases, so that every kind of NOR flash takes them.

Specification: docs/architecture.md, the vault.
"""

CELL = 32  # the largest flash word of the boards
BLANK = b"\xff" * CELL
PIECE = 256  # read and compared at a time


def is_blank(partition, block: int) -> bool:
    """Whether every bit of a block is set. Raises OSError."""
    piece = bytearray(PIECE)
    blank = b"\xff" * PIECE
    start = block * partition.block_size
    for offset in range(start, start + partition.block_size, PIECE):
        partition.read(offset, piece)
        if piece != blank:
            return False
    return True


def blank(partition, block: int) -> None:
    """Erase a block that is not blank, and see that it is. Raises OSError, also where the bits do not change."""
    if not is_blank(partition, block):
        partition.erase(block)
        if not is_blank(partition, block):
            raise OSError(5)


def program(partition, address: int, data: bytes) -> None:
    """Program bytes and read them back. Raises OSError, also where they are not there."""
    partition.program(address, data)
    if not holds(partition, address, data):
        raise OSError(5)


def holds(partition, address: int, data: bytes) -> bool:
    """Whether these bytes are at this address. Raises OSError."""
    piece = bytearray(min(PIECE, len(data)))
    for start in range(0, len(data), PIECE):
        partition.read(address + start, piece)
        want = data[start : start + PIECE]
        if bytes(piece[: len(want)]) != want:
            return False
    return True


def used(partition, address: int, count: int) -> int:
    """How many cells from `address` on were programmed or begun: the place of the last that is not blank. OSError."""
    cell = bytearray(CELL)
    for number in range(count, 0, -1):
        partition.read(address + (number - 1) * CELL, cell)
        if cell != BLANK:
            return number
    return 0
