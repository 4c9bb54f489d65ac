"""RVOLE, DKLs23: Alice has a_u and a_v, Bob a random b; they get c and d with c + d = a * b.

Specification: docs/protocol.md, section 5.

Alice's stream is [h 32, eta 32], 13 chunks of 32 rows of 96 B, [MU 32]. h and eta lead, so that Bob needs one pass and
one chunk of memory; Alice makes the rows twice instead of holding 40 KB.
"""

from hashlib import sha256

from daric_protocol import extension, gadget
from daric_protocol.errors import Abort, DaricError
from daric_protocol.extension import GROUP
from daric_protocol.garbage import Computing
from daric_protocol.limits import STREAM_ROWS
from daric_protocol.platform import Sha256, equal
from daric_protocol.platform.matrix import hash_rows, offset_rows
from daric_protocol.tagged import HS, TH, Q, random_scalar, read_scalar, scalar, u8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNKS = extension.ROWS // STREAM_ROWS  # 13
CHUNK_BYTES = STREAM_ROWS * 96  # 3072
SIZES = (64,) + (CHUNK_BYTES,) * CHUNKS + (32,)  # of the parts of a stream


def _hasher(sid_v: bytes) -> bytearray:
    """The block that is hashed to make alphas: K 32, row number 2, column 1, row 16."""
    return bytearray(TH("dkls/row", sid_v) + bytes(19))


def _thetas(sid_v: bytes, message_digest: bytes, h: bytes) -> "tuple[int, int]":
    return (
        HS("dkls/theta", sid_v, message_digest, h, u8(0)),
        HS("dkls/theta", sid_v, message_digest, h, u8(1)),
    )


class Alice:
    """The side with the inputs a_u and a_v. `c` holds (c_u, c_v)."""

    def __init__(
        self,
        sid_v: bytes,
        kD: bytes,
        delta: bytes,
        peer: int,
        message: bytes,
        a_u: int,
        a_v: int,
        random: "Callable[[int], bytes]",
    ) -> None:
        """Check Bob's message and make the first pass. Draws a^ (32 B). Aborts as extension.check."""
        self._rows = extension.check(sid_v, kD, delta, message, peer)
        self._delta = int.from_bytes(delta * GROUP, "little")
        self._inputs = (a_u, a_v, random_scalar(random))
        self._block = _hasher(sid_v)
        self._mu_prefix = TH("dkls/mu", sid_v)
        sum_u = sum_v = number = 0
        from_bytes = int.from_bytes
        running = Sha256()
        chunk = bytearray(CHUNK_BYTES)
        with Computing():
            for part in gadget.parts():
                at = 0
                for own in self._fill(number, chunk):
                    for i in range(0, 3 * GROUP, 3):
                        g = from_bytes(part[at : at + 32], "big")
                        sum_u += g * from_bytes(own[i], "big")
                        sum_v += g * from_bytes(own[i + 1], "big")
                        at += 32
                running.update(chunk)
                number += 1
        self.c = (-sum_u % Q, -sum_v % Q)
        self._h = running.digest()
        self._thetas = _thetas(sid_v, sha256(message).digest(), self._h)

    def _fill(self, number: int, chunk: bytearray) -> "Iterator[list[bytes]]":
        """Write one chunk of a~ = x0 - x1 + input, group by group, and give the x0 of each group."""
        offsets = b"".join([scalar(n) for n in self._inputs])
        at = 0
        for first in range(STREAM_ROWS * number, STREAM_ROWS * (number + 1), GROUP):
            rows = self._rows.group(first)
            others = (int.from_bytes(rows, "little") ^ self._delta).to_bytes(16 * GROUP, "little")
            own = hash_rows(self._block, first, rows)
            chunk[at : at + 96 * GROUP] = offset_rows(own, hash_rows(self._block, first, others), offsets)
            yield own
            at += 96 * GROUP

    def stream(self) -> "Iterator[bytes]":
        """The parts of 64, 13 x 3072 and 32 bytes, made one by one. Can be taken once."""
        a_u, a_v, a_hat = self._inputs
        theta_u, theta_v = self._thetas
        yield self._h + scalar((a_hat + theta_u * a_u + theta_v * a_v) % Q)
        from_bytes = int.from_bytes
        running = Sha256()
        running.update(self._mu_prefix)
        chunk = bytearray(CHUNK_BYTES)
        for number in range(CHUNKS):
            with Computing():
                for own in self._fill(number, chunk):
                    for i in range(0, 3 * GROUP, 3):
                        mu = theta_u * from_bytes(own[i], "big") + theta_v * from_bytes(own[i + 1], "big")
                        running.update(((mu + from_bytes(own[i + 2], "big")) % Q).to_bytes(32, "big"))
            yield bytes(chunk)
        self._rows.wipe()
        self._inputs = (0, 0, 0)
        yield running.digest()


