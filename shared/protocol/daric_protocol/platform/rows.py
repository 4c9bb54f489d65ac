"""What OT extension and multiplication do with every byte of a matrix, in plain Python: the twin of rows_viper.py.

Specification: docs/protocol.md, sections 4 and 5. Bits are little-endian, scalars big-endian.
"""

from hashlib import sha256

Q = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def expand_columns(columns: bytearray, width: int, block: bytearray, seeds: bytes) -> None:
    """Write to each column, `width` bytes, how its seed's expansion begins: SHA-256 of the block, counter 0, 1, ...

    block: 50 B; after a prefix of 32 come 1 for the column's number, 16 for the seed and 1 for the counter. seeds: 16 B
    each.
    """
    hashed = sha256
    for k in range(len(seeds) // 16):
        block[32] = k
        block[33:49] = seeds[16 * k : 16 * k + 16]
        expanded = b""
        for counter in range((width + 31) // 32):
            block[49] = counter
            expanded += hashed(block).digest()
        columns[width * k : width * (k + 1)] = expanded[:width]


def xor_columns(
    target: bytearray, width: int, source: "bytes | bytearray | memoryview", stride: int, selected: bytes
) -> None:
    """Add to column k of the target, `width` bytes, that of the source, wherever bit k of `selected` is 1.

    stride: bytes from one column of the source to the next; 0 where one column is added to all of them.
    """
    column = at = 0
    for start in range(0, 8 * len(selected) * width, width):
        bit = selected[column >> 3] >> (column & 7) & 1
        mixed = int.from_bytes(target[start : start + width], "little")
        mixed ^= int.from_bytes(source[at : at + width], "little") * bit
        target[start : start + width] = mixed.to_bytes(width, "little")
        column += 1
        at += stride


def hash_rows(block: bytearray, first: int, rows: "bytes | bytearray") -> "list[bytes]":
    """The three digests of each row of 16 bytes, in one list: SHA-256 of the block with number, column and row set.

    block: 51 B; after a prefix of 32 come 2 for the row's number, 1 for the column (0, 1, 2) and 16 for the row. first:
    the first row's number; all of them have the same high byte.
    """
    hashed = sha256
    digests = [b""] * (3 * len(rows) // 16)
    block[32] = first >> 8
    number = first & 255
    at = 0
    for row in range(0, len(rows), 16):
        block[33] = number
        block[35:51] = rows[row : row + 16]
        for column in (0, 1, 2):
            block[34] = column
            digests[at] = hashed(block).digest()
            at += 1
        number += 1
    return digests


def offset_rows(minuends: "list[bytes]", subtrahends: "list[bytes]", offsets: bytes) -> "bytes | bytearray":
    """minuend - subtrahend + offset modulo q, 32 B each.

    minuends, subtrahends: rows of three numbers below 2^256, 32 B each. offsets: three scalars, 96 B, for all rows.
    """
    from_bytes = int.from_bytes
    numbers = [from_bytes(offsets[at : at + 32], "big") for at in (0, 32, 64)]
    rows = [b""] * len(minuends)
    for i in range(len(minuends)):
        number = from_bytes(minuends[i], "big") - from_bytes(subtrahends[i], "big") + numbers[i % 3]
        rows[i] = (number % Q).to_bytes(32, "big")
    return b"".join(rows)
