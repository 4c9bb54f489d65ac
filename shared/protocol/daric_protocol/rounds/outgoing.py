"""What a round generator yields: everything one party sends in one round. Specification: docs/protocol.md, section 2.

A generator yields an Outgoing and is sent back {index: message of class `expect`} from every peer, after the bodies and
the streams of that round have arrived in full. A driver may throw an Abort into it instead, a time-out for example; the
generator raises what the caller shall see. After the last yield it returns the result.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

EVIDENCE_ROUND = 15  # only after a split view: the parties exchange the signed values of round 1


class Outgoing:
    """One round of one party.

    sid: 32 B that bind the round's frames. round: number within the protocol. expect: class of what peers send.
    messages: {index: message}, one for each peer. streams: {index: iterator of bytes} pulled chunk by chunk after the
    body. sinks: {index: object with receive(chunk)} for the peers' streams. spent: from this yield on, however the
    session ends, the digest counts as signed.
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
    ) -> None:
        self.sid = sid
        self.round = round
        self.expect = expect
        self.messages = messages
        self.streams = streams
        self.sinks = sinks
        self.spent = spent
