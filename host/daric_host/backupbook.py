"""What a phone knows of the backups of its wallets: of whose share, held by whom, whether they are good now.

Specification: docs/protocol.md, section 12; docs/sdk.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daric_protocol.errors import DaricError
from daric_protocol.flows.backing import Backing
from daric_protocol.rounds.backup import check_current, check_piece
from daric_protocol.tagged import read_scalar

from daric_host.cloud_client import CloudClient
from daric_host.groups import GroupInfo
from daric_host.keeper import Held, Kept, PhoneKeeper, read_sheet
from daric_host.proposal import Event
from daric_host.receipts import CloudBackup
from daric_host.usercloud import FOLDER, UserCloud

if TYPE_CHECKING:
    from daric_protocol.roster import Member
    from daric_protocol.rounds.backup import BackupSheet

    from daric_host.wallet import Wallet

RECORD = "cloud-shard"  # file of the cloud party's sealed shard (docs/flows.md, removing a party, 7.1)
RENEW = "the shares changed since: make a new backup"


@dataclass(frozen=True)
class BackupInfo:
    """A backup that this phone or the cloud party holds a piece of.

    id: 16 B. device: index of the member whose share it is of, in an epoch. threshold: how many pieces give it back.
    holders: indexes. made: Unix time, 0 where this phone has no piece. good: it is of the current epoch, and this
    phone's piece is intact. note: why it is not good. tries: wrong recovery codes at the cloud; locked_until: Unix time
    before which it takes no more, 0 if it does.
    """

    id: bytes
    device: int
    epoch: int
    threshold: int
    holders: tuple[int, ...]
    made: int
    good: bool
    note: str
    tries: int = 0
    locked_until: int = 0


class BackupBook:
    """list, and what a wallet asks of it beside; the looking half of Backups."""

    def __init__(self, wallet: Wallet) -> None:
        self._wallet = wallet
        self.storage = UserCloud(wallet.storage or str(wallet.home / FOLDER), wallet.party.store)
        self.keeper = PhoneKeeper(self.storage)
        self._backing = Backing(self.keeper)  # of the session that runs, or the last one

    async def list(self, group_id: bytes, cloud: str = "") -> Sequence[BackupInfo]:
        """The backups of a wallet that this phone knows of, newest first; with a URL those of the cloud party too."""
        group = self._wallet.group(group_id)
        found = {held.id: await self._look(group, held) for held in self.keeper.backups(group_id)}
        for row in await self._rows(group, cloud):
            own = found.get(row.backup_id)
            current = row.epoch == group.epoch
            holders = tuple(number for number, _ in row.holders)
            good, note, made = (own.good, own.note, own.made) if own else (current, "" if current else RENEW, 0)
            found[row.backup_id] = BackupInfo(
                row.backup_id, row.device, row.epoch, row.threshold, holders, made, good, note, row.tries,
                row.locked_until,
            )  # fmt: skip
        return sorted(found.values(), key=lambda one: (one.epoch, one.made), reverse=True)

    async def _rows(self, group: GroupInfo, cloud: str) -> Sequence[CloudBackup]:
        """The backups that the cloud party at a URL knows of; none where it is no member."""
        asked = cloud and self._index(group, self._wallet.service.cloud)
        return await self._at(cloud).backups(group.id) if asked else []

    # For the wallet

    def backing(self) -> Backing:
        """What this phone brings to its next session of a backup: the pieces that it keeps."""
        self._backing = Backing(self.keeper)
        return self._backing

    def outdated(self, group_id: bytes) -> Sequence[Held]:
        """Backups of earlier epochs whose share has none of the current one."""
        epoch = self._wallet.group(group_id).epoch
        held = self.keeper.backups(group_id)
        renewed = [one.index for one in held if one.epoch == epoch]
        return [one for one in held if one.epoch < epoch and one.index not in renewed]

    def renewal(self, group_id: bytes) -> Event | None:
        """After a new epoch: which backups to make anew, None if there are none."""
        ids = [one.id.hex() for one in self.outdated(group_id)]
        return Event("backup", "", {"group": group_id.hex(), "outdated": ids, "advice": RENEW}) if ids else None

    async def keep_record(self, group_id: bytes, cloud: str) -> bool:
        """Where phones and the cloud party alone are left, keep its sealed shard in the user's cloud storage.

        No phone can open it, and a new epoch makes it worthless: then it is replaced, or erased. True if it is kept.
        """
        group = self._wallet.group(group_id)
        number = self._index(group, self._wallet.service.cloud)
        others = [member for member in group.members if member.index != number]
        if not number or not cloud or not await self._are_phones(others):
            await asyncio.to_thread(self.storage.erase, group_id, RECORD)
            return False
        record = await self._at(cloud).record(group_id)
        await asyncio.to_thread(self.storage.write, group_id, RECORD, record)
        return True

    async def _are_phones(self, members: Sequence[Member]) -> bool:
        """Whether none of these members is a device; of another person's party the services know what it is."""
        registered: dict[bytes, str] = {}
        if not all(member.kind for member in members):
            with suppress(DaricError):  # offline nobody knows
                registered = {one.identity: one.kind for one in await self._wallet.relay.parties()}
        kinds = [member.kind or registered.get(member.identity, "") for member in members]
        return all(kind in ("phone", "browser") for kind in kinds)

    # Looking

    async def _own(self, group: GroupInfo, backup_id: bytes) -> Kept:
        """What this phone keeps of a backup, or of the newest one that is good, else of the newest."""
        if not backup_id:
            known = await self.list(group.id)
            if not known:
                raise DaricError("backup", "this phone holds no piece of a backup of this wallet")
            backup_id = next((one.id for one in known if one.good), known[0].id)
        kept = await asyncio.to_thread(self.keeper.load, group.id, backup_id)
        if kept is None:
            raise DaricError("backup", "this phone holds no piece of this backup")
        return kept

    def _check(self, group: GroupInfo, sheet: BackupSheet, kept: Kept | None) -> None:
        """The backup brings back a share that counts now, as far as this phone can see. DaricError("backup")."""
        roster = self._wallet.party.custody.roster(group.id)
        check_current(sheet, group.id, roster, group.epoch)
        if kept is not None:
            check_piece(sheet, roster.member(sheet.index).public_share, kept.number, read_scalar(kept.piece))

    async def _look(self, group: GroupInfo, held: Held) -> BackupInfo:
        try:
            kept = await asyncio.to_thread(self.keeper.load, group.id, held.id)
            assert kept is not None
            return self._info(group, read_sheet(kept.sheet), kept)
        except DaricError as error:  # the file is damaged or away: its name still says what it was
            return BackupInfo(held.id, held.index, held.epoch, 0, (), 0, False, error.detail)

    def _info(self, group: GroupInfo, sheet: BackupSheet, kept: Kept | None) -> BackupInfo:
        note = ""
        try:
            self._check(group, sheet, kept)
        except DaricError as error:
            note = error.detail if sheet.epoch == group.epoch else RENEW
        holders = tuple(number for number, _ in sheet.holders)
        made = kept.made if kept is not None else 0
        return BackupInfo(sheet.backup_id, sheet.index, sheet.epoch, sheet.threshold, holders, made, not note, note)

    # Who is who

    def _at(self, cloud: str) -> CloudClient:
        if not cloud:
            raise DaricError("parameter", "the cloud party's URL is needed")
        return CloudClient(cloud, self._wallet.relay)

    def _connected(self, device: bytes, among: Sequence[bytes] | None, beside: Sequence[bytes] = ()) -> bytes:
        """The connected device that is meant: one of `among`, none of `beside`."""
        links = [one for one in self._wallet._links if (among is None or one in among) and one not in beside]
        if device:
            self._wallet._link(device)
            if device not in links:
                raise DaricError("member", "it is a member already" if among is None else "that device is no member")
            return device
        if len(links) != 1:
            wanted = "a member" if among is not None else "none yet"
            raise DaricError("unpaired", f"exactly one connected device that is {wanted} is needed, not {len(links)}")
        return links[0]

    def _index(self, group: GroupInfo, identity: bytes) -> int:
        """The index of a party; 0 if it is no member."""
        return next((member.index for member in group.members if member.identity == identity), 0)

    def _identities(self, group: GroupInfo) -> Sequence[tuple[int, bytes]]:
        return [(member.index, member.identity) for member in group.members]

    def _around(self, group: GroupInfo, index: int, cloud: str) -> Sequence[int]:
        """Indexes of those who can take part without anybody else's doing: this phone, its devices, the cloud."""
        here = [self._wallet.identity, *self._wallet._links]
        if cloud:
            here.append(self._wallet.service.cloud)
        return [member.index for member in group.members if member.identity in here and member.index != index]


__all__ = ["RECORD", "RENEW", "BackupBook", "BackupInfo"]
