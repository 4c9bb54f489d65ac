"""The rounds of a backup in a session, of its test, and of the pieces' way back. docs/protocol.md, section 12.

The device seals each piece to its holder. The phone gets its own and an envelope of all others, which it carries to the
cloud; the cloud hands them out. Without a cloud the device sends every piece itself. On the way back each holder seals
its piece to the confirmed new identity; the cloud, which nobody attends, does so against the recovery code only. No
party ever sees a piece that is not its own. Draws: as of rounds/backup.py.
"""

from daric_protocol.backupmessages import (
    BackupCarried,
    BackupDealt,
    BackupKept,
    BackupProof,
    RecoveryPieces,
    RecoveryRequest,
)
from daric_protocol.errors import Abort, DaricError
from daric_protocol.recoverycode import check_value, release_mac
from daric_protocol.rounds import backup
from daric_protocol.rounds.backup import BackupSheet
from daric_protocol.rounds.outgoing import Outgoing
from daric_protocol.tagged import TH, read_scalar, scalar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from daric_protocol.backingdetails import BackupDetails, RecoverDetails, VerifyDetails
    from daric_protocol.flows.backing import Keeper
    from daric_protocol.identity import Identity
    from daric_protocol.roster import Roster
    from daric_protocol.rounds.groupstart import GroupState
    from daric_protocol.rounds.outgoing import Random, Received
    from daric_protocol.shard import Shard

    Held = tuple[bytes, BackupSheet, int, bytes]  # the sheet encoded and read, the piece, the check or nothing

NO_CODE = "The cloud does not take the recovery code: it is wrong, or was wrong five times and a day has to pass."


def back_up(
    ssid: bytes,
    shard: "Shard",
    members: "list[int]",
    asked: "BackupDetails",
    identity: "Identity",
    keeper: "Keeper | None",
    unattended: bool,
    code: str,
    random: "Random",
) -> "Generator[Outgoing, Received, bytes]":
    """One party's side of a backup; the encoded sheet, once every holder keeps its piece.

    members: the device, whose share it is, and the holders. keeper, unattended: of a holder. code: of the device, where
    the cloud holds a piece. DaricError("parameter") or ("backup"); Abort soft, blame.
    """
    me, device, cloud = shard.me, asked.device, asked.cloud
    peers = [j for j in members if j != me]
    sid = TH("daric/backup-run", ssid, asked.backup_id)
    messages = {j: BackupDealt(b"", b"", b"") for j in peers}
    sheet = None
    if me == device:
        sheet = _deal(shard, asked, identity, code, messages, random)
    else:
        _check_holder(shard, asked, keeper, unattended)

    # Round 1: the device deals: the sheet, the pieces that need no carrying, to the phone the envelope of the others.
    received = yield Outgoing(sid, 1, BackupDealt, messages)
    for j in peers:
        if j != device and (received[j].sheet or received[j].piece or received[j].others):
            raise Abort("blame", j, "A holder deals pieces of another party's backup.")
    sealed, others = b"", b""
    if sheet is None:
        dealt = received[device]
        sheet = _dealt_sheet(dealt.sheet, shard, members, asked)
        direct, carries = me == asked.phone or not cloud, me == asked.phone and cloud != 0
        if (bool(dealt.piece), bool(dealt.others)) != (direct, carries):
            raise Abort("blame", device, "The device gives a piece or the envelope to the wrong party.")
        sealed, others = dealt.piece, dealt.others
    name = sheet.hash()

    # Round 2: everyone says which sheet it has; the phone carries the envelope to the cloud.
    found = yield from _carry(sid, 2, name, peers, {cloud: others} if others else {}, asked.phone if me == cloud else 0)
    handed: "dict[int, bytes]" = {}
    if me == cloud:
        handed = _handed(identity, shard, sheet, asked, found)
        sealed = handed.pop(me)

    # Round 3: the cloud hands the pieces out.
    if cloud:
        waits = me not in (device, asked.phone, cloud)
        found = yield from _carry(sid, 3, name, peers, handed, cloud if waits else 0)
        sealed = found or sealed
    if me != device:
        assert keeper is not None
        piece, check = _opened(sheet, shard, identity, sealed, unattended, not cloud or me == asked.phone)
        keeper.keep(sheet.encode(), me, piece, check)

    # Round 4: everyone keeps its piece.
    kept = yield Outgoing(sid, 4, BackupKept, {j: BackupKept(name) for j in peers})
    if [j for j in peers if kept[j].sheet_hash != name]:
        raise Abort("soft", None, "The holders keep pieces of different backups.")
    return sheet.encode()


