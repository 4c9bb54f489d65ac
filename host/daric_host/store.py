"""The hosts' store: sealed rows in SQLite, read, written and erased by name.

Three levels of keys: the provider's key-encryption key wraps one storage key per wallet (the cloud's SEK), which
wraps one random key per row and version. Heads count what is stored, per wallet and for the whole store, so that a
row that was removed, swapped or rolled back is refused. Interface as daric_protocol.custody asks of every store.
Specification: docs/architecture.md, the hosts' stores.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daric_protocol import atrest, platform
from daric_protocol.errors import DaricError

from daric_host.keyprovider import KeyProvider

KEY_BYTES = 32
ROOT = ""  # scope of entries that belong to no wallet, and of the key that MACs the heads
WALLET_PREFIXES = (
    "group", "shard", "pair", "fresh", "swap", "mark", "ban", "spent", "leaving", "change", "gone", "issued",
    "base", "rival", "doubt", "missing", "backup", "tries", "owner", "left", "behind", "safe",
)  # fmt: skip
SUM_BYTES = 32

SCHEMA = """
CREATE TABLE IF NOT EXISTS sek (scope TEXT PRIMARY KEY, wrapped BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entry (
    name TEXT PRIMARY KEY, scope TEXT NOT NULL, version INTEGER NOT NULL, wrapped BLOB NOT NULL, sealed BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS head (
    scope TEXT PRIMARY KEY, version INTEGER NOT NULL, total BLOB NOT NULL, mac BLOB NOT NULL) WITHOUT ROWID;
"""
WHOLE = "*"  # the head over all heads


def _scope(name: str) -> str:
    """The wallet an entry belongs to: the second part of its name, where the first says that it has one."""
    parts = name.split("/")
    return parts[1] if len(parts) > 1 and parts[0] in WALLET_PREFIXES else ROOT


class SqliteStore:
    """read, write, erase, names over the SQLite file at `path`; one process at a time.

    purpose: what the store is for ("phone", "cloud"), bound into every row. Raises DaricError("busy") when another
    process has it open, DaricError("storage") when it is damaged, unwritable or was changed from outside.
    """

    def __init__(self, path: str | Path, provider: KeyProvider, purpose: str = "host") -> None:
        self._provider = provider
        self._purpose = f"daric/{purpose}".encode()
        self._lock = threading.RLock()
        self._seks: dict[str, bytes] = {}
        self._versions: dict[str, int] = {}
        self._refused: set[str] = set()
        self._db = self._connect(path)
        try:
            with self._changing():
                self._head_key = self._sek(ROOT)
            self._verify()
            self._truncate_log()  # what was erased just before a kill is in no file either
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._db.close()

    def read(self, name: str) -> bytes | None:
        """The value of `name`, or None. Raises DaricError("storage") naming a damaged entry."""
        with self._lock:
            self._check(_scope(name))
            with self._errors():
                row = self._db.execute("SELECT version, wrapped, sealed FROM entry WHERE name = ?", (name,)).fetchone()
            if (row[0] if row else None) != self._versions.get(name):
                raise DaricError("storage", f"Entry {name} was changed from outside.")
            return None if row is None else self._open(name, *row)

    def write(self, name: str, *parts: bytes) -> None:
        """Make the parts, end to end, the value of `name`: durable on return, old or new after a crash.

        The old value is erased.
        """
        self._change(name, b"".join(parts))

    def erase(self, name: str) -> None:
        """Destroy the row and its key, in the write-ahead log too; nothing happens if it is not there."""
        self._change(name, None)

    def sealed(self, name: str) -> tuple[int, bytes] | None:
        """(version, sealed value) of `name` as it lies on the disk, or None: of no use without the row's own key."""
        with self._lock:
            self._check(_scope(name))
            with self._errors():
                row = self._db.execute("SELECT version, sealed FROM entry WHERE name = ?", (name,)).fetchone()
            return None if row is None else (int(row[0]), bytes(row[1]))

    def erase_wallet(self, wallet: str, name: str, value: bytes) -> None:
        """Destroy every row of a wallet and its storage key, and write one entry instead, all at once.

        wallet: the second part of its entries' names. name: of an entry that belongs to no wallet. Where nothing of the
        wallet is stored the entry is still written.
        """
        with self._lock:
            self._check(wallet)
            rows = [one for one in self._versions if _scope(one) == wallet]
            with self._changing():
                version = self._next_version()
                before = self._head(wallet)[0]
                for table in ("entry", "sek", "head"):
                    self._db.execute(f"DELETE FROM {table} WHERE scope = ?", (wallet,))
                if before:
                    last, whole = self._head(WHOLE)
                    self._set_head(WHOLE, last, whole - self._prf("scope", wallet, before))
                self._put(name, version, value)
            self._seks.pop(wallet, None)
            for one in rows:
                del self._versions[one]
            self._versions[name] = version
            self._truncate_log()

    def names(self, prefix: str = "") -> list[str]:
        """Names of all entries that start with `prefix`, sorted."""
        with self._lock:
            return sorted(name for name in self._versions if name.startswith(prefix))

    def damaged(self) -> list[str]:
        """Names of the entries that can't be read."""
        found = []
        for name in self.names():
            try:
                self.read(name)
            except DaricError:
                found.append(name)
        return found

    def rewrap(self) -> None:
        """Wrap every storage key under the provider's current key: the second half of a rotation."""
        with self._lock, self._changing():
            for scope, wrapped in self._db.execute("SELECT scope, wrapped FROM sek").fetchall():
                key = self._provider.unwrap(wrapped, self._context(scope))
                again = self._provider.wrap(key, self._context(scope))
                self._db.execute("UPDATE sek SET wrapped = ? WHERE scope = ?", (again, scope))
        with self._lock:
            self._truncate_log()

    def _change(self, name: str, value: bytes | None) -> None:
        scope = _scope(name)
        with self._lock:
            self._check(scope)
            old = self._versions.get(name)
            if old is None and value is None:
                return
            with self._changing():
                version = self._next_version()
                self._put(name, version, value)
            if value is None:
                del self._versions[name]
            else:
                self._versions[name] = version
            if old is not None:
                self._truncate_log()

    def _next_version(self) -> int:
        version = self._head(WHOLE)[0] + 1
        if version > atrest.MAX_VERSION:
            raise DaricError("storage", "The store has counted its last version.")
        return version

    def _put(self, name: str, version: int, value: bytes | None) -> None:
        """Set or delete one row and move the heads, inside `_changing`."""
        scope = _scope(name)
        if value is None:
            self._db.execute("DELETE FROM entry WHERE name = ?", (name,))
        else:
            row = (name, scope, version, *self._seal(scope, name, version, value))
            self._db.execute("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?)", row)
        self._move_heads(scope, name, version, self._versions.get(name), value is not None)

    # Sealing

    def _seal(self, scope: str, name: str, version: int, value: bytes) -> tuple[bytes, bytes]:
        key = os.urandom(KEY_BYTES)
        wrapped = atrest.seal_entry(self._sek(scope), self._purpose + b"/key", name, version, key, os.urandom(16))
        return wrapped, atrest.seal_entry(key, self._purpose, name, version, value, os.urandom(16))

    def _open(self, name: str, version: int, wrapped: bytes, sealed: bytes) -> bytes:
        try:
            key = atrest.open_entry(self._sek(_scope(name)), self._purpose + b"/key", name, version, wrapped)
            return atrest.open_entry(key, self._purpose, name, version, sealed)
        except DaricError as error:
            raise DaricError("storage", f"Entry {name} is damaged.") from error

    def _context(self, scope: str) -> str:
        return f"{self._purpose.decode()}/sek/{scope}"

    def _sek(self, scope: str) -> bytes:
        """The storage key of a wallet, made with its first row. Inside `_changing` where it may be new."""
        if scope not in self._seks:
            row = self._db.execute("SELECT wrapped FROM sek WHERE scope = ?", (scope,)).fetchone()
            if row is None:
                key = os.urandom(KEY_BYTES)
                wrapped = self._provider.wrap(key, self._context(scope))
                self._db.execute("INSERT INTO sek VALUES (?, ?)", (scope, wrapped))
                return self._seks.setdefault(scope, key)
            try:
                self._seks[scope] = self._provider.unwrap(row[0], self._context(scope))
            except DaricError as error:
                raise DaricError("storage", "A storage key can't be unwrapped: wrong or lost key file.") from error
        return self._seks[scope]

    # Heads: (version, sum of PRF(name, version) over what is counted), each with a MAC

    def _prf(self, *parts: str | int) -> int:
        text = "\0".join(str(part) for part in parts)
        return int.from_bytes(platform.hmac_sha256(self._head_key, text.encode()), "big")

    def _mac(self, scope: str, version: int, total: bytes) -> bytes:
        return platform.hmac_sha256(self._head_key, f"head\0{scope}\0{version}\0{total.hex()}".encode())

    def _head(self, scope: str) -> tuple[int, int]:
        row = self._db.execute("SELECT version, total, mac FROM head WHERE scope = ?", (scope,)).fetchone()
        if row is None:
            return 0, 0
        version, total, mac = row
        if not platform.equal(self._mac(scope, version, total), mac):
            raise DaricError("storage", "The head of the store is damaged or was changed from outside.")
        return version, int.from_bytes(total, "big")

    def _set_head(self, scope: str, version: int, total: int) -> None:
        encoded = (total % (1 << (8 * SUM_BYTES))).to_bytes(SUM_BYTES, "big")
        row = (scope, version, encoded, self._mac(scope, version, encoded))
        self._db.execute("INSERT OR REPLACE INTO head VALUES (?, ?, ?, ?)", row)

    def _move_heads(self, scope: str, name: str, version: int, old: int | None, stays: bool) -> None:
        before, total = self._head(scope)
        whole = self._head(WHOLE)[1]
        total -= 0 if old is None else self._prf("entry", name, old)
        total += self._prf("entry", name, version) if stays else 0
        self._set_head(scope, version, total)
        whole -= self._prf("scope", scope, before) if before else 0
        self._set_head(WHOLE, version, whole + self._prf("scope", scope, version))

    def _verify(self) -> None:
        """Compare every head with what is there; a wallet whose rows differ is refused, the others work."""
        with self._errors():
            rows = self._db.execute("SELECT name, scope, version FROM entry").fetchall()
            scopes = [scope for (scope,) in self._db.execute("SELECT scope FROM head WHERE scope != ?", (WHOLE,))]
        totals = dict.fromkeys(scopes, 0)
        for name, scope, version in rows:
            if scope != _scope(name) or scope not in totals:
                raise DaricError("storage", f"Entry {name} was added from outside.")
            totals[scope] += self._prf("entry", name, version)
            self._versions[name] = version
        whole = 0
        for scope in scopes:
            version, total = self._head(scope)
            whole += self._prf("scope", scope, version)
            if total != totals[scope] % (1 << (8 * SUM_BYTES)):
                self._refused.add(scope)
        if whole % (1 << (8 * SUM_BYTES)) != self._head(WHOLE)[1]:
            raise DaricError("storage", "A wallet of this store was removed or rolled back from outside.")

    def _check(self, scope: str) -> None:
        if scope in self._refused:
            raise DaricError("storage", f"Rows of {scope or 'the store'} were removed or rolled back from outside.")

    # SQLite

    def _connect(self, path: str | Path) -> sqlite3.Connection:
        try:
            if str(path) != ":memory:":
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
            try:
                database.execute("PRAGMA locking_mode = EXCLUSIVE")
                database.execute("PRAGMA journal_mode = WAL")
                database.execute("PRAGMA synchronous = FULL")
                database.execute("PRAGMA secure_delete = ON")
                database.executescript(SCHEMA)
            except BaseException:
                database.close()
                raise
        except (sqlite3.Error, OSError) as error:
            raise self._translated(error) from error
        return database

    def _translated(self, error: Exception) -> DaricError:
        if "locked" in str(error):
            return DaricError("busy", "Another process has this store open.")
        return DaricError("storage", f"The store can't be read or written: {error}.")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._translated(error) from error

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One transaction: committed and synced at the end, rolled back on any error."""
        known = dict(self._seks)
        with self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._seks = known
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _truncate_log(self) -> None:
        """Empty the write-ahead log, so that erased rows are in no file any more."""
        with self._errors():
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
