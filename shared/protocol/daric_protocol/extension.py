"""OT extension: 128 seeds become 416 correlated rows (SoftSpoken, k = 1). Specification: docs/protocol.md, section 4.

A matrix is kept as 128 columns of 68 bytes, one per seed; bit j of a column belongs to row j. The consistency check
multiplies in GF(2**128), x**128 + x**7 + x**2 + x + 1; it runs on sixteen columns at once inside one big integer.
"""

from hashlib import sha256

from daric_protocol.errors import Abort
from daric_protocol.platform import equal, transpose128
from daric_protocol.tagged import TH, u8

COLUMNS = 128
WIDTH = 68  # bytes of a column: 416 rows and 128 bits that blind the check
ROWS = 416
ROW_WIDTH = ROWS // 8  # bytes of a column that become rows
MATRIX = COLUMNS * WIDTH  # U, 8704 B
MESSAGE = MATRIX + 16 + 32  # U, x~, tau

HALF = 8  # columns in one half of a group of sixteen
LANE = 34  # bytes of a lane in the check: a product has 255 bits


def _expander(sid_v: bytes) -> bytearray:
    """The block that is hashed to expand seeds: K 32, column 1, seed 16, counter 1."""
    return bytearray(TH("dkls/prg", sid_v) + bytes(18))


def _column(block: bytearray, k: int, seed: bytes, width: int = WIDTH) -> bytes:
    """The first `width` bytes (52 or 68) of the expansion of column k's seed."""
    block[32] = k
    block[33:49] = seed
    block[49] = 0
    column = sha256(block).digest()
    block[49] = 1
    column += sha256(block).digest()
    if width > 64:
        block[49] = 2
        column += sha256(block).digest()
    return column[:width]


def _weights(sid_v: bytes, matrix: bytes) -> "tuple[bytes, bytes, bytes, bytes]":
    """chi_0 .. chi_3, 16 B each, fixed by the whole of U."""
    prefix = TH("dkls/chi", sid_v) + sha256(matrix).digest()
    return tuple([sha256(prefix + u8(b)).digest()[:16] for b in range(4)])  # type: ignore[return-value]


def _steps(weights: "tuple[bytes, bytes, bytes, bytes]") -> bytes:
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


def column_hashes(weights: "tuple[bytes, bytes, bytes, bytes]", columns: bytes) -> bytes:
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
        tail = 8 * ROW_WIDTH
        product ^= even >> tail & block_mask | (odd >> tail & block_mask) << 8 * LANE
        lanes = product.to_bytes(2 * HALF * LANE, "little")
        for n in range(min(2 * HALF, (len(columns) - first) // WIDTH)):
            lane = LANE * (2 * n if n < HALF else 2 * (n - HALF) + 1)
            at = 16 * (first // WIDTH + n)
            hashes[at : at + 16] = lanes[lane : lane + 16]
    return bytes(hashes)


def _transposed(columns: bytes, width: int) -> bytearray:
    """The 416 rows, 16 B each, of columns of `width` bytes."""
    if width != ROW_WIDTH:
        columns = b"".join([columns[at : at + ROW_WIDTH] for at in range(0, len(columns), width)])
    return transpose128(columns)


def extend(sid_v: bytes, k0: bytes, k1: bytes, beta: bytes, pad: bytes) -> bytes:
    """Bob's message, 8752 B: U, x~, tau. beta: his 416 choice bits, 52 B; pad: 128 random bits, 16 B."""
    choices = int.from_bytes(beta + pad, "little")
    block = _expander(sid_v)
    own = bytearray(MATRIX)
    message = bytearray(MESSAGE)
    for k in range(COLUMNS):
        at, seed = WIDTH * k, slice(16 * k, 16 * k + 16)
        column = _column(block, k, k0[seed])
        own[at : at + WIDTH] = column
        masked = int.from_bytes(column, "little") ^ int.from_bytes(_column(block, k, k1[seed]), "little") ^ choices
        message[at : at + WIDTH] = masked.to_bytes(WIDTH, "little")
    weights = _weights(sid_v, memoryview(message)[:MATRIX])
    message[MATRIX : MATRIX + 16] = column_hashes(weights, beta + pad)
    message[MATRIX + 16 :] = TH("dkls/tt", sid_v, sha256(column_hashes(weights, own)).digest())
    return bytes(message)


def rows(sid_v: bytes, k0: bytes) -> bytearray:
    """Bob's rows T_j, 416 x 16 B, made again from his seeds."""
    block = _expander(sid_v)
    own = bytearray(COLUMNS * ROW_WIDTH)
    for k in range(COLUMNS):
        at = ROW_WIDTH * k
        own[at : at + ROW_WIDTH] = _column(block, k, k0[16 * k : 16 * k + 16], ROW_WIDTH)
    return _transposed(own, ROW_WIDTH)


def check(sid_v: bytes, kD: bytes, delta: bytes, message: bytes, peer: int) -> bytearray:
    """Alice's rows Q_j = T_j + beta_j * delta, 416 x 16 B, from Bob's message.

    Abort("blame") for a message of another length; Abort("ban") if Bob did not use one x' in all columns. A failure
    depends on delta: the caller has marked the check as open, durably, before it calls.
    """
    if len(message) != MESSAGE:
        raise Abort("blame", peer, "The OT-extension message has the wrong length.")
    block = _expander(sid_v)
    columns = bytearray(MATRIX)
    x_tilde = int.from_bytes(message[MATRIX : MATRIX + 16], "little")
    offsets = bytearray(16 * COLUMNS)
    for k in range(COLUMNS):
        at, bit = WIDTH * k, delta[k >> 3] >> (k & 7) & 1
        column = int.from_bytes(_column(block, k, kD[16 * k : 16 * k + 16]), "little")
        column ^= int.from_bytes(message[at : at + WIDTH], "little") * bit
        columns[at : at + WIDTH] = column.to_bytes(WIDTH, "little")
        offsets[16 * k : 16 * k + 16] = (x_tilde * bit).to_bytes(16, "little")
    hashes = column_hashes(_weights(sid_v, memoryview(message)[:MATRIX]), columns)
    expected = (int.from_bytes(hashes, "little") ^ int.from_bytes(offsets, "little")).to_bytes(len(hashes), "little")
    if not equal(TH("dkls/tt", sid_v, sha256(expected).digest()), message[MATRIX + 16 :]):
        raise Abort("ban", peer, "The OT-extension check failed.")
    return _transposed(columns, WIDTH)
