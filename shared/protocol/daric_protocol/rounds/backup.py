"""Backup of one party's share: split among holders, checked by each, put together again. docs/protocol.md, section 12.

The sheet, which everybody may see, has commitments to the polynomial; the constant one is the party's public share, so
that a holder knows that its piece belongs to it. What else a shard has is in the sheet, sealed under a key that follows
from the share. Pieces travel sealed to their holders, and later to the recovering party, by `seal_piece`. OT state is
never in a backup. Draws: the coefficients from degree 1 upward, then a nonce of 13 bytes; 32 bytes for each piece or
envelope that is sealed, 32 for a proof.
"""

from daric_protocol import cose, envelope, platform, proofs
from daric_protocol.backupmessages import MAX_OTHERS, MAX_REST, MAX_SHEET, PIECES
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_protocol.limits import MAX_INDEX, MAX_PARTIES, MIN_THRESHOLD
from daric_protocol.messages import POINT_BYTES, ListOf, Message, Number, Octets, read_array
from daric_protocol.polynomial import Polynomial, evaluate, lagrange
from daric_protocol.shard import Shard
from daric_protocol.tagged import TH, Q, random_scalar, read_scalar, scalar, u8, u32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from daric_protocol.roster import Roster

    Random = Callable[[int], bytes]

COUNT = Number(MIN_THRESHOLD, MAX_PARTIES)
HOLDER = (Number(1, MAX_INDEX), POINT_BYTES)


class BackupSheet(Message):
    """What a backup is, for all holders.

    backup_id, group_id: 16 B. pk: 33 B. index: whose share. epoch: of the share. threshold: pieces that recover it.
    holders: [(number, identity 33 B)], the number is where the piece lies on the polynomial. commitments: 33 B points.
    rest: nonce 13 B and the sealed shard.
    """

    NAMES = ("backup_id", "group_id", "pk", "index", "epoch", "threshold", "holders", "commitments", "rest")
    FIELDS = (
        Octets(16), Octets(16), POINT_BYTES, Number(1, MAX_INDEX), Number(1, 0xFFFFFFFF), COUNT,
        ListOf(HOLDER, MAX_PARTIES), ListOf((POINT_BYTES,), MAX_PARTIES), Octets(most=MAX_REST),
    )  # fmt: skip
    backup_id: bytes
    group_id: bytes
    pk: bytes
    index: int
    epoch: int
    threshold: int
    holders: "list[tuple[int, bytes]]"
    commitments: "list[bytes]"
    rest: bytes

    def hash(self) -> bytes:
        """32 B that name this very sheet."""
        return TH("daric/backup", self.encode())

    def encode(self) -> bytes:
        """The sheet as bytes, for keepers and for carrying."""
        return envelope.encode(self)

    @staticmethod
    def decode(data: bytes) -> "BackupSheet":
        """The sheet of `encode`; DaricError("backup") for anything else."""
        try:
            sheet: BackupSheet = envelope.decode(BackupSheet, data, MAX_SHEET)
        except DaricError as error:
            raise DaricError("backup", "The sheet of the backup cannot be read: " + error.detail)
        return sheet

    def numbers(self) -> "list[int]":
        """Where the pieces lie on the polynomial, as the sheet lists them."""
        return [number for number, _ in self.holders]

    def identity_of(self, number: int) -> bytes:
        """The holder with a number; DaricError("backup") if there is none."""
        for holder, identity in self.holders:
            if holder == number:
                return identity
        raise DaricError("backup", "The backup has no piece of this number.")


