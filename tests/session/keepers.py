"""Where parties keep backup pieces in tests: in memory, as a person's phone does or as the cloud does."""

from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.flows.backing import Keeper
from daric_protocol.recoverycode import release_mac
from daric_protocol.rounds.backup import BackupSheet

TRIES = 5


class MemoryKeeper(Keeper):
    """Of a holder that a person attends."""

    def __init__(self):
        self.kept = {}  # {(group id, backup id): (sheet, number, piece, check)}

    def keep(self, sheet, number, piece, check):
        read = BackupSheet.decode(sheet)
        self.kept[read.group_id, read.backup_id] = (sheet, number, piece, check)

    def find(self, group_id, backup_id):
        return self.kept.get((group_id, backup_id))


class CloudKeeper(MemoryKeeper):
    """Of a holder that nobody attends: five tries for the recovery code."""

    def __init__(self):
        super().__init__()
        self.tries = {}

    def check_release(self, group_id, backup_id, uuid, identity, mac):
        _, _, _, check = self.kept[group_id, backup_id]
        used = self.tries.get((group_id, backup_id), 0)
        if used >= TRIES:
            raise DaricError("backup", "Too many wrong codes: wait for a day.")
        self.tries[group_id, backup_id] = used + 1
        if not platform.equal(mac, release_mac(check, uuid, identity, backup_id)):
            raise DaricError("backup", "The recovery code is wrong.")
        del self.tries[group_id, backup_id]
