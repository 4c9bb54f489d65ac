"""Keccak-256 and bit-matrix transposition in plain Python: the twins of viper.py, and CPython's transposition.

Specification: Keccak with the original padding (Ethereum); bit order docs/encodings.md, section 1.
"""

# Round constants and rotations (x + 5y order) of Keccak-f[1600].
ROUND_CONSTANTS = (
    0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000,
    0x000000000000808B, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
    0x000000000000008A, 0x0000000000000088, 0x0000000080008009, 0x000000008000000A,
    0x000000008000808B, 0x800000000000008B, 0x8000000000008089, 0x8000000000008003,
    0x8000000000008002, 0x8000000000000080, 0x000000000000800A, 0x800000008000000A,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
)  # fmt: skip
ROTATIONS = (0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14)
LANE_MASK = 0xFFFFFFFFFFFFFFFF
RATE = 136  # bytes absorbed per permutation, of 200


def _permute(lanes: "list[int]") -> "list[int]":
    moved = [0] * 25
    for constant in ROUND_CONSTANTS:
        parity = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        for x in range(5):
            turned = parity[(x + 1) % 5]
            mixed = parity[(x + 4) % 5] ^ ((turned << 1 | turned >> 63) & LANE_MASK)
            for y in range(0, 25, 5):
                lane = lanes[x + y] ^ mixed
                turn = ROTATIONS[x + y]
                moved[y // 5 + 5 * ((2 * x + 3 * (y // 5)) % 5)] = (lane << turn | lane >> (64 - turn)) & LANE_MASK
        for y in range(0, 25, 5):
            for x in range(5):
                lanes[x + y] = moved[x + y] ^ (~moved[(x + 1) % 5 + y] & moved[(x + 2) % 5 + y])
        lanes[0] ^= constant
    return lanes


def keccak256(data: bytes) -> bytes:
    """Keccak-256 of the data, 32 bytes (not SHA3-256)."""
    lanes = [0] * 25
    for start in range(0, len(data) + 1, RATE):
        block = bytearray(RATE)
        part = data[start : start + RATE]
        block[: len(part)] = part
        if len(part) < RATE:
            block[len(part)] = 0x01
            block[RATE - 1] |= 0x80
        for i in range(RATE // 8):
            lanes[i] ^= int.from_bytes(block[8 * i : 8 * i + 8], "little")
        lanes = _permute(lanes)
    return b"".join([lane.to_bytes(8, "little") for lane in lanes[:4]])


def _swap_masks() -> "list[tuple[int, int]]":
    """(s, mask) for s = 64 .. 1: the mask selects the bits of a 128 x 128 matrix whose row lacks s and column has s."""
    masks = []
    s = 64
    while s:
        if s >= 8:
            row = (bytes(s // 8) + b"\xff" * (s // 8)) * (64 // s)
        else:
            row = bytes([{4: 0xF0, 2: 0xCC, 1: 0xAA}[s]]) * 16
        masks.append((s, int.from_bytes((row * s + bytes(16 * s)) * (64 // s), "little")))
        s >>= 1
    return masks


def transpose128(columns: "bytes | bytearray | memoryview") -> bytearray:
    """Bit k of row j = bit j of column k, for 128 columns of w bytes each, laid end to end.

    Returns 8w rows of 16 bytes, laid end to end; bits are little-endian. Works on 128 x 128 bits at a time, swapping
    ever smaller off-diagonal squares inside one integer.
    """
    width = len(columns) // 128
    rows = bytearray(128 * width)
    masks = _swap_masks()
    for start in range(0, width, 16):
        size = min(16, width - start)
        pad = bytes(16 - size)
        square = b"".join([bytes(columns[at + start : at + start + size]) + pad for at in range(0, 128 * width, width)])
        bits = int.from_bytes(square, "little")
        for s, mask in masks:
            swap = (bits >> 127 * s ^ bits) & mask
            # the partner of (row, column) with column bit s is (row + s, column - s), 127 s bits further up
            bits ^= swap | swap << 127 * s
        rows[128 * start : 128 * (start + size)] = bits.to_bytes(2048, "little")[: 128 * size]
    return rows