def split(
    shard: Shard, backup_id: bytes, holders: "dict[int, bytes]", threshold: int, random: "Random"
) -> "tuple[BackupSheet, dict[int, int]]":
    """A backup of this party's share: (sheet, {number: piece}), any `threshold` pieces of which give the share back.

    backup_id: 16 B, fresh. holders: {number 1..255: identity 33 B}, chosen apart from the group's members and
    threshold. DaricError("parameter").
    """
    numbers = sorted(holders)
    if len(backup_id) != 16 or not MIN_THRESHOLD <= threshold <= len(numbers) <= MAX_PARTIES:
        raise DaricError("parameter", "A backup has 2 to 16 holders and a threshold from 2 to their number.")
    if numbers[0] < 1 or numbers[-1] > MAX_INDEX or len(set(holders.values())) != len(numbers):
        raise DaricError("parameter", "Holders have different identities, and numbers from 1 to 255.")
    polynomial = Polynomial.random(threshold - 1, shard.s, random)
    points: "list[Any]" = polynomial.commitments()
    sheet = BackupSheet(
        backup_id, shard.group_id, shard.pk, shard.me, shard.epoch, threshold,
        [(number, holders[number]) for number in numbers], [platform.curve.encode(point) for point in points], b"",
    )  # fmt: skip
    bound, nonce = sheet.hash(), random(13)
    sheet.rest = nonce + platform.ccm_seal(_key(shard.s, shard.epoch), nonce, shard.encode(), bound)
    return sheet, {number: polynomial.at(number) for number in numbers}


def make(
    identity: Identity,
    shard: Shard,
    backup_id: bytes,
    holders: "dict[int, bytes]",
    threshold: int,
    phone: int,
    cloud: int,
    check: bytes,
    random: "Random",
) -> "tuple[BackupSheet, dict[int, bytes], bytes]":
    """A backup on its way: (sheet, {number: sealed piece}, envelope of all others for the cloud).

    phone, cloud: numbers of the holder that carries and of the unattended one; for cloud 0 every piece is among the
    sealed ones, and the envelope is empty. check: 32 B of the recovery code, for the cloud. Errors as of split.
    """
    sheet, pieces = split(shard, backup_id, holders, threshold, random)
    sealed = {}
    for number in sheet.numbers():
        more = check if number == cloud else b""
        sealed[number] = seal_piece(identity, holders[number], sheet, number, pieces.pop(number), random, more)
    if not cloud:
        return sheet, sealed, b""
    direct = {phone: sealed.pop(phone)}
    return sheet, direct, seal_others(identity, holders[cloud], sheet, sealed, random)


def check_sheet(sheet: BackupSheet, public_share: bytes) -> None:
    """The sheet is of the share that belongs to a known public share (33 B), or DaricError("backup")."""
    numbers = sheet.numbers()
    if numbers != sorted(set(numbers)) or not sheet.threshold <= len(numbers):
        raise DaricError("backup", "The backup's holders are not distinct, or fewer than its threshold.")
    if len(sheet.commitments) != sheet.threshold or sheet.commitments[0] != public_share:
        raise DaricError("backup", "The backup is not of this party's share, or not of its threshold.")


def check_current(sheet: BackupSheet, group_id: bytes, roster: "Roster", epoch: int) -> None:
    """The backup is of a share that the group uses now, or DaricError("backup") that says why not."""
    if sheet.group_id != group_id or sheet.index not in roster.indexes():
        raise DaricError("backup", "The backup is of another group, or of a party that is no member any more.")
    if sheet.epoch != epoch:
        raise DaricError("backup", "The backup is of another epoch: the shares changed since. Make a new backup.")
    check_sheet(sheet, roster.member(sheet.index).public_share)


def check_piece(sheet: BackupSheet, public_share: bytes, number: int, piece: int) -> None:
    """A holder's own check, at any time: its piece is good for this share, or DaricError("backup")."""
    check_sheet(sheet, public_share)
    sheet.identity_of(number)
    if not _fits(sheet, number, piece):
        raise DaricError("backup", "A piece does not fit the backup.")


def check_opened(
    sheet: BackupSheet, public_share: bytes, number: int, piece: int, check: bytes, unattended: bool
) -> None:
    """As check_piece, and a holder that nobody attends, and no other, got what checks the recovery code."""
    if unattended and not check:
        raise DaricError("backup", "A holder that nobody attends keeps no piece without a recovery code.")
    if check and not unattended:
        raise DaricError("backup", "Only a holder that nobody attends gets what checks the recovery code.")
    check_piece(sheet, public_share, number, piece)


