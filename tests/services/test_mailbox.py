"""The mailbox contract: gapless, idempotent, durable, limited; against a model that knows nothing of databases."""

import sqlite3
import tempfile
from pathlib import Path

import pytest
from daric_host.services import mailbox
from daric_host.services.mailbox import Conflict, Expired, Item, Quota
from daric_host.services.store import Transaction, connect
from daric_protocol.errors import DaricError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.services.house import empty_database

SESSION = b"s" * 16
ROOM = Quota(messages=512, mailbox_bytes=1 << 20, session_bytes=1 << 22)


class Desk:
    """The mailbox functions over a real database file, each call in its own transaction."""

    def __init__(self, path):
        self.path = path
        self.now = 1000.0
        path.write_bytes(empty_database())
        self.engine = connect(path)
        with self.engine.begin() as connection:
            raw = connection.connection.driver_connection
            raw.execute("INSERT INTO accounts VALUES (?, 0)", (b"a",))
            raw.execute("INSERT INTO parties VALUES (?, ?, 'phone', 'p', 0, NULL)", (b"p" * 33, b"a"))
            raw.execute("INSERT INTO session_ids VALUES (?, ?, 0, 1)", (SESSION, b"p" * 33))
            raw.execute(
                "INSERT INTO sessions VALUES (?, 'running', 1, ?, ?, 2, NULL, 0, 1e9, NULL, 0, 0, NULL)",
                (SESSION, b"p" * 33, b"t"),
            )
        for seat in (0, 1, 2):
            self.run(lambda tx, seat=seat: mailbox.open_mailbox(tx, SESSION, seat))

    def run(self, work):
        with self.engine.begin() as connection:
            return work(Transaction(connection, self.now))

    def put(self, sender, *items, quota=ROOM):
        return self.run(lambda tx: mailbox.put(tx, SESSION, sender, items, quota))

    def read(self, seat, after=0, limit=100):
        connection = sqlite3.connect(self.path)
        try:
            return mailbox.read(connection, SESSION, seat, after, limit, self.now)
        finally:
            connection.close()

    def ack(self, seat, up_to):
        self.run(lambda tx: mailbox.ack(tx, SESSION, seat, up_to))

    def counts(self, seat):
        """(unread, bytes) of a mailbox, and the bytes of the session."""
        query = "SELECT m.unread, m.bytes, s.bytes FROM mailboxes m JOIN sessions s USING (session) WHERE m.seat=?"
        return self.run(lambda tx: tx.raw.execute(query, (seat,)).fetchone())


def item(seat, body, msg_id=None, ttl=600.0):
    return Item(seat, msg_id or body.ljust(16, b"."), body, ttl)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path / "box.db")


def test_every_mailbox_counts_from_one_without_gaps(desk):
    assert desk.put(0, item(1, b"a"), item(2, b"a")) == [1, 1]
    assert desk.put(2, item(1, b"b")) == [2]
    assert desk.put(0, item(1, b"c")) == [3]
    assert [one.seq for one in desk.read(1)] == [1, 2, 3]
    assert [(one.sender, one.body) for one in desk.read(1, after=1)] == [(2, b"b"), (0, b"c")]


def test_a_repeated_message_has_its_first_number_and_is_stored_once(desk):
    assert desk.put(0, item(1, b"a")) == [1]
    assert desk.put(0, item(1, b"b"), item(1, b"a")) == [2, 1]
    assert len(desk.read(1)) == 2


def test_a_message_id_belongs_to_its_sender_and_recipient(desk):
    same = b"i" * 16
    assert desk.put(0, item(1, b"a", same), item(2, b"b", same)) == [1, 1]
    assert desk.put(2, item(1, b"c", same)) == [2]


def test_a_conflict_stores_nothing_of_its_batch_and_keeps_both_bodies(desk):
    desk.put(0, item(1, b"a", b"i" * 16))
    assert desk.put(0, item(2, b"x"), item(1, b"b", b"i" * 16)) == Conflict(1, b"i" * 16)
    assert desk.read(2) == []
    rows = desk.run(lambda tx: tx.raw.execute("SELECT first, second FROM conflicts").fetchall())
    assert rows == [(b"a", b"b")]


def test_a_flood_of_conflicts_keeps_a_few(desk):
    for k in range(18):
        desk.put(0, item(1, b"a", b"%016d" % k))
        desk.put(0, item(1, b"b", b"%016d" % k))
    kept, flagged = desk.run(
        lambda tx: tx.raw.execute("SELECT (SELECT count(*) FROM conflicts), flagged FROM sessions").fetchone()
    )
    assert (kept, flagged) == (16, 18)


def test_reading_deletes_nothing_and_acknowledging_does(desk):
    desk.put(0, item(1, b"a"), item(1, b"b"), item(1, b"c"))
    assert desk.read(1) == desk.read(1)
    desk.ack(1, 2)
    assert [one.body for one in desk.read(1, after=2)] == [b"c"]
    assert desk.counts(1) == (1, 1, 1)
    desk.ack(1, 1)  # an older acknowledgement changes nothing
    with pytest.raises(Expired) as gone:
        desk.read(1, after=0)
    assert gone.value.after == 2


def test_an_acknowledged_message_sent_again_is_still_known(desk):
    desk.put(0, item(1, b"a"))
    desk.ack(1, 1)
    assert desk.put(0, item(1, b"a")) == [1]
    assert desk.read(1, after=1) == []


def test_what_was_never_sent_cannot_be_acknowledged_or_read(desk):
    desk.put(0, item(1, b"a"))
    for act in (lambda: desk.ack(1, 2), lambda: desk.read(1, after=2)):
        with pytest.raises(DaricError) as refused:
            act()
        assert refused.value.name == "parameter"


