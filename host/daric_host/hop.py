"""Hop encryption: every body between a logged-in party and the services, sealed with AES-CCM under a key per login.

Specification: docs/protocol.md, section 1; design of the layers in docs/architecture.md. A login agrees on its key by
ephemeral-static and ephemeral-ephemeral ECDH: only the pinned service can derive it, and a stolen service key opens
no recorded traffic. The party is authenticated by its identity signature over both ephemerals (daric_protocol.auth),
not by a static-static exchange: a device would have to offer its host that exchange with any key, and with it the
host could derive the end-to-end keys of its sessions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from daric_protocol import cose, platform
from daric_protocol.auth import auth_digest
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_protocol.limits import CHUNK_BYTES, HOP_WINDOW, REQUEST_BYTES
from daric_protocol.tagged import TH

TO_SERVICE = 0
TO_PARTY = 1
FRAME_BYTES = REQUEST_BYTES + 4096  # counter, COSE headers and tags around the largest body


class Window:
    """Which counters of the other side were seen: each is taken once, in any order within HOP_WINDOW."""

    def __init__(self) -> None:
        self._next = 0  # one above the highest seen
        self._seen = 0  # bit k: counter _next - 1 - k was seen

    def take(self, counter: int) -> None:
        """Record a counter whose frame was authentic; DaricError("replayed") if it was seen or is too old."""
        if counter >= self._next:
            ahead = min(counter + 1 - self._next, HOP_WINDOW)
            self._seen = (self._seen << ahead | 1) & ((1 << HOP_WINDOW) - 1)
            self._next = counter + 1
            return
        bit = self._next - 1 - counter
        if bit >= HOP_WINDOW or self._seen >> bit & 1:
            raise DaricError("replayed", "a sealed request was repeated")
        self._seen |= 1 << bit


class Hop:
    """One end of a login's sealed channel. A counter is used once per direction, so no nonce seals two bodies."""

    def __init__(self, key: bytes, login: bytes, direction: int) -> None:
        """key: 32 B; login: 16 B name of the login; direction: TO_SERVICE or TO_PARTY, the way this end seals."""
        self._key = key
        self._login = login
        self._direction = direction
        self._counter = 0
        self._window = Window()

    def seal(self, body: bytes, context: str, answers: int | None = None) -> tuple[int, bytes]:
        """(counter, HopFrame) for a body. context: the request line; answers: counter of the request answered."""
        counter = self._counter
        self._counter += 1
        count = max(1, -(-len(body) // CHUNK_BYTES))
        chunks = [
            cose.seal(
                self._key,
                _nonce(self._direction, counter, k),
                body[k * CHUNK_BYTES : (k + 1) * CHUNK_BYTES],
                self._aad(self._direction, context, answers, k, k == count - 1),
            )
            for k in range(count)
        ]
        return counter, platform.cbor_encode([counter, chunks])

    def open(self, frame: bytes, context: str, answers: int | None = None) -> tuple[int, bytes]:
        """(counter, body) of a HopFrame of the other side.

        Raises DaricError: encoding or too_large (no HopFrame), sealed (altered, cut short, or meant for another
        login, request or direction), replayed (its counter was seen).
        """
        if len(frame) > FRAME_BYTES:
            raise DaricError("too_large")
        value = platform.cbor_decode(frame, max_bytes=FRAME_BYTES)
        if not isinstance(value, list) or len(value) != 2 or not isinstance(value[1], list) or not value[1]:
            raise DaricError("encoding", "the body is not a hop frame")
        counter, chunks = value
        if not isinstance(counter, int) or isinstance(counter, bool) or counter < 0:
            raise DaricError("encoding", "the counter of a hop frame is not negative")
        if not all(isinstance(chunk, bytes) for chunk in chunks):
            raise DaricError("encoding", "the chunks of a hop frame are byte strings")
        direction = 1 - self._direction
        body = b"".join(
            cose.open(
                self._key,
                _nonce(direction, counter, k),
                chunk,
                self._aad(direction, context, answers, k, k == len(chunks) - 1),
            )
            for k, chunk in enumerate(chunks)
        )
        self._window.take(counter)
        return counter, body

    def _aad(self, direction: int, context: str, answers: int | None, chunk: int, last: bool) -> bytes:
        return platform.cbor_encode([self._login, direction, context, answers, chunk, last])


def _nonce(direction: int, counter: int, chunk: int) -> bytes:
    return bytes([direction]) + chunk.to_bytes(4, "big") + counter.to_bytes(8, "big")


def agree_party(fields: Sequence[Any], ephemeral: Identity) -> tuple[bytes, Hop]:
    """(login id 16 B, Hop) at the party's end of a login, from the AuthFields it signed and its ephemeral key."""
    return _derive(fields, ephemeral.exchange(fields[2]) + ephemeral.exchange(fields[3]), TO_SERVICE)


def agree_service(fields: Sequence[Any], static: Identity, ephemeral: Identity) -> tuple[bytes, Hop]:
    """The service's end of the same: its static and its ephemeral key with the party's ephemeral."""
    return _derive(fields, static.exchange(fields[6]) + ephemeral.exchange(fields[6]), TO_PARTY)


def _derive(fields: Sequence[Any], secret: bytes, direction: int) -> tuple[bytes, Hop]:
    digest = auth_digest(list(fields), fields[5])
    login = TH("daric/login", digest)[:16]
    key = platform.hkdf_sha256(secret, fields[4], TH("daric/hop", digest), 32)
    return login, Hop(key, login, direction)
