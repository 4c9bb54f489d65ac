"""What a wallet screen shows of a group: members, addresses, state; nothing secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from daric_protocol.custody import Custody
from daric_protocol.evm import account, address
from daric_protocol.roster import Member


@dataclass(frozen=True)
class GroupInfo:
    """One wallet. id: 16 B. public_key: 33 B. me: own index. pending: epochs that wait for a certificate."""

    id: bytes
    name: str
    threshold: int
    epoch: int
    me: int
    public_key: bytes
    members: tuple[Member, ...]
    pending: tuple[int, ...]

    @property
    def address(self) -> str:
        """The EOA address of the group's key, with its EIP-55 checksum."""
        return address.to_text(address.from_public_key(self.public_key))

    def account_address(self, kind: str = account.DEFAULT_KIND, salt: int = 0) -> str:
        """The pre-calculated address of a smart account that this key will own (daric_protocol.evm.account)."""
        owner = address.from_public_key(self.public_key)
        return address.to_text(account.account_address(owner, kind, salt))


def describe_group(custody: Custody, group_id: bytes) -> GroupInfo:
    """Raises DaricError("group"), or ("pending") before the first certificate."""
    group, shard = custody.group(group_id), custody.shard(group_id)
    members = tuple(shard.roster.members)
    return GroupInfo(
        group_id, group.name, shard.t, shard.epoch, shard.me, shard.pk, members, tuple(group.pendings)
    )


def current_groups(custody: Custody) -> list[GroupInfo]:
    """The wallets of which a party holds a current shard."""
    return [describe_group(custody, group) for group in custody.groups() if custody.group(group).epoch]


def shown(group: GroupInfo) -> dict[str, Any]:
    """The same for a program: what commands print."""
    members = [{"index": m.index, "kind": m.kind, "name": m.name, "identity": m.identity.hex()} for m in group.members]
    return {
        "group": group.id.hex(),
        "name": group.name,
        "threshold": group.threshold,
        "epoch": group.epoch,
        "public_key": group.public_key.hex(),
        "address": group.address,
        "account_address": group.account_address(),
        "me": group.me,
        "members": members,
    }
