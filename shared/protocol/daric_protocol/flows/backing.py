"""Backup of a member's share and its recovery over a party's custody: with a session, or step by step without one.

The steps are those of a wallet whose backup lies at the phone and the cloud alone: the device makes it, the phone
carries, both take their pieces; later both give them back, sealed to the recovering device. In a session the same
happens in rounds. A piece's number is its holder's index in the group. Specification: docs/protocol.md, section 12.
"""

from daric_protocol import recoverycode
from daric_protocol.errors import DaricError
from daric_protocol.tagged import read_scalar, scalar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from daric_protocol.backingdetails import RecoverDetails
    from daric_protocol.custody import Custody
    from daric_protocol.custodysession import SessionCustody
    from daric_protocol.flows.running import Rounds
    from daric_protocol.identity import Identity
    from daric_protocol.rounds.backup import BackupSheet
    from daric_protocol.session import Session
    from daric_protocol.shard import Shard

    Random = Callable[[int], bytes]


class Keeper:
    """Where a party keeps the pieces that it holds for others. Subclass it; every write is durable on return."""

    def keep(self, sheet: bytes, number: int, piece: bytes, check: bytes) -> None:
        """Keep a piece (32 B) with its sheet; check: 32 B of the recovery code at an unattended holder, else empty."""
        raise NotImplementedError

    def find(self, group_id: bytes, backup_id: bytes) -> "tuple[bytes, int, bytes, bytes] | None":
        """(sheet, number, piece 32 B, check) of a backup, or None."""
        raise NotImplementedError

    def check_release(self, group_id: bytes, backup_id: bytes, uuid: bytes, identity: bytes, mac: bytes) -> None:
        """Whether the piece may go to a new identity (33 B) in this session; a person decided where one is there.

        An unattended holder compares mac with that of the kept check, counts every try before it compares, and raises
        DaricError("backup").
        """


class Backing:
    """What a party brings to a session of a backup or a recovery beside its custody.

    keeper: of a holder. code: the recovery code, of the device that makes the backup or gets it back, where the cloud
    holds a piece. restored: the shard of a party whose pieces came before the session. The rounds take code and
    restored away when they begin; afterwards bad has the numbers of pieces that were no good.
    """

    def __init__(self, keeper: "Keeper | None" = None, code: str = "", restored: "Shard | None" = None) -> None:
        self.keeper = keeper
        self.code = code
        self.restored = restored
        self.bad: "list[int]" = []


def make_backup(
    custody: "Custody",
    group_id: bytes,
    backup_id: bytes,
    holders: "dict[int, bytes]",
    threshold: int,
    phone: int,
    cloud: int,
    code: str,
    random: "Random",
) -> "tuple[bytes, dict[int, bytes], bytes]":
    """A backup of this party's current share: (sheet, {number: sealed piece}, envelope of all others for the cloud).

    holders: {index of a member: identity 33 B}. phone: the holder that carries. cloud: the unattended holder, 0 for
    none; then every piece is among the sealed ones and the envelope is empty. code: the recovery code, for the cloud.
    Raises DaricError("group"), ("pending"), ("member"), ("parameter") or ("backup").
    """
    from daric_protocol.rounds import backup

    shard = custody.shard(group_id)
    check_holders(shard, holders, phone, cloud)
    check = recoverycode.check_value(code, backup_id) if cloud else b""
    sheet, direct, others = backup.make(
        custody.identity, shard, backup_id, holders, threshold, phone, cloud, check, random
    )
    return sheet.encode(), direct, others


def check_holders(shard: "Shard", holders: "dict[int, bytes]", phone: int, cloud: int) -> None:
    """Holders are other members of the group under the identities that this party stores: DaricError("member")."""
    for number, identity in holders.items():
        if number == shard.me or number not in shard.roster.indexes():
            raise DaricError("member", "The pieces of a backup go to other members of the group.")
        if shard.roster.member(number).identity != identity:
            raise DaricError("member", "A holder has another identity than the member of its number.")
    if phone not in holders or cloud == phone or (cloud and cloud not in holders):
        raise DaricError("member", "The phone that carries and the cloud are two of the holders.")