def _deal(
    shard: "Shard",
    asked: "BackupDetails",
    identity: "Identity",
    code: str,
    messages: "dict[int, BackupDealt]",
    random: "Random",
) -> BackupSheet:
    """The device's share is split; what goes to whom is put into the messages."""
    check = check_value(code, asked.backup_id) if asked.cloud else b""
    holders = {j: shard.roster.member(j).identity for j in messages}
    sheet, direct, others = backup.make(
        identity, shard, asked.backup_id, holders, asked.threshold, asked.phone, asked.cloud, check, random
    )
    for j in messages:
        messages[j] = BackupDealt(sheet.encode(), direct.get(j, b""), others if j == asked.phone else b"")
    return sheet


def _check_holder(shard: "Shard", asked: "BackupDetails", keeper: "Keeper | None", unattended: bool) -> None:
    """This party can hold a piece, in the part that the terms give it: DaricError("backup")."""
    if keeper is None:
        raise DaricError("backup", "This party keeps no pieces of backups.")
    if unattended != (shard.me == asked.cloud):
        raise DaricError("backup", "The terms name another party as the holder that nobody attends.")
    if keeper.find(shard.group_id, asked.backup_id) is not None:
        raise DaricError("backup", "A backup of this id is kept here already.")


def _dealt_sheet(data: bytes, shard: "Shard", members: "list[int]", asked: "BackupDetails") -> BackupSheet:
    """The sheet as the device sent it, of its share and of these terms; anything else blames the device."""
    try:
        sheet = BackupSheet.decode(data)
        backup.check_current(sheet, shard.group_id, shard.roster, shard.epoch)
    except DaricError as error:
        raise Abort("blame", asked.device, error.detail)
    holders = [(j, shard.roster.member(j).identity) for j in members if j != asked.device]
    mine = (sheet.pk, sheet.backup_id, sheet.index, sheet.threshold, sheet.holders)
    if mine != (shard.pk, asked.backup_id, asked.device, asked.threshold, holders):
        raise Abort("blame", asked.device, "The sheet is of another backup than the terms say.")
    return sheet


def _carry(
    sid: bytes, number: int, name: bytes, peers: "list[int]", outward: "dict[int, bytes]", sender: int
) -> "Generator[Outgoing, Received, bytes]":
    """A round in which everyone says which sheet it has and one party sends sealed bytes on.

    outward: {index: sealed} of this party. sender: who sends this party something, 0 for nobody; returns that.
    """
    messages = {j: BackupCarried(name, outward.get(j, b"")) for j in peers}
    received = yield Outgoing(sid, number, BackupCarried, messages)
    if [j for j in peers if received[j].sheet_hash != name]:
        raise Abort("soft", None, "The parties were given different sheets of one backup.")
    for j in peers:
        if bool(received[j].sealed) != (j == sender):
            raise Abort("blame", j, "A party sends a sealed piece, or none, against its part in the backup.")
    return received[sender].sealed if sender else b""


