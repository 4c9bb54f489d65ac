"""The rounds of each operation over a party's custody, and what has to happen around them.

Each takes an agreed session and the custody's view for it, and is the round generator of the session. Specification:
docs/protocol.md, sections 2, 6, 7, 8, 9 and 11.
"""

from daric_protocol.errors import Abort, DaricError
from daric_protocol.tagged import TH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from daric_protocol.custody import Custody
    from daric_protocol.custodysession import SessionCustody
    from daric_protocol.flows.proposals import Secret
    from daric_protocol.roster import Roster
    from daric_protocol.rounds.outgoing import Outgoing
    from daric_protocol.session import Session
    from daric_protocol.shard import Shard
    from daric_protocol.terms import Terms

    Rounds = Generator[Outgoing, dict[int, Any], Any]


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


def importing(session: "Session", custody: "Custody", view: "SessionCustody", secret: "Secret | None") -> "Rounds":
    """An import; the certificate as it travels. secret: of the party that brings the key, else None."""
    from daric_protocol.rounds.imported import imported

    terms, roster = session.terms, session.roster
    assert roster is not None
    check_new(terms, custody)
    asked = terms.details()
    dealers = [member.index for member in roster.members if member.identity == asked.dealer]
    if not dealers:
        raise Abort("soft", None, "whoever brings the key did not join")
    own = (0, b"") if secret is None else (secret.scalar, secret.entropy)
    _, acks = yield from imported(
        session.me, session.ssid, terms.group, roster, dealers[0], asked.key, asked.chain_code, asked.entropy, view,
        session.random, own[0], own[1], custody.highest_epoch(terms.group),
    )  # fmt: skip
    view.activate(acks)
    return custody.certificate(terms.group)


def export(session: "Session", shard: "Shard", view: "SessionCustody") -> "Rounds":
    """An export: an Exported for its initiator, None for everyone else. The wallet counts as exposed from here on."""
    from daric_protocol.rounds.export import export as export_rounds

    terms = session.terms
    asked = terms.details()
    check_master(shard.roster, asked.initiator)
    view.expose()
    return (
        yield from export_rounds(session.me, shard, terms.members, asked.initiator, asked.purpose, session.ssid, view)
    )


def check_master(roster: "Roster", initiator: int) -> None:
    """DaricError("master") where the group has a master and somebody else asks."""
    if roster.master not in (0, initiator):
        raise DaricError("master")


def sign(session: "Session", shard: "Shard", view: "SessionCustody", allow_raw: bool) -> "Rounds":
    from daric_protocol.rounds.sign import sign as sign_rounds

    terms = session.terms
    digest = request_digest(terms.request, allow_raw)
    tweak, _ = request_key(terms.request, shard)
    context = TH("dkls/ctx", terms.request)
    return (
        yield from sign_rounds(
            session.me, shard, terms.members, digest, tweak, context, session.ssid, view, session.random
        )
    )


def pair(session: "Session", shard: "Shard", view: "SessionCustody") -> "Rounds":
    from daric_protocol.rounds.pair import pair as pair_rounds

    peer = peer_in(session.terms, session.me)
    _, acks = yield from pair_rounds(session.me, peer, shard, session.ssid, view, session.random)
    view.activate_pair(peer, acks)
    return peer


def reshare(session: "Session", shard: "Shard | None", custody: "Custody", view: "SessionCustody") -> "Rounds":
    """A refresh or a reshare; the certificate as it travels. shard: None for a new member."""
    from daric_protocol import activation
    from daric_protocol.rounds.groupstart import Brought
    from daric_protocol.rounds.reshare import reshare as reshare_rounds

    terms, roster = session.terms, session.roster
    assert roster is not None
    receivers, pk = roster.indexes(), b""
    if terms.op == "reshare":
        asked = terms.details()
        receivers = [index for index in receivers if index not in asked.leaving]
        pk = asked.facts.pk
    unusable = [] if shard is None else custody.unusable(terms.group)
    brought = Brought(custody.highest_epoch(terms.group), custody.highest_index(terms.group), unusable)
    rounds = reshare_rounds(
        session.me,
        session.ssid,
        terms.group,
        roster,
        terms.members,
        receivers,
        view,
        session.random,
        shard,
        brought,
        pk,
    )
    made, acks = yield from _noting_indexes(rounds, view)
    if session.me in receivers:
        view.activate(acks)
        return custody.certificate(terms.group)
    certificate = activation.encode(made, acks)
    custody.adopt(certificate)
    return certificate


def enrol(session: "Session", shard: "Shard | None", custody: "Custody", view: "SessionCustody") -> "Rounds":
    """An enrolment; the change of the roster as it travels. shard: None for the new member."""
    from daric_protocol.rounds.enrol import enrol as enrol_rounds
    from daric_protocol.rounds.groupstart import Brought

    terms, roster = session.terms, session.roster
    facts = terms.facts()
    assert roster is not None and facts is not None
    new = roster.member(max(roster.indexes()))
    unusable = []
    if shard is not None:
        view.check_issue(new.index, new.identity)
        unusable = custody.unusable(terms.group)
    brought = Brought(custody.highest_epoch(terms.group), custody.highest_index(terms.group), unusable)
    _, change = yield from enrol_rounds(
        session.me, session.ssid, terms.group, roster, terms.members, new.index, view, shard, brought, facts.pk
    )
    encoded = change.encode()
    view.adopt(encoded)
    return encoded


def name_master(session: "Session", shard: "Shard", view: "SessionCustody") -> "Rounds":
    """A change of the master; the change of the roster as it travels."""
    from daric_protocol.rounds.rosterchange import change_master

    terms = session.terms
    _, change = yield from change_master(session.me, session.ssid, shard, terms.members, terms.details().master, view)
    encoded = change.encode()
    view.adopt(encoded)
    return encoded


def _noting_indexes(rounds: "Rounds", view: "SessionCustody") -> "Rounds":
    """The same rounds; the indexes that the others say were used are noted, so that a second attempt avoids them."""
    try:
        outgoing = rounds.send(None)  # type: ignore[arg-type]
        outgoing.arrived = lambda _, start: view.note_index(start.index)
        while True:
            try:
                received = yield outgoing
            except DaricError as error:
                outgoing = rounds.throw(error)
            else:
                outgoing = rounds.send(received)
    except StopIteration as end:
        return end.value
    finally:
        rounds.close()


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
