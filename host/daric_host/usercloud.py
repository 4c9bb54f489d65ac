"""The user's cloud storage: sealed files in any place that an fsspec URL names, a local folder by default.

Every wallet has a key and a folder of its own; the key, and which version of each file is the newest, are kept in the
phone's store. Each write is salted, and bound to name and version, so that whoever keeps the files can neither read
them nor swap one for another or for an older one. Specification: docs/architecture.md, the user's cloud storage.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import aiohttp
import fsspec
from daric_protocol import atrest, platform
from daric_protocol.errors import DaricError

if TYPE_CHECKING:
    from daric_protocol.custody import Store

FOLDER = "user-cloud"  # in a wallet's home, where no other place is named
PREFIX = "safe/"  # of a wallet's record in the phone's store
PURPOSE = b"daric/user-cloud"
KEY_BYTES = 32
FILE_BYTES = atrest.MAX_ENTRY_BYTES + atrest.OVERHEAD
ABSENT = 0  # as a version: no file yet
LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
# What file systems of all kinds fail with, a missing package and an unknown kind of place included.
FAILURES = (OSError, ValueError, RuntimeError, ImportError, LookupError, TypeError, AttributeError, aiohttp.ClientError)


class _Record:
    """What the phone's store knows of one wallet's files. files: {name: versions that may be there, newest last}."""

    def __init__(self, key: bytes, version: int, files: dict[str, list[int]]) -> None:
        self.key = key
        self.version = version  # the highest ever used: none is used twice
        self.files = files

    def encode(self) -> bytes:
        return platform.cbor_encode([self.key, self.version, [[name, self.files[name]] for name in sorted(self.files)]])

    @classmethod
    def decode(cls, data: bytes) -> _Record:
        key, version, files = platform.cbor_decode(data)
        return cls(key, version, {name: list(versions) for name, versions in files})

    @property
    def folder(self) -> str:
        """Where this wallet's files lie: says neither which wallet it is nor whose."""
        return hashlib.sha256(PURPOSE + self.key).hexdigest()[:32]


