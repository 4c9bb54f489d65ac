"""What OT extension does with every byte of a matrix, in plain Python: the twin of rows_viper.py.

Specification: docs/protocol.md, section 4. Bits are little-endian.
"""

from hashlib import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    Bytes = bytes | bytearray | memoryview


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


def xor_columns(target: "bytearray | memoryview", width: int, source: "Bytes", stride: int, selected: "Bytes") -> None:
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
