"""What the cloud party does for the account that owns a group: takes part, hands out what it knows, erases.

It confirms nothing and shows nothing, so it looks at who the others are: it acts only in sessions whose human parties
all belong to the account that owns the group. Specification: docs/architecture.md, the cloud party; docs/security.md.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import structlog
from daric_protocol import envelope, flows, platform
from daric_protocol.errors import DaricError
from daric_protocol.flows import backing
from daric_protocol.group import LEFT_BEHIND, MEMBER, replaced, shard_name
from daric_protocol.limits import KEYGEN_TIMEOUT
from daric_protocol.rounds.backup import BackupSheet, check_current
from daric_protocol.session import RUNNING, Session
from daric_protocol.shard import Shard
from daric_protocol.terms import BACKING, Terms

from daric_host.carry import carry
from daric_host.leftovers import freeing
from daric_host.party import Party
from daric_host.receipts import CloudBackup, CloudRecord, ErasureReceipt
from daric_host.relay import RelayClient
from daric_host.seats import LocalSeat

from .cloud_keeper import CloudKeeper
from .tokens import Claims, TokenVerifier

OWNER = "owner/"  # which account a group belongs to
BEHIND = "behind/"  # the epoch of the certificate by which the group went on without the cloud
ERASED = "erased/"  # of a group that was deleted: its account and the receipt, nothing else
EMPTY_SIGNATURE = bytes(64)


class GuardedSeat(LocalSeat):
    """The cloud's seat: before it answers a start it looks who the other parties are, and before the rounds again."""

    def __init__(self, cloud: CloudParty, terms: Terms, account: bytes) -> None:
        super().__init__(cloud.open_session(terms), cloud.party.custody)
        self._cloud = cloud
        self._account = account
        self._identities: list[bytes] = []
        self._met = False

    async def start(self, joins: list[bytes]) -> None:
        members = sorted(await self._cloud.relay.accounts(self.session.terms.uuid), key=lambda one: one.seat)
        strangers = [one for one in members if one.kind != "cloud" and one.account != self._account]
        if strangers or len(members) != len(joins):
            await self.cancel()
            return
        self._cloud.own(self.session.terms, self._account)
        self._identities = [one.identity for one in members]
        await super().start(joins)

    async def fetch(self) -> tuple[int, bytes] | None:
        if not self._met and self.session.state == RUNNING:
            self._met = True
            if self._opened() != self._identities:
                await self.cancel()  # somebody of the account lent its seat to a stranger
        return await super().fetch()

    def _opened(self) -> list[bytes]:
        """By seat, the identities that the sealed channels of the session will belong to."""
        session = self.session
        assert session.roster is not None
        return [session.roster.member(index).identity for index in session.indexes]


