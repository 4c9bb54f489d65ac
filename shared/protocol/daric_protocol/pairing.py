"""Pairing a host with a device: commit-then-reveal key agreement, six digits compared by a person.

Specification: docs/architecture.md, the serial line.

    host -> device   commitment to (ephemeral key, nonce)
    device -> host   ephemeral key, nonce
    host -> device   the opening: both screens show the code
    host -> device   after its own confirmation, sealed: the host's identity, signed
    device -> host   after its owner's confirmation, sealed: the device's identity, signed

The host is bound before it sees the device's values, so whoever sits in between meets two equal codes once in a
million attempts. Identities cross only under the confirmed key: a stranger learns none.
"""

from daric_protocol import VERSION, cose, platform
from daric_protocol.channel import DEVICE, HOST, nonce, sized
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity, verify
from daric_protocol.tagged import TH, random_scalar, u8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MAX_CARD = 256
NAME_BYTES = 40


class Card:
    """What crosses under the confirmed key: an identity, its signature over the transcript, a name to show.

    cloud: identity of the cloud party that a host uses, 33 B, which the device will show as the known cloud; or empty.
    """

    def __init__(self, identity: bytes, signature: bytes, name: str, cloud: bytes = b"") -> None:
        self.identity = identity
        self.signature = signature
        self.name = name
        self.cloud = cloud

    def to_wire(self) -> "list[object]":
        return [self.identity, self.signature, self.name, self.cloud]

    @staticmethod
    def from_wire(value: "list[object]") -> "Card":
        if len(value) != 4 or not isinstance(value[2], str) or len(value[2].encode()) > NAME_BYTES:
            raise DaricError("encoding", "a card has an identity, a signature, a short name and a cloud or none")
        cloud = value[3] if value[3] == b"" else sized(value[3], 33)
        return Card(sized(value[0], 33), sized(value[1], 64), value[2], cloud)


class Agreement:
    """The key, the transcript and the code both sides reach when nobody is in between."""

    def __init__(self, shared: bytes, commitment: bytes, host: bytes, device: bytes) -> None:
        """host, device: 65 bytes, ephemeral key and nonce of each."""
        self.transcript = TH("daric/pair", u8(VERSION), commitment, host, device)
        code = TH("daric/pair/code", self.transcript, shared)
        self.code = "%06d" % (int.from_bytes(code, "big") % 1000000)
        self._keys = platform.hkdf_sha256(shared, self.transcript, b"daric/pair/keys", 64)

    def seal(
        self, direction: int, identity: Identity, name: str, random: "Callable[[int], bytes]", cloud: bytes = b""
    ) -> bytes:
        """The sealed card of one side."""
        signature = identity.sign(_claim(self.transcript, direction), random)
        card = platform.cbor_encode(Card(identity.public, signature, name, cloud).to_wire())
        return cose.seal(self._key(direction), nonce(direction, 0), card, self.transcript)

    def open(self, direction: int, sealed: "object") -> Card:
        """The other side's card. Raises DaricError("pairing") unless it is of this pairing and signed."""
        if not isinstance(sealed, bytes) or len(sealed) > MAX_CARD:
            raise DaricError("encoding", "a card is a short byte string")
        try:
            value = platform.cbor_decode(cose.open(self._key(direction), nonce(direction, 0), sealed, self.transcript))
        except DaricError:
            raise DaricError("pairing", "the other side's card does not belong to this pairing")
        if not isinstance(value, list):
            raise DaricError("encoding", "a card is an array")
        card = Card.from_wire(value)
        if not verify(card.identity, _claim(self.transcript, direction), card.signature):
            raise DaricError("pairing", "the other side does not hold the identity it names")
        return card

    def _key(self, direction: int) -> bytes:
        return self._keys[:32] if direction == HOST else self._keys[32:]


def _claim(transcript: bytes, direction: int) -> bytes:
    return TH("daric/pair/identity", transcript, u8(direction))


def _commitment(opening: bytes) -> bytes:
    return TH("daric/pair/commit", opening)


class HostPairing:
    """The host's side. Send `commitment`; `reveal` takes the device's values and gives `opening` and `code`."""

    def __init__(
        self, identity: Identity, name: str, random: "Callable[[int], bytes]", cloud: bytes = b""
    ) -> None:
        self._identity = identity
        self._name = name
        self._random = random
        self._cloud = cloud
        self._ephemeral = Identity(random_scalar(random))
        self._nonce = random(32)
        self.commitment = _commitment(self._ephemeral.public + self._nonce)
        self._agreement: "Agreement | None" = None

    def reveal(self, ephemeral: "object", nonce_: "object") -> "tuple[list[bytes], str]":
        """(opening to send: ephemeral and nonce, code to show)."""
        key, fresh = sized(ephemeral, 33), sized(nonce_, 32)
        opening = self._ephemeral.public + self._nonce
        self._agreement = Agreement(self._ephemeral.exchange(key), self.commitment, opening, key + fresh)
        return [self._ephemeral.public, self._nonce], self._agreement.code

    def confirm(self) -> bytes:
        """The host's sealed card; call it when the person at the host saw equal codes."""
        return self._agreed().seal(HOST, self._identity, self._name, self._random, self._cloud)

    def finish(self, sealed: "object") -> Card:
        """The device's card: store its identity. Raises DaricError("pairing")."""
        return self._agreed().open(DEVICE, sealed)

    def _agreed(self) -> Agreement:
        if self._agreement is None:
            raise DaricError("pairing", "the device has not answered yet")
        return self._agreement


class DevicePairing:
    """The device's side: made of the host's commitment, one at a time, forgotten at any failure."""

    def __init__(self, commitment: "object", random: "Callable[[int], bytes]") -> None:
        self._commitment = sized(commitment, 32)
        self._random = random
        self._ephemeral = Identity(random_scalar(random))
        self._nonce = random(32)
        self._agreement: "Agreement | None" = None
        self.host: "Card | None" = None  # set once the host confirmed

    @property
    def revealed(self) -> "list[bytes]":
        """What the device shows of itself: ephemeral key 33 B, nonce 32 B, nothing lasting."""
        return [self._ephemeral.public, self._nonce]

    def open(self, ephemeral: "object", nonce_: "object") -> str:
        """Check the opening against the commitment, once; returns the code. Raises DaricError("pairing")."""
        if self._agreement is not None:
            raise DaricError("pairing", "a pairing is opened once")
        opening = sized(ephemeral, 33) + sized(nonce_, 32)
        if not platform.equal(_commitment(opening), self._commitment):
            raise DaricError("pairing", "the host opened another value than it committed to")
        mine = self._ephemeral.public + self._nonce
        self._agreement = Agreement(self._ephemeral.exchange(opening[:33]), self._commitment, opening, mine)
        return self._agreement.code

    def confirmed(self, sealed: "object") -> Card:
        """The host's card. Raises DaricError("pairing")."""
        if self._agreement is None:
            raise DaricError("pairing", "the host has not opened its commitment")
        self.host = self._agreement.open(HOST, sealed)
        return self.host

    def finish(self, identity: Identity, name: str) -> bytes:
        """The device's sealed card; call it when the owner confirmed the code and the host's card is stored."""
        if self._agreement is None or self.host is None:
            raise DaricError("pairing", "the host has not confirmed")
        return self._agreement.seal(DEVICE, identity, name, self._random)
