"""Sessions: who may create, join, start and end one. Specification: docs/flows.md; docs/protocol.md, section 1.

States: open (parties join), running (started), done (every party finished), aborted (by any party), expired. Every
change is made in one transaction with the notices about it, so a party that was offline learns it from its mailbox.
"""

from __future__ import annotations

import sqlite3
import uuid as uuid_module
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.limits import JOIN_BYTES, MAX_PARTIES, SESSION_IDS, TERMS_BYTES
from sqlalchemy.exc import IntegrityError

from . import mailbox
from .accounts import NotAllowed, Party
from .records import active, mailboxes, participants, parties, session_ids, sessions
from .store import Transaction

OPEN, RUNNING, DONE, ABORTED, EXPIRED = "open", "running", "done", "aborted", "expired"
LIVE = (OPEN, RUNNING)
Sign = Callable[[dict[str, object]], str]  # closing record -> JWS


@dataclass(frozen=True)
class Rules:
    """session_ttl, live_ttl, stored_ttl: seconds. sign: makes the closing record of a session that ended."""

    session_ttl: float
    live_ttl: float
    stored_ttl: float
    sign: Sign


class Busy(DaricError):
    """The party is in another active session, named so that its owner can abort it."""

    def __init__(self, session: bytes) -> None:
        super().__init__("busy")
        self.session = session


def issue_id(tx: Transaction, party: Party) -> bytes:
    """A fresh uuidv4, saved for its asker; of more than SESSION_IDS unused ones the oldest is forgotten."""
    unused = (session_ids.c.identity == party.identity, session_ids.c.used == 0)
    oldest = sa.select(session_ids.c.session).where(*unused).order_by(session_ids.c.issued.desc())
    surplus = tx.sql.execute(oldest.offset(SESSION_IDS - 1)).scalars().all()
    tx.sql.execute(session_ids.delete().where(session_ids.c.session.in_(surplus)))
    session = uuid_module.uuid4().bytes
    tx.sql.execute(session_ids.insert().values(session=session, identity=party.identity, issued=tx.now, used=0))
    return session


def create(
    tx: Transaction,
    rules: Rules,
    party: Party,
    session: bytes,
    terms: bytes,
    needed: int,
    allowed: Sequence[bytes],
) -> None:
    """Open a session under an id that was issued to this party. The same again changes nothing.

    needed: members that must join before the start. allowed: identities that may join (empty: whoever knows the id);
    the initiator must be among them. Raises DaricError: unknown_session (no such id of this party), parameter,
    conflict (other terms under this id), Busy.
    """
    if not 0 < len(terms) <= TERMS_BYTES or not 2 <= needed <= MAX_PARTIES:
        raise DaricError("parameter", f"a session has terms and 2 to {MAX_PARTIES} members")
    if allowed and (len(set(allowed)) != len(allowed) or len(allowed) < needed):
        raise DaricError("parameter", "the list of allowed identities repeats one or is too short")
    if allowed and (party.identity not in allowed or any(len(one) != 33 for one in allowed)):
        raise DaricError("parameter", "the list of allowed identities misses the initiator or is malformed")
    packed = b"".join(sorted(allowed)) or None
    known = tx.sql.execute(sa.select(sessions).where(sessions.c.session == session)).one_or_none()
    if known is not None and known.initiator == party.identity:
        if (known.terms, known.needed, known.allowed) != (terms, needed, packed):
            raise DaricError("conflict", "this session was created with other terms")
        return
    used = tx.sql.execute(
        session_ids.update()
        .where(session_ids.c.session == session, session_ids.c.identity == party.identity, session_ids.c.used == 0)
        .values(used=1)
    )
    if used.rowcount == 0:
        raise DaricError("unknown_session", "this session id was not issued to this party")
    tx.sql.execute(
        sessions.insert().values(
            session=session, state=OPEN, version=1, initiator=party.identity, terms=terms, needed=needed,
            allowed=packed, created=tx.now, expires=tx.now + rules.session_ttl, bytes=0, flagged=0,
        )
    )
    occupy(tx, rules, party, session, scope_of(party, party.account))


