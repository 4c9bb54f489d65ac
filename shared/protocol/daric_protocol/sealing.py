"""End-to-end sealing between the parties of one session. Specification: docs/protocol.md, section 1; RFC 9052.

Keys as in a Noise KK handshake: ephemeral and identity keys of both sides are mixed, one key per direction.
"""

import sys

from daric_protocol import cose, envelope, platform
from daric_protocol.tagged import TH, u32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from daric_protocol.identity import Identity
    from daric_protocol.joining import Opening
    from daric_protocol.terms import Terms

MICROPYTHON = sys.implementation.name == "micropython"


class SessionContext:
    """What every key of a session binds: its terms, id, the group's epoch and the digest of its join list."""

    def __init__(self, terms: "Terms", ssid: bytes, epoch: int, joins: bytes) -> None:
        self.terms = terms
        self.ssid = ssid
        self.epoch = epoch
        self.joins = joins

    def key(self, shared: bytes, sender: "Opening", receiver: "Opening") -> bytes:
        """The 32-byte key from sender to receiver out of the four shared x-coordinates."""
        terms = self.terms
        info = TH(
            "dkls/e2e", terms.uuid, terms.op.encode(), terms.group, u32(self.epoch),
            sender.identity, receiver.identity, sender.ephemeral, receiver.ephemeral, self.joins,
        )  # fmt: skip
        return platform.hkdf_sha256(shared, self.ssid, info, 32)


class Channel:
    """The two keys between this party and one peer, one per direction."""

    def __init__(
        self, context: SessionContext, identity: "Identity", ephemeral: "Identity", mine: "Opening", peer: "Opening"
    ) -> None:
        """Four key exchanges. Raises DaricError("encoding") if a key of the peer is no point of the curve."""
        both_ephemeral = ephemeral.exchange(peer.ephemeral)
        mine_ephemeral = ephemeral.exchange(peer.identity)
        peer_ephemeral = identity.exchange(peer.ephemeral)
        both_static = identity.exchange(peer.identity)
        self._send = context.key(both_ephemeral + mine_ephemeral + peer_ephemeral + both_static, mine, peer)
        self._receive = context.key(both_ephemeral + peer_ephemeral + mine_ephemeral + both_static, peer, mine)

    def seal(
        self, sid: bytes, sender: int, receiver: int, op: str, stream: int, chunk: int, last: bool, *parts: bytes
    ) -> bytes:
        """One frame of a plaintext in parts, on a device a bytearray.

        The caller seals every (stream, chunk) once: it makes the nonce.
        """
        aad = associated(sid, sender, receiver, op, stream, chunk, last)
        start = envelope.Envelope(sid[: envelope.PREFIX_BYTES], sender, stream, chunk, last, b"").header()
        frame = cose.seal_behind(start, self._send, counter_nonce(stream, chunk), parts, aad)
        return frame if MICROPYTHON else bytes(frame)  # type: ignore[return-value,unused-ignore]

    def open(self, sid: bytes, sender: int, receiver: int, op: str, frame: "envelope.Envelope") -> "bytes | memoryview":
        """The plaintext of a frame from the peer. Raises DaricError("sealed", "encoding" or "too_large")."""
        aad = associated(sid, sender, receiver, op, frame.stream, frame.chunk, frame.last)
        nonce = counter_nonce(frame.stream, frame.chunk)
        if frame.consumed and isinstance(frame.sealed, memoryview):
            return cose.open_in_place(self._receive, nonce, frame.sealed, aad)
        return cose.open(self._receive, nonce, frame.sealed, aad)


def associated(sid: bytes, sender: int, receiver: int, op: str, stream: int, chunk: int, last: bool) -> bytes:
    """The external AAD of a frame: CBOR array [sid, from, to, op, round, stream, chunk, last]."""
    return platform.cbor_encode([sid, sender, receiver, op, stream // 2, stream, chunk, last])


def counter_nonce(stream: int, chunk: int) -> bytes:
    """13 bytes: zero, u32 stream, u64 chunk."""
    return b"\x00" + stream.to_bytes(4, "big") + chunk.to_bytes(8, "big")
