"""Tagged hashes, integers and scalars as they are hashed. Specification: docs/encodings.md, section 1."""

from hashlib import sha256

from daric_protocol.errors import DaricError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# The order of secp256k1. Kept here as well as in the curve modules, so that hashing never loads a curve.
Q = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def TH(tag: str, *fields: bytes) -> bytes:
    """The tagged hash of fields, 32 bytes: every field is preceded by its length, so no two inputs meet."""
    name = tag.encode()
    parts = [u8(len(name)), name]
    for field in fields:
        parts.append(u32(len(field)))
        parts.append(field)
    return sha256(b"".join(parts)).digest()


def HS(tag: str, *fields: bytes) -> int:
    """The tagged hash as a scalar."""
    return int.from_bytes(TH(tag, *fields), "big") % Q


def u8(n: int) -> bytes:
    """n as 1 byte."""
    return n.to_bytes(1, "big")


def u16(n: int) -> bytes:
    """n as 2 bytes, big-endian."""
    return n.to_bytes(2, "big")


def u32(n: int) -> bytes:
    """n as 4 bytes, big-endian."""
    return n.to_bytes(4, "big")


def scalar(n: int) -> bytes:
    """A scalar, 0 <= n < Q, as 32 bytes. DaricError("parameter") if it is out of range."""
    if not 0 <= n < Q:
        raise DaricError("parameter", "A scalar is at least 0 and below the group order.")
    return n.to_bytes(32, "big")


def read_scalar(data: bytes) -> int:
    """The scalar of 32 bytes. DaricError("encoding") for another length or a value not below Q."""
    if len(data) != 32:
        raise DaricError("encoding", "A scalar has 32 bytes.")
    n = int.from_bytes(data, "big")
    if n >= Q:
        raise DaricError("encoding", "A scalar is not below the group order.")
    return n


def id_set(ids: "Iterable[int]") -> bytes:
    """Party indexes as one field: one byte each, ascending."""
    return bytes(sorted(ids))


def random_scalar(random: "Callable[[int], bytes]") -> int:
    """A scalar, 0 < n < Q, from 32 random bytes.

    Bytes outside that range come up once in 2**127 draws, so they are taken as a fault: DaricError("entropy").
    """
    n = int.from_bytes(random(32), "big")
    if not 0 < n < Q:
        raise DaricError("entropy", "The random source gave a value that a working source never gives.")
    return n
