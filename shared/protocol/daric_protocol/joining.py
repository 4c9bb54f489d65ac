"""Joining a session: commitments, openings, session id and check code. Specification: docs/protocol.md, section 1."""

from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.messages import DIGEST, POINT_BYTES, Message, read_array
from daric_protocol.tagged import TH, u8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class PublicKey:
    """A compressed point as a field: 33 bytes, whether it lies on the curve is found when it is used."""

    def read(self, value: "Any") -> bytes:
        data: bytes = POINT_BYTES.read(value)
        if data[0] not in (2, 3):
            raise DaricError("encoding", "A key is a compressed point.")
        return data

    def write(self, value: bytes) -> bytes:
        return value


class Opening(Message):
    """What a party brings to one session: identity 33 B, ephemeral public key 33 B, nonce 32 B.

    mac: 32 B of a party that joined by a link with a secret (daric_protocol.joinsecret), a fourth item; else empty.
    """

    NAMES = ("identity", "ephemeral", "nonce")
    FIELDS = (PublicKey(), PublicKey(), DIGEST)
    identity: bytes
    ephemeral: bytes
    nonce: bytes
    mac = b""

    def to_wire(self) -> "list[Any]":
        """The CBOR array."""
        return super().to_wire() + ([self.mac] if self.mac else [])

    @classmethod
    def from_wire(cls, value: "Any") -> "Opening":
        """The opening of a decoded CBOR array; DaricError("encoding")."""
        mac = b""
        if isinstance(value, list) and len(value) == 4:
            mac = DIGEST.read(value[3])
            value = value[:3]
        opening = cls(*read_array(value, cls.FIELDS))
        opening.mac = mac
        return opening

    def joined(self) -> bytes:
        """The 98 bytes that are hashed: identity, ephemeral, nonce."""
        return self.identity + self.ephemeral + self.nonce


class Commitment(Message):
    """J of a party: what it joins with where some party is unknown."""

    NAMES = ("value",)
    FIELDS = (DIGEST,)
    value: bytes


def commit(uuid: bytes, op: str, opening: Opening) -> bytes:
    """J_i, 32 bytes (docs/encodings.md, section 2)."""
    return TH("dkls/join", uuid, op.encode(), opening.identity, opening.ephemeral, opening.nonce)


def session_id(uuid: bytes, op: str, group: bytes, roster_hash: bytes, nonces: "list[bytes]") -> bytes:
    """ssid, 32 bytes; the nonces of this session's parties in id order (docs/encodings.md, section 2)."""
    return TH("dkls/sess", uuid, op.encode(), group, roster_hash, *nonces)


def in_identity_order(openings: "list[Opening]") -> "list[Opening]":
    return sorted(openings, key=lambda opening: opening.identity)


def check_code(uuid: bytes, op: str, group: bytes, threshold: int, openings: "list[Opening]") -> str:
    """Six digits over all commitments and openings (docs/encodings.md, section 2)."""
    ordered = in_identity_order(openings)
    fields = [commit(uuid, op, opening) for opening in ordered]
    fields.extend([opening.joined() for opening in ordered])
    digest = TH("dkls/code", uuid, op.encode(), group, u8(threshold), u8(len(ordered)), *fields)
    return "%06d" % (int.from_bytes(digest, "big") % 1000000)


def joins_digest(uuid: bytes, op: str, committed: bool, openings: "list[Opening]") -> bytes:
    """What the sealing keys bind of the join list: SHA-256 of all J, or of all openings, in identity order."""
    parts = []
    for opening in in_identity_order(openings):
        parts.append(commit(uuid, op, opening) if committed else opening.joined())
    return platform.sha256(b"".join(parts))
