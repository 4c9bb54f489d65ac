"""Reads what people paste into a command line: keys and ids in hex. A slip is a DaricError, never a traceback."""

from __future__ import annotations

from daric_protocol import platform
from daric_protocol.errors import DaricError


def read_hex(text: str, what: str) -> bytes:
    """Bytes of a hex text, with or without 0x. Raises DaricError("parameter")."""
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise DaricError("parameter", f"{what} is not hex") from None


def read_id(text: str, what: str) -> bytes:
    """An id of 16 bytes, hex or as a uuid. Raises DaricError("parameter")."""
    value = read_hex(text.replace("-", ""), what)
    if len(value) != 16:
        raise DaricError("parameter", f"{what} has 16 bytes, which are 32 hex digits")
    return value


def read_key(text: str, what: str) -> bytes:
    """A public key, 33 bytes, hex. Raises DaricError("parameter") if it is no point of the curve."""
    value = read_hex(text, what)
    try:
        platform.curve.decode(value)
    except DaricError:
        raise DaricError("parameter", f"{what} is no compressed public key of 33 bytes") from None
    return value


def read_path(text: str) -> list[int]:
    """Levels of a BIP-32 path below the wallet's key: "0/5", also with "m/" before it; empty for the key itself."""
    levels = text.removeprefix("m/").split("/") if text not in ("", "m") else []
    if not all(level.isascii() and level.isdigit() and len(level) <= 10 for level in levels):
        raise DaricError("parameter", "a path is numbers with / between them; a hardened level needs the private key")
    return [int(level) for level in levels]
