"""A phone's pieces of backups, in the user's cloud storage. Specification: docs/protocol.md, section 12.

A file's name says which backup it belongs to, of whose share and epoch, so that an outdated one is known unread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.flows.backing import Keeper
from daric_protocol.rounds.backup import BackupSheet

from daric_host.usercloud import UserCloud

PREFIX = "backup-"
FORMAT = 1


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


@dataclass(frozen=True)
class Held:
    """A backup as the name of its file tells it. id: 16 B. index: of the member whose share it is, of an epoch."""

    id: bytes
    index: int
    epoch: int


class PhoneKeeper(Keeper):
    """keep, find and check_release, as sessions ask of a holder; and what a list of backups needs.

    Every call but `find` raises DaricError("storage") where the user's cloud storage fails (daric_host.usercloud).
    """

    def __init__(self, cloud: UserCloud, clock: Callable[[], float] = time.time) -> None:
        self._cloud = cloud
        self._clock = clock

    def keep(self, sheet: bytes, number: int, piece: bytes, check: bytes = b"") -> None:
        """Store a piece (32 B) that was checked; durable on return. DaricError("backup") if the id is another one's."""
        read = read_sheet(sheet)
        before = self.load(read.group_id, read.backup_id) if self._name(read.group_id, read.backup_id) else None
        if before is not None and before.sheet != sheet:
            raise DaricError("backup", "another backup has this id: it stays, and this one is not kept")
        fields = [FORMAT, sheet, number, piece, check, int(self._clock())]
        name = f"{PREFIX}{read.backup_id.hex()}-{read.index}-{read.epoch}"
        self._cloud.write(read.group_id, name, platform.cbor_encode(fields))

    def find(self, group_id: bytes, backup_id: bytes) -> tuple[bytes, int, bytes, bytes] | None:
        """(sheet, number, piece, check) of a backup; None too where its file cannot be used, so that others go on."""
        try:
            kept = self.load(group_id, backup_id)
        except DaricError:
            return None
        return None if kept is None else (kept.sheet, kept.number, kept.piece, kept.check)

    def check_release(self, group_id: bytes, backup_id: bytes, uuid: bytes, identity: bytes, mac: bytes) -> None:
        """Nothing: the person at a phone compares the check code and agrees on its screen."""

    def load(self, group_id: bytes, backup_id: bytes) -> Kept | None:
        """All that is kept of a backup, or None."""
        name = self._name(group_id, backup_id)
        data = self._cloud.read(group_id, name) if name else None
        if data is None:
            return None
        fields = platform.cbor_decode(data)
        if not isinstance(fields, list) or len(fields) != 6 or fields[0] != FORMAT:
            raise DaricError("storage", "a backup was stored by a newer version")
        return Kept(*fields[1:])

    def backups(self, group_id: bytes) -> list[Held]:
        """The backups of a wallet that this phone holds a piece of, damaged or missing ones included."""
        held = []
        for name in self._cloud.names(group_id, PREFIX):
            backup_id, index, epoch = name.removeprefix(PREFIX).split("-")
            held.append(Held(bytes.fromhex(backup_id), int(index), int(epoch)))
        return held

    def forget(self, group_id: bytes, backup_id: bytes) -> None:
        """Erase the piece of a backup that is of no use any more."""
        name = self._name(group_id, backup_id)
        if name:
            self._cloud.erase(group_id, name)

    def _name(self, group_id: bytes, backup_id: bytes) -> str:
        """The file of a backup; empty if there is none."""
        names = self._cloud.names(group_id, f"{PREFIX}{backup_id.hex()}-")
        return names[0] if names else ""


def read_sheet(sheet: bytes) -> BackupSheet:
    """A sheet as it travels. Raises DaricError("backup")."""
    return BackupSheet.decode(sheet)


__all__ = ["Held", "Kept", "PhoneKeeper", "read_sheet"]
