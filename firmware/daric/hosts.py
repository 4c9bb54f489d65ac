"""Paired hosts and the pairing under way. Specification: docs/architecture.md, the serial line."""

from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.limits import (
    APPROVAL_TIMEOUT,
    MAX_HOSTS,
    PAIRING_TRIES,
    PAIRING_WAIT,
    PAIRING_WAIT_LIMIT,
)
from daric_protocol.link import TICKS

from daric import screens

PREFIX = "host/"
NAME = "daric"


def entry(identity: bytes) -> str:
    """The vault's name of a host."""
    from binascii import hexlify

    return PREFIX + hexlify(platform.sha256(identity)[:16]).decode()


def _mark(sealed: object) -> int:
    """A number for a sealed card, small enough not to take a block of a device's heap."""
    return int.from_bytes(platform.sha256(sealed)[:3], "big") if isinstance(sealed, bytes) else -1


class Hosts:
    """The stored hosts, and at most one pairing with a new one."""

    def __init__(self, device) -> None:
        self._device = device
        self._pairing = None
        self._card = b""
        self._answered_card = 0  # what the host's card is known by, which ours answers: no block of the heap
        self._answer = None
        self._since = -1
        self._tries = 0  # codes shown since a host was paired
        self._tried = 0  # when the last one was

    def __len__(self) -> int:
        return len(self._device.vault.names(PREFIX))

    @property
    def pairing(self) -> bool:
        """Whether a pairing is under way, or its end may be asked for again."""
        return self._pairing is not None or self._since >= 0

    def is_paired(self, identity: bytes) -> bool:
        """Whether this 33-byte identity was paired."""
        stored = self._device.vault.read(entry(identity))
        return stored is not None and platform.cbor_decode(stored)[0] == identity

    def describe(self, identity: bytes) -> "tuple[str, str]":
        """(kind, name) of a party as this device knows it: itself, a paired host, a host's cloud, or a stranger."""
        if identity == self._device.identity.public:
            return "device", NAME
        stored = self._device.vault.read(entry(identity))
        if stored is not None:
            return "phone", platform.cbor_decode(stored)[1]
        if [fields for fields in self._stored() if fields[2] == identity]:
            return "cloud", "known cloud"
        return "", ""

    def _stored(self) -> "list[list]":
        """What is stored of each host; one whose entry is damaged takes no other along."""
        found = []
        for name in self._device.vault.names(PREFIX):
            try:
                found.append(platform.cbor_decode(self._device.vault.read(name)))
            except DaricError as error:
                if error.name != "storage":
                    raise
        return found

    def all(self) -> "list[list]":
        """[identity, name] of each paired host."""
        return [fields[:2] for fields in self._stored()]

    def revoke(self, identity: bytes) -> bool:
        """Forget a host: its channel dies with the answer under way, and its session with it."""
        device = self._device
        device.vault.erase(entry(identity))
        device.dispatcher.drop(identity)
        device.sessions.drop(identity)
        if device.errands is not None:
            device.errands.drop(identity)
        device.show_ready()
        return True

    # The pairing under way

    def start(self, commitment: object) -> "list[bytes]":
        """A host commits; returns this device's ephemeral key and nonce. A pairing under way is forgotten.

        After PAIRING_TRIES codes that led to no pairing each next one has to wait, twice as long as the one before.
        """
        from daric_protocol.pairing import DevicePairing

        errands = self._device.errands
        asked = self._device.lock is not None or (errands is not None and errands.waiting)
        if self._device.busy or asked or self._waits():
            raise DaricError("pairing")  # a stranger does not learn why
        self.stop()
        self._pairing = DevicePairing(commitment, self._device.entropy.draw)
        return self._pairing.revealed

    def open(self, ephemeral: object, nonce: object) -> None:
        """The host opens its commitment: the code goes on the screen."""
        if self._pairing is None:
            raise DaricError("pairing", "no pairing is under way")
        try:
            code = self._pairing.open(ephemeral, nonce)
        except DaricError:
            self.stop()
            raise
        self._since = self._tried = self._device.board.ticks()
        self._tries += 1
        self._device.screens.show(screens.pairing(code), self._answered)

    def finish(self, sealed: object) -> bytes:
        """The host's sealed card, repeated until the owner answered: this device's sealed card, b"" until then."""
        if self._card and _mark(sealed) == self._answered_card:
            return self._card
        if self._pairing is None:
            raise DaricError("pairing", "no pairing is under way")
        if self._answer == "refuse":
            self.stop()
            raise DaricError("pairing", "the owner of the device refused")
        try:
            card = self._pairing.confirmed(sealed)
        except DaricError:
            self.stop()
            raise
        if self._answer != "approve":
            return b""
        if len(self) >= MAX_HOSTS and not self.is_paired(card.identity):
            self.stop()
            self._device.screens.show(["Too many hosts", "Forget one first"])
            raise DaricError("limit", "the device is paired with as many hosts as it takes")
        stored = platform.cbor_encode([card.identity, card.name, card.cloud])
        self._device.vault.write(entry(card.identity), stored)
        self._device.errands = None  # what was answered before does not speak of this host
        self._card = self._pairing.finish(self._device.identity, NAME)
        self._answered_card = _mark(sealed)
        self._pairing = None
        self._tries = 0
        self._device.modules.forget()
        self._device.show_ready()
        return self._card

    def _waits(self) -> bool:
        """Whether the next pairing has to wait."""
        over = self._tries - PAIRING_TRIES
        if over < 0:
            return False
        wait = min(PAIRING_WAIT << min(over, 16), PAIRING_WAIT_LIMIT)
        return ((self._device.board.ticks() - self._tried) & TICKS) < wait * 1000

    def _answered(self, answer: str) -> None:
        self._answer = answer
        self._device.show_ready()

    def stop(self) -> None:
        """Forget the pairing under way."""
        shown = self._since >= 0 and self._answer is None
        self._pairing = None
        self._card = b""
        self._answer = None
        self._since = -1
        if shown:
            self._device.show_ready()

    def tick(self, now: int) -> None:
        """Forget a pairing that nobody finishes."""
        if self._since >= 0 and ((now - self._since) & TICKS) >= APPROVAL_TIMEOUT * 1000:
            self.stop()
