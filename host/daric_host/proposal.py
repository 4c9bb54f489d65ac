"""What a wallet's calls take and give: where the parties meet, what happens in a session, a session to be run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from daric_protocol.terms import Terms

from daric_host.relay import RelayClient
from daric_host.seats import Seat


@dataclass(frozen=True)
class Service:
    """Where the parties meet. url: of auth, sessions and relay. key: the service's public key, 33 B, pinned.

    cloud: identity of the known cloud party, 33 B, pinned as well; any other cloud is a stranger. Empty: none is known.
    """

    url: str
    key: bytes
    cloud: bytes = b""


@dataclass(frozen=True)
class Event:
    """Something happened in a session. seat: whom it is about, "phone" or a device's name.

    kind: participants (data: joined, needed), state (state, round, code) or ended (state, sent: bytes of its frames).
    """

    kind: str
    seat: str
    data: dict[str, Any]


@dataclass
class Proposal:
    """A session that was proposed or joined and has not run yet: the seats of this wallet in it, with their relays."""

    terms: Terms
    initiator: RelayClient
    seats: list[tuple[str, Seat, RelayClient]] = field(default_factory=list)

    @property
    def uuid(self) -> bytes:
        """The session id, 16 B: what the QR code shows."""
        return self.terms.uuid
