"""What parties send each other in a signature, and in a pair set-up of its own; read as those of messages.py.

Apart from those, because a device has little room for them beside key generation. Specification: docs/protocol.md,
sections 6 and 9.
"""

from daric_protocol.messages import (
    DIGEST,
    M1_BYTES,
    M2_BYTES,
    M3_BYTES,
    POINT,
    SCALAR,
    SIGNATURE,
    Message,
    Octets,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

EXTENSION_BYTES = 8752  # OT extension: U, x~, tau


class PairCommitment(Message):
    """Round 1 of a pair set-up: base-OT message 1."""

    NAMES = ("m1",)
    FIELDS = (Octets(M1_BYTES),)
    m1: bytes


class PairAnswer(Message):
    """Round 2 of a pair set-up: this side's half of the zero-share seed, and base-OT message 2."""

    NAMES = ("zs", "m2")
    FIELDS = (DIGEST, Octets(M2_BYTES))
    zs: bytes
    m2: bytes


class PairProof(Message):
    """Round 3 of a pair set-up: base-OT message 3."""

    NAMES = ("m3",)
    FIELDS = (Octets(M3_BYTES),)
    m3: bytes


class SignCommitment(Message):
    """Round 1 of a signature: the pair and session ids, the signed commitment, and the OT-extension message."""

    NAMES = ("pid", "sid", "commitment", "signature", "extension")
    FIELDS = (DIGEST, DIGEST, DIGEST, SIGNATURE, Octets(EXTENSION_BYTES))
    pid: bytes
    sid: bytes
    commitment: bytes
    signature: bytes
    extension: bytes


class SignOpening(Message):
    """Round 2 of a signature: echo of round 1, the nonce point opened, the key point, and what checks the stream."""

    NAMES = ("echo", "nonce_point", "salt", "key_point", "gamma_u", "gamma_v", "psi")
    FIELDS = (DIGEST, POINT, DIGEST, POINT, POINT, POINT, SCALAR)
    echo: bytes
    nonce_point: "Any"
    salt: bytes
    key_point: "Any"
    gamma_u: "Any"
    gamma_v: "Any"
    psi: int


class SignShare(Message):
    """Round 3 of a signature: the sender's shares of the denominator and the numerator of s."""

    NAMES = ("u", "w")
    FIELDS = (SCALAR, SCALAR)
    u: int
    w: int
