"""Identity keys: signing, verifying and key exchange on secp256k1, and verification of group signatures.

Specification: docs/protocol.md, section 1; the nonce is RFC 6979 with additional data (section 3.6 there).
"""

from daric_protocol import platform
from daric_protocol.errors import DaricError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from daric_protocol.platform.curve_libsecp import Point


class Identity:
    """A party's long-term key. `public` is its 33-byte name; the secret never leaves the object."""

    def __init__(self, secret: int) -> None:
        """secret: 1 <= secret < Q, or DaricError("parameter")."""
        curve = platform.curve
        if not 0 < secret < curve.Q:
            raise DaricError("parameter", "An identity secret is a nonzero scalar.")
        self._secret = secret
        self.public: bytes = curve.encode(curve.mul_g(secret))

    def sign(self, digest: bytes, random: "Callable[[int], bytes]") -> bytes:
        """64 B r || s with low s over a 32-byte digest.

        The nonce comes from the secret, the digest and 32 fresh random bytes: it stays unique and secret even if
        `random` fails. Digests are tagged hashes, never bytes chosen by a peer.
        """
        r, s = sign_ecdsa(self._secret, digest, random(32))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def exchange(self, public: bytes) -> bytes:
        """32 B x-coordinate of secret * public (33 B compressed). DaricError("encoding") if that is no point."""
        curve = platform.curve
        return curve.x_int(curve.mul(self._secret, curve.decode(public))).to_bytes(32, "big")


def verify(public: bytes, digest: bytes, signature: bytes, low_s: bool = True) -> bool:
    """Whether a 64-byte r || s is a signature of the 32-byte digest under a 33-byte key; a bad key verifies nothing.

    low_s: refuse s > Q/2, so that no third party can make a second form of a signature.
    """
    if len(signature) != 64:
        return False
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:], "big")
    curve = platform.curve
    if low_s and s > curve.Q >> 1:
        return False
    try:
        point = curve.decode(public)
    except DaricError:
        return False
    return ecdsa_verify(point, digest, r, s)


def ecdsa_verify(point: "Point", digest: bytes, r: int, s: int) -> bool:
    """Whether (r, s), high s included, is a signature of the 32-byte digest under the point."""
    curve = platform.curve
    if not (0 < r < curve.Q and 0 < s < curve.Q):
        return False
    w = curve.inverse(s, curve.Q)
    nonce_point = curve.mul2(_digest_int(digest) * w, curve.G, r * w, point)
    return nonce_point is not None and curve.x_int(nonce_point) % curve.Q == r


def recover(digest: bytes, r: int, s: int, recid: int) -> "Point":
    """The key that made the signature (r, s) of a 32-byte digest.

    recid: 0..3; bit 0 = y of the nonce point is odd, bit 1 = its x was r + Q. DaricError("signature") if there is none.
    """
    curve = platform.curve
    nonce_point = None
    if 0 < r < curve.Q and 0 < s < curve.Q and 0 <= recid <= 3:
        nonce_point = curve.lift_x(r + (curve.Q if recid & 2 else 0))
    if nonce_point is None:
        raise DaricError("signature", "No key can have made this signature.")
    w = curve.inverse(r, curve.Q)
    if recid & 1:
        nonce_point = curve.neg(nonce_point)
    point = curve.mul2(-_digest_int(digest) * w, curve.G, s * w, nonce_point)
    if point is None:
        raise DaricError("signature", "No key can have made this signature.")
    return point


def sign_ecdsa(secret: int, digest: bytes, additional: bytes) -> "tuple[int, int]":
    """(r, s) with low s over a 32-byte digest; additional: bytes mixed into the nonce, b"" for plain RFC 6979."""
    curve = platform.curve
    z = _digest_int(digest)
    mask = next(_nonces(secret, digest, additional + b"mask"))  # how long Euclid takes tells of k * mask, not of k
    for k in _nonces(secret, digest, additional):
        r = curve.x_int(curve.mul_g(k)) % curve.Q
        s = curve.inverse(k * mask, curve.Q) * mask * (z + r * secret) % curve.Q
        if r and s:
            return r, min(s, curve.Q - s)
    raise DaricError("internal")


def _nonces(secret: int, digest: bytes, additional: bytes) -> "Iterator[int]":
    """The candidate nonces of RFC 6979, section 3.2, each in 1 .. Q-1."""
    hmac = platform.hmac_sha256
    q = platform.curve.Q
    fields = secret.to_bytes(32, "big") + (_digest_int(digest) % q).to_bytes(32, "big") + additional
    v = b"\x01" * 32
    key = b"\x00" * 32
    for separator in (b"\x00", b"\x01"):
        key = hmac(key, v + separator + fields)
        v = hmac(key, v)
    while True:
        v = hmac(key, v)
        k = int.from_bytes(v, "big")
        if 0 < k < q:
            yield k
        key = hmac(key, v + b"\x00")
        v = hmac(key, v)


def _digest_int(digest: bytes) -> int:
    if len(digest) != 32:
        raise DaricError("parameter", "A digest has 32 bytes.")
    return int.from_bytes(digest, "big")
