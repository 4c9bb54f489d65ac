"""What OT extension does with every byte of a matrix, in machine code, for MicroPython's emitter only.

The plain twin is rows.py. Bytes are read one by one, so that no buffer has to be aligned.
"""

from hashlib import sha256

import micropython

TYPE_CHECKING = False
if TYPE_CHECKING:
    Bytes = bytes | bytearray | memoryview


@micropython.viper
def _expand_columns(columns, width: int, hashed, block, seeds, count: int):
    c = ptr8(columns)  # noqa: F821
    b = ptr8(block)  # noqa: F821
    s = ptr8(seeds)  # noqa: F821
    at = 0
    k = 0
    while k < count:
        b[32] = k
        i = 0
        while i < 16:
            b[33 + i] = s[16 * k + i]
            i += 1
        b[49] = 0
        left = width
        while left > 0:
            expanded = hashed(block).digest()
            d = ptr8(expanded)  # noqa: F821
            size = 32 if left > 32 else left
            i = 0
            while i < size:
                c[at + i] = d[i]
                i += 1
            at += size
            left -= size
            b[49] = int(b[49]) + 1
        k += 1


def expand_columns(columns: bytearray, width: int, block: bytearray, seeds: bytes) -> None:
    """Write to each column, `width` bytes, how its seed's expansion begins: SHA-256 of the block, counter 0, 1, ...

    block: 50 B; after a prefix of 32 come 1 for the column's number, 16 for the seed and 1 for the counter. seeds: 16 B
    each.
    """
    _expand_columns(columns, width, sha256, block, seeds, len(seeds) // 16)


@micropython.viper
def _xor_columns(target, width: int, source, stride: int, selected, count: int):
    t = ptr8(target)  # noqa: F821
    s = ptr8(source)  # noqa: F821
    bits = ptr8(selected)  # noqa: F821
    to = 0
    start = 0
    k = 0
    while k < count:
        mask = 0 - ((int(bits[k >> 3]) >> (k & 7)) & 1)
        at = start
        end = to + width
        while to < end:
            t[to] = int(t[to]) ^ (int(s[at]) & mask)
            to += 1
            at += 1
        start += stride
        k += 1


def xor_columns(target: "bytearray | memoryview", width: int, source: "Bytes", stride: int, selected: "Bytes") -> None:
    """Add to column k of the target, `width` bytes, that of the source, wherever bit k of `selected` is 1.

    stride: bytes from one column of the source to the next; 0 where one column is added to all of them.
    """
    _xor_columns(target, width, source, stride, selected, 8 * len(selected))