def combine(
    sheet: BackupSheet, public_share: bytes, pieces: "dict[int, int]", unreadable: "list[int] | None" = None
) -> "tuple[int, list[int]]":
    """(the share, numbers of bad pieces) of {number: piece}. DaricError("backup") if too few of them are good.

    unreadable: numbers of pieces that came and could not be opened; they are bad too.
    """
    check_sheet(sheet, public_share)
    numbers = sheet.numbers()
    bad = [number for number in sorted(pieces) if number not in numbers or not _fits(sheet, number, pieces[number])]
    good = [number for number in sorted(pieces) if number not in bad][: sheet.threshold]
    bad = sorted(bad + (unreadable or []))
    if len(good) < sheet.threshold:
        named = ", ".join([str(number) for number in bad])
        text = "Too few good pieces: %d came and it takes %d" % (len(good), sheet.threshold)
        raise DaricError("backup", text + ("; bad: number " + named + "." if bad else "."))
    s = sum([lagrange(good, number) * pieces[number] for number in good]) % Q
    if platform.curve.encode(platform.curve.mul_g(s)) != public_share:
        raise DaricError("backup", "The pieces do not give the share back.")
    return s, bad


def reassemble(
    identity: Identity, sheet: BackupSheet, public_share: bytes, sealed: "list[tuple[int, bytes, bytes]]"
) -> "tuple[Shard, list[int]]":
    """(the shard, numbers of bad pieces) of pieces that were sealed to this identity: [(number, sender 33 B, bytes)].

    DaricError("backup") if too few of them are good.
    """
    pieces: "dict[int, int]" = {}
    unreadable: "list[int]" = []
    for number, sender, data in sealed:
        if number in pieces or number in unreadable:
            raise DaricError("backup", "A piece came twice.")
        try:
            pieces[number] = open_piece(identity, sender, sheet, number, data)[0]
        except DaricError:
            unreadable.append(number)
    s, bad = combine(sheet, public_share, pieces, unreadable)
    return restore(sheet, s), bad


def restore(sheet: BackupSheet, s: int) -> Shard:
    """The shard as it was when the backup was made, of the share that `combine` gave. DaricError("backup")."""
    nonce, sealed = sheet.rest[:13], sheet.rest[13:]
    bare = BackupSheet(*[getattr(sheet, name) for name in sheet.NAMES])
    bare.rest = b""
    try:
        shard = Shard.decode(platform.ccm_open(_key(s, sheet.epoch), nonce, sealed, bare.hash()))
    except DaricError:
        raise DaricError("backup", "What the backup holds beside the share cannot be opened.")
    if (shard.s, shard.me, shard.epoch, shard.pk, shard.group_id) != (
        s, sheet.index, sheet.epoch, sheet.pk, sheet.group_id
    ):  # fmt: skip
        raise DaricError("backup", "What the backup holds beside the share is of another share.")
    return shard


def seal_piece(
    identity: Identity,
    receiver: bytes,
    sheet: BackupSheet,
    number: int,
    piece: int,
    random: "Random",
    check: bytes = b"",
) -> bytes:
    """A piece that only one identity can open and only this one can have made: ephemeral key 33 B, sealed message.

    receiver: 33 B, the holder's when the backup is made, the recovering party's confirmed new one later. check: 32 B of
    the recovery code, for an unattended holder alone.
    """
    return _seal(identity, receiver, _place(identity.public, receiver, sheet, number), scalar(piece) + check, random)


def open_piece(
    identity: Identity, sender: bytes, sheet: BackupSheet, number: int, sealed: bytes
) -> "tuple[int, bytes]":
    """(the piece, what checks the recovery code or nothing) that `seal_piece` of the sender (33 B) made for this
    identity. DaricError("sealed" or "encoding")."""
    opened = _open(identity, sender, _place(sender, identity.public, sheet, number), sealed)
    if len(opened) not in (32, 64):
        raise DaricError("encoding", "A piece has 32 bytes, with what checks the recovery code 64.")
    return read_scalar(opened[:32]), opened[32:]


def seal_others(
    identity: Identity, receiver: bytes, sheet: BackupSheet, pieces: "dict[int, bytes]", random: "Random"
) -> bytes:
    """The envelope in which sealed pieces, {number: bytes}, travel to the party (33 B) that hands them out."""
    inside = platform.cbor_encode(PIECES.write([(number, pieces[number]) for number in sorted(pieces)]))
    return _seal(identity, receiver, _cover(identity.public, receiver, sheet), inside, random)


