"""Personal messages. Source: EIP-191, version 0x45."""

from daric_protocol import platform

PREFIX = b"\x19Ethereum Signed Message:\n"


def signing_digest(message: bytes) -> bytes:
    """What is signed (32 B) for a message of any bytes."""
    return platform.keccak256(PREFIX + str(len(message)).encode() + message)


def signature_bytes(r: int, s: int, recid: int) -> bytes:
    """The 65 bytes that wallets hand out for a message: r, s, and 27 or 28."""
    return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + recid])
