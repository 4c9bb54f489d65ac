"""What a device answers, read and checked. Specification: docs/architecture.md, the serial line; docs/sdk.md."""

from dataclasses import dataclass
from typing import Any

from daric_protocol import channel, platform
from daric_protocol.errors import DaricError


@dataclass(frozen=True)
class Pairing:
    """What a host stores of a device. identity: 33 bytes."""

    identity: bytes
    name: str

    def encode(self) -> bytes:
        return platform.cbor_encode([self.identity, self.name])

    @staticmethod
    def decode(data: bytes) -> "Pairing":
        """Raises DaricError("encoding")."""
        value = platform.cbor_decode(data)
        if not isinstance(value, list) or len(value) != 2 or not isinstance(value[1], str):
            raise DaricError("encoding", "a stored pairing has an identity and a name")
        return Pairing(channel.sized(value[0], 33), value[1])


@dataclass(frozen=True)
class DeviceInfo:
    """What a paired device says of itself. groups: ids of 16 bytes."""

    identity: bytes
    version: int
    groups: list[bytes]


@dataclass(frozen=True)
class LockState:
    """Whether a device waits for its PIN, after how many seconds it takes one, and how many tries are left."""

    locked: bool
    seconds: int
    tries: int


@dataclass(frozen=True)
class BackupMade:
    """A backup without a session: what every holder may see, the phone's sealed piece, the cloud's envelope."""

    sheet: bytes
    phone_piece: bytes
    others: bytes


@dataclass(frozen=True)
class SessionFrame:
    """One step of a session. seat and frame are None when the device has nothing to send now."""

    seat: int | None
    frame: bytes | None
    state: str
    round: int


@dataclass(frozen=True)
class SessionStatus:
    """Where the device's session stands: state and round as in daric_protocol.session, the check code, how it ended."""

    uuid: bytes | None
    state: str
    round: int
    code: str | None
    error: DaricError | None
    result: Any


def array(value: Any) -> list[Any]:
    """An answer that is an array, or DaricError("encoding")."""
    if not isinstance(value, list):
        raise DaricError("encoding", "the device answers with an array")
    return value


def string(value: Any) -> bytes:
    """An answer that is a byte string, or DaricError("encoding")."""
    if not isinstance(value, bytes):
        raise DaricError("encoding", "the device answers with a byte string")
    return value