def open_others(identity: Identity, sender: bytes, sheet: BackupSheet, others: bytes) -> "dict[int, bytes]":
    """{number: sealed piece} of the envelope that the sender (33 B) made. DaricError("sealed" or "encoding")."""
    inside = _open(identity, sender, _cover(sender, identity.public, sheet), others)
    pieces: "list[tuple[int, bytes]]" = read_array([platform.cbor_decode(inside, MAX_OTHERS)], (PIECES,))[0]
    if len(dict(pieces)) != len(pieces):
        raise DaricError("encoding", "An envelope has each piece once.")
    return dict(pieces)


def prove(sheet: BackupSheet, number: int, piece: int, challenge: bytes, random: "Random") -> bytes:
    """65 B that show the knowledge of a piece, which stays where it is. challenge: 32 B, fresh, of who asks."""
    point: "Any" = _point(sheet, number)
    return proofs.prove(_proof_sid(sheet, challenge), number, piece, point, random)


def check_proof(sheet: BackupSheet, number: int, challenge: bytes, proof: bytes) -> bool:
    """Whether a proof (65 B) shows the knowledge of a good piece of this sheet."""
    if number not in sheet.numbers():
        return False
    return proofs.verify(_proof_sid(sheet, challenge), number, _point(sheet, number), proof)


def smallest_reach(roster: "Roster", index: int, holders: "list[bytes]", threshold: int) -> "list[bytes]":
    """Identities (33 B) of a smallest set of parties that reaches the key together, any `threshold` holders of the
    backup of member `index` counted as that member."""
    others = [member.identity for member in roster.members if member.index != index]
    backed = [who for who in holders if who != roster.member(index).identity]
    members = [roster.member(index).identity] + others
    both = [who for who in backed if who in others]
    both = both[: min(threshold, roster.t - 1)]
    more_holders = sorted([who for who in backed if who not in both], key=lambda who: who in others)
    chosen = both + more_holders[: threshold - len(both)]
    missing = roster.t - 1 - len([who for who in chosen if who in others])
    rest = [who for who in others if who not in chosen]
    if len(backed) < threshold or missing > len(rest):
        return members[: roster.t]
    chosen = chosen + rest[: max(0, missing)]
    return chosen if len(chosen) <= roster.t else members[: roster.t]


def _fits(sheet: BackupSheet, number: int, piece: int) -> bool:
    """Whether a piece is the committed polynomial's value at its number."""
    return bool(platform.curve.equal_points(platform.curve.mul_g(piece), _point(sheet, number)))


def _point(sheet: BackupSheet, number: int) -> "Any":
    """The committed polynomial's value at a number, times G."""
    try:
        points: "list[Any]" = [platform.curve.decode(point) for point in sheet.commitments]
    except DaricError:
        raise DaricError("backup", "A commitment of the backup is no point.")
    return evaluate(points, number)


def _proof_sid(sheet: BackupSheet, challenge: bytes) -> bytes:
    return TH("daric/backup-proof", challenge, sheet.hash())


def _key(s: int, epoch: int) -> bytes:
    """32 B for what is sealed beside the share: it follows from the share, so the pieces open it."""
    return TH("dkls/bk", scalar(s), u32(epoch))


def _place(sender: bytes, receiver: bytes, sheet: BackupSheet, number: int) -> bytes:
    return TH("daric/piece", sender, receiver, sheet.hash(), u8(number))


def _cover(sender: bytes, receiver: bytes, sheet: BackupSheet) -> bytes:
    return TH("daric/pieces", sender, receiver, sheet.hash())


def _seal(identity: Identity, receiver: bytes, place: bytes, plaintext: bytes, random: "Random") -> bytes:
    """A fresh key for each message: 33 B of its public half, then the sealed message."""
    ephemeral = Identity(random_scalar(random))
    ikm = ephemeral.exchange(receiver) + identity.exchange(receiver)
    key = platform.hkdf_sha256(ikm, ephemeral.public, place, 32)
    return ephemeral.public + cose.seal(key, bytes(13), plaintext, place)


def _open(identity: Identity, sender: bytes, place: bytes, sealed: bytes) -> bytes:
    ikm = identity.exchange(sealed[:33]) + identity.exchange(sender)
    key = platform.hkdf_sha256(ikm, sealed[:33], place, 32)
    return cose.open(key, bytes(13), sealed[33:], place)
