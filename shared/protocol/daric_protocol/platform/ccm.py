"""AES-CCM (RFC 3610, NIST SP 800-38C) over a block cipher that offers only ECB and CBC, as MicroPython's does."""

import sys

from daric_protocol.errors import DaricError
from daric_protocol.garbage import Computing

if sys.implementation.name == "micropython":
    from cryptolib import aes as Aes

    try:
        from daric_protocol.platform.viper import count, xor
    except (SyntaxError, ValueError):
        # A port without the native emitter, as in device.py.
        from daric_protocol.platform.plain import count, xor
else:
    from daric_protocol.platform.plain import count, xor
    from daric_protocol.platform.standin import Aes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ECB, CBC = 1, 2  # modes of cryptolib
PIECE = 512  # bytes per call into the C cipher: large enough to hide the call, small enough for a board
COUNTER_BYTES = 4  # as many of a counter are written as ever count


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
    stream = _Keystream(key, nonce, length)
    cipher, last = _mac(key, nonce, length, aad, tag_length)
    for piece in _pieces(parts, len(stream.bytes)):
        size = len(piece)
        _authenticate(cipher, piece, last, stream.bytes)
        stream.advance(size)
        xor(piece, piece, 0, stream.bytes, size)
        yield bytes(piece)
    yield _masked(last, stream.first, tag_length)


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
    if len(place) < length:
        raise DaricError("parameter", "there is no room for the plaintext")
    with Computing():
        stream = _Keystream(key, nonce, length)
        for at in range(0, length, PIECE):
            size = min(PIECE, length - at)
            stream.advance(size)
            xor(place, sealed, at, stream.bytes, size)
        cipher, last = _mac(key, nonce, length, aad, tag_length)
        _authenticate(cipher, memoryview(place)[:length], last, stream.bytes)
    if not equal(_masked(last, stream.first, tag_length), sealed[length:]):
        raise DaricError("sealed")
    return bytes(place) if out is None else b""


def check_sizes(key: bytes, nonce: bytes, length: int, tag_length: int) -> None:
    """DaricError("parameter") unless AES-CCM takes these sizes and the length fits beside the nonce."""
    if len(key) not in (16, 32) or not 7 <= len(nonce) <= 13 or tag_length not in range(4, 17, 2):
        raise DaricError("parameter", "AES-CCM takes keys of 16 or 32, nonces of 7 to 13 and tags of 4 to 16 bytes")
    if length >> 8 * (15 - len(nonce)):
        raise DaricError("parameter", "the message is too long for the nonce's counter")


class _Keystream:
    """The encrypted counters 1, 2, .., a piece at a time in `bytes`; `first` is counter 0, which masks the tag."""

    def __init__(self, key: bytes, nonce: bytes, length: int) -> None:
        """length: of the message; for a short one less memory is taken than for a piece."""
        size = min(PIECE, length + 15 & -16)
        start = (14 - len(nonce)).to_bytes(1, "big") + nonce + bytes(15 - len(nonce))
        self._cipher = Aes(key, ECB)
        self._counters = memoryview(bytearray(start * (size // 16)))
        self._width = min(15 - len(nonce), COUNTER_BYTES)
        self._next = 1
        self.bytes = bytearray(size)
        self.first = self._cipher.encrypt(start)

    def advance(self, size: int) -> None:
        """Put at least the next `size` bytes into `bytes`; but for the last time it is a piece."""
        size = size + 15 & -16
        count(self._counters, self._width, self._next, size)
        self._cipher.encrypt(self._counters[:size], self.bytes)
        self._next += size // 16


def _pieces(parts: "Sequence[bytes]", size: int) -> "Iterator[memoryview]":
    """All parts in pieces of this size but the last, one at a time in the same buffer."""
    buffer = memoryview(bytearray(size))
    filled = 0
    for part in parts:
        view = memoryview(part)
        at = 0
        while at < len(view):
            taken = min(size - filled, len(view) - at)
            buffer[filled : filled + taken] = view[at : at + taken]
            filled += taken
            at += taken
            if filled == size:
                yield buffer
                filled = 0
    if filled:
        yield buffer[:filled]


def _mac(key: bytes, nonce: bytes, length: int, aad: bytes, tag_length: int) -> "tuple[Aes, bytearray]":
    """A CBC-MAC that has taken sizes, nonce and AAD, and its last block; a plaintext comes next."""
    cipher = Aes(key, CBC, bytes(16))
    flags = (64 if aad else 0) | (tag_length - 2) << 2 | 14 - len(nonce)
    opening = flags.to_bytes(1, "big") + nonce + length.to_bytes(15 - len(nonce), "big")
    if aad:
        size = len(aad)
        opening += size.to_bytes(2, "big") if size < 0xFF00 else b"\xff\xfe" + size.to_bytes(4, "big")
        opening += aad
    last = bytearray(16)
    _authenticate(cipher, memoryview(opening), last, bytearray(min(PIECE, len(opening) + 15 & -16)))
    return cipher, last


def _masked(last: bytearray, first: bytes, tag_length: int) -> bytes:
    """The tag: the last block of the CBC-MAC, masked with keystream block 0."""
    xor(last, last, 0, first, 16)
    return bytes(last[:tag_length])


def _authenticate(cipher: Aes, data: memoryview, last: bytearray, spare: bytearray) -> None:
    """CBC-encrypt the data, zero-padded to blocks; `last` becomes the last block.

    spare: room for as much of it as is encrypted at once.
    """
    whole = len(data) & -16
    size = 0
    for at in range(0, whole, PIECE):
        size = min(PIECE, whole - at)
        cipher.encrypt(data[at : at + size], spare)
    if len(data) > whole:
        size = 16
        cipher.encrypt(bytes(data[whole:]) + bytes(16 - len(data) + whole), spare)
    if size:
        last[:] = spare[size - 16 : size]
