"""RVOLE, DKLs23: Alice has a_u and a_v, Bob a random b; they get c and d with c + d = a * b.

Specification: docs/protocol.md, section 5.

Alice's stream is [h 32, eta 32], 13 chunks of 32 rows of 96 B, [MU 32]. h and eta lead, so that Bob needs one pass and
one chunk of memory; Alice makes the rows twice instead of holding 40 KB.
"""

from hashlib import sha256

from daric_protocol import extension, gadget
from daric_protocol.errors import Abort, DaricError
from daric_protocol.extension import GROUP
from daric_protocol.garbage import RARELY, Computing
from daric_protocol.limits import STREAM_ROWS
from daric_protocol.platform import Sha256, equal
from daric_protocol.platform.matrix import AliceRows, BobRows
from daric_protocol.tagged import HS, TH, Q, random_scalar, read_scalar, scalar, u8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

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
        self._delta = bytes(delta)
        self._inputs = (a_u, a_v, random_scalar(random))
        self._block = _hasher(sid_v)
        self._mu_prefix = TH("dkls/mu", sid_v)
        work = AliceRows(self._block, self._delta, self._inputs)
        running = Sha256()
        chunk = bytearray(CHUNK_BYTES)
        first = 0
        with Computing(RARELY):
            for weights in gadget.parts():
                for row in range(first, first + STREAM_ROWS, GROUP):
                    work.add(row, self._rows.group(row), weights, chunk)
                running.update(chunk)
                first += STREAM_ROWS
        sum_u, sum_v = work.sums()
        work.wipe()
        self.c = (-sum_u % Q, -sum_v % Q)
        self._h = running.digest()
        self._thetas = _thetas(sid_v, sha256(message).digest(), self._h)

    def stream(self) -> "Iterator[bytes]":
        """The parts of 64, 13 x 3072 and 32 bytes, made one by one. Can be taken once."""
        a_u, a_v, a_hat = self._inputs
        theta_u, theta_v = self._thetas
        yield self._h + scalar((a_hat + theta_u * a_u + theta_v * a_v) % Q)
        work = AliceRows(self._block, self._delta, self._inputs, self._thetas)
        running = Sha256()
        running.update(self._mu_prefix)
        for first in range(0, extension.ROWS, STREAM_ROWS):
            yield self._part(work, first, running)
        self._rows.wipe()
        work.wipe()
        self._inputs = (0, 0, 0)
        yield running.digest()

    def _part(self, work: AliceRows, first: int, running: "Any") -> bytes:
        """Row `first` and the 31 after it; MU goes on in `running`."""
        chunk = bytearray(CHUNK_BYTES)
        with Computing(RARELY):
            for row in range(first, first + STREAM_ROWS, GROUP):
                running.update(work.check(row, self._rows.group(row), chunk))
        return chunk  # type: ignore[return-value]  # a device has no room for a copy


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
        eta = bytes(header[32:])
        try:
            read_scalar(eta)
        except DaricError:
            raise Abort("blame", self._peer, "eta of the multiplication is out of range.")
        thetas = _thetas(self._sid_v, self._message_digest, self._h)
        self._rows = extension.rows(self._sid_v, self._k0)
        self._work = BobRows(_hasher(self._sid_v), thetas, eta)
        self._gadget = gadget.parts()
        self._running = Sha256()
        self._running_mu = Sha256()
        self._running_mu.update(TH("dkls/mu", self._sid_v))

    def _take(self, number: int, chunk: bytes) -> None:
        """One chunk of 32 rows: y = alpha + beta_j * a~, summed into d and hashed into MU."""
        self._running.update(chunk)
        weights = next(self._gadget)
        with Computing(RARELY):
            for first in range(STREAM_ROWS * number, STREAM_ROWS * (number + 1), GROUP):
                choices = self._beta[first // GROUP]
                self._running_mu.update(self._work.take(first, self._rows.group(first), choices, weights, chunk))

    def finish(self) -> "tuple[int, int]":
        """(d_u, d_v), once both checks passed. Abort("soft") if the stream is not complete, Abort("ban") otherwise."""
        if self._part != len(SIZES):
            raise Abort("soft", None, "The multiplication stream ended early.")
        for _ in self._gadget:  # past the last part, where the table is checked
            pass
        self._rows.wipe()
        sums = self._work.sums()
        self._work.wipe()
        same_rows = equal(self._running.digest(), self._h)
        same_mu = equal(self._running_mu.digest(), self._mu)
        if not (same_rows and same_mu):
            raise Abort("ban", self._peer, "The multiplication check failed.")
        return sums
