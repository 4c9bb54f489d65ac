"""MicroPython's platform: C SHA-256 and AES, everything else in Python. The interface is daric_protocol.platform.

Runs on CPython too, so that both platforms can be compared.
"""

import hashlib
import sys

from daric_protocol import cbor
from daric_protocol.errors import DaricError
from daric_protocol.platform.ccm import equal
from daric_protocol.platform.ccm import open_sealed as ccm_open
from daric_protocol.platform.ccm import seal as ccm_seal
from daric_protocol.platform.ccm import seal_parts as ccm_seal_parts

if sys.implementation.name == "micropython":
    try:
        from daric_protocol.platform.galois_viper import column_hashes
        from daric_protocol.platform.viper import keccak256, stuff, transpose_byte, unstuff
    except (SyntaxError, ValueError):
        # A port without the native emitter: it cannot compile viper code, or refuses the compiled file.
        from daric_protocol.platform.galois import column_hashes
        from daric_protocol.platform.plain import keccak256, stuff, transpose_byte, unstuff
else:
    from daric_protocol.platform.galois import column_hashes
    from daric_protocol.platform.plain import keccak256, stuff, transpose_byte, unstuff

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

INNER_PAD = int.from_bytes(b"\x36" * 64, "big")
OUTER_PAD = int.from_bytes(b"\x5c" * 64, "big")

Sha256 = hashlib.sha256
cbor_encode = cbor.encode
cbor_encode_parts = cbor.encode_parts
cbor_decode = cbor.decode


def sha256(data: "bytes | bytearray | memoryview") -> bytes:
    """SHA-256 of the data, 32 bytes."""
    return hashlib.sha256(data).digest()


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA-256 (RFC 2104), 32 bytes."""
    if len(key) > 64:
        key = sha256(key)
    padded = int.from_bytes(key, "big") << 8 * (64 - len(key))
    inner = hashlib.sha256((padded ^ INNER_PAD).to_bytes(64, "big"))
    inner.update(data)
    outer = hashlib.sha256((padded ^ OUTER_PAD).to_bytes(64, "big"))
    outer.update(inner.digest())
    return outer.digest()


def hkdf_sha256(ikm: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA-256 (RFC 5869), `length` bytes of at most 8160."""
    if not 0 < length <= 255 * 32:
        raise DaricError("parameter", "HKDF gives 1 to 8160 bytes")
    key = hmac_sha256(salt, ikm)
    out = b""
    block = b""
    while len(out) < length:
        block = hmac_sha256(key, block + info + bytes([len(out) // 32 + 1]))
        out += block
    return out[:length]
