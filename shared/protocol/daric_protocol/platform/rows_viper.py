"""What OT extension and multiplication do with every byte of a matrix, in machine code, for MicroPython's emitter only.

The plain twin is rows.py. Bytes are added up in signed numbers of few bits, so that 32 and 64 bits give the same, and
read one by one, so that no buffer has to be aligned.
"""

from hashlib import sha256

import micropython

# The order of secp256k1, and what 2^256 is modulo the order; big-endian.
ORDER = b"\xff" * 15 + b"\xfe\xba\xae\xdc\xe6\xafH\xa0;\xbf\xd2^\x8c\xd06AA"
FOLD = b"\x00" * 15 + b"\x01EQ#\x19P\xb7_\xc4@-\xa1s/\xc9\xbe\xbf"


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


def xor_columns(
    target: bytearray, width: int, source: "bytes | bytearray | memoryview", stride: int, selected: bytes
) -> None:
    """Add to column k of the target, `width` bytes, that of the source, wherever bit k of `selected` is 1.

    stride: bytes from one column of the source to the next; 0 where one column is added to all of them.
    """
    _xor_columns(target, width, source, stride, selected, 8 * len(selected))


@micropython.viper
def _hash_rows(digests, hashed, block, first: int, rows, count: int):
    b = ptr8(block)  # noqa: F821
    r = ptr8(rows)  # noqa: F821
    b[32] = first >> 8
    row = 0
    while row < count:
        b[33] = first + row
        i = 0
        while i < 16:
            b[35 + i] = r[16 * row + i]
            i += 1
        column = 0
        while column < 3:
            b[34] = column
            digests[3 * row + column] = hashed(block).digest()
            column += 1
        row += 1


def hash_rows(block: bytearray, first: int, rows: "bytes | bytearray") -> "list[bytes]":
    """The three digests of each row of 16 bytes, in one list: SHA-256 of the block with number, column and row set.

    block: 51 B; after a prefix of 32 come 2 for the row's number, 1 for the column (0, 1, 2) and 16 for the row. first:
    the first row's number; all of them have the same high byte.
    """
    digests = [b""] * (3 * len(rows) // 16)
    _hash_rows(digests, sha256, block, first, rows, len(rows) // 16)
    return digests


@micropython.viper
def _offset_rows(target, minuends, subtrahends, offsets, order, fold, count: int):
    t = ptr8(target)  # noqa: F821
    o = ptr8(offsets)  # noqa: F821
    q = ptr8(order)  # noqa: F821
    f = ptr8(fold)  # noqa: F821
    column = 0
    at = 0
    n = 0
    while n < count:
        m = ptr8(minuends[n])  # noqa: F821
        s = ptr8(subtrahends[n])  # noqa: F821
        carry = 0
        i = 31
        while i >= 0:
            carry += int(m[i]) - int(s[i]) + int(o[column + i])
            t[at + i] = carry
            carry >>= 8
            i -= 1
        while carry:  # -1 or 1: what does not fit in 32 bytes comes back as that many times 2^256 modulo q
            times = carry
            carry = 0
            i = 31
            while i >= 0:
                carry += int(t[at + i]) + times * int(f[i])
                t[at + i] = carry
                carry >>= 8
                i -= 1
        i = 0
        while i < 31 and t[at + i] == q[i]:
            i += 1
        if t[at + i] >= q[i]:  # not below q: take q away, which is adding what 2^256 is modulo q
            carry = 0
            i = 31
            while i >= 0:
                carry += int(t[at + i]) + int(f[i])
                t[at + i] = carry
                carry >>= 8
                i -= 1
        column += 32
        if column == 96:
            column = 0
        at += 32
        n += 1


def offset_rows(minuends: "list[bytes]", subtrahends: "list[bytes]", offsets: bytes) -> "bytes | bytearray":
    """minuend - subtrahend + offset modulo q, 32 B each.

    minuends, subtrahends: rows of three numbers below 2^256, 32 B each. offsets: three scalars, 96 B, for all rows.
    """
    rows = bytearray(32 * len(minuends))
    _offset_rows(rows, minuends, subtrahends, offsets, ORDER, FOLD, len(minuends))
    return rows
