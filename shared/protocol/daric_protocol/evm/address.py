"""Addresses: of a public key, of a CREATE2 deployment, and their text with checksum. Sources: EIP-55, EIP-1014."""

from binascii import hexlify, unhexlify

from daric_protocol import platform
from daric_protocol.errors import DaricError

ADDRESS_BYTES = 20


def from_public_key(public: bytes) -> bytes:
    """Address (20 B) of the account that a compressed public key (33 B) controls directly."""
    curve = platform.curve
    return platform.keccak256(curve.encode_xy(curve.decode(public)))[12:]


def create2(factory: bytes, salt: bytes, init_code_hash: bytes) -> bytes:
    """Address (20 B) of what `factory` (20 B) deploys with a salt (32 B) from init code with this Keccak-256."""
    if len(factory) != ADDRESS_BYTES or len(salt) != 32 or len(init_code_hash) != 32:
        raise DaricError("parameter", "a CREATE2 address takes 20, 32 and 32 bytes")
    return platform.keccak256(b"\xff" + factory + salt + init_code_hash)[12:]


def to_text(address: bytes) -> str:
    """`0x` and 40 hexadecimal digits whose upper case is a checksum (EIP-55)."""
    if len(address) != ADDRESS_BYTES:
        raise DaricError("parameter", "an address has 20 bytes")
    digits = str(hexlify(address), "ascii")
    checksum = platform.keccak256(digits.encode())
    text = "0x"
    for i in range(len(digits)):
        high = checksum[i // 2] >> (0 if i % 2 else 4) & 8
        text += digits[i].upper() if high else digits[i]
    return text


def from_text(text: str) -> bytes:
    """The 20 bytes of an address; without any upper-case digit its checksum is not checked.

    DaricError("parameter") for another form or a wrong checksum.
    """
    try:
        address = unhexlify(text[2:])
    except ValueError:
        address = b""
    if len(address) != ADDRESS_BYTES or text[:2] != "0x":
        raise DaricError("parameter", "an address is 0x and 40 hexadecimal digits")
    if text != text.lower() and text != to_text(address):
        raise DaricError("parameter", "the address has a wrong checksum")
    return address
