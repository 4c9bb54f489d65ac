"""Signed round-1 values, and what follows when views of them differ. Specification: docs/protocol.md, section 2.

A different echo or confirmation names nobody: a single liar could get an honest party blamed. Two different values
signed by one party under one session and round do name it.
"""

from daric_protocol import certificate, platform
from daric_protocol.errors import Abort
from daric_protocol.messages import Copies
from daric_protocol.rounds.outgoing import EVIDENCE_ROUND, Outgoing
from daric_protocol.tagged import TH, u8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from daric_protocol.roster import Roster
    from daric_protocol.rounds.outgoing import Received

    Signed = dict[int, tuple[bytes, bytes]]  # {sender: (value, signature)}


def broadcast_digest(sid: bytes, round: int, sender: int, value: bytes) -> bytes:  # noqa: A002
    """32 B that the sender signs for a value that everyone gets in a round."""
    return TH("dkls/bc", sid, u8(round), u8(sender), value)


def check_signed(roster: "Roster", sid: bytes, round: int, sender: int, value: bytes, signature: bytes) -> None:  # noqa: A002
    """Abort("blame") naming the sender unless it signed this value for this round."""
    if not certificate.acknowledged(roster, sender, broadcast_digest(sid, round, sender, value), signature):
        raise Abort("blame", sender, "The signature of a broadcast value does not verify.")


def compare_views(
    me: int, roster: "Roster", sid: bytes, peers: "list[int]", held: "Signed"
) -> "Generator[Outgoing, Received, None]":
    """Exchange the signed round-1 values and end the session.

    held: {sender: (value, signature)}, checked, own included. Abort("blame") with evidence, the CBOR array of [sid,
    round, sender, value, signature, other value, its signature]; Abort("soft") where nobody signed two values.
    """
    if len(peers) < 2:  # what two parties hold shows nothing that a third could check
        raise Abort("soft", None, "The other party saw different messages.")
    copies = Copies([(sender, held[sender][0], held[sender][1]) for sender in sorted(held)])
    ending = Abort("soft", None, "The parties saw different messages and nobody's signatures show why.")
    heard: "dict[int, Copies]" = {}
    try:
        yield Outgoing(sid, EVIDENCE_ROUND, Copies, dict.fromkeys(peers, copies), arrived=heard.__setitem__)
    except Abort as abort:  # who withholds its copies cannot take back what it signed
        ending = abort
    for peer in sorted(heard):
        for sender, value, signature in heard[peer].copies:
            if sender == me or sender not in held or value == held[sender][0]:
                continue
            if certificate.acknowledged(roster, sender, broadcast_digest(sid, 1, sender, value), signature):
                proof = [sid, 1, sender, held[sender][0], held[sender][1], value, signature]
                raise Abort("blame", sender, "A party signed two values for one round.", platform.cbor_encode(proof))
    raise ending
