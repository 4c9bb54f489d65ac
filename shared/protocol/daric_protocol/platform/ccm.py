"""AES-CCM (RFC 3610, NIST SP 800-38C) over a block cipher that offers only ECB and CBC, as MicroPython's does."""

import sys

from daric_protocol.errors import DaricError
from daric_protocol.garbage import Computing

if sys.implementation.name == "micropython":
    from cryptolib import aes as Aes
else:
    from daric_protocol.platform.standin import Aes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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


def seal(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes, tag_length: int = 16) -> bytes:
    """AES-CCM (RFC 3610): ciphertext followed by the tag. key 16 or 32 B, nonce 7..13 B, tag 4..16 B, even."""
    return b"".join(seal_parts(key, nonce, (plaintext,), aad, tag_length))


def seal_parts(
    key: bytes, nonce: bytes, parts: "Sequence[bytes]", aad: bytes, tag_length: int = 16
) -> "Iterator[bytes]":
    """As `seal`, of a plaintext in parts; gives the result piece by piece: a device has no memory for one more copy."""
    length = sum([len(part) for part in parts])
    check_sizes(key, nonce, length, tag_length)
    stream = _keystream(key, nonce)
    first = bytes(next(stream))
    cipher, last = _mac(key, nonce, length, aad, tag_length)
    for piece in _pieces(parts):
        _authenticate(cipher, piece, len(piece), last)
        yield _mixed(piece, next(stream))
    yield _masked(last, first, tag_length)


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
    with Computing():
        stream = _keystream(key, nonce)
        first = bytes(next(stream))
        view = memoryview(sealed)
        for at in range(0, length, PIECE):
            end = min(at + PIECE, length)
            place[at:end] = _mixed(view[at:end], next(stream))
        cipher, last = _mac(key, nonce, length, aad, tag_length)
        if length:
            _authenticate(cipher, place, length, last)
    if not equal(_masked(last, first, tag_length), sealed[length:]):
        raise DaricError("sealed")
    return bytes(place) if out is None else b""


def check_sizes(key: bytes, nonce: bytes, length: int, tag_length: int) -> None:
    """DaricError("parameter") unless AES-CCM takes these sizes and the length fits beside the nonce."""
    if len(key) not in (16, 32) or not 7 <= len(nonce) <= 13 or tag_length not in range(4, 17, 2):
        raise DaricError("parameter", "AES-CCM takes keys of 16 or 32, nonces of 7 to 13 and tags of 4 to 16 bytes")
    if length >> 8 * (15 - len(nonce)):
        raise DaricError("parameter", "the message is too long for the nonce's counter")


def _keystream(key: bytes, nonce: bytes) -> "Iterator[bytearray]":
    """Block 0, which masks the tag; then the stream of counters 1, 2, .. in pieces, each in the buffer of the last.

    Counter blocks are built as one big integer per piece: adding `step` counts all of them on.
    """
    cipher = Aes(key, ECB)
    start = bytes([14 - len(nonce)]) + nonce + bytes(15 - len(nonce))
    first = bytearray(16)
    cipher.encrypt(start, first)
    yield first
    blocks = PIECE // 16
    ones = int.from_bytes((bytes(15) + b"\x01") * blocks, "big")
    counters = int.from_bytes(start, "big") * ones
    for i in range(blocks):
        counters += (i + 1) << 128 * (blocks - 1 - i)
    step = ones * blocks
    stream = bytearray(PIECE)
    while True:
        cipher.encrypt(counters.to_bytes(PIECE, "big"), stream)
        yield stream
        counters += step


def _mixed(piece: "bytes | memoryview", stream: bytearray) -> bytes:
    """The xor of a piece and as much of the keystream."""
    size = len(piece)
    return (int.from_bytes(piece, "big") ^ int.from_bytes(stream[:size], "big")).to_bytes(size, "big")


def _pieces(parts: "Sequence[bytes]") -> "Iterator[memoryview]":
    """All parts in pieces of the same size but the last, one at a time in the same buffer."""
    buffer = memoryview(bytearray(PIECE))
    filled = 0
    for part in parts:
        view = memoryview(part)
        at = 0
        while at < len(view):
            size = min(PIECE - filled, len(view) - at)
            buffer[filled : filled + size] = view[at : at + size]
            filled += size
            at += size
            if filled == PIECE:
                yield buffer
                filled = 0
    if filled:
        yield buffer[:filled]


def _mac(key: bytes, nonce: bytes, length: int, aad: bytes, tag_length: int) -> "tuple[Aes, bytearray]":
    """A CBC-MAC that has taken sizes, nonce and AAD, and the buffer with its last block; a plaintext comes next."""
    cipher = Aes(key, CBC, bytes(16))
    flags = (64 if aad else 0) | (tag_length - 2) << 2 | 14 - len(nonce)
    opening = bytes([flags]) + nonce + length.to_bytes(15 - len(nonce), "big")
    if aad:
        size = len(aad)
        opening += size.to_bytes(2, "big") if size < 0xFF00 else b"\xff\xfe" + size.to_bytes(4, "big")
        opening += aad
    last = bytearray(PIECE)
    _authenticate(cipher, opening, len(opening), last)
    return cipher, last


def _masked(last: bytearray, first: bytes, tag_length: int) -> bytes:
    """The tag: the last block of the CBC-MAC, masked with keystream block 0."""
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
