"""Who holds the key-encryption key: a file by default, a hardware module where there is one.

Specification: docs/architecture.md, the hosts' stores.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Protocol

from daric_protocol import atrest
from daric_protocol.errors import DaricError

KEY_BYTES = 32
ID_BYTES = 8
PURPOSE = b"daric/kek"


class KeyProvider(Protocol):
    """Wraps the data keys of a store. `context` names what a key is for and must be the same when unwrapping."""

    def wrap(self, key: bytes, context: str) -> bytes:
        """`key` sealed under the current key-encryption key."""

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        """The key again, under whichever key-encryption key sealed it. Raises DaricError("sealed" or "storage")."""

    def rotate(self) -> str:
        """Make a new key-encryption key the current one and return its id; earlier ones still unwrap."""

    def key_id(self) -> str:
        """Id of the current key-encryption key."""

    def health(self) -> None:
        """Raises DaricError("storage") where keys can't be wrapped and unwrapped."""


class FileKeyProvider:
    """Key-encryption keys in a JSON file that only its owner may read (mode 0600), made when it does not exist."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._keys: dict[str, bytes] = {}
        self._current = ""
        if self._path.exists():
            self._load()
        else:
            self.rotate()

    def wrap(self, key: bytes, context: str) -> bytes:
        salt = os.urandom(atrest.SALT_BYTES)
        sealed = atrest.seal_entry(self._keys[self._current], PURPOSE, context, 1, key, salt)
        return bytes.fromhex(self._current) + sealed

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        key_id = wrapped[:ID_BYTES].hex()
        if key_id not in self._keys:
            raise DaricError("storage", f"The key-encryption key {key_id} is not in {self._path.name}.")
        return atrest.open_entry(self._keys[key_id], PURPOSE, context, 1, wrapped[ID_BYTES:])

    def rotate(self) -> str:
        key_id = os.urandom(ID_BYTES).hex()
        self._save({**self._keys, key_id: os.urandom(KEY_BYTES)}, key_id)
        return key_id

    def retire(self) -> None:
        """Forget every key-encryption key but the current one: only after the store was rewrapped."""
        self._save({self._current: self._keys[self._current]}, self._current)

    def key_id(self) -> str:
        return self._current

    def health(self) -> None:
        self._check_mode()
        probe = os.urandom(KEY_BYTES)
        if self.unwrap(self.wrap(probe, "health"), "health") != probe:
            raise DaricError("storage", "The key provider does not return what it wrapped.")

    def _load(self) -> None:
        self._check_mode()
        try:
            content = json.loads(self._path.read_text())
            keys = {key_id: bytes.fromhex(key) for key_id, key in content["keys"].items()}
            current = content["current"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DaricError("storage", f"The key file {self._path.name} can't be read.") from error
        if current not in keys or any(len(key) != KEY_BYTES for key in keys.values()):
            raise DaricError("storage", f"The key file {self._path.name} is damaged.")
        self._keys, self._current = keys, current

    def _check_mode(self) -> None:
        try:
            mode = self._path.stat().st_mode
        except OSError as error:
            raise DaricError("storage", f"The key file {self._path.name} is not there.") from error
        if stat.S_IMODE(mode) & 0o077:
            raise DaricError("storage", f"The key file {self._path.name} is open to others; set its mode to 0600.")

    def _save(self, keys: dict[str, bytes], current: str) -> None:
        content = json.dumps({"current": current, "keys": {name: key.hex() for name, key in keys.items()}})
        new = self._path.with_name(self._path.name + ".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            new.unlink(missing_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
            directory = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            raise DaricError("storage", f"The key file {self._path.name} can't be written.") from error
        self._keys, self._current = keys, current
