"""What a wallet's calls take and give: where the parties meet, what happens in a session, a session to be run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from daric_protocol.flows.proposals import Secret
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

    kind: session (how others join), participants (data: joined, needed), state (state, round, code), ended (state,
    sent: bytes of its frames), advice (text: what the person should do now) or backup (outdated).
    """

    kind: str
    seat: str
    data: dict[str, Any]


@dataclass
class Proposal:
    """A session that was proposed or joined and has not run yet: the seats of this wallet in it, with their relays.

    join_secret: 16 B of its link, where somebody new takes part. cloud: URL of the cloud party that was invited.
    secret, path: of an import that this wallet proposed; run empties the secret.
    """

    terms: Terms
    initiator: RelayClient
    seats: list[tuple[str, Seat, RelayClient]] = field(default_factory=list)
    join_secret: bytes = field(default=b"", repr=False)
    cloud: str = ""
    secret: Secret | None = field(default=None, repr=False)
    path: str = ""

    @property
    def uuid(self) -> bytes:
        """The session id, 16 B: what the QR code shows."""
        return self.terms.uuid
