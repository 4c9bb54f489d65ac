"""CPython's platform: cryptography, hashlib, pycryptodome, cbor2. The interface is daric_protocol.platform."""

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from typing import Any

import cbor2
from Crypto.Hash import keccak
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from daric_protocol import cbor
from daric_protocol.errors import DaricError
from daric_protocol.limits import CBOR_DEPTH
from daric_protocol.platform.ccm import check_sizes
from daric_protocol.platform.galois import column_hashes
from daric_protocol.platform.plain import stuff, transpose_squares, unstuff

__all__ = [
    "Sha256",
    "cbor_decode",
    "cbor_encode",
    "cbor_encode_parts",
    "ccm_open",
    "ccm_seal",
    "ccm_seal_parts",
    "column_hashes",
    "equal",
    "hkdf_sha256",
    "hmac_sha256",
    "keccak256",
    "sha256",
    "stuff",
    "transpose_byte",
    "unstuff",
]

Sha256 = hashlib.sha256
# cbor2 reads more than deterministic CBOR, so decoding is always the strict reader's.
cbor_decode = cbor.decode
cbor_encode_parts = cbor.encode_parts


def sha256(data: "bytes | bytearray | memoryview") -> bytes:
    """SHA-256 of the data, 32 bytes."""
    return hashlib.sha256(data).digest()


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA-256, 32 bytes."""
    return hmac.digest(key, data, "sha256")


def hkdf_sha256(ikm: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA-256 (RFC 5869), `length` bytes of at most 8160."""
    if not 0 < length <= 255 * 32:
        raise DaricError("parameter", "HKDF gives 1 to 8160 bytes")
    return HKDF(SHA256(), length, salt, info).derive(ikm)


def equal(a: bytes, b: bytes) -> bool:
    """Whether two byte strings are equal, in a time that depends on their lengths only."""
    return hmac.compare_digest(a, b)


def keccak256(data: bytes) -> bytes:
    """Keccak-256, 32 bytes (not SHA3-256)."""
    return keccak.new(digest_bits=256, data=bytes(data)).digest()


def transpose_byte(columns: bytes | bytearray | memoryview, byte: int) -> bytes | bytearray:
    """As plain.transpose_byte, with slices that MicroPython has not."""
    squares = transpose_squares(columns[byte :: len(columns) // 128])
    return b"".join([squares[row::8] for row in range(8)])


def ccm_seal(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes, tag_length: int = 16) -> bytes:
    """AES-CCM (RFC 3610): ciphertext followed by the tag. key 16 or 32 B, nonce 7..13 B, tag 4..16 B, even."""
    cipher = _ccm(key, nonce, len(plaintext), tag_length)
    return cipher.encrypt(nonce, plaintext, aad)


def ccm_seal_parts(
    key: bytes, nonce: bytes, parts: Sequence[bytes], aad: bytes, tag_length: int = 16
) -> Iterator[bytes]:
    """As ccm_seal, of a plaintext in parts; gives the result piece by piece."""
    yield ccm_seal(key, nonce, b"".join(parts), aad, tag_length)


def ccm_open(
    key: bytes, nonce: bytes, sealed: bytes, aad: bytes, tag_length: int = 16, out: memoryview | None = None
) -> bytes:
    """The plaintext of ccm_seal; DaricError("sealed") for anything that was not sealed like this.

    out: where the plaintext goes, which may be where `sealed` lies; then nothing is returned.
    """
    if len(sealed) < tag_length:
        raise DaricError("sealed")
    cipher = _ccm(key, nonce, len(sealed) - tag_length, tag_length)
    if out is not None and len(out) < len(sealed) - tag_length:
        raise DaricError("parameter", "there is no room for the plaintext")
    try:
        plaintext = cipher.decrypt(nonce, sealed, aad)
    except InvalidTag:
        raise DaricError("sealed") from None
    if out is None:
        return plaintext
    out[: len(plaintext)] = plaintext
    return b""


def _ccm(key: bytes, nonce: bytes, length: int, tag_length: int) -> AESCCM:
    check_sizes(key, nonce, length, tag_length)
    return AESCCM(key, tag_length)


def cbor_encode(value: Any) -> bytes:
    """Deterministic CBOR of a value (daric_protocol.cbor says which); DaricError("encoding") for any other."""
    return cbor2.dumps(_ordered(value, CBOR_DEPTH))


def _ordered(value: Any, depth: int) -> Any:
    """The value with its maps in bytewise key order: cbor2 keeps the order, and its own canonical one differs."""
    if isinstance(value, dict):
        cbor.check_depth(depth)
        pairs = sorted((cbor.encode_key(key), key) for key in value)
        return {key: _ordered(value[key], depth - 1) for _, key in pairs}
    if isinstance(value, (list, tuple)):
        cbor.check_depth(depth)
        return [_ordered(item, depth - 1) for item in value]
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, int) and not -(1 << 64) <= value < 1 << 64:
        raise DaricError("encoding", "CBOR integers have at most 64 bits")
    if isinstance(value, str):
        return str(cbor.utf8(value), "utf-8")
    if value is None or isinstance(value, (bool, int, bytes)):
        return value
    raise DaricError("encoding", "not a CBOR value: " + type(value).__name__)
