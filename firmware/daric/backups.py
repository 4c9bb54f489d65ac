"""Backup of this device's share without a session, its way back, and the pieces that it keeps for others.

The phone carries, the cloud keeps; the recovery code is shown and typed here alone. Specification: docs/protocol.md,
section 12.
"""

from daric_protocol import platform, recoverycode
from daric_protocol.channel import ranged, sized
from daric_protocol.errors import DaricError
from daric_protocol.flows import backing
from daric_protocol.limits import LINK_MESSAGE_BYTES, MAX_INDEX, MAX_PARTIES_WITH_DEVICE, MIN_THRESHOLD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from daric.errands import Question

PREFIX = "backup/"
PIECE_BYTES = 1024


class VaultKeeper(backing.Keeper):
    """Pieces of other members' backups in this device's vault. Its owner agrees to each release on the screen."""

    def __init__(self, vault) -> None:
        self._vault = vault

    def keep(self, sheet: bytes, number: int, piece: bytes, check: bytes) -> None:
        """As Keeper. Pieces of the same member's earlier shares make room."""
        read = backing.read_sheet(sheet)
        name = _name(read.group_id, read.backup_id)
        before = self._load(name)
        if before is not None and before[0] != sheet:
            raise DaricError("backup", "another backup has this id")
        for other in self._vault.names(PREFIX + read.group_id.hex() + "/"):
            old = backing.read_sheet(self._load(other)[0])
            if other != name and old.index == read.index and old.epoch < read.epoch:
                self._vault.erase(other)
        self._vault.write(name, platform.cbor_encode([sheet, number, piece, check]))

    def find(self, group_id: bytes, backup_id: bytes) -> "tuple[bytes, int, bytes, bytes] | None":
        """As Keeper."""
        found = self._load(_name(group_id, backup_id))
        return None if found is None else tuple(found)

    def _load(self, name: str) -> "list | None":
        value = self._vault.read(name)
        return None if value is None else platform.cbor_decode(value)


def _name(group_id: bytes, backup_id: bytes) -> str:
    return PREFIX + group_id.hex() + "/" + backup_id.hex()


def for_session(device, terms) -> "backing.Backing":
    """What this device brings to a session of a backup, its test or a recovery."""
    brought = backing.Backing(VaultKeeper(device.vault))
    if terms.op == "backup":
        asked = terms.details()
        if asked.cloud and asked.device == device.custody.shard(terms.group).me:
            brought.code = recoverycode.new_code(device.entropy.draw)
    elif terms.op == "recover":
        brought.restored = device.restored
    return brought


def backup_make(
    device,
    host: bytes,
    group: object,
    backup_id: object,
    threshold: object,
    holders: object,
    phone: object,
    cloud: object,
) -> "Question":
    """Ask whether to make a backup; its result is [sheet, the phone's sealed piece, the envelope of all others].

    host: identity 33 B of who asks. holders: [[index, identity]]; phone, cloud: indexes of two of them. Raises
    DaricError("master"), and as flows.backing.make_backup.
    """
    from daric_protocol.flows.questions_backing import backup_lines

    from daric.errands import Question

    group_id, backup = sized(group, 16), sized(backup_id, 16)
    count = ranged(threshold, MIN_THRESHOLD, MAX_PARTIES_WITH_DEVICE)
    people = _holders(holders)
    carrier, keeper = ranged(phone, 1, MAX_INDEX), ranged(cloud, 1, MAX_INDEX)
    custody = device.custody
    shard = custody.shard(group_id)
    backing.check_asker(shard, shard.me, host)
    backing.check_holders(shard, people, carrier, keeper)
    if not count <= len(people):
        raise DaricError("threshold", "a backup has at least as many holders as pieces that give the share back")
    code = recoverycode.new_code(device.entropy.draw)
    listed = [(number, people[number]) for number in sorted(people)]
    name = custody.group(group_id).name
    lines = backup_lines(name, shard.roster, shard.me, listed, count, code, device.hosts.describe)

    def make(_: str) -> list:
        sheet, pieces, others = backing.make_backup(
            custody, group_id, backup, people, count, carrier, keeper, code, device.entropy.draw
        )
        return [sheet, pieces[carrier], others]

    return Question(lines, make)


def recovery_request(device, _host: bytes, sheet: object, uuid: object) -> "Question":
    """Ask the owner to type the recovery code; the result is what asks the cloud for its piece, 32 B."""
    from daric_protocol.flows.questions import address_lines

    from daric.errands import Question
    from daric.textentry import CODE

    session = sized(uuid, 16)
    read = backing.read_sheet(_short(sheet))
    identity = device.identity.public

    def answer(text: str) -> bytes:
        code = recoverycode.read_code(text[5:])
        check = recoverycode.check_value(code, read.backup_id)
        return recoverycode.release_mac(check, session, identity, read.backup_id)

    lines = ["Recover a share", "of wallet"] + address_lines(read.pk)
    return Question(lines + ["Type the", "recovery code:"], answer, CODE)


def recovery_restore(device, host: bytes, sheet: object, pieces: object) -> "list[int]":
    """Put the pieces together, [[number, holder's identity, sealed]]; numbers of the bad ones.

    The share waits in RAM for the session in which the group takes this device's new identity.
    """
    if device.busy:
        raise DaricError("busy")
    if device.errands is not None:
        device.errands.check_free(host)
    device.stand_by()
    if not isinstance(pieces, list) or not 0 < len(pieces) <= MAX_PARTIES_WITH_DEVICE:
        raise DaricError("encoding", "pieces are a short array")
    sealed = []
    for piece in pieces:
        if not isinstance(piece, list) or len(piece) != 3:
            raise DaricError("encoding", "a piece has a number, its holder and its sealed bytes")
        if not isinstance(piece[2], bytes) or len(piece[2]) > PIECE_BYTES:
            raise DaricError("encoding", "a sealed piece is a short byte string")
        sealed.append((ranged(piece[0], 1, MAX_INDEX), sized(piece[1], 33), piece[2]))
    shard, bad = backing.restore_shard(device.identity, _short(sheet), sealed)
    device.restored = shard
    return bad


def _short(sheet: object) -> bytes:
    if not isinstance(sheet, bytes) or len(sheet) > LINK_MESSAGE_BYTES:
        raise DaricError("encoding", "a sheet is a byte string")
    return sheet


def _holders(value: object) -> "dict[int, bytes]":
    """{index: identity}, each index once."""
    if not isinstance(value, list) or not 0 < len(value) <= MAX_PARTIES_WITH_DEVICE:
        raise DaricError("encoding", "holders are a short array")
    people = {}
    for holder in value:
        if not isinstance(holder, list) or len(holder) != 2:
            raise DaricError("encoding", "a holder has an index and an identity")
        people[ranged(holder[0], 1, MAX_INDEX)] = sized(holder[1], 33)
    if len(people) != len(value):
        raise DaricError("parameter", "a holder is named twice")
    return people
