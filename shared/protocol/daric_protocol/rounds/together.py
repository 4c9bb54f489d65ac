"""Dealings that share their rounds: of a key, and of each part of the entropy behind it.

Specification: docs/protocol.md, section 10.
"""

from daric_protocol.errors import Abort, DaricError
from daric_protocol.limits import MAX_ENTROPY_PARTS
from daric_protocol.messages import DealingCommitment, DealingConfirmation, DealingOpening, Message
from daric_protocol.rounds.outgoing import EVIDENCE_ROUND, Outgoing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from daric_protocol.rounds.dealing import Dealt
    from daric_protocol.rounds.outgoing import Received

    Dealing = Generator[Outgoing, Received, Dealt]

class Bundle:
    """The messages of dealings that share their rounds: of the key first, then of each part of an entropy."""

    KIND: "Any" = Message

    def __init__(self, parts: "list[Any]") -> None:
        self.parts = parts

    def to_wire(self) -> "list[Any]":
        """The CBOR array."""
        return [part.to_wire() for part in self.parts]

    @classmethod
    def from_wire(cls, value: "Any") -> "Any":
        """The messages of a decoded CBOR array; DaricError("encoding") unless every one is well-formed."""
        if not isinstance(value, list) or not 2 <= len(value) <= 1 + MAX_ENTROPY_PARTS:
            raise DaricError("encoding", "A bundle has the messages of two or three dealings.")
        return cls([cls.KIND.from_wire(item) for item in value])


class DealingCommitments(Bundle):
    """Round 1 of a key's dealing and of its entropy's parts."""

    KIND = DealingCommitment


class DealingOpenings(Bundle):
    """Round 2 of a key's dealing and of its entropy's parts."""

    KIND = DealingOpening


class DealingConfirmations(Bundle):
    """Round 3 of a key's dealing and of its entropy's parts."""

    KIND = DealingConfirmation


BUNDLES = (
    (DealingCommitment, DealingCommitments),
    (DealingOpening, DealingOpenings),
    (DealingConfirmation, DealingConfirmations),
)


def together(dealings: "list[Dealing]") -> "Generator[Outgoing, Received, list[Dealt]]":
    """Run dealings of one session in the same rounds, the key's first; what each of them gave this party.

    The first that does not end with the others, because views differ, ends the session with its own evidence.
    """
    if len(dealings) == 1:
        return [(yield from dealings[0])]
    steps = [next(dealing) for dealing in dealings]
    while True:
        received = yield _merged(steps)
        results: "list[Any]" = []
        following: "list[Any]" = []
        parts = [{j: _part(j, received[j], n, len(dealings)) for j in received} for n in range(len(dealings))]
        received.clear()  # each dealing uses its messages up; nobody else may hold them
        for dealing in dealings:
            try:
                following.append((dealing, dealing.send(parts.pop(0))))
            except StopIteration as end:
                results.append(end.value)
        if len(results) == len(dealings):
            return results
        for dealing, step in following:
            if step.round == EVIDENCE_ROUND:
                yield from _alone(dealing, step)
        if results:
            raise Abort("soft", None, "The dealings of one session came apart.")
        steps = [step for _, step in following]


def _merged(steps: "list[Outgoing]") -> Outgoing:
    """One Outgoing for a round of several dealings, under the first one's sid."""
    bundle: "Any" = None
    for kind, several in BUNDLES:
        if steps[0].expect is kind:
            bundle = several
    messages = {}
    for j in list(steps[0].messages):
        messages[j] = bundle([step.messages.pop(j) for step in steps])

    def take(j: int, theirs: "Any") -> None:
        for n, step in enumerate(steps):
            if step.arrived is not None:
                step.arrived(j, _part(j, theirs, n, len(steps)))

    return Outgoing(steps[0].sid, steps[0].round, bundle, messages, arrived=take)


def _part(j: int, theirs: "Any", n: int, count: int) -> "Any":
    """The message of one dealing."""
    if len(theirs.parts) != count:
        raise Abort("blame", j, "A message has a dealing too many or too few for this session.")
    return theirs.parts[n]


def _alone(dealing: "Dealing", step: Outgoing) -> "Generator[Outgoing, Received, None]":
    """Go on with one dealing, what ends the session included."""
    while True:
        try:
            received = yield step
        except Abort as abort:
            step = dealing.throw(abort)
        else:
            step = dealing.send(received)
