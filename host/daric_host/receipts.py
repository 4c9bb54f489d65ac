"""What the cloud party tells its owner: the record of its shard, the receipt of its erasure, its pieces of backups.

Specification: docs/architecture.md, the cloud party; messages.cddl.
"""

from __future__ import annotations

from typing import NamedTuple

from daric_protocol import envelope
from daric_protocol.errors import DaricError
from daric_protocol.identity import verify
from daric_protocol.limits import NAME_BYTES
from daric_protocol.messages import POINT_BYTES, SIGNATURE, Message, Number, Octets, Text
from daric_protocol.tagged import TH, u32

U32 = 0xFFFFFFFF
RECORD_BYTES = 66 * 1024  # of a record: the largest entry of a store and its name
RECEIPT_BYTES = 256


class CloudRecord(Message):
    """The row of the cloud's current shard as it lies in its database, without the key that opens it.

    name: of the row. version: of the store at its writing. sealed: salt, ciphertext, tag.
    """

    NAMES = ("name", "version", "sealed")
    FIELDS = (Text(NAME_BYTES), Number(1, U32), Octets(most=RECORD_BYTES))
    name: str
    version: int
    sealed: bytes


class ErasureReceipt(Message):
    """The cloud's word that it holds nothing of a group any more.

    group: 16 B. epoch: the last one that it took part in or tried; everything up to it is erased. time: Unix seconds.
    identity: 33 B of the cloud. signature: 64 B over all of it.
    """

    NAMES = ("group", "epoch", "time", "identity", "signature")
    FIELDS = (Octets(16), Number(1, U32), Number(0, U32), POINT_BYTES, SIGNATURE)
    group: bytes
    epoch: int
    time: int
    identity: bytes
    signature: bytes

    def digest(self) -> bytes:
        """32 B that the cloud signs."""
        return TH("daric/erased", self.group, u32(self.epoch), u32(self.time), self.identity)

    def encode(self) -> bytes:
        """The receipt as bytes, to keep."""
        return envelope.encode(self)


class CloudBackup(NamedTuple):
    """A backup that the cloud holds a piece of, and who tried to get it.

    backup_id: 16 B. device: index of the member whose share it is. epoch: of the share. threshold: pieces that give it
    back. holders: (number, identity 33 B). tries: wrong codes since the last good one or the last wait. locked_until:
    Unix time, 0 if not locked.
    """

    backup_id: bytes
    device: int
    epoch: int
    threshold: int
    holders: tuple[tuple[int, bytes], ...]
    tries: int
    locked_until: int


def read_receipt(data: bytes, group: bytes, cloud: bytes) -> ErasureReceipt:
    """The receipt of one group (16 B) from one cloud party (33 B), verified.

    Raises DaricError("encoding" or "too_large"), or ("signature") where it is another's, of another group, or forged.
    """
    receipt: ErasureReceipt = envelope.decode(ErasureReceipt, data, RECEIPT_BYTES)
    if receipt.group != group or receipt.identity != cloud:
        raise DaricError("signature", "The receipt is of another group or from another cloud party.")
    if not verify(cloud, receipt.digest(), receipt.signature):
        raise DaricError("signature", "The receipt of the erasure does not verify.")
    return receipt
