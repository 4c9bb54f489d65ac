"""OT extension: 128 seeds become 416 correlated rows (SoftSpoken, k = 1). Specification: docs/protocol.md, section 4.

A matrix is kept as 128 columns of 68 bytes, one per seed; bit j of a column belongs to row j.
"""

from hashlib import sha256

from daric_protocol.errors import Abort
from daric_protocol.platform import column_hashes, equal, transpose128
from daric_protocol.tagged import TH, u8

COLUMNS = 128
WIDTH = 68  # bytes of a column: 416 rows and 128 bits that blind the check
ROWS = 416
ROW_WIDTH = ROWS // 8  # bytes of a column that become rows
MATRIX = COLUMNS * WIDTH  # U, 8704 B
MESSAGE = MATRIX + 16 + 32  # U, x~, tau


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


def _weights(sid_v: bytes, matrix: "bytes | memoryview") -> "list[bytes]":
    """chi_0 .. chi_3, 16 B each, fixed by the whole of U."""
    prefix = TH("dkls/chi", sid_v) + sha256(matrix).digest()
    return [sha256(prefix + u8(b)).digest()[:16] for b in range(4)]


def wipe(buffer: bytearray) -> None:
    """Overwrite a buffer with zeros, a little at a time: a device may have no free memory of its size."""
    zeros = bytes(256)
    for at in range(0, len(buffer), 256):
        end = min(at + 256, len(buffer))
        buffer[at:end] = zeros[: end - at]


def extend(sid_v: bytes, k0: bytes, k1: bytes, beta: bytes, pad: bytes) -> bytes:
    """Bob's message, 8752 B: U, x~, tau. beta: his 416 choice bits, 52 B; pad: 128 random bits, 16 B."""
    choices = int.from_bytes(beta + pad, "little")
    block = _expander(sid_v)
    own = bytearray(MATRIX)
    message = bytearray(MESSAGE)
    for k in range(COLUMNS):
        at, seed = WIDTH * k, 16 * k
        column = _column(block, k, k0[seed : seed + 16])
        own[at : at + WIDTH] = column
        other = _column(block, k, k1[seed : seed + 16])
        masked = int.from_bytes(column, "little") ^ int.from_bytes(other, "little") ^ choices
        message[at : at + WIDTH] = masked.to_bytes(WIDTH, "little")
    weights = _weights(sid_v, memoryview(message)[:MATRIX])
    message[MATRIX : MATRIX + 16] = column_hashes(weights, beta + pad)
    message[MATRIX + 16 :] = TH("dkls/tt", sid_v, sha256(column_hashes(weights, own)).digest())
    wipe(own)
    own = bytearray()  # makes room for the copy
    return bytes(message)


def rows(sid_v: bytes, k0: bytes) -> bytearray:
    """Bob's rows T_j, 416 x 16 B, made again from his seeds."""
    block = _expander(sid_v)
    own = bytearray(COLUMNS * ROW_WIDTH)
    for k in range(COLUMNS):
        at = ROW_WIDTH * k
        own[at : at + ROW_WIDTH] = _column(block, k, k0[16 * k : 16 * k + 16], ROW_WIDTH)
    transposed = transpose128(own)
    wipe(own)
    return transposed


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
    for k in range(1, COLUMNS):  # in place: the blinding bits give no rows
        columns[ROW_WIDTH * k : ROW_WIDTH * (k + 1)] = columns[WIDTH * k : WIDTH * k + ROW_WIDTH]
    transposed = transpose128(memoryview(columns)[: COLUMNS * ROW_WIDTH])
    wipe(columns)
    return transposed
