"""What a wallet does around its processes: certificates for latecomers, pair set-ups, the end of the cloud's shard.

Specification: docs/protocol.md, sections 8 and 9; docs/sdk.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from daric_protocol import platform
from daric_protocol.errors import DaricError

from daric_host.cloud_client import CloudClient
from daric_host.groups import GroupInfo
from daric_host.parties import banned
from daric_host.proposal import Proposal, Service
from daric_host.proposing import Proposing
from daric_host.receipts import ErasureReceipt, read_receipt
from daric_host.settling import Holder, Own, settle

UNPAIRED = "unpaired/"  # pairs of a group's members that share nothing yet, as far as this party brought them about
RECEIPT = "receipt/"  # of the cloud party, that it holds nothing of a group any more


class Tending(Proposing):
    """This half of a Wallet needs nobody's initiative but its owner's."""

    service: Service

    async def settle(self, group_id: bytes, cloud: str = "") -> GroupInfo:
        """Bring certificates and changes of the roster to whoever of the group missed them.

        Asks and tells this party, the connected devices and the cloud at a URL; after a session that broke at its end,
        and before one that ends with "roster". Raises DaricError("pending") when nobody has a certificate: then the
        wallet never came to be, and the pending shards are of no use.
        """
        parties: list[Holder] = [Own(self.party.custody), *(device for device, _ in self._links.values())]
        if cloud:
            parties.append(CloudClient(cloud, self._relay))
        await settle(group_id, parties)
        return self.group(group_id)

    # Pair set-ups

    async def pair_up(
        self, group_id: bytes, index: int, cloud: str = "", others: Sequence[int] = (), patience: float | None = None
    ) -> tuple[list[int], list[int]]:
        """Set a member up with all others, after an enrolment or a recovery: (indexes set up with, indexes left).

        Reached are this party, connected devices and the cloud at a URL; others: indexes of members on other phones,
        which join each set-up by the session that an Event shows, within patience seconds each. Whoever is left is set
        up with by `prepare`, when it first signs with that member.
        """
        members = self.group(group_id).members
        here = {self.party.identity.public, *self._links, self.service.cloud if cloud else b""}
        near = [member.index for member in members if member.identity in here]
        done, left = [], []
        for peer in [member.index for member in members if member.index != index]:
            wait = None if {index, peer} <= set(near) else patience
            try:
                if not set(near) & {index, peer} or not {index, peer} <= {*near, *others}:
                    raise DaricError("timeout", "nobody knows whether this member is there")
                await self._set_up(group_id, (index, peer), cloud, wait)
                done.append(peer)
            except DaricError:
                left.append(peer)
        self._note_unpaired(group_id, [(index, peer) for peer in left], [(index, peer) for peer in done])
        return done, left

    async def prepare(self, group_id: bytes, signers: Sequence[int], cloud: str = "") -> None:
        """Before a signature: the pair set-ups that some of its signers, new to the group, lack with each other.

        Where the roster changed, who is connected hears of it. Raises DaricError("banned") where a set-up was lost to a
        failed check: a new one is the owner's decision (`propose_pair_setup`), after who failed it was looked into.
        """
        custody = self.party.custody
        if custody.changes(group_id):
            await self.settle(group_id, cloud)
        missing = [pair for pair in self._unpaired(group_id) if set(pair) <= set(signers)]
        me = custody.shard(group_id).me
        if me in signers:
            lost = [index for index in banned(custody, group_id) if index in signers]
            if lost:
                raise DaricError("banned", f"a check with member {lost[0]} failed: a new pair set-up comes first")
            missing += [(me, index) for index in custody.unusable(group_id) if index in signers]
        done = sorted({(min(pair), max(pair)) for pair in missing})
        for pair in done:
            await self._set_up(group_id, pair, cloud, None)
        self._note_unpaired(group_id, [], done)

    async def _set_up(self, group_id: bytes, pair: Sequence[int], cloud: str, patience: float | None) -> None:
        """One pair set-up; patience: for another phone to join it."""
        proposal = await self.propose_pair_setup(group_id, *pair)
        await self.invite(proposal, list(self._links), cloud)
        if patience is not None:
            try:
                async with asyncio.timeout(patience):
                    await self.wait_for_all(proposal)
            except TimeoutError:
                await self.abort(proposal)
                raise DaricError("timeout", "the other phone did not join in time") from None
        await self.run(proposal)

    def _unpaired(self, group_id: bytes) -> list[tuple[int, int]]:
        """Pairs that this party knows to lack a set-up, itself aside; none of an earlier epoch."""
        stored = self.party.store.read(UNPAIRED + group_id.hex())
        with suppress(DaricError, ValueError, TypeError):
            epoch, pairs = platform.cbor_decode(stored or b"\x80")
            if epoch == self.group(group_id).epoch:
                return [(int(low), int(high)) for low, high in pairs]
        return []

    def _note_unpaired(
        self, group_id: bytes, more: Sequence[Sequence[int]], fewer: Sequence[Sequence[int]]
    ) -> None:
        before = self._unpaired(group_id)
        ended = {(min(pair), max(pair)) for pair in fewer}
        pairs = sorted({*before, *((min(pair), max(pair)) for pair in more)} - ended)
        if pairs != before:
            value = platform.cbor_encode([self.group(group_id).epoch, [list(pair) for pair in pairs]])
            self.party.store.write(UNPAIRED + group_id.hex(), value)

    # The cloud's shard

    async def delete_cloud_shard(self, group_id: bytes, cloud: str) -> ErasureReceipt:
        """After a change of members that left the cloud out: have it erase all it holds; its receipt, kept here.

        The cloud is shown the certificate first. Raises DaricError: member (it is a member still), signature (its
        receipt does not verify), service.
        """
        with suppress(DaricError):
            await self.settle(group_id, cloud)
        receipt = await CloudClient(cloud, self._relay).delete(group_id)
        read = read_receipt(receipt, group_id, self.service.cloud)
        self.party.store.write(RECEIPT + group_id.hex(), receipt)
        return read

    def cloud_receipt(self, group_id: bytes) -> ErasureReceipt | None:
        """What the cloud signed when it erased its shard of a group, or None."""
        receipt = self.party.store.read(RECEIPT + group_id.hex())
        return None if receipt is None else read_receipt(receipt, group_id, self.service.cloud)

    # Of the Wallet

    def group(self, group_id: bytes) -> GroupInfo:
        raise NotImplementedError

    async def invite(self, proposal: Proposal, devices: Sequence[bytes] = (), cloud: str = "") -> None:
        raise NotImplementedError

    async def wait_for_all(self, proposal: Proposal) -> None:
        raise NotImplementedError

    async def run(self, proposal: Proposal) -> Any:
        raise NotImplementedError

    async def abort(self, proposal: Proposal) -> None:
        raise NotImplementedError


__all__ = ["Tending"]
