"""The column hashes of the OT-extension check in plain Python: GF(2**128), x**128 + x**7 + x**2 + x + 1.

The twin in machine code is galois_viper.py. Specification: docs/protocol.md, section 4. Bits are little-endian.
"""

WIDTH = 68  # bytes of a column: blocks of 16, 16, 16, 4 and 16
TAIL = 52  # where the last block begins
HALF = 8  # columns in one half of a group of sixteen
LANE = 34  # bytes of a lane: a product has 255 bits


def _steps(weights: "list[bytes]") -> bytes:
    """For each bit from 127 down to 0: which of the four weights have it, as a number 0..15."""
    numbers = [int.from_bytes(weight, "little") for weight in weights]
    steps = bytearray(128)
    for i in range(128):
        for b in range(4):
            steps[127 - i] |= (numbers[b] >> i & 1) << b
    return bytes(steps)


def _mask(width: int, lane: int, lanes: int) -> int:
    """`width` set bytes at the foot of each lane."""
    return int.from_bytes((b"\xff" * width + bytes(lane - width)) * lanes, "little")


def column_hashes(weights: "list[bytes]", columns: "bytes | bytearray") -> bytes:
    """16 bytes per column of 68: chi_0*v_0 + chi_1*v_1 + chi_2*v_2 + chi_3*v_3 + v_4, v_b the blocks of 128 bits.

    v_3 has the last 32 rows, v_4 the 128 blinding bits. Horner's rule over the bits of all four weights at once; each
    group of sixteen columns lies in one integer, its first eight in the even lanes and the others in the odd ones.
    """
    steps = _steps(weights)
    block_mask, last_mask = _mask(16, WIDTH, HALF), _mask(4, WIDTH, HALF)
    lane_mask = _mask(16, LANE, 2 * HALF)
    hashes = bytearray(len(columns) // WIDTH * 16)
    for first in range(0, len(columns), 2 * HALF * WIDTH):
        middle = first + HALF * WIDTH
        even = int.from_bytes(columns[first:middle], "little")
        odd = int.from_bytes(columns[middle : middle + HALF * WIDTH], "little")
        table = [0] * 16
        for b in range(4):
            mask = last_mask if b == 3 else block_mask
            block = even >> 128 * b & mask | (odd >> 128 * b & mask) << 8 * LANE
            for n in range(1 << b):
                table[n | 1 << b] = table[n] ^ block
        product = 0
        for step in steps:
            product = product << 1 ^ table[step]
        for _ in range(2):  # the second pass takes the seven bits that the first one carries over
            high = product >> 128 & lane_mask
            product = product & lane_mask ^ high ^ high << 1 ^ high << 2 ^ high << 7
        tail = 8 * TAIL
        product ^= even >> tail & block_mask | (odd >> tail & block_mask) << 8 * LANE
        lanes = product.to_bytes(2 * HALF * LANE, "little")
        for n in range(min(2 * HALF, (len(columns) - first) // WIDTH)):
            lane = LANE * (2 * n if n < HALF else 2 * (n - HALF) + 1)
            at = 16 * (first // WIDTH + n)
            hashes[at : at + 16] = lanes[lane : lane + 16]
    return bytes(hashes)
