"""The store: one writer, groups, faults of the disk, and the schema."""

import asyncio
import sqlite3
import time

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from daric_host.services import records
from daric_host.services.settings import Keys
from daric_host.services.store import Store, connect, migrate
from daric_protocol.errors import DaricError


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "s.db", time.time)
    yield opened
    opened.close()


def add(number, blob=b""):
    """A job that stores one row."""
    return lambda tx: tx.raw.execute("INSERT INTO accounts VALUES (?, ?)", (b"%016d" % number + blob, 0.0)) and number


async def count(store):
    return await store.read(lambda db: db.execute("SELECT count(*) FROM accounts").fetchone()[0])


async def test_jobs_that_wait_together_share_a_commit_and_run_in_order(store):
    await store.write(add(0))
    before = store.groups
    futures = [store.submit(add(k)) for k in range(1, 101)]
    assert await asyncio.gather(*futures) == list(range(1, 101))
    assert store.groups - before < 50
    assert await count(store) == 101


async def test_a_job_that_fails_leaves_no_trace_and_harms_no_other(store):
    def failing(tx):
        add(2)(tx)
        raise DaricError("session")

    futures = [store.submit(add(1)), store.submit(failing), store.submit(add(3)), store.submit(add(1))]
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert results[0] == 1 and results[2] == 3
    assert results[1].name == "session"
    assert isinstance(results[3], sqlite3.IntegrityError)
    assert await count(store) == 2


async def test_a_full_disk_fails_the_group_and_keeps_nothing_of_it(store):
    await store.write(add(0))
    raw = store._connection.connection.driver_connection
    pages = raw.execute("PRAGMA page_count").fetchone()[0]
    raw.execute(f"PRAGMA max_page_count={pages + 2}")
    futures = [store.submit(add(k, bytes(3000))) for k in range(1, 20)]
    results = await asyncio.gather(*futures, return_exceptions=True)
    failed = [one for one in results if isinstance(one, DaricError)]
    assert failed and {one.name for one in failed} == {"storage"}
    assert await count(store) == 1 + len(results) - len(failed)
    raw.execute("PRAGMA max_page_count=1000000")
    await store.write(add(99))


async def test_bells_ring_only_after_the_commit(store):
    def job(tx):
        add(1)(tx)
        tx.wake.add(("mailbox", b"s", 0))

    with store.bells.listen(("mailbox", b"s", 0)) as bell:
        future = store.submit(job)
        assert not bell.is_set()
        await future
        await asyncio.sleep(0)
        assert bell.is_set() and await count(store) == 1
    assert not store.bells._bells


async def test_a_failed_job_rings_no_bell(store):
    def job(tx):
        tx.wake.add(("mailbox", b"s", 0))
        raise DaricError("session")

    with store.bells.listen(("mailbox", b"s", 0)) as bell:
        with pytest.raises(DaricError):
            await store.write(job)
        assert not bell.is_set()


async def test_a_backlog_is_refused_instead_of_growing(store, monkeypatch):
    monkeypatch.setattr("daric_host.services.store.BACKLOG", 0)
    with pytest.raises(DaricError) as refused:
        store.submit(add(1))
    assert refused.value.name == "limit"


async def test_a_closed_store_has_committed_what_was_queued_and_takes_no_more(tmp_path):
    store = Store(tmp_path / "s.db", time.time)
    futures = [store.submit(add(k)) for k in range(20)]
    await asyncio.to_thread(store.close)
    assert await asyncio.gather(*futures) == list(range(20))
    with pytest.raises(DaricError):
        store.submit(add(1))
    with sqlite3.connect(tmp_path / "s.db") as db:
        assert db.execute("SELECT count(*) FROM accounts").fetchone() == (20,)


def test_the_writer_flushes_every_commit_to_the_disk(store):
    raw = store._connection.connection.driver_connection
    assert raw.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_migrations_make_exactly_the_tables_that_the_code_uses(tmp_path):
    engine = connect(tmp_path / "s.db")
    migrate(engine)
    migrate(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), records.metadata) == []
        rows = connection.execute(sa.text("PRAGMA foreign_key_list(participants)")).all()
    assert len(rows) == 1
    engine.dispose()


def test_a_damaged_database_is_a_storage_error(tmp_path):
    (tmp_path / "s.db").write_bytes(b"this is no database, " * 100)
    with pytest.raises(DaricError) as refused:
        Store(tmp_path / "s.db", time.time)
    assert refused.value.name == "storage"


def test_keys_are_made_once_and_readable_by_their_owner_only(tmp_path):
    keys = Keys.load(tmp_path / "state")
    assert Keys.load(tmp_path / "state").hop.public == keys.hop.public
    for path in (tmp_path / "state").glob("*.key"):
        assert path.stat().st_mode & 0o777 == 0o600
    (tmp_path / "state" / "hop.key").write_bytes(b"short")
    with pytest.raises(DaricError) as refused:
        Keys.load(tmp_path / "state")
    assert refused.value.name == "storage"
