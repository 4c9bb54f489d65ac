"""The encrypted link between a device and a paired host. Specification: docs/architecture.md, the serial line.

A Noise-KK-like handshake: both sides know each other's identity from pairing, fresh ephemeral keys are made at every
connection, and all four key exchanges go into one key per direction. The host asks for a challenge and proves itself
under it, so that a device shows nothing to a stranger, nor to who repeats what a paired host once sent. Sealed with
COSE_Encrypt0, nonces are counters.

Link messages are CBOR arrays led by their kind; every rule is in messages.cddl, section "Link".
"""

from daric_protocol import VERSION, cose, platform
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_protocol.tagged import TH, random_scalar, u8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

HELLO, CONNECT, SEALED, PAIR_START, PAIR_OPEN, PAIR_FINISH, REFUSAL = 0, 1, 2, 3, 4, 5, 255
UNLOCK, WIPE, FACTORY = 6, 7, 8  # in clear: of a locked device; of one that nobody is paired with
HOST, DEVICE = 0, 1  # directions: who seals
MAX_COUNTER = (1 << 32) - 1
CHALLENGE_BYTES = 16
MAX_PROOF = 64  # an empty COSE_Encrypt0: header, tag and array heads


class Connect:
    """The host's identity and a fresh ephemeral key; `proof` seals nothing under their keys and the challenge."""

    def __init__(self, identity: bytes, ephemeral: bytes, proof: bytes) -> None:
        self.identity = identity
        self.ephemeral = ephemeral
        self.proof = proof

    def to_wire(self) -> "list[object]":
        return [self.identity, self.ephemeral, self.proof]

    @staticmethod
    def from_wire(value: "list[object]") -> "Connect":
        if len(value) != 3:
            raise DaricError("encoding", "a connect has three fields")
        return Connect(sized(value[0], 33), sized(value[1], 33), proof_bytes(value[2]))


class Accept:
    """The device's answer: its ephemeral key and its proof under the new keys."""

    def __init__(self, ephemeral: bytes, proof: bytes) -> None:
        self.ephemeral = ephemeral
        self.proof = proof

    def to_wire(self) -> "list[object]":
        return [self.ephemeral, self.proof]

    @staticmethod
    def from_wire(value: "list[object]") -> "Accept":
        if len(value) != 2:
            raise DaricError("encoding", "an accept has two fields")
        return Accept(sized(value[0], 33), proof_bytes(value[1]))


def sized(value: "object", length: int) -> bytes:
    """The value if it is a byte string of that length; DaricError("encoding") otherwise."""
    if not isinstance(value, bytes) or len(value) != length:
        raise DaricError("encoding", "expected a byte string of %d bytes" % length)
    return value


def ranged(value: "object", low: int, high: int) -> int:
    """The value if it is an integer from low to high; DaricError("encoding") otherwise."""
    if value is True or value is False or not isinstance(value, int) or not low <= value <= high:
        raise DaricError("encoding", "expected an integer from %d to %d" % (low, high))
    return value


def proof_bytes(value: "object") -> bytes:
    """A short byte string; DaricError("encoding") otherwise."""
    if not isinstance(value, bytes) or not 0 < len(value) <= MAX_PROOF:
        raise DaricError("encoding", "a proof is a short byte string")
    return value


def nonce(direction: int, counter: int) -> bytes:
    """13 bytes: direction, four zeros, u64 counter."""
    return bytes((direction, 0, 0, 0, 0)) + counter.to_bytes(8, "big")


class Channel:
    """Two keys and two counters. Counter 0 of each direction belongs to the handshake."""

    def __init__(self, direction: int, send_key: bytes, receive_key: bytes, binding: bytes) -> None:
        """direction: HOST or DEVICE, who we are. binding: 32 bytes that name the handshake."""
        self._direction = direction
        self._send_key = send_key
        self._receive_key = receive_key
        self._binding = binding
        self._sent = 0
        self._received = 0

    def seal(self, plaintext: bytes) -> "list[object]":
        """The link message [SEALED, counter, COSE_Encrypt0] of a plaintext."""
        if self._sent >= MAX_COUNTER:
            raise DaricError("link", "the channel is used up; connect again")
        self._sent += 1
        counter = self._sent
        return [SEALED, counter, cose.seal(self._send_key, nonce(self._direction, counter), plaintext, self._binding)]

    def open(self, message: "list[object]") -> bytes:
        """The plaintext of a sealed link message of the peer.

        Raises DaricError("sealed") for a message that is replayed, reflected, changed or of another connection.
        """
        if len(message) != 3 or not isinstance(message[2], bytes):
            raise DaricError("encoding", "a sealed message has a counter and a byte string")
        counter = ranged(message[1], 1, MAX_COUNTER)
        if counter <= self._received:
            raise DaricError("sealed", "the message was received before")
        plaintext = cose.open(self._receive_key, nonce(1 - self._direction, counter), message[2], self._binding)
        self._received = counter
        return plaintext


