"""The rounds of each operation over a party's custody, and what has to happen around them.

Each takes an agreed session and the custody's view for it, and is the round generator of the session. Specification:
docs/protocol.md, sections 2, 6, 7 and 9.
"""

from daric_protocol.errors import DaricError
from daric_protocol.tagged import TH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from daric_protocol.custody import Custody
    from daric_protocol.custodysession import SessionCustody
    from daric_protocol.rounds.outgoing import Outgoing
    from daric_protocol.session import Session
    from daric_protocol.shard import Shard
    from daric_protocol.terms import Terms

    Rounds = Generator[Outgoing, dict[int, Any], Any]


def rounds(
    session: "Session", shard: "Shard | None", custody: "Custody", view: "SessionCustody", asked: "Asked | None"
) -> "Rounds":
    """The round generator of a session that makes a group, signs, or sets a pair up.

    shard: None for a new group. asked: what a signing session is about.
    """
    if shard is None:
        return create(session, custody, view)
    return pair(session, shard, view) if asked is None else sign(session, shard, view, asked)


def create(session: "Session", custody: "Custody", view: "SessionCustody") -> "Rounds":
    from daric_protocol.rounds.keygen import keygen

    assert session.roster is not None
    group_id = session.terms.group
    check_new(session.terms, custody)
    _, acks = yield from keygen(
        session.me, session.ssid, group_id, session.roster, view, session.random, custody.highest_epoch(group_id)
    )
    view.activate(acks)
    return custody.certificate(group_id)


class Asked:
    """What a typed request asks for, taken from its bytes once: a device has no room to read it again between rounds.

    digest, ctx: 32 B. tweak: scalar, 0 for the group's own key.
    """

    def __init__(self, request: bytes, shard: "Shard", allow_raw: bool) -> None:
        """Raises DaricError("request") or ("raw_digest")."""
        self.digest = request_digest(request, allow_raw)
        self.tweak = request_key(request, shard)[0]
        self.ctx = TH("dkls/ctx", request)


def sign(session: "Session", shard: "Shard", view: "SessionCustody", asked: Asked) -> "Rounds":
    from daric_protocol.rounds.sign import sign as sign_rounds

    members, random = session.terms.members, session.random
    return (
        yield from sign_rounds(
            session.me, shard, members, asked.digest, asked.tweak, asked.ctx, session.ssid, view, random
        )
    )


def pair(session: "Session", shard: "Shard", view: "SessionCustody") -> "Rounds":
    from daric_protocol.rounds.pair import pair as pair_rounds

    peer = peer_in(session.terms, session.me)
    _, acks = yield from pair_rounds(session.me, peer, shard, session.ssid, view, session.random)
    view.activate_pair(peer, acks)
    return peer


def peer_in(terms: "Terms", me: int) -> int:
    """The other member of a pair set-up."""
    return terms.members[1] if terms.members[0] == me else terms.members[0]


def request_digest(request: bytes, allow_raw: bool = False) -> bytes:
    """The 32 bytes that a typed request asks to sign, computed by this party itself from the bytes that it shows.

    allow_raw: the owner switched raw digests on. Raises DaricError("request") or ("raw_digest").
    """
    from daric_protocol.evm import request as requests

    return requests.digest(requests.decode(request), allow_raw)


def request_key(request: bytes, shard: "Shard") -> "tuple[int, bytes]":
    """(tweak, public key 33 B) of the account that a typed request speaks for: the group's key or one below it."""
    from daric_protocol.evm import request as requests

    path = requests.decode(request).path
    if not path:
        return 0, shard.pk
    from daric_protocol import bip32  # only here: a device has little room beside a signature's rounds

    tweak, key, _ = bip32.tweak(shard.pk, shard.cc, path)
    return tweak, key


def check_new(terms: "Terms", custody: "Custody") -> None:
    group = custody.find(terms.group)
    if group is not None and group.epoch:
        raise DaricError("group", "a group of this id exists already")
