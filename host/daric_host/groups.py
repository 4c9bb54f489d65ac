"""What a wallet screen shows of a group: members, addresses, state; nothing secret."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from daric_protocol import bip32, platform
from daric_protocol.custody import Custody
from daric_protocol.evm import account, address
from daric_protocol.group import MEMBER
from daric_protocol.roster import Member
from daric_protocol.terms import Terms

from daric_host.hdkey import USUAL

IMPORTED = "imported/"  # of a wallet whose key existed before
NOT_IMPORTED = platform.cbor_encode([False, ""])


@dataclass(frozen=True)
class GroupInfo:
    """One wallet. id: 16 B. public_key: 33 B. me: own index. pending: epochs that wait for a certificate.

    master: index of the member that alone may propose anything, 0 if every one may. exposed: an export was agreed to,
    so somebody may hold the whole key. left: the others went on without this party. imported: the key is of a phrase or
    an account's extended key. path: where in the phrase's tree it is, as far as this party knows.
    """

    id: bytes
    name: str
    threshold: int
    epoch: int
    me: int
    public_key: bytes
    members: tuple[Member, ...]
    pending: tuple[int, ...]
    master: int = 0
    exposed: bool = False
    left: bool = False
    imported: bool = False
    path: str = ""
    chain_code: bytes = field(default=b"", repr=False)

    @property
    def address(self) -> str:
        """The EOA address of the group's key, with its EIP-55 checksum."""
        return address.to_text(address.from_public_key(self.public_key))

    def child_address(self, path: Sequence[int]) -> str:
        """The EOA address of an account below the group's key. Raises DaricError("parameter") for a hardened level."""
        return address.to_text(address.from_public_key(bip32.tweak(self.public_key, self.chain_code, list(path))[1]))

    @property
    def usual_address(self) -> str:
        """The address 0/0 below the key: of an imported phrase the one that ordinary wallets show first."""
        return self.child_address(USUAL)

    def account_address(self, kind: str = account.DEFAULT_KIND, salt: int = 0, path: Sequence[int] = ()) -> str:
        """The pre-calculated address of a smart account that this key, or one below it, will own."""
        owner = address.from_text(self.child_address(path))
        return address.to_text(account.account_address(owner, kind, salt))


def describe_group(custody: Custody, group_id: bytes) -> GroupInfo:
    """Raises DaricError("group"), or ("pending") before the first certificate."""
    group, shard = custody.group(group_id), custody.shard(group_id)
    members, roster = tuple(shard.roster.members), shard.roster
    imported, path = platform.cbor_decode(custody.store.read(IMPORTED + group_id.hex()) or NOT_IMPORTED)
    return GroupInfo(
        group_id, group.name, shard.t, shard.epoch, shard.me, shard.pk, members, tuple(group.pendings), roster.master,
        group.exposed, group.standing != MEMBER, imported, path, shard.cc,
    )  # fmt: skip


def note_import(custody: Custody, terms: Terms, path: str = "") -> None:
    """Remember of a wallet that was imported whether its key is one of a tree, and where; path: as far as known."""
    in_tree = bool(terms.details().chain_code)
    custody.store.write(IMPORTED + terms.group.hex(), platform.cbor_encode([in_tree, path if in_tree else ""]))


def current_groups(custody: Custody) -> list[GroupInfo]:
    """The wallets of which a party holds a current shard."""
    return [describe_group(custody, group) for group in custody.groups() if custody.group(group).epoch]


def shown(group: GroupInfo) -> dict[str, Any]:
    """The same for a program: what commands print."""
    members = [{"index": m.index, "kind": m.kind, "name": m.name, "identity": m.identity.hex()} for m in group.members]
    found = {
        "group": group.id.hex(),
        "name": group.name,
        "threshold": group.threshold,
        "epoch": group.epoch,
        "public_key": group.public_key.hex(),
        "address": group.address,
        "account_address": group.account_address(),
        "me": group.me,
        "master": group.master,
        "exposed": group.exposed,
        "left": group.left,
        "members": members,
    }
    if group.imported:
        found.update({"path": group.path, "usual_address": group.usual_address})
    return found
