"""The services' database: SQLite in WAL mode, one writer thread that commits in groups, one reader thread.

What a job wrote is durable (synchronous=FULL) before its result is given out; jobs of one group share the flush.
Records go through SQLAlchemy, the mailbox path through the same connection's plain sqlite3 (services/mailbox.py).
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from daric_protocol.errors import DaricError
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import NullPool

Result = TypeVar("Result")
GROUP = 256  # jobs that share one flush
BACKLOG = 4096  # jobs waiting for the writer, then `limit`
Key = tuple[str, bytes, int]  # what a waiter listens to: ("mailbox", session, seat) or ("session", session, 0)


class Transaction:
    """What a job works on: `sql` for records, `raw` for the mailbox path, `now`, and whom to wake after the commit."""

    def __init__(self, sql: sa.Connection, now: float) -> None:
        self.sql = sql
        raw = sql.connection.driver_connection
        if not isinstance(raw, sqlite3.Connection):
            raise DaricError("storage", "the mailbox path expects SQLite")
        self.raw: sqlite3.Connection = raw
        self.now = now
        self.wake: set[Key] = set()


class Bells:
    """Waiters of this process, woken by key after a commit. All methods run in the event loop."""

    def __init__(self) -> None:
        self._bells: dict[Key, set[asyncio.Event]] = {}
        self.closed = False

    @contextmanager
    def listen(self, key: Key) -> Iterator[asyncio.Event]:
        """An event set whenever the key rings while the block runs; listen first, then read."""
        bell = asyncio.Event()
        if self.closed:
            bell.set()
        self._bells.setdefault(key, set()).add(bell)
        try:
            yield bell
        finally:
            others = self._bells[key]
            others.discard(bell)
            if not others:
                del self._bells[key]

    def ring(self, keys: set[Key]) -> None:
        for key in keys:
            for bell in self._bells.get(key, ()):
                bell.set()

    def close(self) -> None:
        """Wake everybody for good: the process is about to stop."""
        self.closed = True
        self.ring(set(self._bells))


class Job:
    """A function waiting for the writer, and the future of its result."""

    def __init__(self, work: Callable[[Transaction], Any], future: asyncio.Future[Any]) -> None:
        self.work = work
        self.future = future
        self.result: Any = None
        self.error: BaseException | None = None
        self.wake: set[Key] = set()


def connect(path: Path) -> sa.Engine:
    """An engine whose connections use WAL, synchronous=FULL and foreign keys, and whose BEGIN takes the write lock."""
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=NullPool, connect_args={"check_same_thread": False})

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun and ended by us
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA busy_timeout=5000")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def migrate(engine: sa.Engine) -> None:
    """Bring the schema to the newest version."""
    config = Config()
    config.set_main_option("script_location", "daric_host.services:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


class Store:
    """Owner of the database file. `write` and `read` are called from one event loop."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        """Open or create; DaricError("storage") if the file is unwritable or damaged."""
        self.path = path
        self.bells = Bells()
        self.groups = 0  # commits so far
        self._clock = clock
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._engine = connect(path)
        try:
            migrate(self._engine)
            self._connection = self._engine.connect()
            self._reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False)
        except (DBAPIError, sqlite3.Error) as error:
            raise DaricError("storage", f"the database cannot be opened ({type(error).__name__})") from error
        self._reading = ThreadPoolExecutor(1, "daric-reader")
        self._writer = threading.Thread(target=self._run, name="daric-writer", daemon=True)
        self._writer.start()
        self._closed = False

    async def write(self, work: Callable[[Transaction], Result]) -> Result:
        """Run a job in the writer and return its result once it is durable; a job that raises leaves no trace."""
        return await self.submit(work)

    def submit(self, work: Callable[[Transaction], Result]) -> asyncio.Future[Result]:
        """Queue a job; jobs of one caller run in the order of submission. DaricError("limit") if too many wait."""
        if self._closed:
            raise DaricError("service", "the service is stopping")
        if self._jobs.qsize() >= BACKLOG:
            raise DaricError("limit")
        self._loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = self._loop.create_future()
        self._jobs.put(Job(work, future))
        return future

    async def read(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run a query on committed data in the reader thread."""
        if self._closed:
            raise DaricError("service", "the service is stopping")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reading, work, self._reader)
        except sqlite3.Error as error:
            raise DaricError("storage", f"the database cannot be read ({type(error).__name__})") from error

    def close(self) -> None:
        """Commit what is queued, checkpoint the log and close. Called once, from any thread."""
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        self._writer.join()
        self._reading.shutdown()
        self._reader.close()
        raw = self._connection.connection.driver_connection
        if isinstance(raw, sqlite3.Connection):
            with suppress(sqlite3.Error):  # the log is replayed at the next start
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()
        self._engine.dispose()

    def _run(self) -> None:
        open_ = True
        while open_:
            group = [self._jobs.get()]
            while len(group) < GROUP and not self._jobs.empty():
                group.append(self._jobs.get())
            open_ = None not in group
            jobs = [job for job in group if job is not None]
            if jobs:
                self._commit(jobs)
                if self._loop is not None and not self._loop.is_closed():
                    self._loop.call_soon_threadsafe(self._deliver, jobs)

    def _commit(self, jobs: list[Job]) -> None:
        """All jobs in one transaction, each in its savepoint; a storage fault fails them all and nothing is kept."""
        try:
            with self._connection.begin():
                for job in jobs:
                    self._attempt(job)
            self.groups += 1
        except (DBAPIError, sqlite3.Error) as error:
            for job in jobs:
                job.error = DaricError("storage", f"the database refused to write ({type(error).__name__})")
                job.wake = set()

    def _attempt(self, job: Job) -> None:
        transaction = Transaction(self._connection, self._clock())
        raw = transaction.raw
        raw.execute("SAVEPOINT job")
        try:
            job.result = job.work(transaction)
            job.wake = transaction.wake
        except Exception as error:  # handed to the caller of this one job
            broken = (DBAPIError, sqlite3.Error)
            if isinstance(error, broken) and not isinstance(error, (IntegrityError, sqlite3.IntegrityError)):
                raise  # ends the group: SQLite may have rolled the whole transaction back
            job.error = error
            raw.execute("ROLLBACK TO job")
        raw.execute("RELEASE job")

    def _deliver(self, jobs: list[Job]) -> None:
        for job in jobs:
            if not job.future.done():
                if job.error is not None:
                    job.future.set_exception(job.error)
                else:
                    job.future.set_result(job.result)
            if job.error is None:
                self.bells.ring(job.wake)