class Caller:
    """The host's side of a handshake: send `request`, give the answer to `finish`."""

    def __init__(
        self, identity: Identity, device: bytes, random: "Callable[[int], bytes]", challenge: bytes
    ) -> None:
        """device: 33-byte identity of the paired device. challenge: what it wants proved, 16 bytes.

        Raises DaricError("encoding") if the identity is no point or the challenge has another length.
        """
        self._identity = identity
        self._device = device
        self._ephemeral = Identity(random_scalar(random))
        self._known = self._ephemeral.exchange(device)
        self._static = identity.exchange(device)
        sized(challenge, CHALLENGE_BYTES)
        shared = self._known + self._static
        key, binding = _first_key(identity.public, device, self._ephemeral.public, challenge, shared)
        self.request = Connect(identity.public, self._ephemeral.public, cose.seal(key, nonce(HOST, 0), b"", binding))

    def finish(self, accept: Accept) -> Channel:
        """Raises DaricError("sealed") unless the paired device answered this very request."""
        shared = self._ephemeral.exchange(accept.ephemeral) + self._known
        shared += self._identity.exchange(accept.ephemeral) + self._static
        keys, binding = _keys(self._identity.public, self._device, self._ephemeral.public, accept.ephemeral, shared)
        cose.open(keys[32:], nonce(DEVICE, 0), accept.proof, binding)
        return Channel(HOST, keys[:32], keys[32:], binding)


def answer(
    identity: Identity,
    is_paired: "Callable[[bytes], bool]",
    request: Connect,
    random: "Callable[[int], bytes]",
    challenge: bytes,
) -> "tuple[Accept, Channel]":
    """The device's side: check the host's proof and accept.

    is_paired: whether a host's 33-byte identity is stored. challenge: what the device asked to be proved, for one
    accepted connection only; none, or empty, is proved by nobody. Raises DaricError("unpaired") and nothing else for a
    stranger, whatever it sent: it cannot tell an unknown identity from a known one it does not hold.
    """
    try:
        known = identity.exchange(request.ephemeral)
        static = identity.exchange(request.identity)
        sized(challenge, CHALLENGE_BYTES)
        key, binding = _first_key(request.identity, identity.public, request.ephemeral, challenge, known + static)
        cose.open(key, nonce(HOST, 0), request.proof, binding)
    except DaricError:
        raise DaricError("unpaired")
    if not is_paired(request.identity):
        raise DaricError("unpaired")
    ephemeral = Identity(random_scalar(random))
    shared = ephemeral.exchange(request.ephemeral) + known + ephemeral.exchange(request.identity) + static
    keys, binding = _keys(request.identity, identity.public, request.ephemeral, ephemeral.public, shared)
    proof = cose.seal(keys[32:], nonce(DEVICE, 0), b"", binding)
    return Accept(ephemeral.public, proof), Channel(DEVICE, keys[32:], keys[:32], binding)


def _first_key(
    host: bytes, device: bytes, ephemeral: bytes, challenge: bytes, shared: bytes
) -> "tuple[bytes, bytes]":
    """Key and binding of the host's proof, from ephemeral-static and static-static exchange."""
    binding = TH("daric/link/connect", u8(VERSION), host, device, ephemeral, challenge)
    return platform.hkdf_sha256(shared, binding, b"daric/link/connect", 32), binding


def _keys(host: bytes, device: bytes, ephemeral: bytes, accepted: bytes, shared: bytes) -> "tuple[bytes, bytes]":
    """(host's key 32 B || device's key 32 B, binding 32 B) from all four exchanges."""
    binding = TH("daric/link/channel", u8(VERSION), host, device, ephemeral, accepted)
    return platform.hkdf_sha256(shared, binding, b"daric/link/channel", 64), binding