class UserCloud:
    """read, write, names, erase over files sealed under a wallet's own key.

    url: any fsspec URL or a path. store: the phone's. Every call raises DaricError("storage") where the place cannot be
    reached or written, or a file is missing, damaged, swapped or older than the newest; "too_large" above 65535 bytes.
    """

    def __init__(self, url: str, store: Store) -> None:
        self.url = url
        self._store = store
        self._lock = threading.RLock()

    def write(self, group_id: bytes, name: str, value: bytes) -> None:
        """Make `value` the content of a wallet's file: the old or the new one after a crash, never a mixture.

        group_id: 16 B. name: of small letters, digits and hyphens.
        """
        with self._lock:
            record = self._record(group_id) or _Record(os.urandom(KEY_BYTES), 0, {})
            settled = self._settled(record, _checked(name))
            version = record.version + 1
            sealed = atrest.seal_entry(record.key, PURPOSE, name, version, value, os.urandom(atrest.SALT_BYTES))
            record.version, record.files[name] = version, [settled, version]
            self._keep(group_id, record)
            self._put(f"{record.folder}/{name}", sealed)
            record.files[name] = [version]
            self._keep(group_id, record)

    def read(self, group_id: bytes, name: str) -> bytes | None:
        """The newest content of a wallet's file; None where it was never written."""
        with self._lock:
            record = self._record(group_id)
            if record is None or _checked(name) not in record.files:
                return None
            return self._open(record, name)[1]

    def names(self, group_id: bytes, prefix: str = "") -> list[str]:
        """Names of a wallet's files, sorted, as this phone wrote them: also of those that are missing by now."""
        with self._lock:
            record = self._record(group_id)
            return [] if record is None else sorted(name for name in record.files if name.startswith(prefix))

    def erase(self, group_id: bytes, name: str) -> None:
        """Remove a wallet's file; nothing happens if there is none."""
        with self._lock:
            record = self._record(group_id)
            if record is None or _checked(name) not in record.files:
                return
            self._remove(f"{record.folder}/{name}")
            del record.files[name]
            self._keep(group_id, record)

    # Inside

    def _record(self, group_id: bytes) -> _Record | None:
        data = self._store.read(PREFIX + group_id.hex())
        return None if data is None else _Record.decode(data)

    def _keep(self, group_id: bytes, record: _Record) -> None:
        self._store.write(PREFIX + group_id.hex(), record.encode())

    def _settled(self, record: _Record, name: str) -> int:
        """The version that is there now: after a write that broke off either the old one or the new one."""
        versions = record.files.get(name, [ABSENT])
        return versions[0] if len(versions) == 1 else self._open(record, name)[0]

    def _open(self, record: _Record, name: str) -> tuple[int, bytes | None]:
        """(version, content) of a file, ABSENT and None where it may be missing and is."""
        versions = record.files[name]
        sealed = self._get(f"{record.folder}/{name}")
        if sealed is None:
            if ABSENT in versions:
                return ABSENT, None
            raise DaricError("storage", f"the file {name} is gone from the user's cloud storage")
        for version in reversed(versions):
            if version == ABSENT:
                continue
            try:
                return version, atrest.open_entry(record.key, PURPOSE, name, version, sealed)
            except DaricError:
                continue
        raise DaricError("storage", f"the file {name} in the user's cloud storage was changed, swapped or rolled back")

    # The place

    @contextmanager
    def _place(self, doing: str) -> Iterator[tuple[Any, Callable[[str], str]]]:
        """(file system, where a file lies in it); what it fails with is DaricError("storage")."""
        try:
            files, root = fsspec.core.url_to_fs(self.url)
            yield files, lambda path: f"{root.rstrip('/')}/{path}"
        except FAILURES as error:
            why = _without_credentials(str(error) or type(error).__name__, self.url)
            # Not `from error`: what it fails with may quote the place's URL, and so a password.
            raise DaricError("storage", f"the user's cloud storage cannot be {doing}: {why}") from None

    def _put(self, path: str, data: bytes) -> None:
        """A whole file under another name first, then in one step under its own."""
        with self._place("written") as (files, at):
            place, new = at(path), at(path + ".new")
            files.makedirs(files._parent(place), exist_ok=True)
            with files.open(new, "wb") as file:
                file.write(data)
                if _is_local(files):
                    file.flush()
                    os.fsync(file.fileno())
            files.mv(new, place)
            if _is_local(files):
                _sync_folder(files._parent(place))

    def _get(self, path: str) -> bytes | None:
        """A file's bytes, None where there is no such file."""
        with self._place("read") as (files, at):
            try:
                data = files.cat_file(at(path), end=FILE_BYTES + 1)
            except FileNotFoundError:
                return None
        if not isinstance(data, bytes) or len(data) > FILE_BYTES:
            raise DaricError("storage", "a file in the user's cloud storage is too large to be ours")
        return data

    def _remove(self, path: str) -> None:
        with self._place("written") as (files, at):
            try:
                files.rm_file(at(path))
            except FileNotFoundError:
                return


def _checked(name: str) -> str:
    if not name or not LETTERS.issuperset(name):
        raise DaricError("parameter", "a file's name has small letters, digits and hyphens")
    return name


def _without_credentials(text: str, url: str) -> str:
    """What a file system says, without a password or the parameters that the place's URL holds."""
    with suppress(ValueError):
        parts = urlsplit(url)
        hidden = parts.password or parts.username or ""  # a name without a password may be a token
        for secret in (parts.query, hidden, unquote(hidden)):
            text = text.replace(secret, "***") if secret else text
    return text


def _is_local(files: Any) -> bool:
    return "file" in (files.protocol if isinstance(files.protocol, tuple) else (files.protocol,))


def _sync_folder(path: str) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


__all__ = ["FOLDER", "UserCloud"]