def _handed(
    identity: "Identity", shard: "Shard", sheet: BackupSheet, asked: "BackupDetails", others: bytes
) -> "dict[int, bytes]":
    """What the cloud hands out, its own piece included. One that can't be opened may be the phone's fault: soft."""
    try:
        pieces = backup.open_others(identity, shard.roster.member(asked.device).identity, sheet, others)
    except DaricError as error:
        raise Abort("soft", None, "The envelope of the pieces cannot be opened: " + error.detail)
    if sorted(pieces) != [number for number in sheet.numbers() if number != asked.phone]:
        raise Abort("blame", asked.device, "The envelope has other pieces than those of the holders.")
    return pieces


def _opened(
    sheet: BackupSheet, shard: "Shard", identity: "Identity", sealed: bytes, unattended: bool, direct: bool
) -> "tuple[bytes, bytes]":
    """(piece 32 B, check) of a holder. What the device sealed and is no good blames it; if somebody carried the piece
    and it can't be opened, nobody can be named."""
    try:
        piece, check = backup.open_piece(identity, shard.roster.member(sheet.index).identity, sheet, shard.me, sealed)
    except DaricError as error:
        detail = "A piece of the backup cannot be opened: " + error.detail
        raise Abort("blame", sheet.index, detail) if direct else Abort("soft", None, detail)
    try:
        backup.check_opened(sheet, shard.P[sheet.index], shard.me, piece, check, unattended)
    except DaricError as error:
        raise Abort("blame", sheet.index, error.detail)
    return scalar(piece), check


# The test of a backup


def verify(
    ssid: bytes, shard: "Shard", members: "list[int]", asked: "VerifyDetails", keeper: "Keeper | None", random: "Random"
) -> "Generator[Outgoing, Received, list[int]]":
    """Each holder shows that it has a good piece; the numbers of those that do. No piece leaves its holder.

    DaricError("backup") where the backup is of another epoch or none of them has it; Abort blame for a wrong proof.
    """
    me, peers = shard.me, [j for j in members if j != shard.me]
    sid = TH("daric/backup-verify", ssid, asked.backup_id, asked.sheet)
    own = held(shard, keeper, asked.backup_id)
    if own is not None and own[1].hash() != asked.sheet:
        own = None
    mine = BackupProof(b"", b"")
    if own is not None:
        mine = BackupProof(own[0], backup.prove(own[1], me, own[2], sid, random))

    # Round 1: the sheet and the proof of its piece, from who has them.
    received = yield Outgoing(sid, 1, BackupProof, dict.fromkeys(peers, mine))
    sheet = None if own is None else own[1]
    for j in peers:
        if bool(received[j].sheet) != bool(received[j].proof):
            raise Abort("blame", j, "A holder sends a proof without its sheet, or a sheet without a proof.")
        if received[j].sheet:
            if TH("daric/backup", received[j].sheet) != asked.sheet:
                raise Abort("blame", j, "A holder proves a piece of another backup than the terms say.")
            sheet = BackupSheet.decode(received[j].sheet) if sheet is None else sheet
    if sheet is None:
        raise DaricError("backup", "Nobody who takes part has a good piece of this backup.")
    backup.check_current(sheet, shard.group_id, shard.roster, shard.epoch)
    proven = [] if own is None else [me]
    for j in peers:
        if received[j].proof:
            if not backup.check_proof(sheet, j, sid, received[j].proof):
                raise Abort("blame", j, "A holder does not know its piece of the backup.")
            proven.append(j)
    return sorted(proven)


def held(shard: "Shard", keeper: "Keeper | None", backup_id: bytes) -> "Held | None":
    """What this party keeps of a backup and is good; None where it keeps nothing, or a damaged piece.

    DaricError("backup") where the backup is of another epoch: then it is of no use to anybody.
    """
    found = None if keeper is None else keeper.find(shard.group_id, backup_id)
    if found is None:
        return None
    encoded, number, piece, check = found
    sheet = BackupSheet.decode(encoded)
    backup.check_current(sheet, shard.group_id, shard.roster, shard.epoch)
    if number != shard.me or sheet.backup_id != backup_id:
        return None
    try:
        value = read_scalar(piece)
        backup.check_piece(sheet, shard.P[sheet.index], number, value)
    except DaricError:
        return None
    return encoded, sheet, value, check


