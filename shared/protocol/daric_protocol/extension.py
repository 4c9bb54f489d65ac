"""OT extension: 128 seeds become 416 correlated rows (SoftSpoken, k = 1). Specification: docs/protocol.md, section 4.

A matrix is kept as 128 columns of 68 bytes, one per seed; bit j of a column belongs to row j.
"""

from hashlib import sha256

from daric_protocol.errors import Abort
from daric_protocol.garbage import RARELY, Computing
from daric_protocol.platform import column_hashes, equal, transpose_byte
from daric_protocol.platform.matrix import expand_columns, xor_columns
from daric_protocol.tagged import TH, u8

COLUMNS = 128
GROUP = 8  # rows that are read together: as many as one byte has bits
WIDTH = 68  # bytes of a column: 416 rows and 128 bits that blind the check
ROWS = 416
ROW_WIDTH = ROWS // 8  # bytes of a column that become rows
MATRIX = COLUMNS * WIDTH  # U, 8704 B
MESSAGE = MATRIX + 16 + 32  # U, x~, tau
ALL = b"\xff" * (COLUMNS // 8)  # selects every column


def _expand(sid_v: bytes, seeds: bytes, columns: bytearray, width: int) -> None:
    """Write the first `width` bytes (52 or 68) of every seed's expansion to its column."""
    block = bytearray(TH("dkls/prg", sid_v) + bytes(18))  # what is hashed: K 32, column 1, seed 16, counter 1
    with Computing(RARELY):
        expand_columns(columns, width, block, seeds)


def _weights(sid_v: bytes, matrix: "bytes | memoryview") -> "list[bytes]":
    """chi_0 .. chi_3, 16 B each, fixed by the whole of U."""
    prefix = TH("dkls/chi", sid_v) + sha256(matrix).digest()
    return [sha256(prefix + u8(b)).digest()[:16] for b in range(4)]


def wipe(buffer: bytearray) -> None:
    """Overwrite a buffer with zeros, a little at a time: a device may have no free memory of its size."""
    zeros = bytes(256)
    whole = len(buffer) & -256
    for at in range(0, whole, 256):
        buffer[at : at + 256] = zeros
    buffer[whole:] = bytes(len(buffer) - whole)


def extend(sid_v: bytes, k0: bytes, k1: bytes, beta: bytes, pad: bytes) -> bytearray:
    """Bob's message, 8752 B: U, x~, tau. beta: his 416 choice bits, 52 B; pad: 128 random bits, 16 B."""
    own = bytearray(MATRIX + WIDTH)  # one more column for x', which is hashed as they are
    own[MATRIX:] = beta + pad
    _expand(sid_v, k0, own, WIDTH)
    message = bytearray(MESSAGE)
    _expand(sid_v, k1, message, WIDTH)
    xor_columns(message, WIDTH, own, WIDTH, ALL)
    xor_columns(message, WIDTH, beta + pad, 0, ALL)
    weights = _weights(sid_v, memoryview(message)[:MATRIX])
    hashes = column_hashes(weights, own)
    message[MATRIX : MATRIX + 16] = hashes[16 * COLUMNS :]
    message[MATRIX + 16 :] = TH("dkls/tt", sid_v, sha256(hashes[: 16 * COLUMNS]).digest())
    wipe(own)
    return message


class Rows:
    """The 416 rows of a matrix, read from its columns eight at a time: a device holds the matrix once."""

    def __init__(self, columns: bytearray) -> None:
        """columns: 128 of 52 bytes or more, taken over."""
        self._columns = columns

    def group(self, first: int) -> "bytes | bytearray":
        """Rows `first` to `first` + 7, 16 B each; `first` is a multiple of 8."""
        return transpose_byte(self._columns, first // GROUP)

    def wipe(self) -> None:
        """Overwrite them, once they are no longer needed."""
        wipe(self._columns)


def rows(sid_v: bytes, k0: bytes) -> Rows:
    """Bob's rows T_j, made again from his seeds."""
    own = bytearray(COLUMNS * ROW_WIDTH)
    _expand(sid_v, k0, own, ROW_WIDTH)
    return Rows(own)


def check(sid_v: bytes, kD: bytes, delta: bytes, message: bytes, peer: int) -> Rows:
    """Alice's rows Q_j = T_j + beta_j * delta, from Bob's message.

    Abort("blame") for a message of another length; Abort("ban") if Bob did not use one x' in all columns. A failure
    depends on delta: the caller has marked the check as open, durably, before it calls.
    """
    if len(message) != MESSAGE:
        raise Abort("blame", peer, "The OT-extension message has the wrong length.")
    columns = bytearray(MATRIX)
    _expand(sid_v, kD, columns, WIDTH)
    xor_columns(columns, WIDTH, message, WIDTH, delta)
    expected = bytearray(column_hashes(_weights(sid_v, memoryview(message)[:MATRIX]), columns))
    xor_columns(expected, 16, message[MATRIX : MATRIX + 16], 0, delta)
    if not equal(TH("dkls/tt", sid_v, sha256(expected).digest()), message[MATRIX + 16 :]):
        raise Abort("ban", peer, "The OT-extension check failed.")
    return Rows(columns)
