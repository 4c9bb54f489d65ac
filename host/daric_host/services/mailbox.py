"""Mailboxes: one gapless sequence per (session, recipient), durable before it is acknowledged.

Specification: docs/architecture.md, "Relay". Plain SQL on the writer's connection, because every message of every
session passes here. A tombstone (a row without body) stays until the session is forgotten: it keeps the sequence
gapless for a late reader and the message id taken.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.limits import EVIDENCE_PER_SESSION

from .store import Transaction

SERVICE = -1  # sender of notices
NEVER = "9e15"  # expiry of a tombstone: no sweep looks at it again
PAGE_BYTES = 512 * 1024  # one answer of `read` stays below this, but for a single larger message


@dataclass(frozen=True)
class Item:
    """One message to publish. seat: recipient. msg_id: 16 to 32 B chosen by the sender. ttl: seconds."""

    seat: int
    msg_id: bytes
    body: bytes
    ttl: float


@dataclass(frozen=True)
class Delivery:
    """One message as its recipient gets it; sender is a seat, or SERVICE."""

    seq: int
    sender: int
    msg_id: bytes
    body: bytes


@dataclass(frozen=True)
class Quota:
    """Limits on what lies unread: messages and bytes of one mailbox, bytes of one session."""

    messages: int
    mailbox_bytes: int
    session_bytes: int


@dataclass(frozen=True)
class Conflict:
    """A message id came again with other bytes; recorded, nothing of the batch was stored."""

    seat: int
    msg_id: bytes


class Expired(DaricError):
    """Messages up to and including `after` are gone: the reader goes on from there or gives the session up."""

    def __init__(self, after: int) -> None:
        super().__init__("expired", f"messages up to {after} expired before they were read")
        self.after = after


def open_mailbox(tx: Transaction, session: bytes, seat: int) -> None:
    """Make an empty mailbox; a second time changes nothing."""
    tx.raw.execute(
        "INSERT OR IGNORE INTO mailboxes (session, seat, last, acked, unread, bytes) VALUES (?, ?, 0, 0, 0, 0)",
        (session, seat),
    )


def put(tx: Transaction, session: bytes, sender: int, items: Sequence[Item], quota: Quota) -> list[int] | Conflict:
    """Store all items or none; the sequence numbers given out, the same again for a repeated (msg_id, body).

    A Conflict is returned, not raised, so that the evidence is committed. DaricError("limit") over a quota.
    """
    known: list[int | None] = []
    for item in items:
        row = tx.raw.execute(
            "SELECT seq, digest, body FROM messages WHERE session=? AND seat=? AND sender=? AND msg_id=?",
            (session, item.seat, sender, item.msg_id),
        ).fetchone()
        if row is not None and row[1] != platform.sha256(item.body):
            keep_evidence(tx, session, sender, item, row[2] if row[2] is not None else row[1])
            return Conflict(item.seat, item.msg_id)
        known.append(None if row is None else row[0])
    return [
        append(tx, session, sender, item, quota) if seq is None else seq
        for item, seq in zip(items, known, strict=True)
    ]


def append(tx: Transaction, session: bytes, sender: int, item: Item, quota: Quota | None) -> int:
    """Give a new message the next number of its mailbox. quota None: a notice of the service always fits."""
    size = len(item.body)
    last, unread, unread_bytes, session_bytes = tx.raw.execute(
        "SELECT m.last, m.unread, m.bytes, s.bytes FROM mailboxes m JOIN sessions s ON s.session = m.session"
        " WHERE m.session=? AND m.seat=?",
        (session, item.seat),
    ).fetchone()
    if quota is not None and (
        unread >= quota.messages
        or unread_bytes + size > quota.mailbox_bytes
        or session_bytes + size > quota.session_bytes
    ):
        raise DaricError("limit", "the recipient has too much unread; wait until it caught up")
    seq = int(last) + 1
    tx.raw.execute(
        "INSERT INTO messages (session, seat, seq, sender, msg_id, digest, body, expires)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (session, item.seat, seq, sender, item.msg_id, platform.sha256(item.body), item.body, tx.now + item.ttl),
    )
    tx.raw.execute(
        "UPDATE mailboxes SET last=?, unread=unread+1, bytes=bytes+? WHERE session=? AND seat=?",
        (seq, size, session, item.seat),
    )
    tx.raw.execute("UPDATE sessions SET bytes=bytes+? WHERE session=?", (size, session))
    tx.wake.add(("mailbox", session, item.seat))
    return seq


def keep_evidence(tx: Transaction, session: bytes, sender: int, item: Item, first: bytes) -> None:
    """Keep both bodies of a conflict and flag the session; a flood of conflicts keeps the first few."""
    tx.raw.execute("UPDATE sessions SET flagged=flagged+1 WHERE session=?", (session,))
    (kept,) = tx.raw.execute("SELECT count(*) FROM conflicts WHERE session=?", (session,)).fetchone()
    if kept < EVIDENCE_PER_SESSION:
        tx.raw.execute(
            "INSERT OR IGNORE INTO conflicts (session, seat, sender, msg_id, first, second, seen)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (session, item.seat, sender, item.msg_id, first, item.body, tx.now),
        )


def read(
    connection: sqlite3.Connection, session: bytes, seat: int, after: int, limit: int, now: float
) -> list[Delivery]:
    """The messages that follow number `after`, oldest first, as many as are there without a gap; deletes nothing.

    Raises Expired if the very next one is gone, DaricError("parameter") for a cursor beyond the mailbox.
    """
    rows = connection.execute(
        "SELECT seq, sender, msg_id, body, expires FROM messages WHERE session=? AND seat=? AND seq>?"
        " ORDER BY seq LIMIT ?",
        (session, seat, after, limit),
    ).fetchall()
    if rows and (rows[0][3] is None or rows[0][4] <= now):
        (alive,) = connection.execute(
            "SELECT min(seq) FROM messages WHERE session=? AND seat=? AND seq>? AND body IS NOT NULL AND expires>?",
            (session, seat, after, now),
        ).fetchone()
        raise Expired(alive - 1 if alive is not None else last_seq(connection, session, seat))
    if not rows and after > last_seq(connection, session, seat):
        raise DaricError("parameter", "the cursor is beyond the newest message")
    page: list[Delivery] = []
    size = 0
    for seq, sender, msg_id, body, expires in rows:
        if body is None or expires <= now or (page and size + len(body) > PAGE_BYTES):
            break
        size += len(body)
        page.append(Delivery(seq, sender, msg_id, body))
    return page


def last_seq(connection: sqlite3.Connection, session: bytes, seat: int) -> int:
    """Highest number given out in a mailbox; 0 if it is empty or not there."""
    row = connection.execute("SELECT last FROM mailboxes WHERE session=? AND seat=?", (session, seat)).fetchone()
    return 0 if row is None else int(row[0])


def ack(tx: Transaction, session: bytes, seat: int, up_to: int) -> None:
    """The recipient has processed everything up to a number: those bodies are deleted. Lower numbers change nothing."""
    last, acked = tx.raw.execute(
        "SELECT last, acked FROM mailboxes WHERE session=? AND seat=?", (session, seat)
    ).fetchone()
    if up_to > last:
        raise DaricError("parameter", "the acknowledged number was never given out")
    if up_to > acked:
        bury(tx, session, seat, "seq<=?", up_to)
        tx.raw.execute("UPDATE mailboxes SET acked=? WHERE session=? AND seat=?", (up_to, session, seat))


def bury(tx: Transaction, session: bytes, seat: int, which: str, value: float) -> None:
    """Turn messages into tombstones and take them off the counts. which: a fixed condition with one parameter."""
    where = f"session=? AND seat=? AND body IS NOT NULL AND {which}"
    count, size = tx.raw.execute(
        f"SELECT count(*), coalesce(sum(length(body)), 0) FROM messages WHERE {where}", (session, seat, value)
    ).fetchone()
    tx.raw.execute(f"UPDATE messages SET body=NULL, expires={NEVER} WHERE {where}", (session, seat, value))
    tx.raw.execute(
        "UPDATE mailboxes SET unread=unread-?, bytes=bytes-? WHERE session=? AND seat=?", (count, size, session, seat)
    )
    tx.raw.execute("UPDATE sessions SET bytes=bytes-? WHERE session=?", (size, session))


def expire(tx: Transaction) -> int:
    """Bury every message whose time is over; how many mailboxes that touched."""
    boxes = tx.raw.execute(
        "SELECT DISTINCT session, seat FROM messages WHERE expires<=? AND body IS NOT NULL", (tx.now,)
    ).fetchall()
    for session, seat in boxes:
        bury(tx, session, seat, "expires<=?", tx.now)
        tx.wake.add(("mailbox", session, seat))
    return len(boxes)


def forget(tx: Transaction, session: bytes) -> None:
    """Drop the mailboxes of a session that ended long ago; its record and the evidence stay."""
    tx.raw.execute("DELETE FROM messages WHERE session=?", (session,))
    tx.raw.execute("DELETE FROM mailboxes WHERE session=?", (session,))
