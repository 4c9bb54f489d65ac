"""The cloud party's pieces of backups: released against the recovery code alone, five tries a day.

Nobody watches this holder, so the code that a device showed once stands for its owner; the cloud knows a value that
follows from it (daric_protocol.recoverycode). Specification: docs/protocol.md, section 12; docs/architecture.md, the
cloud party.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.flows.backing import Keeper
from daric_protocol.limits import CLOUD_BACKUPS, RELEASE_TRIES, RELEASE_WAIT
from daric_protocol.recoverycode import release_mac
from daric_protocol.rounds.backup import BackupSheet

from daric_host.receipts import CloudBackup
from daric_host.store import SqliteStore

CHECK_BYTES = 32
REMEMBERED = 64  # good requests of a backup; later ones release the piece and clear nothing
OLD = "The backup is of another epoch: the shares changed since, and its piece is erased. Make a new backup."


class CloudKeeper(Keeper):
    """keep, find and check_release, as sessions ask of a holder, over the cloud's store."""

    def __init__(self, store: SqliteStore, clock: Callable[[], float] = time.time) -> None:
        """clock: Unix seconds. One that is set back shortens no wait."""
        self._store = store
        self._clock = clock

    def keep(self, sheet: bytes, number: int, piece: bytes, check: bytes) -> None:
        """Store a piece (32 B) that was checked, and what its release takes (32 B); durable on return.

        The same backup again changes nothing. Raises DaricError("backup") without that value, ("conflict") for another
        sheet of the same id, ("limit") where the wallet has too many.
        """
        read = BackupSheet.decode(sheet)
        if len(check) != CHECK_BYTES or len(piece) != 32:
            raise DaricError("backup", "The cloud party holds no piece without a recovery code.")
        name = _name("backup", read.group_id, read.backup_id)
        known = self._store.names(_name("backup", read.group_id, b""))
        if name in known:
            if self._load(name)[0] != sheet:
                raise DaricError("conflict", "Another backup of this id is stored.")
        elif len(known) >= CLOUD_BACKUPS:
            self._make_room(known)
        self._store.write(name, platform.cbor_encode([sheet, number, piece, check]))

    def find(self, group_id: bytes, backup_id: bytes) -> tuple[bytes, int, bytes, bytes] | None:
        """(sheet, number, piece, check) of a backup, or None. DaricError("backup") where it is of an earlier epoch."""
        name = _name("backup", group_id, backup_id)
        if name not in self._store.names(name):
            return None
        sheet, number, piece, check = self._load(name)
        if not piece:
            raise DaricError("backup", OLD)
        return sheet, number, piece, check

    def check_release(self, group_id: bytes, backup_id: bytes, uuid: bytes, identity: bytes, mac: bytes) -> None:
        """Whether whoever asks knows the recovery code: mac (32 B) over session (16 B) and new identity (33 B).

        A try counts, durably, before anything is compared; a good one clears the count, its repetition does not. Raises
        DaricError("backup") for a wrong code or no such backup, ("limit") after the fifth wrong one for a day.
        """
        found = self.find(group_id, backup_id)
        if found is None:
            raise DaricError("backup", "The cloud party has no piece of this backup.")
        name = _name("tries", group_id, backup_id)
        tries, until, latest, good = self._tries(name)
        now = max(int(self._clock()), latest)
        if until > now:
            raise DaricError("limit", f"Too many wrong recovery codes: the next try is in {_minutes(until - now)}.")
        before = 0 if until else tries
        tries = before + 1
        until = now + RELEASE_WAIT if tries >= RELEASE_TRIES else 0
        self._store.write(name, platform.cbor_encode([tries, until, now, good]))
        if not platform.equal(release_mac(found[3], uuid, identity, backup_id), mac):
            left = f"{RELEASE_TRIES - tries} tries are left" if tries < RELEASE_TRIES else "no more tries today"
            raise DaricError("backup", f"The recovery code is wrong: {left}.")
        request = platform.sha256(uuid + identity)[:16]
        if request in good or len(good) >= REMEMBERED:  # whoever carried it may repeat it between guesses
            self._store.write(name, platform.cbor_encode([before, 0, now, good]))
        else:
            self._store.write(name, platform.cbor_encode([0, 0, now, [*good, request]]))

    def backups(self, group_id: bytes) -> list[CloudBackup]:
        """All backups of a wallet, those of earlier epochs included, and what was tried."""
        listed = []
        for name in self._store.names(_name("backup", group_id, b"")):
            sheet = BackupSheet.decode(self._load(name)[0])
            tries, until, latest, _ = self._tries(_name("tries", group_id, sheet.backup_id))
            over = until <= max(int(self._clock()), latest)
            holders = tuple((number, identity) for number, identity in sheet.holders)
            listed.append(
                CloudBackup(
                    sheet.backup_id, sheet.index, sheet.epoch, sheet.threshold, holders,
                    0 if until and over else tries, 0 if over else until,
                )
            )  # fmt: skip
        return listed

    def retire(self, group_id: bytes, epoch: int) -> None:
        """Erase the pieces of epochs before the current one: of no use but to whoever collects old shares."""
        for name in self._store.names(_name("backup", group_id, b"")):
            sheet, number, piece, _ = self._load(name)
            if piece and BackupSheet.decode(sheet).epoch < epoch:
                self._store.write(name, platform.cbor_encode([sheet, number, b"", b""]))

    def _make_room(self, known: list[str]) -> None:
        for name in known:
            if not self._load(name)[2]:
                self._store.erase(name.replace("backup/", "tries/", 1))
                self._store.erase(name)
                return
        raise DaricError("limit", "The cloud party keeps no more backups of this wallet.")

    def _load(self, name: str) -> tuple[bytes, int, bytes, bytes]:
        data = self._store.read(name)
        assert data is not None
        sheet, number, piece, check = platform.cbor_decode(data)
        return sheet, number, piece, check

    def _tries(self, name: str) -> tuple[int, int, int, list[bytes]]:
        """(tries, locked until, the latest time seen, good requests)."""
        data = self._store.read(name)
        if data is None:
            return 0, 0, 0, []
        tries, until, latest, good = platform.cbor_decode(data)
        return tries, until, latest, good


def _name(kind: str, group_id: bytes, backup_id: bytes) -> str:
    return f"{kind}/{group_id.hex()}/{backup_id.hex()}"


def _minutes(seconds: int) -> str:
    return f"{-(-seconds // 60)} minutes"
