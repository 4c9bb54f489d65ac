"""Keccak-256, bit-matrix transposition, and what cipher and serial line do with every byte, in plain Python.

The twins of viper.py, and CPython's transposition.

Specification: Keccak with the original padding (Ethereum); bit order docs/encodings.md, section 1; Consistent Overhead
Byte Stuffing: Cheshire and Baker, IEEE/ACM Transactions on Networking 7(2), 1999.
"""

RUN = 255  # the highest code of a stuffed run: so many bytes with itself, and no zero behind them

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


def _repeated(square: int) -> int:
    """16 squares of 8 x 8 bits side by side."""
    return int.from_bytes(square.to_bytes(8, "little") * 16, "little")


# (distance, mask): which bits of an 8 x 8 matrix change places with those that far above them.
SWAPS = ((7, _repeated(0x00AA00AA00AA00AA)), (14, _repeated(0x0000CCCC0000CCCC)), (28, _repeated(0x00000000F0F0F0F0)))


def transpose_byte(columns: "bytes | bytearray | memoryview", byte: int) -> "bytes | bytearray":
    """Rows 8 * byte .. 8 * byte + 7 of a bit matrix, 16 bytes each, laid end to end.

    columns: 128 columns of w bytes, laid end to end; byte: 0 .. w - 1. Bit k of row j is bit j of column k; bits are
    little-endian.
    """
    width = len(columns) // 128
    squares = transpose_squares(bytes([columns[at] for at in range(byte, 128 * width, width)]))
    return bytes([squares[at] for row in range(8) for at in range(row, 128, 8)])


def transpose_squares(squares: "bytes | bytearray | memoryview") -> bytes:
    """16 matrices of 8 x 8 bits, one byte per row, transposed: swaps ever larger squares of all inside one integer."""
    bits = int.from_bytes(squares, "little")
    for distance, mask in SWAPS:
        swap = (bits >> distance ^ bits) & mask
        bits ^= swap | swap << distance
    return bits.to_bytes(128, "little")


def count(blocks: "bytearray | memoryview", width: int, first: int, size: int) -> None:
    """Number the blocks of 16 bytes, as far as `size`: `first`, first + 1, .. in the last `width` bytes, big-endian."""
    for at in range(16, size + 1, 16):
        blocks[at - width : at] = first.to_bytes(width, "big")
        first += 1


def xor(
    target: "bytearray | memoryview", source: "bytes | bytearray | memoryview", at: int, stream: bytes, size: int
) -> None:
    """target = source xor stream, `size` bytes: from `at` in target and source, from 0 in the stream."""
    end = at + size
    mixed = int.from_bytes(source[at:end], "big") ^ int.from_bytes(stream[:size], "big")
    target[at:end] = mixed.to_bytes(size, "big")


def stuff(data: "bytes | bytearray", size: int, out: bytearray) -> int:
    """Write the first `size` bytes of the data to `out` without zeros, between two delimiters; how many bytes that is.

    out: at least size + size // 254 + 3 bytes.
    """
    out[0] = 0
    code, to = 1, 2
    for i in range(size):
        if data[i]:
            out[to] = data[i]
            to += 1
        if not data[i] or (to - code == RUN and i + 1 < size):
            out[code] = to - code
            code = to
            to += 1
    out[code] = to - code
    out[to] = 0
    return to + 1


def unstuff(line: bytes, start: int, end: int, out: bytearray) -> int:
    """Write to `out` what `stuff` made line[start:end] of, without delimiters; how many bytes that is, or -1.

    -1 for a zero inside or a run cut short. out: at least as large.
    """
    at, to = start, 0
    while at < end:
        code = line[at]
        after = at + code
        if code == 0 or after > end:
            return -1
        for i in range(at + 1, after):
            if line[i] == 0:
                return -1
            out[to] = line[i]
            to += 1
        if code < RUN and after < end:
            out[to] = 0
            to += 1
        at = after
    return to
