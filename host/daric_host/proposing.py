"""What a wallet proposes to the other parties: one call for each process of the requirements.

Each gives a Proposal, a session that others join and that `Wallet.run` carries to its end. Specification: docs/sdk.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from daric_protocol import flows
from daric_protocol.errors import DaricError
from daric_protocol.flows.proposals import Secret
from daric_protocol.joinsecret import SECRET_BYTES
from daric_protocol.terms import Terms

from daric_host.device import DeviceLink
from daric_host.leftovers import freeing
from daric_host.party import Party
from daric_host.proposal import Proposal
from daric_host.relay import RelayClient
from daric_host.seats import LocalSeat, Seat


class Proposing:
    """The proposing half of a Wallet, which has the parties, their places at the relay, and the rest."""

    party: Party
    _relay: RelayClient
    _links: dict[bytes, tuple[DeviceLink, RelayClient]]  # connected devices by identity
    _under_way: set[bytes]  # sessions proposed or joined here and not over yet

    async def propose_group(self, name: str, threshold: int, parties: int, master: bytes = b"") -> Proposal:
        """A session that makes a new wallet of `parties` members, t of which sign.

        master: identity of the member that alone may propose anything later; empty: every member may.
        """
        draw = self.party.entropy.draw
        return await self._propose(None, lambda uuid: flows.create_terms(uuid, threshold, parties, draw, name, master))

    async def propose_import(
        self, name: str, threshold: int, parties: int, secret: Secret, path: str = "", master: bytes = b""
    ) -> Proposal:
        """A session that makes a wallet of a key which this person has (daric_host.ownkey); this party brings it.

        path: where the key of a phrase was derived, remembered to be shown; empty for a bare key. `run` empties the
        secret. Until the person destroys the phrase or key it came from, the wallet is only as safe as that.
        """
        me = self.party.identity.public
        proposal = await self._propose(
            None,
            lambda uuid: flows.import_terms(uuid, threshold, parties, secret, me, name, master),
            seat=lambda terms: self._seat(terms, secret),
        )
        proposal.secret, proposal.path = secret, path
        return proposal

    async def propose_signature(self, group_id: bytes, request: bytes, signers: Sequence[int]) -> Proposal:
        """A session in which exactly these members sign a typed request (daric_protocol.evm.request).

        If this party is no signer, a connected device among them is the initiator.
        """
        roster = self.party.custody.roster(group_id)
        return await self._propose(
            self._identities(group_id, signers),
            lambda uuid: flows.sign_terms(uuid, group_id, roster, list(signers), request),
        )

    async def propose_pair_setup(self, group_id: bytes, first: int, second: int) -> Proposal:
        """A session that renews what two members share, which ends a ban between them."""
        roster = self.party.custody.roster(group_id)
        return await self._propose(
            self._identities(group_id, (first, second)),
            lambda uuid: flows.pair_terms(uuid, group_id, roster, first, second),
        )

    async def propose_refresh(self, group_id: bytes, asker: bytes = b"") -> Proposal:
        """A session in which all members of a group take new shards of the same key.

        asker: identity of the connected device that asks for it; empty: this party.
        """
        roster = self.party.custody.roster(group_id)
        return await self._propose(
            self._identities(group_id, roster.indexes()),
            lambda uuid: flows.refresh_terms(uuid, group_id, roster),
            asker=asker,
        )

    async def propose_reshare(
        self, group_id: bytes, threshold: int, newcomers: int = 0, leaving: Sequence[int] = ()
    ) -> Proposal:
        """A session that changes members, threshold and every shard; key and addresses stay.

        threshold: the new one. newcomers: how many join. leaving: indexes of members that are none afterwards; they do
        not take part. Newcomers join by the session id, or by invite_device and invite_cloud.
        """
        custody, gone = self.party.custody, list(leaving)
        staying = [index for index in custody.roster(group_id).indexes() if index not in gone]
        if threshold > len(staying) + newcomers:
            raise DaricError("threshold", "fewer members would be left than have to sign")
        return await self._propose(
            self._identities(group_id, staying),
            lambda uuid: flows.reshare_terms(uuid, custody, group_id, threshold, newcomers, gone),
            newcomers=newcomers > 0,
        )

    async def propose_enrol(self, group_id: bytes, helpers: Sequence[int]) -> Proposal:
        """A session that makes one new member, while every other share and the threshold stay.

        helpers: exactly as many indexes as the threshold says; the newcomer joins them. This party is one of them, or a
        connected device is. Afterwards the newcomer needs a pair set-up with whom it signs: `pair_up`, `prepare`.
        """
        custody = self.party.custody
        return await self._propose(
            self._identities(group_id, helpers),
            lambda uuid: flows.enrol_terms(uuid, custody, group_id, list(helpers)),
            newcomers=True,
        )

    async def propose_master(self, group_id: bytes, master: int) -> Proposal:
        """A session in which all members make one of them (an index) the master, or nobody (0)."""
        roster = self.party.custody.roster(group_id)
        return await self._propose(
            self._identities(group_id, roster.indexes()),
            lambda uuid: flows.master_terms(uuid, group_id, roster, master),
        )

    async def propose_export(
        self, group_id: bytes, members: Sequence[int], purpose: str, asker: bytes = b""
    ) -> Proposal:
        """A session in which exactly t members give the key to one of them; everybody is shown to whom and what for.

        asker: identity of the connected device that gets the key on its own screen; empty: this party gets it, and
        where it is none of the members, a connected device that is one.
        """
        roster = self.party.custody.roster(group_id)
        identities = self._identities(group_id, members)
        to = (self._link(asker)[1] if asker else self._relay_of(identities)).signer.public
        if to not in identities:
            raise DaricError("member", "the device that asks for the key is none of the members that take part")
        return await self._propose(
            identities,
            lambda uuid: flows.export_terms(uuid, group_id, roster, list(members), roster.index_of(to), purpose),
            asker=to,
        )

    # Backups; Wallet.backups has the whole processes

    async def propose_backup(
        self,
        group_id: bytes,
        backup_id: bytes,
        threshold: int,
        device: int,
        holders: Sequence[int],
        phone: int,
        cloud: int = 0,
        asker: bytes = b"",
    ) -> Proposal:
        """A session in which a device splits its share for holders, any `threshold` of which bring it back.

        backup_id: 16 B, fresh. device, holders, phone, cloud: indexes; the phone carries the pieces, cloud is the
        unattended holder or 0. asker: identity of the connected device that asks for it; empty: this party.
        """
        custody = self.party.custody
        return await self._propose(
            self._identities(group_id, sorted([device, *holders])),
            lambda uuid: flows.backup_terms(
                uuid, custody, group_id, backup_id, threshold, device, list(holders), phone, cloud
            ),
            asker=asker,
        )

    async def propose_verify(
        self, group_id: bytes, backup_id: bytes, sheet_hash: bytes, holders: Sequence[int]
    ) -> Proposal:
        """A session in which holders prove that their pieces of a backup are good; nothing is put together."""
        custody = self.party.custody
        return await self._propose(
            self._identities(group_id, holders),
            lambda uuid: flows.verify_terms(uuid, custody, group_id, backup_id, sheet_hash, list(holders)),
        )

    async def propose_recover(
        self,
        group_id: bytes,
        index: int,
        members: Sequence[int],
        phone: int = 0,
        cloud: int = 0,
        backup_id: bytes = b"",
    ) -> Proposal:
        """A session in which a member comes back under a new identity, with its share.

        index: of the member. members: who takes part beside it. phone, cloud: as of propose_backup. backup_id: empty
        where it has its share already.
        """
        custody = self.party.custody
        return await self._propose(
            self._identities(group_id, members),
            lambda uuid: flows.recover_terms(uuid, custody, group_id, index, list(members), phone, cloud, backup_id),
            newcomers=True,
        )

    # Inside

    async def _propose(
        self,
        members: Sequence[bytes] | None,
        make: Callable[[bytes], Terms],
        *,
        asker: bytes = b"",
        newcomers: bool = False,
        seat: Callable[[Terms], LocalSeat] | None = None,
    ) -> Proposal:
        """Open a session.

        members: identities of the stored members that take part, None where the session makes a group. make: terms of
        an id. asker: identity of the initiator; empty: this party if it takes part, else a connected device. newcomers:
        whether somebody joins who is no member yet. seat: takes this party's own seat.
        """
        takes_part = members is None or self._is_among(members)
        if asker and asker != self.party.identity.public:
            relay = self._link(asker)[1]
        else:
            relay = self._relay if members is None else self._relay_of(members)
        terms = await self._signed(make(await relay.new_session_id()), relay.signer.public)
        own = (seat or self._seat)(terms) if takes_part else None  # its refusal comes first
        allowed = None if newcomers else members
        take = partial(relay.create_session, terms.uuid, terms.encode(), terms.parties, allowed)
        await freeing(relay, self._under_way, take)
        self._under_way.add(terms.uuid)
        proposal = Proposal(terms, relay)
        if terms.committed and relay is self._relay:
            proposal.join_secret = self.party.entropy.draw(SECRET_BYTES)
        if own is not None:
            own.session.join_secret = proposal.join_secret
            await self._sit(proposal, "phone", own, self._relay)
        return proposal

    async def _signed(self, terms: Terms, asker: bytes) -> Terms:
        """The terms with the word of who asks: always of this party; of a device where the wallet has a master."""
        if asker == self.party.identity.public:
            return terms.signed(asker, self.party.custody.sign_identity)
        if not self.party.custody.roster(terms.group).master:
            return terms
        signature = await self._link(asker)[0].sign_terms(terms)
        return terms.signed(asker, lambda _: signature)

    def _identities(self, group_id: bytes, indexes: Sequence[int]) -> list[bytes]:
        """Identities of members. Raises DaricError("group", "pending" or "member")."""
        roster = self.party.custody.roster(group_id)
        return [roster.member(index).identity for index in indexes]

    def _is_among(self, members: Sequence[bytes]) -> bool:
        return self.party.identity.public in members

    def _relay_of(self, members: Sequence[bytes]) -> RelayClient:
        """The relay of this party if it is a member, else of a connected device that is one."""
        if self._is_among(members):
            return self._relay
        for identity in members:
            if identity in self._links:
                return self._links[identity][1]
        raise DaricError("parameter", "neither this party nor a connected device is among the members")

    def _may_join(self, terms: Terms, identity: bytes) -> bool:
        """Whether a party takes part in a session: one of its stored members, or somebody new where there is room."""
        if not terms.members:
            return True
        roster = self.party.custody.roster(terms.group)
        if identity in [member.identity for member in roster.members]:
            return roster.index_of(identity) in terms.members
        return terms.newcomers > 0

    def _link(self, identity: bytes) -> tuple[DeviceLink, RelayClient]:
        if identity not in self._links:
            raise DaricError("unpaired", "this device is not connected")
        return self._links[identity]

    def _seat(self, terms: Terms, secret: Secret | None = None) -> LocalSeat:
        raise NotImplementedError

    async def _sit(self, proposal: Proposal, name: str, seat: Seat, relay: RelayClient) -> None:
        raise NotImplementedError


__all__ = ["Proposing"]
