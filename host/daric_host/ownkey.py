"""A whole key in one person's hands: what is brought to an import, and what an export gives back.

As long as either exists, the wallet is only as safe as the place where it is. Specification: docs/protocol.md, sections
10 and 11.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from daric_protocol import bip32
from daric_protocol.errors import DaricError
from daric_protocol.flows.proposals import Secret
from daric_protocol.rounds.export import Exported
from daric_protocol.shard import Shard
from daric_protocol.tagged import Q, scalar

from daric_host import phrase as bip39
from daric_host.hdkey import ACCOUNT, HdKey, read_extended, read_hd_path


def secret_of_phrase(phrase: str, passphrase: str = "", path: str = ACCOUNT) -> Secret:
    """The account key of a BIP39 phrase, with its entropy to be shared beside it. Raises DaricError("parameter")."""
    entropy = bip39.entropy(phrase)
    node = _node(entropy, passphrase, path)
    return Secret(node.secret, node.chain_code, entropy)


def secret_of_key(text: str) -> Secret:
    """A bare secret key of 32 bytes, hex, or an account's xprv with its chain code. Raises DaricError("parameter")."""
    text = text.strip()
    if text.startswith("x"):
        node = read_extended(text).node()
        return Secret(node.secret, node.chain_code)
    digits = text.removeprefix("0x")
    if len(digits) != 64 or not set(digits.lower()) <= set("0123456789abcdef"):
        raise DaricError("parameter", "a secret key has 64 hexadecimal digits, or is an xprv")
    return Secret(int(digits, 16))


def forget(secret: Secret) -> None:
    """Let go of a key that was brought in, as far as Python allows: copies of its numbers may stay in free memory."""
    secret.scalar, secret.chain_code, secret.entropy = 0, b"", b""


@dataclass(frozen=True)
class ExportedKey:
    """What an export gave this phone. key: 32 B. chain_code: 32 B. entropy: of the imported phrase, or empty."""

    public_key: bytes
    key: bytes = field(repr=False)
    chain_code: bytes = field(repr=False)
    entropy: bytes = field(repr=False)

    @classmethod
    def of(cls, shard: Shard, exported: Exported) -> ExportedKey:
        """Of the wallet whose shard this is."""
        return cls(shard.pk, scalar(exported.secret), shard.cc, exported.entropy)

    def phrase(self, passphrase: str = "", path: str = ACCOUNT) -> str:
        """The phrase, if this key is derived from it with passphrase and path; empty: there is a key only.

        Nobody could check at the import that the phrase belongs to the key. Raises DaricError("parameter") for a path
        that is none.
        """
        if not self.entropy or _node(self.entropy, passphrase, path).public != self.public_key:
            return ""
        return bip39.phrase(self.entropy)

    def child(self, path: Sequence[int]) -> bytes:
        """The secret key (32 B) of an account below the wallet's key, none of its levels hardened."""
        tweak, _, _ = bip32.tweak(self.public_key, self.chain_code, list(path))
        return scalar((int.from_bytes(self.key, "big") + tweak) % Q)


def _node(entropy: bytes, passphrase: str, path: str) -> HdKey:
    return HdKey.master(bip39.seed(bip39.phrase(entropy), passphrase)).derive(read_hd_path(path))


__all__ = ["ExportedKey", "forget", "secret_of_key", "secret_of_phrase"]
