"""What an operator may set, and the service's keys. Keys live in the state directory, readable by the owner only."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from daric_protocol import limits
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_protocol.tagged import random_scalar, scalar

RELAY = "daric/relay"  # audience of tokens for these services
CLOUD = "daric/cloud"  # audience of tokens for the cloud party's control endpoint
AUDIENCES = (RELAY, CLOUD)


@dataclass(frozen=True)
class Settings:
    """state: directory of database and keys. clouds: identities (33 B) allowed to be a cloud party. Times: seconds."""

    state: Path
    clouds: frozenset[bytes] = frozenset()
    token_ttl: int = limits.TOKEN_TTL
    challenge_ttl: int = limits.CHALLENGE_TTL
    session_ttl: int = limits.SESSION_TTL
    live_ttl: int = limits.LIVE_TTL
    stored_ttl: int = limits.STORED_TTL
    mailbox_messages: int = limits.MAILBOX_MESSAGES
    mailbox_bytes: int = limits.MAILBOX_BYTES
    session_bytes: int = limits.SESSION_BYTES
    long_poll: float = limits.LONG_POLL
    sweep: float = 5.0
    clock: Callable[[], float] = field(default=time.time)


@dataclass(frozen=True)
class Keys:
    """hop: the service's identity, pinned by every client. token: signs tokens and closing records."""

    hop: Identity
    token: Ed25519PrivateKey

    @classmethod
    def load(cls, state: Path) -> Keys:
        """Read both keys, or make them at the first start. DaricError("storage") if a file is damaged."""
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        hop = _secret(state / "hop.key", lambda: scalar(random_scalar(secrets.token_bytes)))
        token = _secret(state / "token.key", _new_token_key)
        return cls(Identity(int.from_bytes(hop, "big")), Ed25519PrivateKey.from_private_bytes(token))


def _new_token_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())


def _secret(path: Path, make: Callable[[], bytes]) -> bytes:
    """32 bytes from a file; a missing file is written whole or not at all before its value is used."""
    try:
        value = path.read_bytes()
    except FileNotFoundError:
        value = make()
        part = path.with_suffix(".part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(value)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    if len(value) != 32:
        raise DaricError("storage", f"the key file {path.name} is damaged")
    return value
