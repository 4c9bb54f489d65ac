"""What parties send each other in sessions that change a group or give its key out; read as those of messages.py.

Apart from those, because a device has no room for them beside key generation and signatures. Specification:
docs/protocol.md, sections 8 to 11.
"""

from daric_protocol.limits import MAX_ENTROPY_PARTS, MAX_INDEX, MAX_PARTIES, MIN_THRESHOLD
from daric_protocol.messages import (
    DIGEST,
    INDEX,
    POINT_BYTES,
    SCALAR,
    SIGNATURE,
    ListOf,
    Message,
    Number,
    Octets,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MEMBER = (INDEX, POINT_BYTES, POINT_BYTES)
PUBLIC_SHARES = ListOf((POINT_BYTES,), MAX_PARTIES)
GROUP = (
    POINT_BYTES, DIGEST, Number(1, 0xFFFFFFFF), Number(MIN_THRESHOLD, MAX_PARTIES), Number(0, 0xFFFFFFFF),
    Number(0, MAX_INDEX), ListOf(MEMBER, MAX_PARTIES), ListOf((PUBLIC_SHARES,), MAX_ENTROPY_PARTS),
)  # fmt: skip


class GroupStart(Message):
    """Round 0 of a session that changes a group, signed: as DealingStart, and what the group is.

    old: from those who deal or help, one item (pk, cc, epoch, t, version, master, [(index, identity, public share)],
    [[public share] of each part of an entropy]); from everybody else none.
    """

    NAMES = ("epoch", "index", "unusable", "old", "signature")
    FIELDS = (Number(0, 0xFFFFFFFF), Number(0, MAX_INDEX), ListOf((INDEX,), MAX_PARTIES), ListOf(GROUP, 1), SIGNATURE)
    epoch: int
    index: int
    unusable: "list[int]"
    old: "list[tuple[Any, ...]]"
    signature: bytes


class EnrolShare(Message):
    """Round 1 of an enrolment: a helper's masked part of the new member's shares, of the key and of an entropy's parts.

    None from the new member.
    """

    NAMES = ("shares",)
    FIELDS = (ListOf((SCALAR,), 1 + MAX_ENTROPY_PARTS),)
    shares: "list[int]"


class RecoverProof(Message):
    """Round 1 of a recovery: the proof that the sender knows the share it recovered; empty from everybody else.

    bad: numbers of the pieces that were no good, where they came in this session, before this round.
    """

    NAMES = ("proof", "bad")
    FIELDS = (Octets(0, 65), ListOf((INDEX,), MAX_PARTIES))
    proof: bytes
    bad: "list[int]"


class ExportConsent(Message):
    """Round 1 of an export: the signature that its sender takes part, for this initiator and purpose."""

    NAMES = ("signature",)
    FIELDS = (SIGNATURE,)
    signature: bytes


class ExportShare(Message):
    """Round 2 of an export: the sender's share of the key and of each part of the entropy; none from the initiator."""

    NAMES = ("shares",)
    FIELDS = (ListOf((SCALAR,), 1 + MAX_ENTROPY_PARTS),)
    shares: "list[int]"
