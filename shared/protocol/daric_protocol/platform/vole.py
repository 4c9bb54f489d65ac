"""What RVOLE does modulo q with its rows, eight at a time, in plain Python: the twin of vole_viper.py.

Specification: docs/protocol.md, section 5. A group of rows begins at a multiple of eight. `chunk` and `weights` belong
to the 32 rows that it lies in: 96 and 32 bytes for each. Numbers are big-endian.
"""

from hashlib import sha256

from daric_protocol.limits import STREAM_ROWS
from daric_protocol.tagged import Q

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    Bytes = bytes | bytearray | memoryview

GROUP = 8
NUMBERS = 3 * GROUP  # of a group: u, v and the check's of each row
MASK = STREAM_ROWS - 1  # what of a row's number is its place in a chunk


def hash_rows(block: bytearray, first: int, rows: "Bytes") -> "list[int]":
    """alpha of each row of 16 bytes, three numbers below 2^256: SHA-256 of the block with number, column and row set.

    block: 51 B; after a prefix of 32 come 2 for the row's number, 1 for the column (0, 1, 2) and 16 for the row. first:
    the first row's number; all of them have the same high byte.
    """
    hashed = sha256
    from_bytes = int.from_bytes
    alphas = [0] * (3 * len(rows) // 16)
    block[32] = first >> 8
    number = first & 255
    at = 0
    for row in range(0, len(rows), 16):
        block[33] = number
        block[35:51] = rows[row : row + 16]
        for column in (0, 1, 2):
            block[34] = column
            alphas[at] = from_bytes(hashed(block).digest(), "big")
            at += 1
        number += 1
    return alphas


def select(beta: "Bytes", parts: "Iterable[Bytes]") -> int:
    """The sum modulo q of the weights whose bit in beta, little-endian, is 1; every weight is added, times 0 or 1.

    parts: of the weights, 32 each.
    """
    from_bytes = int.from_bytes
    total = first = 0
    for part in parts:
        choices = from_bytes(beta[first : first + STREAM_ROWS // 8], "little")
        for at in range(0, 32 * STREAM_ROWS, 32):
            total += from_bytes(part[at : at + 32], "big") * (choices & 1)
            choices >>= 1
        first += STREAM_ROWS // 8
    return total % Q


class AliceRows:
    """One pass over the rows of the side with the inputs."""

    def __init__(
        self, block: bytearray, delta: bytes, inputs: "tuple[int, int, int]", thetas: "tuple[int, int] | None" = None
    ) -> None:
        """block: see hash_rows. delta: 16 B. inputs: a_u, a_v, a^. thetas: of the second pass, which makes `check`."""
        self._block = block
        self._delta = int.from_bytes(delta * GROUP, "little")
        self._inputs = inputs
        self._thetas = thetas or (0, 0)
        self._sums = (0, 0)

    def add(self, first: int, rows: "Bytes", weights: "Bytes", chunk: bytearray) -> None:
        """Write a~ = alpha - alpha' + input of the group to its place in the chunk; add weight * alpha to the sums."""
        alphas = self._offset(first, rows, chunk)
        sum_u, sum_v = self._sums
        from_bytes = int.from_bytes
        at = 32 * (first & MASK)
        for i in range(0, NUMBERS, 3):
            g = from_bytes(weights[at : at + 32], "big")
            sum_u += g * alphas[i]
            sum_v += g * alphas[i + 1]
            at += 32
        self._sums = (sum_u, sum_v)

    def check(self, first: int, rows: "Bytes", chunk: bytearray) -> bytes:
        """Write a~ of the group to its place in the chunk; what MU hashes of it, 256 B, there until the next call."""
        alphas = self._offset(first, rows, chunk)
        theta_u, theta_v = self._thetas
        checks = [b""] * GROUP
        for n in range(GROUP):
            i = 3 * n
            checks[n] = ((alphas[i + 2] + theta_u * alphas[i] + theta_v * alphas[i + 1]) % Q).to_bytes(32, "big")
        return b"".join(checks)

    def sums(self) -> "tuple[int, int]":
        """Of weight * alpha, modulo q."""
        return self._sums[0] % Q, self._sums[1] % Q

    def wipe(self) -> None:
        """Let go of secrets, once they are no longer needed."""
        self._inputs = (0, 0, 0)
        self._sums = (0, 0)

    def _offset(self, first: int, rows: "Bytes", chunk: bytearray) -> "list[int]":
        others = (int.from_bytes(rows, "little") ^ self._delta).to_bytes(16 * GROUP, "little")
        alphas = hash_rows(self._block, first, rows)
        subtrahends = hash_rows(self._block, first, others)
        inputs = self._inputs
        offsets = [b""] * NUMBERS
        for i in range(NUMBERS):
            offsets[i] = ((alphas[i] - subtrahends[i] + inputs[i % 3]) % Q).to_bytes(32, "big")
        at = 96 * (first & MASK)
        chunk[at : at + 32 * NUMBERS] = b"".join(offsets)
        return alphas


class BobRows:
    """The pass over the rows of the side with the choice bits."""

    def __init__(self, block: bytearray, thetas: "tuple[int, int]", eta: bytes) -> None:
        """block: see hash_rows. eta: a scalar, 32 B."""
        self._block = block
        self._thetas = thetas
        self._eta = int.from_bytes(eta, "big")
        self._sums = (0, 0)

    def take(self, first: int, rows: "Bytes", choices: int, weights: "Bytes", chunk: "Bytes") -> bytes:
        """y = alpha + bit * a~ of the group: add weight * y to the sums; what MU hashes of it, as AliceRows.check.

        choices: a bit for each row, the lowest first.
        """
        alphas = hash_rows(self._block, first, rows)
        theta_u, theta_v = self._thetas
        eta = self._eta
        sum_u, sum_v = self._sums
        from_bytes = int.from_bytes
        checks = [b""] * GROUP
        at = 96 * (first & MASK)
        to = 32 * (first & MASK)
        for n in range(GROUP):
            bit = choices >> n & 1
            i = 3 * n
            y_u = alphas[i] + from_bytes(chunk[at : at + 32], "big") * bit
            y_v = alphas[i + 1] + from_bytes(chunk[at + 32 : at + 64], "big") * bit
            y_hat = alphas[i + 2] + (from_bytes(chunk[at + 64 : at + 96], "big") - eta) * bit
            g = from_bytes(weights[to : to + 32], "big")
            sum_u += g * y_u
            sum_v += g * y_v
            checks[n] = ((y_hat + theta_u * y_u + theta_v * y_v) % Q).to_bytes(32, "big")
            at += 96
            to += 32
        self._sums = (sum_u, sum_v)
        return b"".join(checks)

    def sums(self) -> "tuple[int, int]":
        """Of weight * y, modulo q."""
        return self._sums[0] % Q, self._sums[1] % Q

    def wipe(self) -> None:
        """As AliceRows.wipe."""
        self._sums = (0, 0)