# The pieces' way back


def run_id(sid: bytes, request: bytes) -> bytes:
    """32 B that bind a session id, or the sid of a recovery, to what the terms ask for.

    Whoever was shown other details is in another session, and parts softly before anything is believed or tried.
    """
    return TH("daric/run", sid, request)


class Gathering:
    """The rounds of a recovery in which the pieces come to the recovering party, before it proves its share.

    asked: the terms' RecoverDetails, request: the same as bytes, which are bound into these rounds, so that whoever was
    shown others parts softly. uuid: 16 B of the session. keeper, unattended: of a holder. code: the recovery code as
    its owner typed it, of the recovering party. Afterwards bad has the numbers of pieces that were no good.
    """

    def __init__(
        self,
        asked: "RecoverDetails",
        request: bytes,
        uuid: bytes,
        identity: "Identity",
        keeper: "Keeper | None",
        unattended: bool,
        code: str,
    ) -> None:
        self._asked = asked
        self._request = request
        self._uuid = uuid
        self._identity = identity
        self._keeper = keeper
        self._unattended = unattended
        self._code = code
        self.bad: "list[int]" = []

    def rounds(
        self,
        me: int,
        sid: bytes,
        parties: "list[int]",
        receiver: bytes,
        state: "GroupState",
        roster: "Roster",
        shard: "Shard | None",
        random: "Random",
    ) -> "Generator[Outgoing, Received, Shard | None]":
        """Rounds 1 to 4; the recovering party's shard, None for everyone else.

        sid: 32 B of the recovery. receiver: the new identity, 33 B. roster: the stored one. shard: None for the
        recovering party.
        """
        asked, sid = self._asked, run_id(sid, self._request)
        peers = [j for j in parties if j != me]

        # Round 1: the recovering party shows the cloud that its owner typed the recovery code.
        request = b""
        if me == asked.index and asked.cloud:
            check = check_value(self._code, asked.backup_id)
            request = release_mac(check, self._uuid, receiver, asked.backup_id)
        messages = {j: RecoveryRequest(request if j == asked.cloud else b"") for j in peers}
        received = yield Outgoing(sid, 1, RecoveryRequest, messages)
        for j in peers:
            if bool(received[j].mac) != (j == asked.index and me == asked.cloud):
                raise Abort("blame", j, "A party asks for the cloud's piece, or does not, against its part.")
        request = received[asked.index].mac if me == asked.cloud else b""

        # Round 2: each holder seals its piece to the new identity, for the cloud, or without one for the phone.
        refusal, sheet, pieces = self._release(me, shard, receiver, request, random)
        hub = asked.cloud or asked.phone
        gives = me not in (hub, asked.phone, asked.index)
        senders = [j for j in peers if j not in (asked.phone, asked.index)] if me == hub else []
        mine = RecoveryPieces(int(refusal is not None), sheet, pieces)
        found = yield from self._pass(sid, 2, peers, hub if gives else 0, mine, senders)
        if refusal is not None:
            raise refusal
        for j, given in found:
            if [number for number, _ in given.pieces if number != j]:
                raise Abort("blame", j, "A holder sends a piece that is not its own.")
        sheet, pieces = _together(sheet, pieces, found, parties)

        # Round 3: the cloud sends all of them to the phone.
        if asked.cloud:
            mine = RecoveryPieces(0, sheet, pieces)
            to, senders = asked.phone if me == hub else 0, [hub] if me == asked.phone else []
            found = yield from self._pass(sid, 3, peers, to, mine, senders)
            sheet, pieces = _together(sheet, pieces, found, parties)

        # Round 4: the phone gives them to the recovering party.
        mine = RecoveryPieces(0, sheet, pieces)
        to, senders = asked.index if me == asked.phone else 0, [asked.phone] if me == asked.index else []
        found = yield from self._pass(sid, 4, peers, to, mine, senders)
        if me != asked.index:
            return None
        sheet, pieces = _together(b"", [], found, parties)
        return self._restored(sheet, pieces, state, roster)

    def _release(
        self, me: int, shard: "Shard | None", receiver: bytes, request: bytes, random: "Random"
    ) -> "tuple[DaricError | None, bytes, list[tuple[int, bytes]]]":
        """(why the code is refused, the sheet, this party's sealed piece); empty where it has or gives none.

        A holder that nobody attends gives its piece as the cloud of the session only, and against the code only.
        """
        own = None if shard is None else held(shard, self._keeper, self._asked.backup_id)
        if own is None or shard is None:
            return None, b"", []
        encoded, sheet, piece, check = own
        if sheet.index != self._asked.index:
            raise DaricError("backup", "The backup is of another party's share.")
        if self._unattended:
            if me != self._asked.cloud or not check:
                return None, encoded, []
            assert self._keeper is not None
            try:
                self._keeper.check_release(shard.group_id, sheet.backup_id, self._uuid, receiver, request)
            except DaricError as error:
                if error.name not in ("backup", "limit"):
                    raise
                return error, b"", []
        return None, encoded, [(me, backup.seal_piece(self._identity, receiver, sheet, me, piece, random))]

    def _pass(
        self, sid: bytes, number: int, peers: "list[int]", to: int, mine: RecoveryPieces, senders: "list[int]"
    ) -> "Generator[Outgoing, Received, list[tuple[int, RecoveryPieces]]]":
        """One round; what came from those who may send this party pieces. to: who gets this party's, 0 for nobody.

        DaricError("backup") where the cloud refused the code.
        """
        messages = {}
        for j in peers:
            messages[j] = mine if j == to else RecoveryPieces(mine.refused, b"", [])
        received = yield Outgoing(sid, number, RecoveryPieces, messages)
        for j in peers:
            if received[j].refused and (j != self._asked.cloud or number != 2):
                raise Abort("blame", j, "A party that was given no code refuses it.")
            if (received[j].pieces or received[j].sheet) and j not in senders:
                raise Abort("blame", j, "A party sends pieces of a backup against its part in the recovery.")
        if [j for j in peers if received[j].refused]:
            raise DaricError("backup", NO_CODE)
        return [(j, received[j]) for j in senders]

    def _restored(
        self, encoded: bytes, pieces: "list[tuple[int, bytes]]", state: "GroupState", roster: "Roster"
    ) -> "Shard":
        """The shard that the pieces give back, or DaricError("backup") that says which were bad."""
        asked = self._asked
        if not encoded:
            raise DaricError("backup", "Nobody who takes part has a good piece of this backup.")
        sheet = BackupSheet.decode(encoded)
        if (sheet.backup_id, sheet.pk, sheet.index) != (asked.backup_id, state.pk, asked.index):
            raise DaricError("backup", "The pieces are of another backup than the terms say.")
        backup.check_current(sheet, sheet.group_id, roster, state.epoch)
        sealed = [(number, roster.member(number).identity, data) for number, data in pieces]
        shard, self.bad = backup.reassemble(self._identity, sheet, state.P[asked.index], sealed)
        return shard


def _together(
    sheet: bytes, pieces: "list[tuple[int, bytes]]", found: "list[tuple[int, RecoveryPieces]]", parties: "list[int]"
) -> "tuple[bytes, list[tuple[int, bytes]]]":
    """A sheet and all pieces; whoever sends a piece twice, or one of nobody who takes part, is to blame."""
    for j, given in found:
        sheet, pieces = sheet or given.sheet, pieces + given.pieces
        numbers = [number for number, _ in pieces]
        if len(set(numbers)) != len(numbers) or [number for number in numbers if number not in parties]:
            raise Abort("blame", j, "A party sends a piece twice, or one of nobody who takes part.")
    return sheet, pieces
