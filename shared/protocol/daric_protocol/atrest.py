"""Sealing of stored entries: a fresh key for every write, bound to the entry's name and version.

The same form in the device's vault and in the hosts' databases. Specification: docs/architecture.md, the vault.
"""

from daric_protocol import platform
from daric_protocol.errors import DaricError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

SALT_BYTES = 16
TAG_BYTES = 16
OVERHEAD = SALT_BYTES + TAG_BYTES
NONCE = bytes(13)  # constant: no entry key ever seals a second plaintext
MAX_ENTRY_BYTES = 65535  # CCM with a 13-byte nonce counts its length in 16 bits
MAX_VERSION = 0xFFFFFFFF


def _binding(name: str, version: int) -> bytes:
    return name.encode() + version.to_bytes(4, "big")


def seal_entry(key: bytes, purpose: bytes, name: str, version: int, value: bytes, salt: bytes) -> bytes:
    """salt 16 ‖ ciphertext ‖ tag 16 of `value` under HKDF(key; salt; name ‖ u32 version).

    key: data key of the entry, any length >= 16. purpose: what kind of store this is. salt: 16 fresh random bytes.
    Raises DaricError("too_large").
    """
    return b"".join(seal_parts(key, purpose, name, version, (value,), salt))


def seal_parts(
    key: bytes, purpose: bytes, name: str, version: int, parts: "Sequence[bytes]", salt: bytes
) -> "Iterator[bytes]":
    """As `seal_entry`, of a value in parts; gives the sealed entry piece by piece."""
    if sum([len(part) for part in parts]) > MAX_ENTRY_BYTES:
        raise DaricError("too_large", "An entry holds at most %d bytes." % MAX_ENTRY_BYTES)
    return _sealed(key, purpose, _binding(name, version), parts, salt)


def _sealed(key: bytes, purpose: bytes, bound: bytes, parts: "Sequence[bytes]", salt: bytes) -> "Iterator[bytes]":
    yield salt
    entry_key = platform.hkdf_sha256(key, salt, bound, 32)
    yield from platform.ccm_seal_parts(entry_key, NONCE, parts, purpose + b"/" + bound, TAG_BYTES)


def open_entry(key: bytes, purpose: bytes, name: str, version: int, sealed: bytes) -> bytes:
    """The value that `seal_entry` sealed with the same arguments. Raises DaricError("sealed")."""
    return open_in_place(key, purpose, name, version, bytearray(sealed))


def open_in_place(key: bytes, purpose: bytes, name: str, version: int, sealed: bytearray) -> bytes:
    """As `open_entry`; overwrites `sealed`: a device has no memory for one more copy."""
    if len(sealed) < OVERHEAD:
        raise DaricError("sealed", "A sealed entry is shorter than its salt and tag.")
    bound = _binding(name, version)
    entry_key = platform.hkdf_sha256(key, bytes(sealed[:SALT_BYTES]), bound, 32)
    body: Any = memoryview(sealed)[SALT_BYTES:]
    value = body[: len(body) - TAG_BYTES]
    platform.ccm_open(entry_key, NONCE, body, purpose + b"/" + bound, TAG_BYTES, value)
    return bytes(value)
