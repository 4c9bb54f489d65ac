"""The wallet SDK: one person's phone or browser, its shards, and the bridge for its paired devices.

    async with await Wallet.open(home, service) as wallet:
        session = await wallet.propose_group("Savings", threshold=2, parties=3)
        await wallet.invite(session, devices=[device], cloud=cloud_url)
        group = await wallet.run(session)

Every step that a person or a screen cares about is an Event. Every failure is a DaricError. Specification:
docs/sdk.md; docs/flows.md maps the requirements' steps to these calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.flows.proposals import Secret
from daric_protocol.limits import APPROVAL_TIMEOUT, KEYGEN_TIMEOUT, SIGN_TIMEOUT
from daric_protocol.rounds.export import Exported
from daric_protocol.rounds.sign import Signature
from daric_protocol.terms import BACKING, Terms

from daric_host.carry import carry, give_up
from daric_host.cloud_client import CloudClient
from daric_host.device import DeviceLink
from daric_host.groups import GroupInfo, current_groups, describe_group, note_import
from daric_host.hop_client import Signer
from daric_host.hosting import Hosting
from daric_host.joinlink import JoinLink
from daric_host.leftovers import freeing
from daric_host.outcome import first_result
from daric_host.ownkey import ExportedKey, forget
from daric_host.paired import PairedDevices
from daric_host.parties import PartyState, Surroundings, list_parties, select
from daric_host.party import Party
from daric_host.proposal import Event, Proposal, Service
from daric_host.relay import ABORTED, EXPIRED, Participant, RelayClient
from daric_host.relay import Party as Registration
from daric_host.seats import Approve, DeviceSeat, LocalSeat, Seat, Status

if TYPE_CHECKING:
    from daric_host.backups import Backups

WITH_GROUP = ("create", "import", "refresh", "reshare", "enrol", "recover")  # processes that end with a group
DESTROY = "Destroy every copy of what was imported: as long as one exists, it alone opens the wallet."
MOVE = "The key was given out: whoever has it can spend alone. Move the money to a new wallet."
LEFT = "A removed share is worthless once fewer old shares are left than signed before: erase what you can reach."


class Wallet(Hosting):
    """A phone or browser party. One Wallet per directory; one session at a time."""

    home = Path()  # its directory
    storage = ""  # URL of the user's cloud storage; empty: a folder in that directory
    raw_digests = False  # whether its person allows requests of which nothing can be shown; a device asks its own

    def __init__(self, party: Party, service: Service, approve: Approve, watch: Callable[[Event], None]) -> None:
        self.party = party
        self.service = service
        self.devices = PairedDevices(party.store)
        self._approve = approve
        self._watch = watch
        self._relay = self._meet(party.signer)
        self._links: dict[bytes, tuple[DeviceLink, RelayClient]] = {}
        self._under_way: set[bytes] = set()  # sessions proposed or joined here and not over yet

    @classmethod
    async def open(
        cls,
        home: Path,
        service: Service,
        approve: Approve,
        watch: Callable[[Event], None] = lambda event: None,
        *,
        kind: str = "phone",
        name: str = "phone",
        invitation: bytes = b"",
        storage: str = "",
    ) -> Self:
        """Open or make the wallet in a directory, and register it at its first start.

        approve: asked before anything secret moves. watch: called with every Event. kind: phone or browser.
        storage: URL of the user's cloud storage, where backups lie; empty: a folder beside the wallet.
        invitation: 32 B of RelayClient.invite; it registers in the account that invited it instead of a new one.
        Raises DaricError: storage, busy (open in another process), service, unauthorised, conflict (registered before).
        """
        party = Party(home, "phone")
        wallet = cls(party, service, approve, watch)
        wallet.home, wallet.storage = home, storage
        try:
            if invitation:
                await wallet._relay.redeem(invitation, kind, name)
            elif await wallet._relay.login() is None:
                await wallet._relay.register(kind, name)
        except BaseException:
            await wallet.close()
            raise
        return wallet

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close connections and the directory."""
        for device, relay in self._links.values():
            await relay.close()
            await device.close()
        self._links.clear()
        await self._relay.close()
        self.party.close()

    @property
    def relay(self) -> RelayClient:
        """This party at the services: its account, its sessions."""
        return self._relay

    @cached_property
    def backups(self) -> Backups:
        """Backups of devices' shares: create, verify, list, recover (daric_host.backups)."""
        from daric_host.backups import Backups

        return Backups(self)

    # Groups

    @property
    def identity(self) -> bytes:
        """This party's public key, 33 B."""
        return self.party.identity.public

    def groups(self) -> list[GroupInfo]:
        """The wallets of which this party holds a current shard."""
        return current_groups(self.party.custody)

    def group(self, group_id: bytes) -> GroupInfo:
        """One of them. Raises DaricError("group" or "pending")."""
        return describe_group(self.party.custody, group_id)

    # Sessions: invite, run

    def link(self, proposal: Proposal) -> JoinLink:
        """What to show other phones, as a QR code or as text."""
        return JoinLink.of(
            proposal.uuid, self.service.url, proposal.initiator.signer.public, proposal.join_secret
        )

    async def join(self, session: bytes, initiator: bytes = b"", secret: bytes = b"") -> Proposal:
        """Take part in a session that another party proposed.

        initiator, secret: of the link (daric_host.joinlink), if one was scanned; DaricError("session") if another party
        opened the session, and no confirmation if it turns out not to be there. The secret shows it that this party has
        read the link.
        """
        info = await self._relay.session(session)
        terms = Terms.decode(info.terms)
        if terms.uuid != session:
            raise DaricError("session", "the service showed the terms of another session")
        if initiator and platform.sha256(info.initiator) != initiator:
            raise DaricError("session", "another party opened this session than the link names")
        if terms.initiator not in (b"", info.initiator):
            raise DaricError("session", "another party opened this session than the one that asks for it")
        proposal = Proposal(terms, self._relay)
        seat = self._seat(terms)
        seat.initiator, seat.session.join_secret = initiator, secret
        await self._sit(proposal, "phone", seat, self._relay)
        return proposal

    async def invite(self, proposal: Proposal, devices: Sequence[bytes] = (), cloud: str = "") -> None:
        """Let connected devices and the cloud at a URL join, each where it takes part or can be a new member.

        If one of them cannot join, the session is aborted and its error raised: "banned", "busy" and "group" say why.
        """
        try:
            for identity in devices:
                if self._may_join(proposal.terms, identity):
                    await self.invite_device(proposal, identity)
            if cloud and self._may_join(proposal.terms, self.service.cloud):
                await self.invite_cloud(proposal, cloud)
        except BaseException:
            await self._give_up(proposal)
            raise

    async def invite_device(self, proposal: Proposal, identity: bytes) -> None:
        """Let a connected device join; its owner confirms on its own screen."""
        device, relay = self._link(identity)
        await self._sit(proposal, self.devices.name(identity), DeviceSeat(device, proposal.terms), relay)

    async def invite_cloud(self, proposal: Proposal, cloud: str) -> None:
        """Ask the cloud party at a URL to join; where its shard goes on to new members, with the record of it."""
        client, terms, record = CloudClient(cloud, proposal.initiator), proposal.terms, b""
        if terms.op == "reshare" and terms.newcomers:
            with suppress(DaricError):  # it is one of the newcomers, and says so itself if not
                record = await client.record(terms.group)
        try:
            await client.join(proposal.uuid, record)
        except DaricError as error:
            if error.name != "pending":
                raise
            await self.settle(terms.group, cloud)  # it missed the end of the session that gave it its shard
            await client.join(proposal.uuid, record)
        proposal.cloud = cloud

    async def participants(self, proposal: Proposal) -> tuple[Participant, ...]:
        """Who has joined so far."""
        return (await proposal.initiator.session(proposal.uuid)).participants

    async def wait_for_all(self, proposal: Proposal) -> None:
        """Wait until every party has joined, with an event each time somebody does."""
        link, shown = self.link(proposal), False
        async for info in proposal.initiator.watch(proposal.uuid):
            if len(info.participants) < info.needed and not shown:
                shown = True  # to whoever is missing
                self._watch(Event("session", "", {"session": link.text, "uri": link.uri, "qr": link.qr_text()}))
            joined = [{"seat": one.seat, "kind": one.kind, "name": one.name} for one in info.participants]
            left = {"needed": info.needed, "expires": info.expires}
            self._watch(Event("participants", "", {"joined": joined, **left}))
            if info.state == EXPIRED:
                raise DaricError("session", "the session expired before everybody joined: propose it again")
            if info.state == ABORTED:
                raise DaricError("session", "a party cancelled the session")
            if len(info.participants) >= info.needed:
                return
        raise DaricError("session", "the session ended before everybody joined")

    async def run(self, proposal: Proposal) -> Any:
        """Start if this wallet proposed the session, carry its seats to the end; the result.

        create, import, refresh, reshare, enrol, recover: GroupInfo. sign: Signature. export: ExportedKey if this party
        asked for it, else None. pair: index of the peer. backup: its sheet. verify: numbers of the pieces that are
        good. Raises the DaricError that says most.
        """
        info = await proposal.initiator.session(proposal.uuid)
        try:
            if info.initiator == proposal.initiator.signer.public:
                await self._start(proposal)
            # People read a request to its end before they sign; a device waits APPROVAL_TIMEOUT for its owner.
            timeout = APPROVAL_TIMEOUT + SIGN_TIMEOUT if proposal.terms.op == "sign" else KEYGEN_TIMEOUT
            seats = [self._carry(proposal, name, seat, relay, timeout) for name, seat, relay in proposal.seats]
            ends = await asyncio.gather(*seats, return_exceptions=True)  # a seat that fails ends it for the others
        finally:
            self._under_way.discard(proposal.uuid)
            if proposal.secret is not None:
                forget(proposal.secret)
        result = self._read(proposal, first_result(ends))
        await self._advise(proposal)
        return result

    async def _start(self, proposal: Proposal) -> None:
        try:
            await self.wait_for_all(proposal)
            await proposal.initiator.start(proposal.uuid)
        except BaseException:
            await self._give_up(proposal)
            raise

    async def abort(self, proposal: Proposal) -> None:
        """End a session for everybody, as any of its parties may; the seats of this wallet are free at once."""
        try:
            await proposal.initiator.abort(proposal.uuid)
        finally:
            await self._leave(proposal)

    # Who takes part

    async def parties(self, group_id: bytes, cloud: str = "") -> list[PartyState]:
        """The members of a wallet, and who can take part now; asks connected devices and the cloud at a URL."""
        registered: dict[bytes, Registration] = {}
        with suppress(DaricError):  # offline nobody knows
            registered = {one.identity: one for one in await self._relay.parties()}
        devices = {identity: device.identity for identity, (device, _) in self._links.items()}
        around = Surroundings(self.identity, registered, devices, self.service.cloud, cloud)
        return await list_parties(self.party.custody, group_id, around)

    def select(self, group_id: bytes, indexes: Sequence[int]) -> list[int]:
        """Choose exactly the threshold's number of members, ascending; nobody else can join what they are proposed for.

        Raises DaricError: parameter (too few, too many, one twice), member (not of the wallet), banned.
        """
        return select(self.party.custody, group_id, indexes)

    # Inside

    def _meet(self, signer: Signer) -> RelayClient:
        """Where one of this wallet's parties meets the others."""
        return RelayClient(self.service.url, signer, self.service.key)

    async def _give_up(self, proposal: Proposal) -> None:
        """End a session that cannot go on; why it cannot is what the caller has to say."""
        await give_up(proposal.initiator, proposal.uuid)
        await self._leave(proposal)

    async def _leave(self, proposal: Proposal) -> None:
        self._under_way.discard(proposal.uuid)
        if proposal.secret is not None:
            forget(proposal.secret)
        for _, seat, _ in proposal.seats:
            await seat.cancel()

    def _seat(self, terms: Terms, secret: Secret | None = None) -> LocalSeat:
        """This party's own seat. Raises what flows.open_session raises.

        What may have been signed before is no reason to refuse here: the review warns of it, and the person decides.
        """
        backing = self.backups.backing() if terms.op in BACKING else None
        session = self.party.open_session(
            terms, describe=self._describe, confirmed=True, secret=secret, backing=backing, allow_raw=self.raw_digests
        )
        return LocalSeat(session, self.party.custody, self._approve)

    async def _sit(self, proposal: Proposal, name: str, seat: Seat, relay: RelayClient) -> None:
        take = partial(relay.join, proposal.uuid, await seat.join())
        await freeing(relay, self._under_way, take)
        self._under_way.add(proposal.uuid)
        proposal.seats.append((name, seat, relay))

    async def _carry(self, proposal: Proposal, name: str, seat: Seat, relay: RelayClient, timeout: float) -> Status:
        def watch(status: Status) -> None:
            data = {"state": status.state, "round": status.round, "code": status.code}
            self._watch(Event("state", name, data))

        status = await carry(relay, proposal.uuid, seat, timeout, watch)
        self._watch(Event("ended", name, {"state": status.state, "sent": seat.sent}))
        return status

    def _read(self, proposal: Proposal, result: object) -> Any:
        """What the person gets of a seat's result."""
        terms = proposal.terms
        if terms.op == "import":
            note_import(self.party.custody, terms, proposal.path)
        if terms.op in WITH_GROUP:
            if isinstance(result, bytes):  # of a device's seat, in a session that this party was not in
                with suppress(DaricError):
                    self.party.custody.adopt(result)
            return self.group(terms.group)
        if terms.op == "sign" and isinstance(result, bytes):
            return Signature(int.from_bytes(result[:32], "big"), int.from_bytes(result[32:64], "big"), result[64])
        if isinstance(result, Exported):
            return ExportedKey.of(self.party.custody.shard(terms.group), result)
        return result

    async def _advise(self, proposal: Proposal) -> None:
        """What the person should do now that a session is over, as Events."""
        terms = proposal.terms
        if proposal.secret is not None:
            self._watch(Event("advice", "", {"text": DESTROY}))
        if terms.op == "export":
            self._watch(Event("advice", "", {"text": MOVE}))
        if terms.op == "reshare" and terms.details().leaving:
            self._watch(Event("advice", "", {"text": LEFT}))
        if terms.op in ("refresh", "reshare"):
            with suppress(DaricError):  # what is kept elsewhere can be made up for later
                renewal = self.backups.renewal(terms.group)
                if renewal is not None:
                    self._watch(renewal)
                await self.backups.keep_record(terms.group, proposal.cloud)

    def _describe(self, identity: bytes) -> tuple[str, str]:
        """(kind, name) of a party as this wallet knows it."""
        if identity == self.identity:
            return "phone", "this phone"
        if identity == self.service.cloud:
            return "cloud", "known cloud"
        return self.devices.describe(identity)


__all__ = ["Event", "Proposal", "Service", "Wallet"]
