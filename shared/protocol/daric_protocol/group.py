"""A party's record of a group: which epoch counts, which are pending, what was ever used.

Specification: docs/protocol.md, section 8 (epochs and deletion).
"""

from daric_protocol import platform
from daric_protocol.errors import DaricError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from daric_protocol.custody import Store

FORMAT = 1
MEMBER, LEFT_BEHIND, LEFT = 0, 1, 2


class Group:
    """The one entry whose writing makes an epoch current.

    id: 16 B. name: for people. epoch: the current one, 0 before the first certificate. highest_epoch: ever tried.
    highest_index: ever seen. pendings: epochs stored and not certified, ascending. certificate: [[index, signature 64]]
    of the current epoch. standing: MEMBER; LEFT_BEHIND when others went on without this party; LEFT when it dealt its
    share away. exposed: an export of the key was agreed to, so that somebody may hold all of it.
    """

    def __init__(self, group_id: bytes, name: str = "") -> None:
        self.id = group_id
        self.name = name
        self.epoch = 0
        self.highest_epoch = 0
        self.highest_index = 0
        self.pendings: "list[int]" = []
        self.certificate: "list[Any]" = []
        self.standing = MEMBER
        self.exposed = False

    @classmethod
    def load(cls, store: "Store", group_id: bytes) -> "Group | None":
        """The stored record, or None. Raises DaricError("storage")."""
        data = store.read("group/" + group_id.hex())
        if data is None:
            return None
        fields: Any = platform.cbor_decode(data)
        if fields[0] != FORMAT:
            raise DaricError("storage", "A group was stored by a newer version.")
        group = cls(group_id, fields[1])
        group.epoch, group.highest_epoch, group.highest_index = fields[2:5]
        group.pendings, group.certificate, group.standing, group.exposed = fields[5:9]
        return group

    def save(self, store: "Store") -> None:
        """Write the record: durable, all or nothing."""
        fields = [
            FORMAT, self.name, self.epoch, self.highest_epoch, self.highest_index,
            self.pendings, self.certificate, self.standing, self.exposed,
        ]  # fmt: skip
        store.write("group/" + self.id.hex(), platform.cbor_encode(fields))

    def keeps_shard(self, epoch: int) -> bool:
        """Whether the shard of an epoch is current or pending."""
        return epoch == self.epoch or epoch in self.pendings

    def keeps_pairs(self, epoch: int) -> bool:
        """Whether the pair states of an epoch are: of the current one, and of the newest pending."""
        return epoch == self.epoch or epoch in self.pendings[-1:]


def shard_name(group_id: bytes, epoch: int) -> str:
    """Where the shard of an epoch is stored."""
    return "shard/" + group_id.hex() + "/" + str(epoch)


def pair_name(group_id: bytes, epoch: int, peer: int) -> str:
    """Where the pair state of an epoch is stored."""
    return "pair/" + group_id.hex() + "/" + str(epoch) + "/" + str(peer)


def issued_name(group_id: bytes) -> str:
    """Where it is noted that an index of the current epoch was given to somebody."""
    return "issued/" + group_id.hex()


def missing_name(group_id: bytes) -> str:
    """Where it is noted whose acknowledgement the last attempt at a new epoch lacked, one byte an index."""
    return "missing/" + group_id.hex()


def issued_to(store: "Store", group_id: bytes) -> "list[Any] | None":
    """[epoch, index, identity] of an enrolment that this party helped in and that is not certified; None if none."""
    data = store.read(issued_name(group_id))
    fields: "list[Any] | None" = None if data is None else platform.cbor_decode(data)
    return fields


def gone_name(group_id: bytes) -> str:
    """Where the identities are stored that recoveries replaced."""
    return "gone/" + group_id.hex()


def replaced(store: "Store", group_id: bytes) -> "list[bytes]":
    """Identities (33 B) that recoveries replaced: they never come back."""
    gone = store.read(gone_name(group_id)) or b""
    return [gone[at : at + 33] for at in range(0, len(gone), 33)]
