"""Proof that a dealer knows its constant term (Schnorr). Specification: docs/protocol.md, section 2."""

from daric_protocol.errors import DaricError
from daric_protocol.platform import curve
from daric_protocol.tagged import HS, Q, random_scalar, read_scalar, scalar, u8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from daric_protocol.platform.curve_libsecp import Point

PROOF_BYTES = 65  # K 33, response 32


def prove(sid: bytes, i: int, secret: int, point: "Point", random: "Callable[[int], bytes]") -> bytes:
    """65 bytes showing that party i knows the secret with secret * G = point, bound to sid."""
    k = random_scalar(random)
    commitment = curve.encode(curve.mul_g(k))
    return commitment + scalar((k + _challenge(sid, i, point, commitment) * secret) % Q)


def verify(sid: bytes, i: int, point: "Point | None", proof: bytes) -> bool:
    """Whether the 65 bytes prove that party i knows the discrete logarithm of the point; the identity has no proof."""
    if point is None or len(proof) != PROOF_BYTES:
        return False
    try:
        commitment = curve.decode(proof[:33])
        response = read_scalar(proof[33:])
    except DaricError:
        return False
    expected = curve.add(commitment, curve.mul(_challenge(sid, i, point, proof[:33]), point))
    return curve.equal_points(curve.mul_g(response), expected)


def _challenge(sid: bytes, i: int, point: "Point", commitment: bytes) -> int:
    return HS("dkls/pok", sid, u8(i), curve.encode(point), commitment)
