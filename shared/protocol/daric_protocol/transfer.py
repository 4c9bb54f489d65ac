"""Base oblivious transfer, CSW20: 128 seeds by choice in three messages. Specification: docs/protocol.md, section 3.

Per ordered pair. The receiver becomes the extension sender (Alice) with the secret Delta, the sender the extension
receiver (Bob). Points are handled in batches and let go of: a device holds few of them and inverts once per batch.
"""

from hashlib import sha256

from daric_protocol.errors import Abort, DaricError
from daric_protocol.field import BATCH
from daric_protocol.garbage import Computing
from daric_protocol.platform import Sha256, curve, equal
from daric_protocol.tagged import TH, Q, random_scalar, u8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from daric_protocol.platform.curve_libsecp import Point

COUNT = 128  # lambda_c: columns of the extension, bits of Delta
SEED = 16  # bytes
M1_BYTES = 32 + 64 * COUNT  # sT, B_k as x || y
M2_BYTES = 33 + SEED * COUNT + 32  # z, chi_k, pi
M3_BYTES = 32  # ans


def hash_to_curve(*fields: bytes) -> "Point":
    """A point whose discrete logarithm nobody knows: x is the first tagged hash that is on the curve, y is even.

    Never a hash times G: who knows the logarithm of T learns both seeds of every transfer (section 15).
    """
    for counter in range(256):
        point = curve.lift_x(int.from_bytes(TH("dkls/h2c", *fields, u8(counter)), "big"))
        if point is not None:
            return point
    raise DaricError("internal", "No hash was on the curve.")  # chance 2**-256


def _session(sid: bytes, receiver: int, sender: int) -> bytes:
    """sid_ot."""
    return TH("dkls/ot", sid, u8(receiver), u8(sender))


def _pad_key(sid_ot: bytes, m1_digest: bytes, z: bytes) -> bytes:
    """Kp: binds every pad to the transfer, the whole first message and z."""
    return TH("dkls/botp", sid_ot, m1_digest, z)


def _bit(delta: bytes, k: int) -> int:
    return delta[k >> 3] >> (k & 7) & 1


class Receiver:
    """Chooses by the bits of delta; everything it keeps between the rounds comes from one 32-byte secret."""

    def __init__(self, sid: bytes, receiver: int, sender: int, random: "Callable[[int], bytes]") -> None:
        """Draws the secret (32 B), then sT (32 B)."""
        self._sid_ot = _session(sid, receiver, sender)
        self._sender = sender
        self._secret = random(32)
        self._sT = random(32)
        self._m1_digest = b""
        self.delta = sha256(self._secret + b"D").digest()[:SEED]
        self.kD = b""

    def _scalars(self, first: int) -> "list[int]":
        """a_k of one batch."""
        return [
            int.from_bytes(sha256(self._secret + b"a" + u8(k)).digest(), "big") % Q for k in range(first, first + BATCH)
        ]

    def m1(self) -> bytearray:
        """Message 1, 8224 B: B_k = a_k * G, plus T where the bit of delta is set; both are computed for every k."""
        T = hash_to_curve(b"bot", self._sid_ot, self._sT)
        message = bytearray(M1_BYTES)
        message[:32] = self._sT
        with Computing():
            for first in range(0, COUNT, BATCH):
                plain = curve.mul_g_batch(self._scalars(first))
                shifted = curve.add_batch(plain, [T] * BATCH)
                for n in range(BATCH):
                    k = first + n
                    at = 32 + 64 * k
                    message[at : at + 64] = curve.encode_xy((plain[n], shifted[n])[_bit(self.delta, k)])
                plain = shifted = []
        self._m1_digest = sha256(message).digest()
        return message

    def finish(self, m2: bytes) -> bytes:
        """Message 3, 32 B, from message 2; then kD holds the 128 chosen seeds.

        Abort("blame") for a malformed message, Abort("ban") for an inconsistent one, both naming the sender.
        """
        if len(m2) != M2_BYTES:
            raise Abort("blame", self._sender, "The second transfer message has the wrong length.")
        try:
            base = curve.FixedBase(curve.decode(m2[:33]))
        except DaricError:
            raise Abort("blame", self._sender, "The transfer point of the second message is no point.")
        key = _pad_key(self._sid_ot, self._m1_digest, m2[:33])
        seeds = bytearray(SEED * COUNT)
        checks = Sha256()
        with Computing():
            for first in range(0, COUNT, BATCH):
                points = base.mul_batch(self._scalars(first))
                for n in range(BATCH):
                    k = first + n
                    at = SEED * k
                    pad = sha256(key + u8(k) + curve.encode(points[n])).digest()
                    seeds[at : at + SEED] = sha256(b"s" + pad).digest()[:SEED]
                    chi = int.from_bytes(m2[33 + at : 33 + at + SEED], "big") * _bit(self.delta, k)
                    check = int.from_bytes(sha256(b"h" + pad).digest()[:SEED], "big") ^ chi
                    checks.update(check.to_bytes(SEED, "big"))
                points = []
        answer = TH("dkls/bota", key, checks.digest())
        if not equal(TH("dkls/botc", answer), m2[M2_BYTES - 32 :]):
            raise Abort("ban", self._sender, "The sender's transfer proof does not fit its pads.")
        self.kD = bytes(seeds)
        return answer


