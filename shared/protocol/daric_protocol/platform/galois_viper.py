"""The column hashes of the OT-extension check in machine code, for MicroPython with the native emitter only.

The plain twin is galois.py. A nibble of a block picks a ready multiple of the block's weight. Values that are shifted
right are read from 32-bit words first, because viper integers have 32 bits on the boards and 64 on a desktop.
"""

import micropython


@micropython.viper
def _hash(table, columns, hashes, count: int):
    """hashes: 16 zero bytes per column. table: 4 x 16 multiples of 16 bytes."""
    t = ptr32(table)  # noqa: F821
    v = ptr8(columns)  # noqa: F821
    h = ptr32(hashes)  # noqa: F821
    h8 = ptr8(hashes)  # noqa: F821
    k = 0
    while k < count:
        start = k * 68
        o = k * 4
        i = 31
        while i >= 0:
            at = start + (i >> 1)
            shift = (i & 1) << 2
            n0 = ((int(v[at]) >> shift) & 15) << 2
            n1 = (((int(v[at + 16]) >> shift) & 15) << 2) + 64
            n2 = (((int(v[at + 32]) >> shift) & 15) << 2) + 128
            w0 = uint(h[o])  # noqa: F821
            w1 = uint(h[o + 1])  # noqa: F821
            w2 = uint(h[o + 2])  # noqa: F821
            w3 = uint(h[o + 3])  # noqa: F821
            c = w3 >> 28
            h[o + 3] = int((w3 << 4) | (w2 >> 28)) ^ t[n0 + 3] ^ t[n1 + 3] ^ t[n2 + 3]
            h[o + 2] = int((w2 << 4) | (w1 >> 28)) ^ t[n0 + 2] ^ t[n1 + 2] ^ t[n2 + 2]
            h[o + 1] = int((w1 << 4) | (w0 >> 28)) ^ t[n0 + 1] ^ t[n1 + 1] ^ t[n2 + 1]
            h[o] = int((w0 << 4) ^ c ^ (c << 1) ^ (c << 2) ^ (c << 7)) ^ t[n0] ^ t[n1] ^ t[n2]
            if i < 8:  # the fourth block has 32 bits
                n3 = (((int(v[at + 48]) >> shift) & 15) << 2) + 192
                h[o] = h[o] ^ t[n3]
                h[o + 1] = h[o + 1] ^ t[n3 + 1]
                h[o + 2] = h[o + 2] ^ t[n3 + 2]
                h[o + 3] = h[o + 3] ^ t[n3 + 3]
            i -= 1
        i = 0
        while i < 16:
            h8[16 * k + i] = h8[16 * k + i] ^ v[start + 52 + i]
            i += 1
        k += 1


def _multiples(weights: "list[bytes]") -> bytearray:
    """For each weight its products with the sixteen polynomials of degree below 4."""
    table = bytearray(4 * 16 * 16)
    for b in range(4):
        powers = [int.from_bytes(weights[b], "little")]
        for _ in range(3):
            turned = powers[-1] << 1
            powers.append(turned ^ (turned >> 128) * (1 << 128 | 0x87))
        products = [0]
        for power in powers:
            products += [product ^ power for product in products]
        for n in range(16):
            at = 16 * (16 * b + n)
            table[at : at + 16] = products[n].to_bytes(16, "little")
    return table


def column_hashes(weights: "list[bytes]", columns: "bytes | bytearray") -> bytes:
    """16 bytes per column of 68: chi_0*v_0 + chi_1*v_1 + chi_2*v_2 + chi_3*v_3 + v_4, v_b the blocks of 128 bits."""
    count = len(columns) // 68
    hashes = bytearray(16 * count)
    _hash(_multiples(weights), columns, hashes, count)
    return bytes(hashes)