def scope_of(party: Party, account: bytes) -> bytes:
    """Within what a party is in one session at a time: everywhere, or a cloud party for each account it serves."""
    return account if party.kind == "cloud" else b""


def occupy(tx: Transaction, rules: Rules, party: Party, session: bytes, scope: bytes) -> None:
    """Make this the party's one active session; Busy if it has another that still lives."""
    query = sa.select(active.c.session).where(active.c.identity == party.identity, active.c.scope == scope)
    other = tx.sql.execute(query).scalar_one_or_none()
    if other == session:
        return
    if other is not None and not lapse(tx, rules, other):
        raise Busy(other)
    try:
        tx.sql.execute(active.insert().values(identity=party.identity, scope=scope, session=session))
    except IntegrityError:  # the key is the rule, whatever was read before
        raise DaricError("busy") from None


def load(tx: Transaction, rules: Rules, session: bytes) -> sa.Row[tuple[object, ...]]:
    """The session's row, expired first if its time is over; DaricError("unknown_session") if there is none."""
    lapse(tx, rules, session)
    row = tx.sql.execute(sa.select(sessions).where(sessions.c.session == session)).one_or_none()
    if row is None:
        raise DaricError("unknown_session")
    return row


def join(tx: Transaction, rules: Rules, party: Party, session: bytes, body: bytes) -> int:
    """Take a seat, 0-based in the order of joining; who joins again keeps it and may replace its body until the start.

    Raises DaricError: unknown_session, unauthorised (not among the allowed), session (not open, or full), conflict
    (another body after the start), Busy.
    """
    if not 0 < len(body) <= JOIN_BYTES:
        raise DaricError("parameter", f"a join has 1 to {JOIN_BYTES} bytes")
    row = load(tx, rules, session)
    if row.allowed is not None and party.identity not in split(row.allowed):
        raise NotAllowed()
    seats = seats_of(tx, session)
    mine = next((seat for seat in seats if seat.identity == party.identity), None)
    if mine is not None and (mine.body == body or row.state == OPEN):
        if mine.body != body:
            where = (participants.c.session == session, participants.c.seat == mine.seat)
            tx.sql.execute(participants.update().where(*where).values(body=body, joined=tx.now))
            touch(tx, session)
        return int(mine.seat)
    if mine is not None:
        raise DaricError("conflict", "this party joined with another message, and the session has started")
    if row.state != OPEN:
        raise DaricError("session", "the session is not open for joining")
    if len(seats) >= row.needed:
        raise DaricError("session", "the session is full")
    initiator = tx.sql.execute(sa.select(parties.c.account).where(parties.c.identity == row.initiator)).scalar_one()
    occupy(tx, rules, party, session, scope_of(party, initiator or b""))
    values = {"session": session, "seat": len(seats), "identity": party.identity, "body": body, "joined": tx.now}
    tx.sql.execute(participants.insert().values(finished=0, **values))
    mailbox.open_mailbox(tx, session, len(seats))
    touch(tx, session)
    return len(seats)


def split(allowed: bytes) -> list[bytes]:
    return [allowed[k : k + 33] for k in range(0, len(allowed), 33)]


def seats_of(tx: Transaction, session: bytes) -> Sequence[sa.Row[tuple[object, ...]]]:
    """Participants in seat order."""
    query = sa.select(participants).where(participants.c.session == session).order_by(participants.c.seat)
    return tx.sql.execute(query).all()


def touch(tx: Transaction, session: bytes, **changes: object) -> None:
    """A change that participants can see: a new version, and whoever watches is woken."""
    tx.sql.execute(
        sessions.update().where(sessions.c.session == session).values(version=sessions.c.version + 1, **changes)
    )
    tx.wake.add(("session", session, 0))