def test_expired_messages_are_an_error_and_never_a_gap(desk):
    desk.put(0, item(1, b"a", ttl=10), item(1, b"b", ttl=10), item(1, b"c", ttl=100), item(1, b"d", ttl=10))
    desk.now += 10
    for swept in (False, True):
        if swept:
            desk.run(mailbox.expire)
        with pytest.raises(Expired) as gone:
            desk.read(1)
        assert gone.value.after == 2
        assert [one.body for one in desk.read(1, after=2)] == [b"c"]  # and not d, nor a silent end
        with pytest.raises(Expired) as gone:
            desk.read(1, after=3)
        assert gone.value.after == 4
    assert desk.read(1, after=4) == []
    assert desk.counts(1) == (1, 1, 1)


@pytest.mark.parametrize(
    "quota", [Quota(2, 1 << 20, 1 << 20), Quota(99, 20, 1 << 20), Quota(99, 1 << 20, 25)]
)  # fmt: skip
def test_a_recipient_that_does_not_read_is_a_limit_for_the_sender_until_it_reads(desk, quota):
    desk.put(0, item(1, b"0123456789"), item(1, b"x123456789"), quota=quota)
    if quota.messages == 99 and quota.mailbox_bytes > 20:
        desk.put(0, item(2, b"01234"), quota=quota)  # fills the session, not the mailbox
    with pytest.raises(DaricError) as refused:
        desk.put(0, item(1, b"more"), quota=quota)
    assert refused.value.name == "limit"
    desk.ack(1, 1)
    assert desk.put(0, item(1, b"more"), quota=quota) == [3]


def test_a_page_ends_at_its_limits(desk):
    desk.put(0, *[item(1, b"%d" % k) for k in range(10)])
    assert len(desk.read(1, limit=4)) == 4
    big = bytes(mailbox.PAGE_BYTES)
    desk.put(0, item(2, big, b"1" * 16), item(2, big, b"2" * 16), quota=Quota(9, 1 << 30, 1 << 30))
    assert [one.seq for one in desk.read(2)] == [1]


def test_forgetting_a_session_leaves_its_evidence(desk):
    desk.put(0, item(1, b"a", b"i" * 16))
    desk.put(0, item(1, b"b", b"i" * 16))
    desk.run(lambda tx: mailbox.forget(tx, SESSION))
    assert desk.read(1) == []
    assert desk.run(lambda tx: tx.raw.execute("SELECT count(*) FROM conflicts").fetchone()) == (1,)


class MailboxModel(RuleBasedStateMachine):
    """A mailbox is a list; acknowledging and time turn entries into tombstones."""

    @initialize()
    def open(self):
        self.folder = tempfile.TemporaryDirectory()
        self.desk = Desk(Path(self.folder.name) / "box.db")
        self.rows = []  # [msg_id, sender, body, expires, alive]
        self.acked = 0

    @rule(
        sender=st.sampled_from([0, 2]), name=st.integers(0, 9), body=st.binary(min_size=1, max_size=3),
        ttl=st.sampled_from([5.0, 50.0]),
    )  # fmt: skip
    def publish(self, sender, name, body, ttl):
        msg_id = b"%016d" % name
        outcome = self.desk.put(sender, Item(1, msg_id, body, ttl))
        for seq, row in enumerate(self.rows, 1):
            if row[:2] == [msg_id, sender]:
                assert outcome == ([seq] if row[2] == body else Conflict(1, msg_id))
                return
        self.rows.append([msg_id, sender, body, self.desk.now + ttl, True])
        assert outcome == [len(self.rows)]

    @rule(part=st.floats(0, 1))
    def acknowledge(self, part):
        up_to = round(part * len(self.rows))
        self.desk.ack(1, up_to)
        self.acked = max(self.acked, up_to)
        for row in self.rows[: self.acked]:
            row[4] = False

    @rule(seconds=st.sampled_from([1.0, 7.0]), sweep=st.booleans())
    def wait(self, seconds, sweep):
        self.desk.now += seconds
        if sweep:
            self.desk.run(mailbox.expire)
            for row in self.rows:
                row[4] = row[4] and row[3] > self.desk.now

    @rule(part=st.floats(0, 1), limit=st.integers(1, 5))
    def read(self, part, limit):
        after = round(part * len(self.rows))
        alive = [row[4] and row[3] > self.desk.now for row in self.rows]
        try:
            page = self.desk.read(1, after, limit)
        except Expired as gone:
            assert after < len(alive) and not any(alive[after : gone.after])
            assert gone.after == len(alive) or alive[gone.after]
            return
        assert [one.seq for one in page] == list(range(after + 1, after + 1 + len(page)))
        assert [(one.msg_id, one.sender, one.body) for one in page] == [
            tuple(row[:3]) for row in self.rows[after : after + len(page)]
        ]
        assert all(alive[after : after + len(page)])
        rest = alive[after + len(page) :]
        assert len(page) == limit or not rest or (page and not rest[0])

    @precondition(lambda self: hasattr(self, "desk"))
    @invariant()
    def counts_are_true(self):
        bodies = [row[2] for row in self.rows if row[4]]
        size = sum(map(len, bodies))
        assert self.desk.counts(1) == (len(bodies), size, size)

    def teardown(self):
        if hasattr(self, "desk"):
            self.desk.engine.dispose()
            self.folder.cleanup()


MailboxModel.TestCase.settings = settings(
    max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestMailboxModel = MailboxModel.TestCase
