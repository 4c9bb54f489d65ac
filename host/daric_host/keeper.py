"""A phone's pieces of backups, in the user's cloud storage. Specification: docs/protocol.md, section 12."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daric_protocol import envelope, platform
from daric_protocol.errors import DaricError
from daric_protocol.rounds.backup import MAX_REST, BackupSheet

from daric_host.usercloud import UserCloud

if TYPE_CHECKING:
    from daric_protocol.rounds.backup import BackupSheet as Sheet

PREFIX = "backup-"
FORMAT = 1
SHEET_BYTES = MAX_REST + 4096  # what a sheet has beside the sealed shard


@dataclass(frozen=True)
class Kept:
    """What this phone keeps of a backup. sheet: as everybody may see it. number, piece: its own, the piece 32 B.

    check: what an unattended holder compares the recovery code with; empty at a phone. made: Unix time.
    """

    sheet: bytes
    number: int
    piece: bytes
    check: bytes
    made: int


class PhoneKeeper:
    """keep, find and check_release, as sessions ask of a holder; and what a list of backups needs.

    Every call raises DaricError("storage") where the user's cloud storage fails (daric_host.usercloud).
    """

    def __init__(self, cloud: UserCloud, clock: Callable[[], float] = time.time) -> None:
        self._cloud = cloud
        self._clock = clock

    def keep(self, sheet: bytes, number: int, piece: bytes, check: bytes = b"") -> None:
        """Store a piece (32 B) that was checked; durable on return. The same backup again replaces it."""
        read = read_sheet(sheet)
        fields = [FORMAT, sheet, number, piece, check, int(self._clock())]
        self._cloud.write(read.group_id, PREFIX + read.backup_id.hex(), platform.cbor_encode(fields))

    def find(self, group_id: bytes, backup_id: bytes) -> tuple[bytes, int, bytes, bytes] | None:
        """(sheet, number, piece, check) of a backup, or None."""
        kept = self.load(group_id, backup_id)
        return None if kept is None else (kept.sheet, kept.number, kept.piece, kept.check)

    def check_release(self, group_id: bytes, backup_id: bytes, uuid: bytes, identity: bytes, mac: bytes) -> None:
        """Nothing: the person at a phone compares the check code and agrees on its screen."""

    def load(self, group_id: bytes, backup_id: bytes) -> Kept | None:
        """All that is kept of a backup, or None."""
        data = self._cloud.read(group_id, PREFIX + backup_id.hex())
        if data is None:
            return None
        fields = platform.cbor_decode(data)
        if not isinstance(fields, list) or len(fields) != 6 or fields[0] != FORMAT:
            raise DaricError("storage", "a backup was stored by a newer version")
        return Kept(*fields[1:])

    def backups(self, group_id: bytes) -> list[bytes]:
        """Ids (16 B) of the backups of a wallet that this phone holds a piece of, damaged or missing ones included."""
        return [bytes.fromhex(name.removeprefix(PREFIX)) for name in self._cloud.names(group_id, PREFIX)]

    def forget(self, group_id: bytes, backup_id: bytes) -> None:
        """Erase the piece of a backup that is of no use any more."""
        self._cloud.erase(group_id, PREFIX + backup_id.hex())


def read_sheet(sheet: bytes) -> Sheet:
    """A sheet as it travels. Raises DaricError("encoding" or "too_large")."""
    read: Sheet = envelope.decode(BackupSheet, sheet, SHEET_BYTES)
    return read


__all__ = ["Kept", "PhoneKeeper", "read_sheet"]