def start(tx: Transaction, rules: Rules, party: Party, session: bytes) -> None:
    """Freeze the members and send each the list of joins in seat order; the same again changes nothing.

    Raises DaricError: unknown_session, unauthorised (not the initiator), session (members missing, or ended).
    """
    row = load(tx, rules, session)
    if row.initiator != party.identity:
        raise NotAllowed("only the initiator starts a session")
    if row.state == RUNNING:
        return
    seats = seats_of(tx, session)
    if row.state != OPEN:
        raise DaricError("session", f"the session is {row.state}")
    if len(seats) != row.needed:
        raise DaricError("session", f"{len(seats)} of {row.needed} members have joined")
    if row.initiator not in [seat.identity for seat in seats]:
        raise DaricError("session", "the initiator has not joined")
    touch(tx, session, state=RUNNING)
    notify(tx, rules, session, [seat.body for seat in seats])


def notify(tx: Transaction, rules: Rules, session: bytes, notice: list[object]) -> None:
    """A message of the service to every participant: the joins at the start, [state, seat] at the end."""
    body = platform.cbor_encode(notice)
    msg_id = platform.sha256(body)[:16]
    for seat in seats_of(tx, session):
        item = mailbox.Item(int(seat.seat), msg_id, body, rules.live_ttl)
        mailbox.append(tx, session, mailbox.SERVICE, item, None)


def finish(tx: Transaction, rules: Rules, party: Party, session: bytes) -> None:
    """This party is through: it is free for another session. The session is done when every party said so."""
    row = load(tx, rules, session)
    seats = seats_of(tx, session)
    mine = seat_in(seats, party)
    if row.state == DONE or mine.finished:
        return
    if row.state != RUNNING:
        raise DaricError("session", f"the session is {row.state}")
    where = (participants.c.session == session, participants.c.seat == mine.seat)
    tx.sql.execute(participants.update().where(*where).values(finished=1))
    tx.sql.execute(active.delete().where(active.c.session == session, active.c.identity == party.identity))
    if all(seat.finished or seat.seat == mine.seat for seat in seats):
        close(tx, rules, session, DONE, None)
    else:
        touch(tx, session)


def abort(tx: Transaction, rules: Rules, party: Party, session: bytes) -> None:
    """End a live session for everybody; on one that ended it changes nothing."""
    row = load(tx, rules, session)
    seats = seats_of(tx, session)
    if party.identity != row.initiator:
        seat_in(seats, party)
    if row.state in LIVE:
        by = next((int(seat.seat) for seat in seats if seat.identity == party.identity), None)
        close(tx, rules, session, ABORTED, by)


def seat_in(
    seats: Sequence[sa.Row[tuple[object, ...]]], party: Party
) -> sa.Row[tuple[object, ...]]:
    """The party's row among the participants."""
    for seat in seats:
        if seat.identity == party.identity:
            return seat
    raise NotAllowed()


def lapse(tx: Transaction, rules: Rules, session: bytes) -> bool:
    """Expire a session whose time is over; whether it is no longer live."""
    query = sa.select(sessions.c.state, sessions.c.expires).where(sessions.c.session == session)
    row = tx.sql.execute(query).one_or_none()
    if row is not None and row.state in LIVE and row.expires <= tx.now:
        close(tx, rules, session, EXPIRED, None)
        return True
    return row is None or row.state not in LIVE


def close(tx: Transaction, rules: Rules, session: bytes, state: str, seat: int | None) -> None:
    """End a session: tell its participants, free them, and sign a record of how it ended."""
    row = tx.sql.execute(sa.select(sessions).where(sessions.c.session == session)).one()
    seats = seats_of(tx, session)
    notify(tx, rules, session, [state, seat])
    tx.sql.execute(active.delete().where(active.c.session == session))
    record: dict[str, object] = {
        "session": session.hex(),
        "state": state,
        "by": seat,
        "initiator": row.initiator.hex(),
        "terms": platform.sha256(row.terms).hex(),
        "participants": [one.identity.hex() for one in seats],
        "messages": [mailbox.last_seq(tx.raw, session, int(one.seat)) for one in seats],
        "conflicts": row.flagged,
        "ended": int(tx.now),
    }
    touch(tx, session, state=state, ended=tx.now, closing=rules.sign(record))