def check_asker(shard: "Shard", device: int, identity: bytes) -> None:
    """Without a session: identity (33 B) may ask for a backup of member `device`, or DaricError("master").

    Where the group has a master, that is the master, or anyone where the device is it and its owner agrees on it.
    """
    master = shard.roster.master
    if master not in (0, device) and shard.roster.member(master).identity != identity:
        raise DaricError("master")


def open_others(identity: "Identity", device: bytes, sheet: bytes, others: bytes) -> "dict[int, bytes]":
    """{number: sealed piece} of the envelope that a device (33 B) made for this party, which hands them out.

    Raises DaricError("backup") where it is not of this sheet, or lacks a holder's piece.
    """
    from daric_protocol.rounds import backup

    read = read_sheet(sheet)
    try:
        pieces = backup.open_others(identity, device, read, others)
    except DaricError as error:
        raise DaricError("backup", "The envelope of the pieces cannot be opened: " + error.detail)
    missing = [number for number in read.numbers() if number not in pieces]
    if len(missing) != 1 or len(pieces) != len(read.numbers()) - 1:
        raise DaricError("backup", "The envelope has the pieces of all holders but the one that carries it.")
    return pieces


def accept_piece(
    custody: "Custody", sheet: bytes, device: bytes, number: int, sealed: bytes, unattended: bool
) -> "tuple[bytes, bytes]":
    """(piece 32 B, check of the recovery code 32 B or empty), once all is well with it.

    device: identity (33 B) that made the backup. number: this holder's. unattended: a holder that confirms nothing
    takes a piece with a check only, everyone else one without. Raises DaricError("group"), ("pending") or ("backup").
    """
    from daric_protocol.rounds import backup

    read = read_sheet(sheet)
    shard = custody.shard(read.group_id)
    check_sheet(read, shard)
    if shard.roster.member(read.index).identity != device:
        raise DaricError("backup", "The backup was made by another party than the one whose share it is of.")
    if number != shard.me or number not in read.numbers():
        raise DaricError("backup", "The piece is another holder's.")
    try:
        piece, check = backup.open_piece(custody.identity, device, read, number, sealed)
    except DaricError as error:
        raise DaricError("backup", "The piece cannot be opened: " + error.detail)
    backup.check_opened(read, shard.P[read.index], number, piece, check, unattended)
    return scalar(piece), check


def read_sheet(sheet: bytes) -> "BackupSheet":
    """The sheet of its bytes; DaricError("backup")."""
    from daric_protocol.rounds.backup import BackupSheet

    return BackupSheet.decode(sheet)


def check_sheet(sheet: "BackupSheet", shard: "Shard") -> None:
    """The backup is of a share that this party's group uses now, held by other members, or DaricError("backup")."""
    from daric_protocol.rounds import backup

    backup.check_current(sheet, shard.group_id, shard.roster, shard.epoch)
    if sheet.pk != shard.pk or [number for number in sheet.numbers() if number not in shard.roster.indexes()]:
        raise DaricError("backup", "The backup is of another key, or has a holder that is no member.")


def release_piece(
    identity: "Identity", receiver: bytes, sheet: bytes, number: int, piece: bytes, random: "Random"
) -> bytes:
    """The piece (32 B) sealed to the recovering party's confirmed new identity (33 B). Raises DaricError("backup")."""
    from daric_protocol.rounds import backup

    return backup.seal_piece(identity, receiver, read_sheet(sheet), number, read_scalar(piece), random)


def restore_shard(
    identity: "Identity", sheet: bytes, sealed: "list[tuple[int, bytes, bytes]]"
) -> "tuple[Shard, list[int]]":
    """(the shard as it was, numbers of bad pieces) at the recovering party: [(number, holder's identity, piece)].

    The shard is not current yet: the group has to take this party's new identity in a session. Raises
    DaricError("backup") that names bad pieces if too few are good.
    """
    from daric_protocol.rounds import backup

    read = read_sheet(sheet)
    return backup.reassemble(identity, read, (read.commitments or [b""])[0], sealed)


def prove_piece(sheet: bytes, number: int, piece: bytes, challenge: bytes, random: "Random") -> bytes:
    """65 B: this holder has the piece (32 B) still. challenge: 32 fresh bytes of who asks."""
    from daric_protocol.rounds import backup

    return backup.prove(read_sheet(sheet), number, read_scalar(piece), challenge, random)


