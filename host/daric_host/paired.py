"""The devices that this host is paired with, kept in its store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daric_protocol import platform
from daric_protocol.errors import DaricError

from daric_host.device import Pairing

if TYPE_CHECKING:
    from daric_protocol.custody import Store

PREFIX = "device/"


@dataclass(frozen=True)
class PairedDevice:
    """identity: 33 B. name: as the device calls itself. path: the serial port where it was paired, empty if another is
    there now.
    """

    identity: bytes
    name: str
    path: str


class PairedDevices:
    """list, add, find, forget over a party's store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> list[PairedDevice]:
        """Every paired device, in the order of identities."""
        return [self._load(name) for name in sorted(self._store.names(PREFIX))]

    def add(self, pairing: Pairing, path: str) -> PairedDevice:
        """Keep a pairing; the same device again replaces its name and port, another one at a port takes it over."""
        for other in self.all():
            if other.path == path and other.identity != pairing.identity:  # it was wiped, or is elsewhere now
                self._keep(PairedDevice(other.identity, other.name, ""))
        return self._keep(PairedDevice(pairing.identity, pairing.name, path))

    def find(self, path: str, identity: bytes | None = None) -> Pairing:
        """The pairing with a device, by identity or by the port it was seen at. Raises DaricError("unpaired")."""
        for device in self.all():
            if device.identity == identity or (identity is None and path and device.path == path):
                return Pairing(device.identity, device.name)
        raise DaricError("unpaired", f"no paired device is known at {path}: pair it first")

    def forget(self, identity: bytes) -> None:
        """Erase a pairing at this host; the device forgets its side when its owner revokes the host."""
        self._store.erase(PREFIX + identity.hex())

    def name(self, identity: bytes) -> str:
        """What to call a device. Raises DaricError("unpaired")."""
        return self._load(PREFIX + identity.hex()).name

    def describe(self, identity: bytes) -> tuple[str, str]:
        """(kind, name) of a party as this host knows it; empty strings for a stranger."""
        try:
            return "device", self.name(identity)
        except DaricError:
            return "", ""

    def _keep(self, device: PairedDevice) -> PairedDevice:
        value = platform.cbor_encode([device.identity, device.name, device.path])
        self._store.write(PREFIX + device.identity.hex(), value)
        return device

    def _load(self, name: str) -> PairedDevice:
        value = self._store.read(name)
        if value is None:
            raise DaricError("unpaired")
        return PairedDevice(*platform.cbor_decode(value))