def describe(connection: sqlite3.Connection, session: bytes, identity: bytes, now: float) -> list[Any]:
    """SessionInfo without presence, for a party that may see the session.

    Before the start whoever may join sees it, afterwards only its participants. Raises DaricError: unknown_session,
    unauthorised.
    """
    row = connection.execute(
        "SELECT state, initiator, terms, needed, allowed, version, expires FROM sessions WHERE session=?", (session,)
    ).fetchone()
    if row is None:
        raise DaricError("unknown_session")
    state, initiator, terms, needed, allowed, version, expires = row
    rows = connection.execute(
        "SELECT p.seat, p.identity, q.kind, q.name, p.joined, p.finished, q.account FROM participants p"
        " JOIN parties q ON q.identity = p.identity WHERE p.session=? ORDER BY p.seat",
        (session,),
    ).fetchall()
    inside = identity == initiator or identity in [one[1] for one in rows]
    if not inside and (state != OPEN or (allowed is not None and identity not in split(allowed))):
        raise NotAllowed()
    if state in LIVE and expires <= now:
        state = EXPIRED
    return [session, state, initiator, terms, needed, version, int(expires), [list(one) for one in rows]]


def seat_of(connection: sqlite3.Connection, session: bytes, identity: bytes) -> int:
    """A participant's seat; DaricError: unknown_session, or unauthorised for anybody else."""
    row = connection.execute(
        "SELECT seat FROM participants WHERE session=? AND identity=?", (session, identity)
    ).fetchone()
    if row is not None:
        return int(row[0])
    if connection.execute("SELECT 1 FROM sessions WHERE session=?", (session,)).fetchone() is None:
        raise DaricError("unknown_session")
    raise NotAllowed()


def sender_seat(tx: Transaction, session: bytes, identity: bytes, recipients: Sequence[int]) -> int:
    """The seat a party sends from: the session runs, it takes part and has not finished, and so do the recipients."""
    state, expires = tx.raw.execute("SELECT state, expires FROM sessions WHERE session=?", (session,)).fetchone() or (
        "",
        0,
    )
    mine = seat_of(tx.raw, session, identity)
    if state != RUNNING or expires <= tx.now:
        raise DaricError("session", "the session is not running")
    seats = dict(tx.raw.execute("SELECT seat, finished FROM participants WHERE session=?", (session,)).fetchall())
    if seats[mine]:
        raise DaricError("session", "this party has finished the session")
    if any(seat == mine or seat not in seats for seat in recipients):
        raise DaricError("parameter", "a recipient is no other member of the session")
    return mine


def active_session(connection: sqlite3.Connection, identity: bytes) -> bytes | None:
    """The one session a party is in, if any (of a cloud party, one of them)."""
    row = connection.execute("SELECT session FROM active WHERE identity=?", (identity,)).fetchone()
    return None if row is None else bytes(row[0])


def sweep(tx: Transaction, rules: Rules) -> None:
    """Expire what is over and forget mailboxes that nobody can wait for any more."""
    mailbox.expire(tx)
    due = sa.select(sessions.c.session).where(sessions.c.state.in_(LIVE), sessions.c.expires <= tx.now)
    for (session,) in tx.sql.execute(due).all():
        close(tx, rules, session, EXPIRED, None)
    old = sa.select(sessions.c.session).where(
        sessions.c.state.not_in(LIVE),
        sessions.c.ended <= tx.now - rules.stored_ttl,
        sa.exists().where(mailboxes.c.session == sessions.c.session),
    )
    for (session,) in tx.sql.execute(old).all():
        mailbox.forget(tx, session)