class Bob:
    """The side with the random factor `b`. `message` goes to Alice; her stream comes back part by part."""

    def __init__(self, sid_v: bytes, k0: bytes, k1: bytes, peer: int, random: "Callable[[int], bytes]") -> None:
        """Draws the choice bits beta (52 B) and the pad of the check (16 B)."""
        self._sid_v = sid_v
        self._k0 = bytes(k0)  # a copy: it may lie in a whole pair's state, which is let go of
        self._peer = peer
        self._beta = random(extension.ROW_WIDTH)
        self.b = gadget.select(self._beta)
        self.message: "bytes | bytearray" = extension.extend(sid_v, k0, k1, self._beta, random(16))
        self._message_digest = sha256(self.message).digest()
        self._part = 0  # 0: header, 1..13: chunks, 14: MU, 15: complete
        self._sums = (0, 0)

    def receive(self, chunk: bytes) -> None:
        """Take the next part of Alice's stream. Abort("blame") for a part of the wrong size or an eta not below q."""
        if self._part >= len(SIZES) or len(chunk) != SIZES[self._part]:
            raise Abort("blame", self._peer, "A part of the multiplication stream has the wrong size.")
        if self._part == 0:
            self._open(chunk)
        elif self._part <= CHUNKS:
            self._take(self._part - 1, chunk)
        else:
            self._mu = bytes(chunk)
        self._part += 1

    def _open(self, header: bytes) -> None:
        self._h = bytes(header[:32])
        try:
            self._eta = read_scalar(header[32:])
        except DaricError:
            raise Abort("blame", self._peer, "eta of the multiplication is out of range.")
        self._thetas = _thetas(self._sid_v, self._message_digest, self._h)
        self._rows = extension.rows(self._sid_v, self._k0)
        self._block = _hasher(self._sid_v)
        self._gadget = gadget.parts()
        self._running = Sha256()
        self._running_mu = Sha256()
        self._running_mu.update(TH("dkls/mu", self._sid_v))

    def _take(self, number: int, chunk: bytes) -> None:
        """One chunk of 32 rows: y = alpha + beta_j * a~, summed into d and hashed into MU."""
        self._running.update(chunk)
        running_mu = self._running_mu
        weights = next(self._gadget)
        theta_u, theta_v = self._thetas
        eta = self._eta
        sum_u, sum_v = self._sums
        from_bytes = int.from_bytes
        at = to = 0
        with Computing():
            for first in range(STREAM_ROWS * number, STREAM_ROWS * (number + 1), GROUP):
                alphas = hash_rows(self._block, first, self._rows.group(first))
                choices = self._beta[first >> 3]
                for i in range(0, 3 * GROUP, 3):
                    bit = choices & 1
                    choices >>= 1
                    y_u = from_bytes(alphas[i], "big") + from_bytes(chunk[at : at + 32], "big") * bit
                    y_v = from_bytes(alphas[i + 1], "big") + from_bytes(chunk[at + 32 : at + 64], "big") * bit
                    y_hat = from_bytes(alphas[i + 2], "big") + (from_bytes(chunk[at + 64 : at + 96], "big") - eta) * bit
                    g = from_bytes(weights[to : to + 32], "big")
                    sum_u += g * y_u
                    sum_v += g * y_v
                    running_mu.update(((y_hat + theta_u * y_u + theta_v * y_v) % Q).to_bytes(32, "big"))
                    at += 96
                    to += 32
        self._sums = (sum_u % Q, sum_v % Q)

    def finish(self) -> "tuple[int, int]":
        """(d_u, d_v), once both checks passed. Abort("soft") if the stream is not complete, Abort("ban") otherwise."""
        if self._part != len(SIZES):
            raise Abort("soft", None, "The multiplication stream ended early.")
        for _ in self._gadget:  # past the last part, where the table is checked
            pass
        self._rows.wipe()
        same_rows = equal(self._running.digest(), self._h)
        same_mu = equal(self._running_mu.digest(), self._mu)
        if not (same_rows and same_mu):
            raise Abort("ban", self._peer, "The multiplication check failed.")
        return self._sums
