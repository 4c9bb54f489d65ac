"""The real MicroPython in changes of its group: the power cut in every round, and what a removed device is good for."""

import asyncio
import os

import pytest
from daric_host.settling import Own, settle
from daric_protocol import flows, platform
from daric_protocol.errors import DaricError
from daric_protocol.group import pair_name, shard_name
from daric_protocol.identity import Identity

from tests.sim.rig import DeviceParty, LocalParty, paired, run_session
from tests.sim.test_kills_and_noise_on_micropython import device, done, sign_terms  # noqa: F401 (a fixture)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

HOST = Identity(4711)


class Group:
    """A wallet 2-of-3 of a device and two parties of this process."""

    def __init__(self, device, link):  # noqa: F811
        self.device, self.link = device, link
        self.parties = [LocalParty(5), LocalParty(6)]

    async def create(self):
        terms = flows.create_terms(os.urandom(16), 2, 3, os.urandom)
        self.id = terms.group
        assert await done(terms, [DeviceParty(self.link), *self.parties])
        return self

    @property
    def custody(self):
        return self.parties[0].custody

    @property
    def roster(self):
        return self.custody.roster(self.id)

    async def index(self):
        return self.roster.index_of((await self.link.identity()).identity)

    async def settle(self):
        await settle(self.id, [self.link, *[Own(party.custody) for party in self.parties]])

    async def sign(self, text):
        for party in self.parties:
            terms = await sign_terms(self.link, party, self.id, text + party.identity.public)
            assert await done(terms, [DeviceParty(self.link), party])
        first, second = (self.roster.index_of(party.identity.public) for party in self.parties)
        request = (await sign_terms(self.link, self.parties[0], self.id, text)).request
        terms = flows.sign_terms(os.urandom(16), self.id, self.roster, [first, second], request)
        assert await done(terms, self.parties)


async def test_a_device_whose_power_is_cut_in_any_round_of_a_refresh_signs_in_one_epoch_with_all_others(device):  # noqa: F811
    link, _ = await paired(device, HOST)
    async with link:
        group = await Group(device, link).create()
        for number in range(5):
            terms = flows.refresh_terms(os.urandom(16), group.id, group.roster)
            await killed_with(group, terms, group.parties, number)
            await group.settle()
            await group.sign(b"refresh %d" % number)


async def test_a_device_whose_power_is_cut_in_any_round_of_an_enrolment_helps_the_same_party_again(device):  # noqa: F811
    link, _ = await paired(device, HOST)
    async with link:
        group = await Group(device, link).create()
        newcomer = LocalParty(7)
        helpers = sorted([await group.index(), group.roster.index_of(group.parties[0].identity.public)])
        for number in range(3):
            if len(group.roster.members) == 4:
                break
            terms = flows.enrol_terms(os.urandom(16), group.custody, group.id, helpers)
            await killed_with(group, terms, [group.parties[0], newcomer], number)
            await settle(group.id, [link, *[Own(party.custody) for party in [*group.parties, newcomer]]])
        if len(group.roster.members) == 3:
            terms = flows.enrol_terms(os.urandom(16), group.custody, group.id, helpers)
            assert await done(terms, [DeviceParty(link), group.parties[0], newcomer])
            await group.settle()
        assert group.roster.index_of(newcomer.identity.public) == 4
        await group.sign(b"enrolled")


async def killed_with(group, terms, parties, number):
    """The device loses its power when it begins a round; the others give up."""
    since = len(group.device.screens)
    session = asyncio.create_task(run_session(terms, [DeviceParty(group.link), *parties]))
    await asyncio.to_thread(group.device.wait_for_screen, f"{terms.op}\nround {number}", 60, since)
    group.device.restart()
    with pytest.raises(DaricError):
        await session
    for party in parties:
        party.session.expire()


async def test_a_removed_device_signs_nothing_with_its_old_shard(device):  # noqa: F811
    link, _ = await paired(device, HOST)
    async with link:
        group = await Group(device, link).create()
        before, old = group.roster, dict(group.custody.store.values)
        removed = await group.index()
        terms = flows.reshare_terms(os.urandom(16), group.custody, group.id, 2, leaving=[removed])
        assert await done(terms, group.parties)
        thief = group.parties[0]
        mine = before.index_of(thief.identity.public)
        request = platform.cbor_encode([2, b"with an old shard", []])
        asked = flows.sign_terms(os.urandom(16), group.id, before, sorted([removed, mine]), request)
        with pytest.raises(DaricError) as refused:
            await run_session(asked, [DeviceParty(link), thief])
        assert refused.value.name == "roster"
        await link.session_abort()
        # A member that stayed helps the removed device on purpose: everything of the old epoch but the share is back.
        share = thief.custody.shard(group.id).s
        new = {name: value for name, value in thief.custody.store.values.items() if name.startswith("journal")}
        thief.custody.store.values.clear()
        thief.custody.store.values.update({**old, **new})
        forged = thief.custody.shard(group.id)
        forged.s = share
        thief.custody.store.write(shard_name(group.id, 1), forged.encode())
        assert pair_name(group.id, 1, removed) in thief.custody.store.names("pair/")
        asked = flows.sign_terms(os.urandom(16), group.id, before, sorted([removed, mine]), request)
        outcomes = await run_session(asked, [DeviceParty(link), thief])
        assert [state for state, _ in outcomes] == ["failed", "failed"]
        await link.group_adopt(group.parties[1].custody.certificate(group.id))
        with pytest.raises(DaricError):
            await link.group_adopt(b"no certificate")
