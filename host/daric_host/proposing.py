"""What a wallet proposes to the other parties: one call for each process of the requirements.

Each gives a Proposal, a session that others join and that `Wallet.run` carries to its end. Specification: docs/sdk.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from daric_protocol import flows
from daric_protocol.errors import DaricError
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

    async def propose_group(self, name: str, threshold: int, parties: int) -> Proposal:
        """A session that makes a new wallet of `parties` members, t of which sign."""
        draw = self.party.entropy.draw
        return await self._propose(None, lambda uuid: flows.create_terms(uuid, threshold, parties, draw, name))

    async def propose_signature(self, group_id: bytes, request: bytes, signers: Sequence[int]) -> Proposal:
        """A session in which exactly these members sign a typed request (daric_protocol.evm.request).

        If this party is no signer, a connected device among them is the initiator.
        """
        roster = self.party.custody.roster(group_id)
        identities = [roster.member(index).identity for index in signers]
        return await self._propose(
            identities, lambda uuid: flows.sign_terms(uuid, group_id, roster, list(signers), request)
        )

    async def propose_pair_setup(self, group_id: bytes, first: int, second: int) -> Proposal:
        """A session that renews what two members share, which ends a ban between them."""
        roster = self.party.custody.roster(group_id)
        identities = [roster.member(index).identity for index in (first, second)]
        return await self._propose(identities, lambda uuid: flows.pair_terms(uuid, group_id, roster, first, second))

    async def propose_refresh(self, group_id: bytes) -> Proposal:
        """A session in which all members of a group take new shards of the same key."""
        roster = self.party.custody.roster(group_id)
        identities = [member.identity for member in roster.members]
        return await self._propose(identities, lambda uuid: flows.refresh_terms(uuid, group_id, roster))

    async def propose_reshare(
        self, group_id: bytes, threshold: int, newcomers: int = 0, leaving: Sequence[int] = ()
    ) -> Proposal:
        """A session that changes members, threshold and every shard; key and addresses stay.

        threshold: the new one. newcomers: how many join. leaving: indexes of members that are none afterwards; they do
        not take part. Newcomers join by the session id, or by invite_device and invite_cloud.
        """
        custody, gone = self.party.custody, list(leaving)
        roster = custody.roster(group_id)
        staying = [member.identity for member in roster.members if member.index not in gone]
        return await self._propose(
            None if newcomers else staying,
            lambda uuid: flows.reshare_terms(uuid, custody, group_id, threshold, newcomers, gone),
        )

    # Inside

    async def _propose(self, members: Sequence[bytes] | None, make: Callable[[bytes], Terms]) -> Proposal:
        """Open a session. members: identities that may join, None where somebody new does. make: terms of an id."""
        relay = self._relay if members is None else self._relay_of(members)
        terms = make(await relay.new_session_id())
        own = self._seat(terms) if members is None or self._is_among(members) else None  # its refusal comes first
        take = partial(relay.create_session, terms.uuid, terms.encode(), terms.parties, members)
        await freeing(relay, self._under_way, take)
        self._under_way.add(terms.uuid)
        proposal = Proposal(terms, relay)
        if own is not None:
            await self._sit(proposal, "phone", own, self._relay)
        return proposal

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

    def _members(self, terms: Terms) -> list[bytes] | None:
        """Identities of a session's members; None where somebody new takes part."""
        if terms.committed:
            return None
        roster = self.party.custody.roster(terms.group)
        return [roster.member(index).identity for index in terms.members]

    def _seat(self, terms: Terms) -> LocalSeat:
        raise NotImplementedError

    async def _sit(self, proposal: Proposal, name: str, seat: Seat, relay: RelayClient) -> None:
        raise NotImplementedError


__all__ = ["Proposing"]