class Sender:
    """Learns both seeds of every transfer and not which one was chosen."""

    def __init__(self, sid: bytes, receiver: int, sender: int, random: "Callable[[int], bytes]") -> None:
        self._sid_ot = _session(sid, receiver, sender)
        self._receiver = receiver
        self._random = random
        self._answer = b""
        self.k0 = b""
        self.k1 = b""

    def respond(self, m1: "bytes | memoryview") -> bytes:
        """Message 2, 2113 B, from message 1. Draws r (32 B).

        Abort("blame") names the receiver of a malformed message.
        """
        if len(m1) != M1_BYTES:
            raise Abort("blame", self._receiver, "The first transfer message has the wrong length.")
        T = hash_to_curve(b"bot", self._sid_ot, bytes(m1[:32]))
        r = random_scalar(self._random)
        z = curve.encode(curve.mul_g(r))
        minus_T_r = curve.neg(curve.mul(r, T))
        key = _pad_key(self._sid_ot, sha256(m1).digest(), z)
        message = bytearray(M2_BYTES)
        message[:33] = z
        k0, k1 = bytearray(SEED * COUNT), bytearray(SEED * COUNT)
        checks = Sha256()
        with Computing():
            for first in range(0, COUNT, BATCH):
                at = 32 + 64 * first
                rho_0 = curve.mul_batch(r, self._points(m1[at : at + 64 * BATCH], T))
                rho_1 = curve.add_batch(rho_0, [minus_T_r] * BATCH)
                for n in range(BATCH):
                    k = first + n
                    at = SEED * k
                    pad_0 = sha256(key + u8(k) + curve.encode(rho_0[n])).digest()
                    pad_1 = sha256(key + u8(k) + curve.encode(rho_1[n])).digest()
                    k0[at : at + SEED] = sha256(b"s" + pad_0).digest()[:SEED]
                    k1[at : at + SEED] = sha256(b"s" + pad_1).digest()[:SEED]
                    check_0 = sha256(b"h" + pad_0).digest()[:SEED]
                    checks.update(check_0)
                    chi = int.from_bytes(check_0, "big") ^ int.from_bytes(sha256(b"h" + pad_1).digest()[:SEED], "big")
                    message[33 + at : 33 + at + SEED] = chi.to_bytes(SEED, "big")
                rho_0 = rho_1 = []
        self._answer = TH("dkls/bota", key, checks.digest())
        message[M2_BYTES - 32 :] = TH("dkls/botc", self._answer)
        self.k0, self.k1 = bytes(k0), bytes(k1)
        return bytes(message)

    def _points(self, data: "bytes | memoryview", T: "Point") -> "list[Point | None]":
        """The points of one batch: each on the curve and none equal to T, whose second pad would be the identity's."""
        forbidden = curve.encode_xy(T)
        points: "list[Point | None]" = [None] * (len(data) // 64)
        for n in range(len(points)):
            encoded = bytes(data[64 * n : 64 * n + 64])
            if encoded == forbidden:
                raise Abort("blame", self._receiver, "A transfer point equals the session's own point.")
            try:
                points[n] = curve.decode_xy(encoded)
            except DaricError:
                raise Abort("blame", self._receiver, "A transfer point is not on the curve.")
        return points

    def finish(self, m3: bytes) -> None:
        """Check message 3. Abort("ban") naming the receiver if it does not hold one pad of every transfer."""
        if len(m3) != M3_BYTES:
            raise Abort("blame", self._receiver, "The third transfer message has the wrong length.")
        if not equal(m3, self._answer):
            raise Abort("ban", self._receiver, "The receiver's transfer answer is wrong.")
