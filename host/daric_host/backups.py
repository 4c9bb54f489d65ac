"""Backups of a device's share and the way back, for a wallet: with a session, or with phone and cloud alone.

    made = await wallet.backups.create(group.id, holders=[1, 3, 4], threshold=2, cloud=cloud_url)
    back = await wallet.backups.recover(group.id, device, members=[1, 4], cloud=cloud_url)

Nothing secret passes in clear: pieces travel sealed to their holders, later to the recovering device, and this phone
opens its own alone. Specification: docs/protocol.md, section 12; docs/sdk.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from daric_protocol.errors import DaricError
from daric_protocol.flows import backing as flow

from daric_host.backupbook import RECORD, RENEW, BackupBook, BackupInfo
from daric_host.groups import GroupInfo
from daric_host.keeper import Kept, read_sheet
from daric_host.proposal import Proposal

Numbers = list[int]  # a class with a method `list` cannot say so itself
PATIENCE = 60.0  # seconds for another phone to join the pair set-up with a device that came back


@dataclass(frozen=True)
class Recovered:
    """How a recovery ended. group: GroupInfo. index: the member that came back.

    bad: numbers of pieces that were no good. paired: members that it can sign with. unpaired: those that get
    their pair set-up with it when they first sign together (`Wallet.prepare`).
    """

    group: GroupInfo
    index: int
    bad: tuple[int, ...]
    paired: tuple[int, ...]
    unpaired: tuple[int, ...]


@dataclass(frozen=True)
class Source:
    """What a recovery draws on. holders: numbers whose pieces are not known to be lost. kept: this phone's own piece.

    lost: why there is none.
    """

    backup_id: bytes
    index: int
    threshold: int
    holders: list[int]
    kept: Kept | None
    lost: DaricError | None = None

    def check(self, chosen: Sequence[int]) -> None:
        """Enough holders take part, or what keeps this phone from being one of them."""
        there = [number for number in self.holders if number in chosen]
        if len(there) < self.threshold:
            if self.lost is not None:
                raise self.lost
            raise DaricError("threshold", f"{self.threshold} holders bring it back, {len(there)} were chosen")


class Backups(BackupBook):
    """create, verify, list and recover for the groups of a wallet, and what it holds for others. `Wallet.backups`."""

    async def create(
        self,
        group_id: bytes,
        holders: Sequence[int] = (),
        threshold: int = 2,
        *,
        device: bytes = b"",
        session: bool = True,
        cloud: str = "",
    ) -> BackupInfo:
        """Back a connected device's share up; its owner reads on the device who can reach the key, and the code.

        holders: indexes of members beside the device, any `threshold` of which bring the share back. device: identity
        (33 B), where several are connected. session: False where phone and cloud alone hold it, which takes no session;
        then holders may be left out. cloud: URL of the cloud party. Raises DaricError: member, threshold, unpaired,
        refused, storage and what sessions raise.
        """
        group = self._wallet.group(group_id)
        identity = self._connected(device, [member.identity for member in group.members])
        for index in holders:
            if index not in [member.index for member in group.members] or index == self._index(group, identity):
                raise DaricError("member", f"{index} is no member beside the device, which could hold a piece")
        backup_id = self._wallet.party.entropy.draw(16)
        if session:
            sheet = await self._in_session(group, identity, backup_id, holders, threshold, cloud)
        else:
            sheet = await self._by_phone_and_cloud(group, identity, backup_id, holders, threshold, cloud)
        with suppress(DaricError):  # what is left of them is of no use, and the new one is made
            self._forget_outdated(group, read_sheet(sheet).index)
        made = await asyncio.to_thread(self.keeper.load, group_id, backup_id)
        return self._info(group, read_sheet(sheet), made)

    async def verify(
        self,
        group_id: bytes,
        backup_id: bytes = b"",
        holders: Sequence[int] = (),
        *,
        session: bool = True,
        cloud: str = "",
    ) -> Numbers:
        """Prove that pieces of a backup are there and good; the share is not rebuilt. Numbers of those that are.

        backup_id: else the newest. holders: who takes part, all if left out. session: False to ask this phone and the
        cloud alone. Raises DaricError: backup (outdated, or fewer good pieces than its threshold), storage and what
        sessions raise.
        """
        group = self._wallet.group(group_id)
        kept = await self._own(group, backup_id)
        sheet = read_sheet(kept.sheet)
        self._check(group, sheet, kept)
        if session:
            chosen = sorted(holders) or [number for number, _ in sheet.holders]
            proposal = await self._wallet.propose_verify(group_id, sheet.backup_id, sheet.hash(), chosen)
            await self._wallet.invite(proposal, list(self._wallet._links), cloud)
            good = sorted(await self._wallet.run(proposal))
        else:
            challenge = self._wallet.party.entropy.draw(32)
            number, proof = await self._at(cloud).backup_proof(group_id, sheet.backup_id, challenge)
            proved = flow.check_proof(kept.sheet, number, challenge, proof)
            good = sorted({kept.number, number} if proved else {kept.number})
        if len(good) < sheet.threshold:
            raise DaricError("backup", f"{len(good)} pieces are good and it takes {sheet.threshold}: make a new backup")
        return good

    async def recover(
        self,
        group_id: bytes,
        device: bytes = b"",
        backup_id: bytes = b"",
        members: Sequence[int] = (),
        *,
        session: bool = True,
        cloud: str = "",
        patience: float = PATIENCE,
    ) -> Recovered:
        """Give a connected device, new or wiped, the share of the one that was lost; its owner types the code on it.

        device: its identity (33 B), where several are connected. backup_id: else the newest. members: who takes part
        beside it, holders of as many pieces as it takes among them; else this phone, the cloud and connected devices.
        session: False where phone and cloud hold the pieces: they come before the session that lets the device in.
        patience: seconds that another phone has for its pair set-up. Raises DaricError: backup (outdated, too few good
        pieces, a wrong code), limit (five wrong ones), member, unpaired, refused, storage and what sessions raise.
        """
        group = self._wallet.group(group_id)
        identity = self._connected(device, None, [member.identity for member in group.members])
        source = await self._source(group, backup_id, cloud if session else "")
        chosen = sorted(members or self._around(group, source.index, cloud))
        if group.me not in chosen:
            raise DaricError("member", "this phone takes part in what it proposes: name it among the members")
        number = self._index(group, self._wallet.service.cloud)
        present = [one for one in self._wallet._links if self._index(group, one) in chosen]
        if session:
            source.check(chosen)
            unattended = number if number in chosen and number in source.holders else 0
            proposal = await self._wallet.propose_recover(
                group_id, source.index, chosen, group.me, unattended, source.backup_id
            )
        else:
            bad = await self._pieces_of_phone_and_cloud(group, source, identity, cloud)
            proposal = await self._wallet.propose_recover(group_id, source.index, chosen)
        await self._wallet.invite(proposal, [identity, *present], cloud if number in chosen else "")
        await self._to_the_end(proposal, source.index, identity, cloud)
        if session:
            bad = self._backing.bad  # the device names them to everybody
        paired, unpaired = await self._wallet.pair_up(group_id, source.index, cloud, chosen, patience)
        return Recovered(self._wallet.group(group_id), source.index, tuple(bad), tuple(paired), tuple(unpaired))

    # Making

    async def _in_session(
        self, group: GroupInfo, device: bytes, backup_id: bytes, holders: Sequence[int], threshold: int, cloud: str
    ) -> bytes:
        number = self._index(group, self._wallet.service.cloud)
        unattended = number if number in holders else 0
        attended = [index for index in sorted(holders) if index != unattended]
        if not attended:
            raise DaricError("member", "at least one of a backup's holders is a phone or another device")
        carrier, own = group.me if group.me in attended else attended[0], self._index(group, device)
        asker = device if group.master == own else b""  # then only the device may ask
        proposal = await self._wallet.propose_backup(
            group.id, backup_id, threshold, own, sorted(holders), carrier, unattended, asker
        )
        await self._wallet.invite(proposal, list(self._wallet._links), cloud)
        sheet: bytes = await self._wallet.run(proposal)
        return sheet

    async def _by_phone_and_cloud(
        self, group: GroupInfo, device: bytes, backup_id: bytes, holders: Sequence[int], threshold: int, cloud: str
    ) -> bytes:
        """Steps 3 to 6 of the backup without a session: the device splits, the phone carries, both keep."""
        wallet = self._wallet
        number = self._index(group, wallet.service.cloud)
        if not number or set(holders) - {group.me, number} or (holders and len(holders) != 2):
            raise DaricError("member", "without a session the holders are this phone and the cloud, both members")
        if group.master not in (0, group.me, self._index(group, device)):
            raise DaricError("master")
        if threshold != 2:
            raise DaricError("threshold", "without a session both pieces are needed to bring the share back")
        client = self._at(cloud)
        people = [(index, member) for index, member in self._identities(group) if index in (group.me, number)]
        link, _ = wallet._link(device)
        made = await link.backup_make(group.id, backup_id, threshold, people, group.me, number)
        sheet = read_sheet(made.sheet)
        if (sheet.group_id, sheet.backup_id, sheet.threshold, sheet.holders) != (group.id, backup_id, 2, people):
            raise DaricError("backup", "the device made another backup than it was asked for")
        piece, check = flow.accept_piece(wallet.party.custody, made.sheet, device, group.me, made.phone_piece, False)
        if await client.backup_keep(made.sheet, made.others) != number:
            raise DaricError("backup", "the cloud party kept another piece than its own")
        await asyncio.to_thread(self.keeper.keep, made.sheet, group.me, piece, check)
        return made.sheet

    def _forget_outdated(self, group: GroupInfo, index: int) -> None:
        """Erase pieces of the same member's earlier shares: a new backup takes their place."""
        for held in self.keeper.backups(group.id):
            if held.index == index and held.epoch < group.epoch:
                self.keeper.forget(group.id, held.id)

    # Coming back

    async def _to_the_end(self, proposal: Proposal, index: int, identity: bytes, cloud: str) -> None:
        """Run a recovery; who was away, or missed the end, hears that the device is another one now."""
        group_id = proposal.terms.group
        try:
            await self._wallet.run(proposal)
        except DaricError:
            with suppress(DaricError):
                await self._wallet.settle(group_id, cloud)
            if self._index(self._wallet.group(group_id), identity) != index:
                raise
        await self._wallet.settle(group_id, cloud)

    async def _source(self, group: GroupInfo, backup_id: bytes, cloud: str) -> Source:
        """The backup to bring back: fetched from the user's cloud storage, else as the cloud party describes it."""
        try:
            kept = await self._own(group, backup_id)
            sheet = read_sheet(kept.sheet)
            self._check(group, sheet, kept)
            holders = [number for number, _ in sheet.holders]
            return Source(sheet.backup_id, sheet.index, sheet.threshold, holders, kept)
        except DaricError as error:
            for row in await self._rows(group, cloud):
                if row.epoch == group.epoch and backup_id in (b"", row.backup_id):
                    holders = [number for number, _ in row.holders if number != group.me]
                    return Source(row.backup_id, row.device, row.threshold, holders, None, error)
            raise

    async def _pieces_of_phone_and_cloud(
        self, group: GroupInfo, source: Source, device: bytes, cloud: str
    ) -> Sequence[int]:
        """Steps 3 to 6 of the recovery without a session: both pieces, sealed to the device, which puts them together.

        Numbers of the bad ones.
        """
        wallet, kept = self._wallet, source.kept
        assert kept is not None
        uuid = await wallet.relay.new_session_id()
        link, _ = wallet._link(device)
        mac = await link.recovery_request(kept.sheet, uuid)
        number, sealed = await self._at(cloud).recovery_piece(group.id, source.backup_id, uuid, device, mac)
        own = flow.release_piece(
            wallet.party.identity, device, kept.sheet, kept.number, kept.piece, wallet.party.entropy.draw
        )
        theirs = (number, read_sheet(kept.sheet).identity_of(number), sealed)
        return list(await link.recovery_restore(kept.sheet, [(kept.number, wallet.identity, own), theirs]))


__all__ = ["PATIENCE", "RECORD", "RENEW", "BackupInfo", "Backups", "Recovered"]
