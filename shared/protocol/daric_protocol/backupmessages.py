"""What parties send each other in sessions of a backup, its test and a recovery; read as those of messages.py.

A module of its own, because a device has room for them in these sessions only. Every party sends to every other in
every round; who has nothing to say says nothing, in empty fields. Specification: docs/protocol.md, section 12.
"""

from daric_protocol.limits import MAX_INDEX, MAX_PARTIES
from daric_protocol.messages import DIGEST, ListOf, Message, Number, Octets

MAX_REST = 8192  # a shard of 16 members with long names and a phrase
MAX_SHEET = MAX_REST + 2048
MAX_SEALED = 256  # a piece: 33 B key, 32 or 64 B, 26 B of sealing
MAX_OTHERS = MAX_PARTIES * MAX_SEALED
PIECES = ListOf((Number(1, MAX_INDEX), Octets(most=MAX_SEALED)), MAX_PARTIES)


class BackupDealt(Message):
    """Round 1 of a backup, from the device whose share it is; from everybody else empty.

    sheet: an encoded BackupSheet. piece: sealed, of the receiver, where it needs no carrying. others: to the phone, the
    envelope of all other pieces for the cloud.
    """

    NAMES = ("sheet", "piece", "others")
    FIELDS = (Octets(most=MAX_SHEET), Octets(most=MAX_SEALED), Octets(most=MAX_OTHERS))
    sheet: bytes
    piece: bytes
    others: bytes


class BackupCarried(Message):
    """Rounds 2 and 3 of a backup. sheet_hash: 32 B, of the sheet that the sender has.

    sealed: from the phone to the cloud the envelope, then from the cloud to each holder its piece; else empty.
    """

    NAMES = ("sheet_hash", "sealed")
    FIELDS = (DIGEST, Octets(most=MAX_OTHERS))
    sheet_hash: bytes
    sealed: bytes


class BackupKept(Message):
    """Last round of a backup: the sender's piece is kept, of the sheet with this hash (32 B)."""

    NAMES = ("sheet_hash",)
    FIELDS = (DIGEST,)
    sheet_hash: bytes


class BackupProof(Message):
    """Round 1 of a backup's test. sheet: encoded BackupSheet. proof: of the sender's piece. Both empty without one."""

    NAMES = ("sheet", "proof")
    FIELDS = (Octets(most=MAX_SHEET), Octets(0, 65))
    sheet: bytes
    proof: bytes


class RecoveryRequest(Message):
    """Round 1 of a recovery with pieces: from the recovering party to the cloud what shows that the code was typed."""

    NAMES = ("mac",)
    FIELDS = (Octets(0, 32),)
    mac: bytes


class RecoveryPieces(Message):
    """Rounds 2 to 4 of a recovery with pieces.

    refused: 1 from the cloud to all if it does not take the code. sheet: an encoded BackupSheet. pieces: [(number,
    sealed)], all sealed to the new identity: from each holder to the cloud, from the cloud to the phone, from the phone
    to the recovering party.
    """

    NAMES = ("refused", "sheet", "pieces")
    FIELDS = (Number(0, 1), Octets(most=MAX_SHEET), PIECES)
    refused: int
    sheet: bytes
    pieces: "list[tuple[int, bytes]]"
