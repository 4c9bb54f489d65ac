"""The device's store: sealed files on littlefs, their keys in raw sectors, one atomic switch per change.

An entry is written under a new number and counts only when the key table names that number; the table also holds
each entry's own random key, so that a rolled-back, swapped or missing entry shows and an erased one is gone.
Interface as daric_protocol.custody asks of every store. Specification: docs/architecture.md, the vault.
"""

import os

from daric_protocol import atrest
from daric_protocol.errors import DaricError

PURPOSE = b"daric/vault"
DATA_KEY_BYTES = 32  # at the head of the table, then rows: u8 length of name, name, u32 version, key 16
KEY_BYTES = 16
MAX_NAME = 120
ENOENT = 2


class PathFiles:
    """Files of one directory of a file system whose rename and close are durable (littlefs; POSIX with fsync)."""

    def __init__(self, root: str) -> None:
        self._root = root

    def read(self, name: str) -> "bytearray | None":
        """The whole file, or None where there is none. Raises OSError."""
        path = self._root + "/" + name
        try:
            data = bytearray(os.stat(path)[6])
            with open(path, "rb") as file:
                if file.readinto(data) != len(data):
                    raise OSError(5)
            return data
        except OSError as error:
            if error.args[0] == ENOENT:
                return None
            raise

    def write(self, name: str, pieces) -> None:
        """Write the whole file, piece after piece as they come, and have it on the medium. Raises OSError."""
        with open(self._root + "/" + name, "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            if hasattr(os, "fsync"):
                os.fsync(file.fileno())

    def remove(self, name: str) -> None:
        """Remove the file. Raises OSError."""
        os.remove(self._root + "/" + name)

    def names(self) -> "list[str]":
        """Names of all files. Raises OSError."""
        return os.listdir(self._root)


def _file_name(version: int) -> str:
    return "%08x" % version


class Vault:
    """read, write, erase, names over `files`, with the keys in `keys` (a KeySectors).

    random: n -> bytes. first_start: begin empty. Raises DaricError("storage") where the key table does not open.
    After a flash failure in the middle of a change every call raises DaricError("storage") until the next start.
    """

    locked = False
    chip = None  # the flash under it, for who has to lock or wipe it

    def __init__(self, files, keys, random, first_start: bool = False) -> None:
        self._files = files
        self.keys = keys
        self._random = random
        self._failed = False
        if first_start:
            keys.format()
            self._table = random(DATA_KEY_BYTES)
            keys.commit(keys.sealed(self._table))
        else:
            self._table = keys.load()
        self._remove_leftovers()

    def read(self, name: str) -> "bytes | None":
        """The value of `name`, or None. Raises DaricError("storage") naming the entry if it is damaged."""
        self._usable()
        row = self._find(name)
        if row is None:
            return None
        _, _, version, key = row
        try:
            sealed = self._files.read(_file_name(version))
            if sealed is not None:
                return atrest.open_in_place(self._table[:DATA_KEY_BYTES] + key, PURPOSE, name, version, sealed)
        except OSError:
            pass  # unreadable is damaged, like a wrong tag
        except DaricError as error:
            if error.name != "sealed":
                raise
        raise DaricError("storage", "Entry %s is missing, damaged or an older version." % name)

    def write(self, name: str, *parts: bytes) -> None:
        """Make the parts, end to end, the value of `name`: durable on return; a power cut leaves the old or the new.

        The old value and its key are erased. Raises DaricError("storage") when full or unwritable.
        """
        self._usable()
        encoded = name.encode()
        if not 0 < len(encoded) <= MAX_NAME:
            raise DaricError("storage", "A name has 1 to %d bytes." % MAX_NAME)
        version = self.keys.generation + 1
        key = self._random(KEY_BYTES)
        row = bytes([len(encoded)]) + encoded + version.to_bytes(4, "big") + key
        old = self._find(name)
        if len(self._table) + len(row) > self.keys.capacity + (0 if old is None else old[1] - old[0]):
            raise DaricError("storage", "The vault is full: no room for another key.")
        salt = self._random(atrest.SALT_BYTES)
        data_key = self._table[:DATA_KEY_BYTES] + key
        self._write_file(version, atrest.seal_parts(data_key, PURPOSE, name, version, parts, salt))
        self._switch(old, row)

    def erase(self, name: str) -> None:
        """Destroy the entry's key, so that no copy of its bytes can be opened; nothing happens if it is not there."""
        self._usable()
        old = self._find(name)
        if old is not None:
            self._switch(old, b"")

    def names(self, prefix: str = "") -> "list[str]":
        """Names of all entries that start with `prefix`, sorted; damaged ones too."""
        self._usable()
        found = []
        for start, _ in self._rows():
            name = self._name_at(start)
            if name.startswith(prefix):
                found.append(name)
        found.sort()
        return found

    def damaged(self) -> "list[str]":
        """Names of the entries that can't be read."""
        found = []
        for name in self.names():
            try:
                self.read(name)
            except DaricError:
                found.append(name)
        return found

    def _usable(self) -> None:
        if self._failed:
            raise DaricError("storage", "The flash failed; restart the device.")

    def _rows(self):
        start = DATA_KEY_BYTES
        while start < len(self._table):
            end = start + 1 + self._table[start] + 4 + KEY_BYTES
            yield start, end
            start = end

    def _name_at(self, start: int) -> str:
        return self._table[start + 1 : start + 1 + self._table[start]].decode()

    def _find(self, name: str):
        encoded = name.encode()
        for start, end in self._rows():
            if self._table[start] == len(encoded) and self._table[start + 1 : end - 4 - KEY_BYTES] == encoded:
                version = int.from_bytes(self._table[end - 4 - KEY_BYTES : end - KEY_BYTES], "big")
                return start, end, version, self._table[end - KEY_BYTES : end]
        return None

    def _write_file(self, version: int, pieces) -> None:
        try:
            self._files.write(_file_name(version), pieces)
        except OSError:
            try:
                self._files.remove(_file_name(version))
            except OSError:
                pass  # a leftover that the next start removes
            raise DaricError("storage", "The vault is full or can't be written.")

    def _switch(self, old, row: bytes) -> None:
        """Commit the table without the old row and with the new one, then remove the file that no longer counts."""
        table = self._table
        if old is not None:
            table = table[: old[0]] + table[old[1] :]
        table = table + row
        image = self.keys.sealed(table)
        self._failed = True  # until it is known which table counts
        self.keys.commit(image)
        self._table = table
        if old is not None:
            try:
                self._files.remove(_file_name(old[2]))
            except OSError:
                pass  # already gone or damaged; without its key it is noise
        self._failed = False

    def _remove_leftovers(self) -> None:
        live = set()
        for _, end in self._rows():
            live.add(_file_name(int.from_bytes(self._table[end - 4 - KEY_BYTES : end - KEY_BYTES], "big")))
        try:
            for name in self._files.names():
                if name not in live:
                    self._files.remove(name)
        except OSError:
            raise DaricError("storage", "The vault's files can't be listed or removed.")
