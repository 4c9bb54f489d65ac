"""The rounds of what happens to a group less often: a key taken in or given out, members, epochs, the master.

A module of its own, because a device has little room beside key generation and signatures. Specification:
docs/protocol.md, sections 8 to 11.
"""

from daric_protocol import platform
from daric_protocol.errors import Abort, DaricError
from daric_protocol.flows import running
from daric_protocol.group import LEFT_BEHIND

TYPE_CHECKING = False
if TYPE_CHECKING:
    from daric_protocol.custody import Custody
    from daric_protocol.custodysession import SessionCustody
    from daric_protocol.flows.proposals import Secret
    from daric_protocol.flows.running import Rounds
    from daric_protocol.roster import Roster
    from daric_protocol.rounds.groupstart import Brought
    from daric_protocol.session import Session
    from daric_protocol.shard import Shard
    from daric_protocol.terms import Terms


def rounds(
    session: "Session",
    shard: "Shard | None",
    custody: "Custody",
    view: "SessionCustody",
    secret: "Secret | None",
) -> "Rounds":
    """The round generator of a session; shard: None for who is new to the group, secret: as of open_session."""
    terms = session.terms
    if terms.op == "import":
        return importing(session, custody, view, secret)
    if terms.op in ("refresh", "reshare"):
        return reshare(session, shard, custody, view)
    if terms.op == "enrol" and terms.newcomers:
        return enrol(session, shard, custody, view)
    assert shard is not None
    return export(session, shard, view) if terms.op == "export" else name_master(session, shard, view)


def importing(session: "Session", custody: "Custody", view: "SessionCustody", secret: "Secret | None") -> "Rounds":
    """An import; the certificate as it travels. secret: of the party that brings the key, else None."""
    from daric_protocol.rounds.imported import imported

    terms, roster = session.terms, session.roster
    assert roster is not None
    running.check_new(terms, custody)
    dealer, key, chain_code, entropy = _announced(terms, roster)
    own = (0, b"") if secret is None else (secret.scalar, secret.entropy)
    _, acks = yield from imported(
        session.me, session.ssid, terms.group, roster, dealer, key, chain_code, entropy, view,
        session.random, own[0], own[1], custody.highest_epoch(terms.group),
    )  # fmt: skip
    view.activate(acks)
    return custody.certificate(terms.group)


def _announced(terms: "Terms", roster: "Roster") -> "tuple[int, bytes, bytes, int]":
    """(dealer's index, key, chain code, length of the entropy) of an import; a device lets go of the rest here."""
    asked = terms.details()
    for member in roster.members:
        if member.identity == asked.dealer:
            return member.index, asked.key, asked.chain_code, asked.entropy
    raise Abort("soft", None, "whoever brings the key did not join")


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


def reshare(session: "Session", shard: "Shard | None", custody: "Custody", view: "SessionCustody") -> "Rounds":
    """A refresh or a reshare; the certificate as it travels. shard: None for a new member."""
    from daric_protocol.rounds.reshare import reshare as reshare_rounds

    terms, roster = session.terms, session.roster
    assert roster is not None
    receivers, pk = _receivers(terms, roster)
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
        _brought(terms, shard, custody),
        pk,
    )
    made, acks = yield from _noting_indexes(rounds, view)
    if session.me in receivers:
        view.activate(acks)
        return custody.certificate(terms.group)
    from daric_protocol import activation

    certificate = activation.encode(made, acks)
    custody.adopt(certificate)
    return certificate


def _receivers(terms: "Terms", roster: "Roster") -> "tuple[list[int], bytes]":
    """(the new committee, the key of the invitation). What is asked is let go of here: a device needs the room."""
    if terms.op != "reshare":
        return roster.indexes(), b""
    asked = terms.details()
    return [index for index in roster.indexes() if index not in asked.leaving], asked.facts.pk


def _brought(terms: "Terms", shard: "Shard | None", custody: "Custody") -> "Brought":
    """What this party knows of the group."""
    from daric_protocol.rounds.groupstart import Brought

    unusable = [] if shard is None else custody.unusable(terms.group)
    return Brought(custody.highest_epoch(terms.group), custody.highest_index(terms.group), unusable)


def enrol(session: "Session", shard: "Shard | None", custody: "Custody", view: "SessionCustody") -> "Rounds":
    """An enrolment; the change of the roster as it travels. shard: None for the new member."""
    from daric_protocol.rounds.enrol import enrol as enrol_rounds

    terms, roster = session.terms, session.roster
    facts = terms.facts()
    assert roster is not None and facts is not None
    new = roster.member(max(roster.indexes()))
    if shard is not None:
        view.check_issue(new.index, new.identity)
    brought = _brought(terms, shard, custody)
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


def check_secret(terms: "Terms", identity: bytes, secret: "Secret | None") -> None:
    """Who brings a key is the one that the terms name, and it is the key that they announce."""
    if terms.op != "import":
        if secret is not None:
            raise DaricError("parameter", "only an import takes a key in")
        return
    asked = terms.details()
    platform.curve.decode(asked.key)
    if (secret is not None) != (asked.dealer == identity):
        raise DaricError("parameter", "the party that the terms name brings the key, and nobody else")
    if secret is not None:
        announced = [asked.key, asked.chain_code, asked.entropy]
        if announced != [secret.public(), secret.chain_code, len(secret.entropy)]:
            raise DaricError("parameter", "the key is not the one that the terms announce")


def check_joining(custody: "Custody", group_id: bytes, pk: bytes) -> None:
    """A new member stores nothing of the group, or only what an earlier committee went on without.

    Otherwise strangers could make it replace the share of a group that it is in by one of theirs.
    """
    group = custody.find(group_id)
    if group is None or group.epoch == 0:
        return
    if group.standing != LEFT_BEHIND or custody.shard(group_id).pk != pk:
        raise DaricError("member", "this party is a member of the group, and not as the terms describe it")
