"""What a round generator yields: everything one party sends in one round. Specification: docs/protocol.md, section 2.

A generator yields an Outgoing and is sent back {index: message of class `expect`} from every peer, after the bodies and
the streams of that round have arrived in full. A driver may throw an Abort into it instead, a time-out for example; the
generator raises what the caller shall see. After the last yield it returns the result.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Protocol

    from daric_protocol.pairstate import PairState
    from daric_protocol.roster import Roster
    from daric_protocol.shard import Shard

    Random = Callable[[int], bytes]
    Received = dict[int, Any]

    class Custody(Protocol):
        """What a generator asks of its party's store in one session; every write is durable on return."""

        def pair(self, peer: int) -> PairState:
            """The current state with a peer; Abort("soft") if there is none or the pair is banned."""

        def open_check(self, peer: int, sid: bytes) -> None:
            """Note that a check on the pair's OT state begins: found at a start-up, it is a ban."""

        def close_check(self, peer: int) -> None:
            """The check passed."""

        def ban(self, peer: int, sid: bytes) -> None:
            """The check failed: erase the OT state with the peer in every epoch."""

        def spend(self, digest: bytes, sid: bytes) -> None:
            """From now on the digest counts as signed."""

        def signed(self, digest: bytes, peers: list[int]) -> None:
            """The signature is there and verifies: these peers did well."""

        def use_epoch(self, epoch: int) -> None:
            """Never deal again with this epoch or a lower one."""

        def store_pending(self, shard: Shard, pairs: dict[int, PairState]) -> None:
            """Keep a new shard and its pair states, which are taken out of `pairs`, beside the current ones."""

        def note_missing(self, indexes: list[int]) -> None:
            """Whose acknowledgements of the new shard did not come."""

        def store_leaving(
            self, kind: str, epoch: int, sid: bytes, confirm: bytes, session_roster: bytes, roster: Roster
        ) -> None:
            """Note which certificate, of a committee without this party, makes it destroy the share it dealt away."""

        def issue_index(self, index: int, identity: bytes) -> None:
            """Record that an index belongs to an identity (33 B) for good; Abort("soft") if it is or was another's."""

        def store_enrolled(self, shard: Shard) -> None:
            """Keep a share of the current epoch until its change of the roster is signed; a retry replaces it."""

        def store_pending_pair(self, peer: int, pair: PairState, sid: bytes) -> None:
            """Keep a new pair state until the peer's acknowledgement is there."""

        def doubt_identity(self, identity: bytes) -> None:
            """Before a recovery is acknowledged: no epoch tried so far counts any more with the old identity (33 B)."""

        def sign_identity(self, digest: bytes) -> bytes:
            """64 B signature of a tagged hash with the identity key."""


EVIDENCE_ROUND = 15  # only after a split view: the parties exchange the signed values of round 1


class Outgoing:
    """One round of one party.

    sid: 32 B that bind the round's frames. round: number within the protocol. expect: class of what peers send.
    messages: {index: message}, one for each peer. streams: {index: iterator of bytes} pulled chunk by chunk after the
    body. sinks: {index: object with receive(chunk)} for the peers' streams. spent: from this yield on, however the
    session ends, the digest counts as signed. arrived: called with (index, message) for each body as soon as it is
    there, so that a device can use up a large field and empty it before the next one comes; it may raise an Abort.
    """

    def __init__(
        self,
        sid: bytes,
        round: int,  # noqa: A002
        expect: "Any",
        messages: "dict[int, Any]",
        streams: "dict[int, Iterator[bytes]] | None" = None,
        sinks: "dict[int, Any] | None" = None,
        spent: bool = False,
        arrived: "Callable[[int, Any], None] | None" = None,
    ) -> None:
        self.sid = sid
        self.round = round
        self.expect = expect
        self.messages = messages
        self.streams = streams
        self.sinks = sinks
        self.spent = spent
        self.arrived = arrived