def check_proof(sheet: bytes, number: int, challenge: bytes, proof: bytes) -> bool:
    """Whether the holder of a number has a good piece; it never leaves its holder."""
    from daric_protocol.rounds import backup

    return backup.check_proof(read_sheet(sheet), number, challenge, proof)


# In a session


def rounds(
    session: "Session", shard: "Shard | None", custody: "Custody", view: "SessionCustody", backing: "Backing | None"
) -> "Rounds":
    """The round generator of a backup (the encoded sheet), its test (numbers of good pieces) or a recovery (the change
    of the roster as it travels). shard: None for the recovering party."""
    backing = backing or Backing()
    code, backing.code = backing.code, ""
    if session.terms.op == "recover":
        return recover(session, shard, custody, view, backing, code)
    assert shard is not None
    return back_up(session, shard, backing, code) if session.terms.op == "backup" else verify(session, shard, backing)


def back_up(session: "Session", shard: "Shard", backing: Backing, code: str) -> "Rounds":
    """A backup; the encoded sheet once every holder keeps its piece. code: the recovery code, of the device."""
    from daric_protocol.rounds import backuprounds

    terms, unattended = session.terms, not session.hooks.attended
    if unattended and shard.me == terms.details().device:
        # Its holders could be fewer than would have to sign, and nobody reads here who they are.
        raise DaricError("backup", "A party that nobody attends makes no backup of its own share.")
    return (
        yield from backuprounds.back_up(
            backuprounds.run_id(session.ssid, terms.request), shard, terms.members, terms.details(), session.identity,
            backing.keeper, unattended, code, session.random,
        )
    )  # fmt: skip


def verify(session: "Session", shard: "Shard", backing: Backing) -> "Rounds":
    """A test of a backup; the numbers of the pieces that are good."""
    from daric_protocol.rounds import backuprounds

    terms = session.terms
    return (
        yield from backuprounds.verify(
            backuprounds.run_id(session.ssid, terms.request), shard, terms.members, terms.details(), backing.keeper,
            session.random,
        )
    )  # fmt: skip


def recover(
    session: "Session",
    shard: "Shard | None",
    custody: "Custody",
    view: "SessionCustody",
    backing: Backing,
    code: str,
) -> "Rounds":
    """A recovery; the change of the roster as it travels. From here on the old identity counts for nothing."""
    from daric_protocol.membership import introduced
    from daric_protocol.rounds.groupstart import Brought
    from daric_protocol.rounds.recover import recover as recover_rounds

    terms = session.terms
    asked, gathering = terms.details(), None
    if asked.backup_id:
        from daric_protocol.rounds.backuprounds import Gathering

        unattended = not session.hooks.attended
        gathering = Gathering(
            asked, terms.request, terms.uuid, session.identity, backing.keeper, unattended, code
        )
    elif shard is None:
        _check_restored(backing.restored, asked)
    assert session.roster is not None
    roster = introduced(asked.facts.roster, session.hooks.describe) if shard is None else shard.roster
    identity = session.roster.member(asked.index).identity
    brought = Brought(custody.highest_epoch(terms.group), custody.highest_index(terms.group))
    restored, backing.restored = backing.restored, None
    try:
        _, change = yield from recover_rounds(
            session.me, session.ssid, terms.group, roster, terms.members, asked.index, identity, view,
            session.random, shard, None if gathering else restored, brought, gathering,
        )  # fmt: skip
    finally:
        if gathering is not None:
            backing.bad = gathering.bad
    encoded = change.encode()
    del asked, gathering, shard, restored, roster, brought, change, recover_rounds
    session.tidy()  # adopting loads what changes members, and a device has no room for both
    view.adopt(encoded)
    return encoded


def _check_restored(restored: "Shard | None", asked: "RecoverDetails") -> None:
    """The share that a party brings back is the one of the terms, in the group's epoch: DaricError("backup")."""
    if restored is None:
        raise DaricError("backup", "The recovering party brings the share that its pieces gave back.")
    if (restored.me, restored.pk) != (asked.index, asked.facts.pk):
        raise DaricError("backup", "The restored share is of another party or group than the terms say.")
    if restored.epoch != asked.facts.epoch:
        raise DaricError("backup", "The backup is of another epoch: the shares changed since. Make a new backup.")