class CloudParty:
    """What the control endpoint may ask for. One per process and directory.

    claims: of the caller's token, everywhere; DaricError("unauthorised") where the group is not of its account.
    """

    def __init__(
        self, party: Party, relay: RelayClient, verifier: TokenVerifier, clock: Callable[[], float] = time.time
    ) -> None:
        """clock: Unix seconds, of receipts and of the wait after wrong recovery codes."""
        self.party = party
        self.relay = relay
        self.verifier = verifier
        self.keeper = CloudKeeper(party.store, clock)
        self._clock = clock
        self._log = structlog.get_logger("daric.cloud")
        self._tasks: dict[bytes, asyncio.Task[None]] = {}  # by session
        self._seats: dict[bytes, bytes] = {}  # groups of these sessions
        for name in party.store.names(OWNER):
            self._settle_down(bytes.fromhex(name.removeprefix(OWNER)))

    def open_session(self, terms: Terms) -> Session:
        """The cloud's side of a session (flows.open_session, with its errors)."""
        kept = backing.Backing(self.keeper) if terms.op in BACKING else None
        party, now = self.party, int(self._clock())
        return flows.open_session(terms, party.custody, party.entropy.draw, False, self.describe, now=now, backing=kept)

    def describe(self, identity: bytes) -> tuple[str, str]:
        """(kind, name) as the cloud knows a party: it knows itself."""
        return ("cloud", "this cloud") if identity == self.party.identity.public else ("", "")

    async def join(self, claims: Claims, session: bytes, record: bytes = b"") -> None:
        """Take a seat in a session (16 B), then take part in the background.

        record: of `record`; needed where the cloud deals its share on to new members. Raises DaricError: unauthorised,
        roster (the record is not the stored one), and what relay and custody raise.
        """
        terms = Terms.decode((await self.relay.session(session)).terms)
        if terms.uuid != session:
            raise DaricError("parameter", "the terms name another session")
        if self._owner(terms.group) is not None or not self._is_new_to(terms):
            self._check_owner(claims.account, terms.group)
        if session in self._tasks:
            return
        self._check_record(terms, record)
        seat = GuardedSeat(self, terms, claims.account)
        body = await seat.join()
        await freeing(self.relay, self._tasks, lambda: self.relay.join(session, body))
        self._seats[session] = terms.group
        task = self._tasks[session] = asyncio.create_task(self._take_part(seat))
        task.add_done_callback(lambda _: self._over(session))

    def record(self, claims: Claims, group: bytes) -> bytes:
        """The sealed row of the current shard, for its owner to return with a request: a CloudRecord."""
        self._check_owner(claims.account, group)
        return self._record(group)

    # What others missed

    def certificate(self, claims: Claims, group: bytes) -> bytes:
        """The certificate of a group."""
        self._check_owner(claims.account, group)
        return self.party.custody.certificate(group)

    def changes(self, claims: Claims, group: bytes) -> list[bytes]:
        """The changes of a group's roster in the current epoch."""
        self._check_owner(claims.account, group)
        return self.party.custody.changes(group)

    def adopt(self, claims: Claims, certificate: bytes) -> bool:
        """Act on a certificate or a change of a roster that this party missed."""
        fields = platform.cbor_decode(certificate)
        if not isinstance(fields, list) or not fields or not isinstance(fields[0], bytes):
            raise DaricError("encoding", "a certificate names its group first")
        group = fields[0]
        self._check_owner(claims.account, group)
        before = self.party.custody.group(group).epoch
        current = self.party.custody.adopt(certificate)
        if not current and len(fields) == 7 and fields[2] > before:
            self._note_left(group, fields)
        self._tidy(group)
        return current

    # Leaving

    def delete(self, claims: Claims, group: bytes) -> bytes:
        """Erase everything of a group that went on without the cloud; the signed receipt (daric_host.receipts).

        Again: the same receipt. Raises DaricError: member (the cloud is one still), pending (another change may make it
        one again), busy.
        """
        self._check_owner(claims.account, group)
        custody = self.party.custody
        known = custody.find(group)
        if known is None:
            return self._erased(group)[1]
        if known.standing == MEMBER:
            raise DaricError("member", "the cloud is a member of this group: let the others go on without it first")
        if group in self._seats.values():
            raise DaricError("busy", "a session of this group is under way")
        custody.check_idle(group, None)
        left = int.from_bytes(self.party.store.read(BEHIND + group.hex()) or b"", "big")
        # Of a dealing that this party was in, acks without its own are no certificate, whatever committee they claim.
        tried = [known.highest_epoch] if known.standing == LEFT_BEHIND else known.pendings
        if [epoch for epoch in tried if epoch >= left]:
            raise DaricError("pending", "a later change of this group waits for a certificate: refresh the group first")
        receipt = self._receipt(group, known.highest_epoch)
        kept = platform.cbor_encode([claims.account, receipt])
        self.party.store.erase_wallet(group.hex(), ERASED + group.hex(), kept)
        self._log.info("group erased", group=group.hex()[:8], epoch=known.highest_epoch)
        return receipt

    # Backups

    def backup_keep(self, claims: Claims, sheet: bytes, others: bytes) -> int:
        """Store the cloud's piece of a backup that a device made for phone and cloud alone; its number.

        others: the device's envelope for the cloud. Raises DaricError: master, member (the device is none), roster,
        backup (not of its current share, the piece does not fit, or no recovery code is with it), sealed, conflict,
        limit.
        """
        asked = BackupSheet.decode(sheet)
        shard = self._current(claims, asked.group_id)
        if asked.index == shard.me or asked.index not in shard.roster.indexes():
            raise DaricError("member", "the backup is of a party that is no other member of this group")
        backing.check_asker(shard, asked.index, claims.identity)
        device = shard.roster.member(asked.index).identity
        own = [number for number, identity in asked.holders if identity == self.party.identity.public]
        if len(own) != 1:
            raise DaricError("backup", "the cloud is no holder of this backup")
        pieces = backing.open_others(self.party.identity, device, sheet, others)
        if list(pieces) != own:
            raise DaricError("backup", "outside a session only the phone and the cloud are holders")
        piece, check = backing.accept_piece(self.party.custody, sheet, device, own[0], pieces[own[0]], True)
        self.keeper.keep(sheet, own[0], piece, check)
        return own[0]

    def backups(self, claims: Claims, group: bytes) -> list[CloudBackup]:
        """The backups that the cloud holds a piece of, and the tries to get it."""
        self._check_owner(claims.account, group)
        return self.keeper.backups(group)

    def backup_proof(self, claims: Claims, group: bytes, backup_id: bytes, challenge: bytes) -> tuple[int, bytes]:
        """(number, proof) that the cloud's piece is good; the piece stays here. challenge: 32 B of the caller."""
        sheet, number, piece = self._piece(claims, group, backup_id)
        return number, backing.prove_piece(sheet, number, piece, challenge, self.party.entropy.draw)

    def recovery_piece(
        self, claims: Claims, group: bytes, backup_id: bytes, uuid: bytes, identity: bytes, mac: bytes
    ) -> tuple[int, bytes]:
        """(number, the cloud's piece sealed to a device's new identity, 33 B), against the device's word for the code.

        uuid: 16 B, what the device was asked with. mac: 32 B. Raises DaricError: backup (wrong code, no such backup,
        another epoch), limit (after five), member (the identity is or was one).
        """
        sheet, number, piece = self._piece(claims, group, backup_id)
        platform.curve.decode(identity)
        custody = self.party.custody
        members = [member.identity for member in custody.roster(group).members]
        if identity in [*members, *replaced(custody.store, group)]:
            raise DaricError("member", "a recovering device has a new identity")
        try:
            self.keeper.check_release(group, backup_id, uuid, identity, mac)
        except DaricError as error:
            self._log.warning("piece of a backup refused", group=group.hex()[:8], error=error.name)
            raise
        self._log.info("piece of a backup released", group=group.hex()[:8])
        sealed = backing.release_piece(self.party.identity, identity, sheet, number, piece, self.party.entropy.draw)
        return number, sealed

    # Ending

    async def stop(self) -> None:
        """End every session here; the others are told."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.relay.close()
        self.party.close()

    # Whose a group is

    def own(self, terms: Terms, account: bytes) -> None:
        """Bind a group that is new here to an account, once all its members are known; refuse another account's."""
        if self._is_new_to(terms) and self._owner(terms.group) in (None, account):
            self.party.store.write(OWNER + terms.group.hex(), account)
        self._check_owner(account, terms.group)

    def _is_new_to(self, terms: Terms) -> bool:
        """Whether the cloud would get its first share of the group: it makes the group, or the others let it in."""
        if terms.op in ("create", "import"):
            return True
        facts = terms.facts() if terms.op in ("reshare", "enrol") else None
        identities = [] if facts is None else [member.identity for member in facts.roster.members]
        return facts is not None and self.party.identity.public not in identities

    def _disown(self, group: bytes) -> None:
        """A group of which nothing came to be stored belongs to nobody: its session failed."""
        if self.party.custody.find(group) is None:
            self.party.store.erase(OWNER + group.hex())

    def _owner(self, group: bytes) -> bytes | None:
        """The account of a group, one that was erased here included."""
        owner = self.party.store.read(OWNER + group.hex())
        if owner is None and self.party.store.read(ERASED + group.hex()) is not None:
            owner = self._erased(group)[0]
        return owner

    def _check_owner(self, account: bytes, group: bytes) -> None:
        if self._owner(group) != account:
            raise DaricError("unauthorised", "the group belongs to another account")

    # Inside

    def _erased(self, group: bytes) -> tuple[bytes, bytes]:
        """(account, receipt) of a group that was deleted. DaricError("group") where none was."""
        data = self.party.store.read(ERASED + group.hex())
        if data is None:
            raise DaricError("group")
        account, receipt = platform.cbor_decode(data)
        return account, receipt

    def _record(self, group: bytes) -> bytes:
        name = shard_name(group, self.party.custody.shard(group).epoch)
        row = self.party.store.sealed(name)
        assert row is not None
        return envelope.encode(CloudRecord(name, *row))

    def _check_record(self, terms: Terms, record: bytes) -> None:
        """Where the cloud's share goes on to new members, whoever asks returns the record of it; elsewhere it may."""
        needed = terms.op == "reshare" and terms.newcomers and not self._is_new_to(terms)
        if not needed and not record:
            return
        known = self.party.custody.find(terms.group)
        if known is None or not known.epoch or record != self._record(terms.group):
            raise DaricError("roster", "the record is not that of the cloud's current shard: fetch it again")

    def _receipt(self, group: bytes, epoch: int) -> bytes:
        receipt = ErasureReceipt(group, epoch, int(self._clock()), self.party.identity.public, EMPTY_SIGNATURE)
        receipt.signature = self.party.custody.sign_identity(receipt.digest())
        return receipt.encode()

    def _note_left(self, group: bytes, certificate: list[Any]) -> None:
        """Remember the epoch of a certificate, verified by custody, by which the old members left the cloud behind."""
        custody = self.party.custody
        if custody.group(group).standing != LEFT_BEHIND:
            return
        committee = {index: identity for index, identity, _ in certificate[6]}
        roster = custody.roster(group)
        went_on = [member for member in roster.members if committee.get(member.index) == member.identity]
        name = BEHIND + group.hex()
        epoch = max(int.from_bytes(self.party.store.read(name) or b"", "big"), certificate[2])
        if len(went_on) >= roster.t:
            self.party.store.write(name, epoch.to_bytes(4, "big"))

    def _current(self, claims: Claims, group: bytes) -> Shard:
        """The shard of a group that the cloud is a member of."""
        self._check_owner(claims.account, group)
        if self.party.custody.group(group).standing != MEMBER:
            raise DaricError("roster", "the group went on without the cloud")
        return self.party.custody.shard(group)

    def _piece(self, claims: Claims, group: bytes, backup_id: bytes) -> tuple[bytes, int, bytes]:
        """(sheet, number, piece) of a backup of a share that counts now. DaricError("backup")."""
        shard = self._current(claims, group)
        found = self.keeper.find(group, backup_id)
        if found is None:
            raise DaricError("backup", "the cloud has no piece of this backup")
        check_current(BackupSheet.decode(found[0]), group, shard.roster, shard.epoch)
        return found[:3]

    def _tidy(self, group: bytes) -> None:
        """After anything that may have begun an epoch: pieces of earlier ones go."""
        known = self.party.custody.find(group)
        if known is not None and known.epoch:
            self.keeper.retire(group, known.epoch)

    def _settle_down(self, group: bytes) -> None:
        """After a session; what the store refuses now is done at the next start."""
        try:
            self._disown(group)
            self._tidy(group)
        except DaricError as error:
            self._log.warning("store", group=group.hex()[:8], error=error.name)

    async def _take_part(self, seat: GuardedSeat) -> None:
        terms = seat.session.terms
        log = self._log.bind(session=terms.uuid.hex()[:8], op=terms.op)
        try:
            status = await carry(self.relay, terms.uuid, seat, KEYGEN_TIMEOUT)
        except DaricError as error:
            log.warning("session lost", error=error.name)
            return
        finally:
            self._settle_down(terms.group)
        log.info("session ended", state=status.state, error=status.error.name if status.error else None)

    def _over(self, session: bytes) -> None:
        self._tasks.pop(session, None)
        self._seats.pop(session, None)
