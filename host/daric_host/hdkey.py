"""Private keys below a seed, BIP32, hardened levels too: what a phone derives before it imports a key.

Specification: docs/protocol.md, sections 7 and 10. A wallet's key sits at the account level of BIP44; what lies below
it the members reach together (daric_protocol.bip32).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from daric_protocol import platform
from daric_protocol.bip32 import HARDENED
from daric_protocol.errors import DaricError
from daric_protocol.tagged import Q, scalar

ACCOUNT = "m/44'/60'/0'"  # BIP44: the first Ethereum account
USUAL = (0, 0)  # below it: the address that ordinary wallets show first
MAX_LEVELS = 16
PRIVATE, PUBLIC = bytes.fromhex("0488ade4"), bytes.fromhex("0488b21e")  # versions of extended keys, as text xprv, xpub
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
EXTENDED_BYTES = 78


@dataclass(frozen=True)
class HdKey:
    """A private key with its chain code (32 B): one node of the tree. secret: 1 to q - 1."""

    secret: int
    chain_code: bytes

    def __post_init__(self) -> None:
        if not 0 < self.secret < Q or len(self.chain_code) != 32:
            raise DaricError("parameter", "a secret key is a number from 1 to the order of the curve less 1")

    @classmethod
    def master(cls, seed: bytes) -> HdKey:
        """The root of a seed of 16 to 64 B. Raises DaricError("parameter")."""
        if not 16 <= len(seed) <= 64:
            raise DaricError("parameter", "a seed has 16 to 64 bytes")
        digest = hmac.digest(b"Bitcoin seed", seed, "sha512")
        return cls(int.from_bytes(digest[:32], "big"), digest[32:])

    @property
    def public(self) -> bytes:
        """33 B."""
        return platform.curve.encode(platform.curve.mul_g(self.secret))

    def child(self, index: int) -> HdKey:
        """One level below; an index from 2**31 is hardened. Raises DaricError("parameter") where there is no key."""
        start = b"\x00" + scalar(self.secret) if index >= HARDENED else self.public
        digest = hmac.digest(self.chain_code, start + index.to_bytes(4, "big"), "sha512")
        step = int.from_bytes(digest[:32], "big")
        if step >= Q or (self.secret + step) % Q == 0:
            raise DaricError("parameter", "this level of the path has no key: take the next index")
        return HdKey((self.secret + step) % Q, digest[32:])

    def derive(self, path: Sequence[int]) -> HdKey:
        """The node at the end of a path, see read_hd_path."""
        node = self
        for index in path:
            node = node.child(index)
        return node


def read_hd_path(text: str) -> list[int]:
    """Levels of a path such as m/44'/60'/0'; hardened ones with ', h or H. Raises DaricError("parameter")."""
    start, *levels = text.strip().split("/")
    if start != "m" or len(levels) > MAX_LEVELS:
        raise DaricError("parameter", f"a path begins with m/ and has at most {MAX_LEVELS} levels: {ACCOUNT}")
    return [_level(level) for level in levels]


def _level(text: str) -> int:
    digits = text[:-1] if text[-1:] in ("'", "h", "H") else text
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 10) or int(digits) >= HARDENED:
        raise DaricError("parameter", "a level of a path is a number below 2147483648, with ' behind it where hardened")
    return int(digits) + (HARDENED if digits != text else 0)


@dataclass(frozen=True)
class ExtendedKey:
    """An xprv or xpub as text says it. key: 33 B, a private one with a zero in front. parent: 4 B fingerprint."""

    depth: int
    parent: bytes
    index: int
    chain_code: bytes
    key: bytes

    @property
    def private(self) -> bool:
        return self.key[0] == 0

    def node(self) -> HdKey:
        """The private node. Raises DaricError("parameter") for an xpub."""
        if not self.private:
            raise DaricError("parameter", "an xpub holds no secret key")
        return HdKey(int.from_bytes(self.key, "big"), self.chain_code)


def read_extended(text: str) -> ExtendedKey:
    """An extended key of BIP32's main network. Raises DaricError("parameter")."""
    data = _base58check(text.strip())
    if len(data) != EXTENDED_BYTES or data[:4] not in (PRIVATE, PUBLIC):
        raise DaricError("parameter", "this is no extended key, which begins with xprv or xpub")
    index, key = int.from_bytes(data[9:13], "big"), data[45:]
    found = ExtendedKey(data[4], data[5:9], index, data[13:45], key)
    if found.depth == 0 and (any(found.parent) or index):
        raise DaricError("parameter", "a master key has neither a parent nor an index")
    if (data[:4] == PRIVATE) != found.private:
        raise DaricError("parameter", "an extended key holds another kind of key than it says")
    try:
        if found.private:
            found.node()
        else:
            platform.curve.decode(key)
    except DaricError:
        raise DaricError("parameter", "an extended key holds no key of the curve") from None
    return found


def _base58check(text: str) -> bytes:
    """The payload in front of the four bytes of checksum."""
    number = 0
    for character in text:
        if character not in ALPHABET:
            raise DaricError("parameter", "an extended key is base58 text")
        number = number * 58 + ALPHABET.index(character)
    if not EXTENDED_BYTES < len(text) < 2 * EXTENDED_BYTES:
        raise DaricError("parameter", "an extended key has 111 or 112 characters")
    data = number.to_bytes(len(text), "big").lstrip(b"\x00")
    payload, checksum = data[:-4], data[-4:]
    if hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4] != checksum:
        raise DaricError("parameter", "the checksum of the extended key is wrong")
    return payload


__all__ = ["ACCOUNT", "USUAL", "ExtendedKey", "HdKey", "read_extended", "read_hd_path"]
