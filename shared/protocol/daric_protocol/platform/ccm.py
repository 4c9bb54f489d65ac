"""AES-CCM (RFC 3610, NIST SP 800-38C) over a block cipher that offers only ECB and CBC, as MicroPython's does."""

import sys

from daric_protocol.errors import DaricError

if sys.implementation.name == "micropython":
    from cryptolib import aes as Aes
else:
    from daric_protocol.platform.standin import Aes

ECB, CBC = 1, 2  # modes of cryptolib
PIECE = 512  # bytes per call into the C cipher: large enough to hide the call, small enough for a board


def equal(a: bytes, b: bytes) -> bool:
    """Whether two byte strings are equal, in a time that depends on their lengths only."""
    if len(a) != len(b):
        return False
    difference = 0
    for i in range(len(a)):
        difference |= a[i] ^ b[i]
    return difference == 0


def seal(
    key: bytes, nonce: bytes, plaintext: bytes, aad: bytes, tag_length: int = 16, out: "memoryview | None" = None
) -> bytes:
    """AES-CCM (RFC 3610): ciphertext followed by the tag. key 16 or 32 B, nonce 7..13 B, tag 4..16 B, even.

    out: where both go, of just their length; then nothing is returned.
    """
    check_sizes(key, nonce, len(plaintext), tag_length)
    place = bytearray(len(plaintext) + tag_length) if out is None else out
    first = _counter_mode(key, nonce, plaintext, len(plaintext), place)
    place[len(plaintext) :] = _tag(key, nonce, plaintext, len(plaintext), aad, tag_length, first)
    return bytes(place) if out is None else b""


def open_sealed(
    key: bytes, nonce: bytes, sealed: bytes, aad: bytes, tag_length: int = 16, out: "memoryview | None" = None
) -> bytes:
    """The plaintext of seal; DaricError("sealed") for anything that was not sealed like this.

    out: where the plaintext goes, which may be where `sealed` lies; then nothing is returned.
    """
    length = len(sealed) - tag_length
    if length < 0:
        raise DaricError("sealed")
    check_sizes(key, nonce, length, tag_length)
    place = bytearray(length) if out is None else out
    first = _counter_mode(key, nonce, sealed, length, place)
    if not equal(_tag(key, nonce, place, length, aad, tag_length, first), sealed[length:]):
        raise DaricError("sealed")
    return bytes(place) if out is None else b""


def check_sizes(key: bytes, nonce: bytes, length: int, tag_length: int) -> None:
    """DaricError("parameter") unless AES-CCM takes these sizes and the length fits beside the nonce."""
    if len(key) not in (16, 32) or not 7 <= len(nonce) <= 13 or tag_length not in range(4, 17, 2):
        raise DaricError("parameter", "AES-CCM takes keys of 16 or 32, nonces of 7 to 13 and tags of 4 to 16 bytes")
    if length >> 8 * (15 - len(nonce)):
        raise DaricError("parameter", "the message is too long for the nonce's counter")


def _counter_mode(key: bytes, nonce: bytes, data: bytes, length: int, out: "bytearray | memoryview") -> bytes:
    """Xor the first `length` bytes of data with the keystream of counters 1, 2, .. into out; returns block 0.

    Counter blocks are built as one big integer per piece: adding `step` counts all of them on.
    """
    cipher = Aes(key, ECB)
    start = bytes([14 - len(nonce)]) + nonce + bytes(15 - len(nonce))
    first = bytearray(16)
    cipher.encrypt(start, first)
    blocks = PIECE // 16
    ones = int.from_bytes((bytes(15) + b"\x01") * blocks, "big")
    counters = int.from_bytes(start, "big") * ones
    for i in range(blocks):
        counters += (i + 1) << 128 * (blocks - 1 - i)
    step = ones * blocks
    stream = bytearray(PIECE)
    view = memoryview(data)
    for at in range(0, length, PIECE):
        cipher.encrypt(counters.to_bytes(PIECE, "big"), stream)
        counters += step
        size = min(PIECE, length - at)
        mixed = int.from_bytes(view[at : at + size], "big") ^ int.from_bytes(stream[:size], "big")
        out[at : at + size] = mixed.to_bytes(size, "big")
    return bytes(first)


def _tag(
    key: bytes,
    nonce: bytes,
    plaintext: "bytes | bytearray | memoryview",
    length: int,
    aad: bytes,
    tag_length: int,
    first: bytes,
) -> bytes:
    """CBC-MAC over sizes, nonce, AAD and the first `length` bytes of plaintext, masked with keystream block 0."""
    cipher = Aes(key, CBC, bytes(16))
    flags = (64 if aad else 0) | (tag_length - 2) << 2 | 14 - len(nonce)
    opening = bytes([flags]) + nonce + length.to_bytes(15 - len(nonce), "big")
    if aad:
        size = len(aad)
        opening += size.to_bytes(2, "big") if size < 0xFF00 else b"\xff\xfe" + size.to_bytes(4, "big")
        opening += aad
    last = bytearray(PIECE)
    _authenticate(cipher, opening, len(opening), last)
    if length:
        _authenticate(cipher, plaintext, length, last)
    mask = int.from_bytes(last[:16], "big") ^ int.from_bytes(first, "big")
    return mask.to_bytes(16, "big")[:tag_length]


def _authenticate(cipher: Aes, data: "bytes | bytearray | memoryview", length: int, last: bytearray) -> None:
    """CBC-encrypt the data, zero-padded to blocks; the last block is left at the start of `last`."""
    view = memoryview(data)
    whole = length - length % 16
    at = 0
    size = 0
    for at in range(0, whole, PIECE):
        size = min(PIECE, whole - at)
        cipher.encrypt(view[at : at + size], last)
    if length > whole:
        size = 16
        cipher.encrypt(bytes(view[whole:length]) + bytes(16 - length + whole), last)
    last[:16] = last[size - 16 : size]
