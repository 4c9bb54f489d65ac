"""Sealed messages: untagged COSE_Encrypt0 with AES-CCM (RFC 9052, section 5.2; RFC 9053, section 4.2).

Specification: docs/encodings.md. Daric's own messages always carry the protected header {1: 31}, AES-CCM-16-128-256,
and an empty unprotected one: key and nonce are known to both sides from the session and the place in it.
"""

from daric_protocol import platform
from daric_protocol.cbor import ARRAY, BYTES, MAP, TEXT, head
from daric_protocol.errors import DaricError
from daric_protocol.garbage import Computing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

NONCE_BYTES = 13
TAG_BYTES = 16
KEY_BYTES = 32
PROTECTED = b"\xa1\x01\x18\x1f"  # {1: 31}
OPENING = head(ARRAY, 3) + head(BYTES, len(PROTECTED)) + PROTECTED + head(MAP, 0)
CONTEXT = head(ARRAY, 3) + head(TEXT, 8) + b"Encrypt0"
OVERHEAD = len(OPENING) + 3 + TAG_BYTES  # bytes added to a plaintext of 240 to 65519 bytes

ALGORITHM, CRITICAL, IV = 1, 2, 5  # header labels
TAG_ENCRYPT0 = 0xD0  # CBOR tag 16, in its one-byte form
# AES-CCM of RFC 9053, table 4: key, nonce and tag bytes.
ALGORITHMS = {
    10: (16, 13, 8),
    11: (32, 13, 8),
    12: (16, 7, 8),
    13: (32, 7, 8),
    30: (16, 13, 16),
    31: (32, 13, 16),
    32: (16, 7, 16),
    33: (32, 7, 16),
}


def enc_structure(protected: bytes, external_aad: bytes) -> bytes:
    """What the tag covers beside the plaintext: the encoded Enc_structure."""
    return b"".join((CONTEXT, head(BYTES, len(protected)), protected, head(BYTES, len(external_aad)), external_aad))


def seal(key: bytes, nonce: bytes, plaintext: bytes, external_aad: bytes) -> bytes:
    """The encoded array [{1: 31}, {}, ciphertext].

    key: 32 B. nonce: 13 B, never used twice with one key. DaricError("parameter") for other sizes or a plaintext
    beyond 65535 bytes.
    """
    _check_sizes(key, nonce)
    sealed = platform.ccm_seal(key, nonce, plaintext, enc_structure(PROTECTED, external_aad), TAG_BYTES)
    return OPENING + head(BYTES, len(sealed)) + sealed


def seal_behind(start: bytes, key: bytes, nonce: bytes, parts: "Sequence[bytes]", external_aad: bytes) -> bytearray:
    """`start` followed by what `seal` makes of a plaintext in parts: a device has no room for copies."""
    _check_sizes(key, nonce)
    length = sum([len(part) for part in parts])
    start = start + OPENING + head(BYTES, length + TAG_BYTES)
    message = bytearray(len(start) + length + TAG_BYTES)
    message[: len(start)] = start
    at = len(start)
    with Computing():
        for piece in platform.ccm_seal_parts(key, nonce, parts, enc_structure(PROTECTED, external_aad), TAG_BYTES):
            message[at : at + len(piece)] = piece
            at += len(piece)
    return message


def open(key: bytes, nonce: bytes, message: "bytes | memoryview", external_aad: bytes) -> bytes:  # noqa: A001 - the pair of seal
    """The plaintext of a message made by `seal` with the same key, nonce and external AAD.

    DaricError("encoding") for anything but exactly such an array, "sealed" if the tag does not fit.
    """
    _check_sizes(key, nonce)
    ciphertext = _ciphertext(message)
    return platform.ccm_open(key, nonce, ciphertext, enc_structure(PROTECTED, external_aad), TAG_BYTES)


def open_in_place(key: bytes, nonce: bytes, message: memoryview, external_aad: bytes) -> memoryview:
    """As `open`, with the plaintext left where the ciphertext lay: a device has no room for both.

    message: over a bytearray, of no use any more whatever comes of it.
    """
    _check_sizes(key, nonce)
    ciphertext: memoryview = _ciphertext(message)
    aad = enc_structure(PROTECTED, external_aad)
    platform.ccm_open(key, nonce, ciphertext, aad, TAG_BYTES, ciphertext)  # type: ignore[arg-type]
    return ciphertext[: len(ciphertext) - TAG_BYTES]


def _ciphertext(message: "bytes | memoryview") -> "Any":
    """The third item of exactly the array that `seal` makes, where it lies: a device has no room for a copy."""
    view = memoryview(message)
    if len(view) > len(OPENING) and view[: len(OPENING)] == OPENING:
        first = view[len(OPENING)]
        at = len(OPENING) + (1 if first < 0x58 else 1 + (1 << (first & 3)))  # behind its head
        if head(BYTES, max(len(view) - at, 0)) == view[len(OPENING) : at]:
            return view[at:]
    raise DaricError("encoding", "a sealed message is [the one algorithm, no other header, ciphertext]")


def open_any(key: bytes, message: bytes, external_aad: bytes) -> bytes:
    """The plaintext of a COSE_Encrypt0 of any AES-CCM variant, tagged or not, that carries its own nonce (label 5).

    DaricError("encoding") for other messages, "sealed" if the tag does not fit.
    """
    if message and message[0] == TAG_ENCRYPT0:
        message = message[1:]
    protected, unprotected, ciphertext = _parse(message)
    headers = platform.cbor_decode(protected) if protected else {}
    if not isinstance(headers, dict) or CRITICAL in headers:
        raise DaricError("encoding", "the protected header is not a map this version understands")
    nonce = headers.get(IV, unprotected.get(IV))
    algorithm = headers.get(ALGORITHM)
    sizes = ALGORITHMS.get(algorithm) if isinstance(algorithm, int) else None
    if sizes is None or not isinstance(nonce, bytes) or (len(key), len(nonce)) != sizes[:2]:
        raise DaricError("encoding", "not AES-CCM, or the key or nonce has the wrong size")
    return platform.ccm_open(key, nonce, ciphertext, enc_structure(protected, external_aad), sizes[2])


def _parse(message: bytes) -> "tuple[bytes, dict[Any, Any], bytes]":
    value = platform.cbor_decode(message)
    if not isinstance(value, list) or len(value) != 3:
        raise DaricError("encoding", "a sealed message is an array of three")
    protected, unprotected, ciphertext = value
    if not isinstance(protected, bytes) or not isinstance(unprotected, dict) or not isinstance(ciphertext, bytes):
        raise DaricError("encoding", "a sealed message is [protected header, map, ciphertext]")
    return protected, unprotected, ciphertext


def _check_sizes(key: bytes, nonce: bytes) -> None:
    if len(key) != KEY_BYTES or len(nonce) != NONCE_BYTES:
        raise DaricError("parameter", "sealing takes a key of 32 and a nonce of 13 bytes")
