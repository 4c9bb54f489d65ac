"""One member more, the master, and the end of the cloud's shard, with real processes."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from daric_host.cloud_client import CloudClient
from daric_host.joinlink import parse
from daric_host.receipts import read_receipt
from daric_host.wallet import Service, Wallet
from daric_protocol.errors import DaricError
from daric_protocol.evm import request as requests
from daric_sim.device import SimDevice
from flows.conftest import indexes, yes
from flows.test_wallet_stories import recovers


async def refused(awaitable):
    with pytest.raises(DaricError) as error:
        await awaitable
    return error.value.name


@pytest.fixture
def second(house, tmp_path):
    """`async with second(story)`: another phone of the same person."""

    @asynccontextmanager
    async def begin(story):
        token = (await story.wallet.relay.invite()).token
        service = Service(house.url, house.key, house.cloud_identity)
        async with await Wallet.open(tmp_path / "second", service, yes, name="second", invitation=token) as wallet:
            yield wallet

    return begin


async def with_second(story, other, proposal, cloud=True):
    """A session in which the second phone takes part by the link."""
    link = parse(story.wallet.link(proposal).uri, other.service.url)

    async def join():
        return await other.run(await other.join(link.session, link.initiator, link.secret))

    joined = asyncio.create_task(join())
    await story.wallet.invite(proposal, [story.identity], story.house.cloud_url if cloud else "")
    ends = await asyncio.gather(story.wallet.run(proposal), joined, return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end
    return ends


def request(text):
    return requests.Request(requests.MESSAGE, text.encode()).encode()


# A member joins, every share changes


async def test_a_phone_joins_while_the_cloud_compares_its_record_and_three_sign_from_then_on(tell, second):
    async with tell() as story, second(story) as other:
        before = await story.create()
        proposal = await story.wallet.propose_reshare(before.id, 3, newcomers=1)
        mine, theirs = await with_second(story, other, proposal)
        assert [len(mine.members), mine.threshold, mine.epoch, theirs.address] == [
            4, 3, before.epoch + 1, before.address,
        ]  # fmt: skip
        three = sorted([theirs.me, *indexes(before, "phone", "cloud")])
        await story.wallet.prepare(mine.id, three)
        proposal = await story.wallet.propose_signature(mine.id, request("three"), three)
        assert recovers(mine, (await with_second(story, other, proposal))[1], "three")
        too_few = await refused(story.wallet.propose_signature(mine.id, request("two"), three[:2]))
        assert too_few == "parameter"


# One member more, no other share changes


async def test_an_added_phone_signs_and_no_other_share_changes(tell, second):
    async with tell() as story, second(story) as other:
        before = await story.create()
        share = story.wallet.party.custody.shard(before.id).s
        proposal = await story.wallet.propose_enrol(before.id, indexes(before, "phone", "cloud"))
        await story.wallet.invite_cloud(proposal, story.house.cloud_url)
        mine, theirs = await with_second(story, other, proposal, cloud=False)
        assert [len(mine.members), mine.epoch, mine.address, theirs.address] == [
            4, before.epoch, before.address, before.address,
        ]  # fmt: skip
        assert story.wallet.party.custody.shard(before.id).s == share
        await story.wallet.settle(before.id, story.house.cloud_url)  # the device was not there
        assert await other.pair_up(before.id, theirs.me, story.house.cloud_url) == (
            indexes(before, "cloud"), indexes(before, "phone", "device"),
        )  # fmt: skip
        proposal = await other.propose_signature(before.id, request("new"), [theirs.me, *indexes(before, "cloud")])
        await other.invite(proposal, [], story.house.cloud_url)
        assert recovers(mine, await other.run(proposal), "new")


async def test_a_pair_that_lacks_a_set_up_gets_it_before_it_first_signs(tell, second):
    async with tell() as story, second(story) as other:
        before = await story.create()
        proposal = await story.wallet.propose_enrol(before.id, indexes(before, "phone", "device"))
        mine, theirs = await with_second(story, other, proposal, cloud=False)
        new = theirs.me
        assert story.wallet.party.custody.unusable(mine.id) == [new]
        signers = sorted([mine.me, new])
        links = asyncio.Queue()
        story.wallet._watch = lambda event: links.put_nowait(event.data["uri"]) if event.kind == "session" else None

        async def follow():
            """The other phone scans whatever is shown."""
            while True:
                link = parse(await links.get(), other.service.url)
                made = await other.run(await other.join(link.session, link.initiator, link.secret))
                if not isinstance(made, int):
                    return made

        following = asyncio.create_task(follow())
        await story.wallet.prepare(mine.id, signers)
        proposal = await story.wallet.propose_signature(mine.id, request("first"), signers)
        await story.wallet.invite(proposal)
        assert recovers(mine, await story.wallet.run(proposal), "first")
        assert recovers(mine, await following, "first")


async def test_an_added_device_is_set_up_with_everybody_here_at_once(tell, tmp_path):
    async with tell() as story:
        with SimDevice(tmp_path / "another", runtime="cpython") as spare:
            before = await story.create()
            await story.wallet.pair(spare.path, yes)
            new = await story.wallet.connect(spare.path)
            proposal = await story.wallet.propose_enrol(before.id, indexes(before, "phone", "device"))
            await story.wallet.invite(proposal, [story.identity, new])
            after = await story.wallet.run(proposal)
            await story.wallet.settle(before.id, story.house.cloud_url)
            added = max(member.index for member in after.members)
            assert await story.wallet.pair_up(before.id, added, story.house.cloud_url) == (
                [member.index for member in before.members], [],
            )  # fmt: skip
            for peer in ("cloud", "device"):
                signers = sorted([added, next(m.index for m in before.members if m.kind == peer)])
                proposal = await story.wallet.propose_signature(before.id, request(peer), signers)
                await story.wallet.invite(proposal, [story.identity, new], story.house.cloud_url)
                assert recovers(after, await story.wallet.run(proposal), peer)


async def test_who_helps_must_be_exactly_enough_and_a_present_member_is_no_newcomer(tell):
    async with tell() as story:
        group = await story.create()
        for helpers in ([group.me], [1, 2, 3], [1, 9]):
            assert await refused(story.wallet.propose_enrol(group.id, helpers)) in ("threshold", "parameter")
        proposal = await story.wallet.propose_enrol(group.id, indexes(group, "phone", "cloud"))
        assert await refused(story.wallet.invite_device(proposal, story.identity)) in ("group", "member")
        await story.wallet.abort(proposal)


async def test_a_lost_set_up_is_not_made_anew_behind_the_owners_back(tell):
    async with tell() as story:
        group = await story.create()
        custody = story.wallet.party.custody
        device = next(member for member in group.members if member.kind == "device")
        custody.ban_pair(group.id, device.index, device.identity, bytes(32), True)
        assert await refused(story.wallet.prepare(group.id, [group.me, device.index])) == "banned"
        await story.wallet.prepare(group.id, indexes(group, "phone", "cloud"))


# The cloud's shard


async def test_the_clouds_shard_is_deleted_with_a_receipt_and_the_others_go_on(tell):
    async with tell() as story:
        before = await story.create()
        cloud = story.house.cloud_url
        assert await refused(story.wallet.delete_cloud_shard(before.id, cloud)) == "member"
        proposal = await story.wallet.propose_reshare(before.id, 2, leaving=indexes(before, "cloud"))
        after = await story.run(proposal)
        receipt = await story.wallet.delete_cloud_shard(before.id, cloud)
        assert (receipt.group, receipt.identity, receipt.epoch >= before.epoch) == (
            before.id, story.house.cloud_identity, True,
        )  # fmt: skip
        assert story.wallet.cloud_receipt(before.id).encode() == receipt.encode()
        again = await CloudClient(cloud, story.wallet.relay).delete(before.id)
        assert read_receipt(again, before.id, story.house.cloud_identity).encode() == receipt.encode()
        assert await refused(CloudClient(cloud, story.wallet.relay).group_certificate(before.id)) == "group"
        assert recovers(after, await story.sign(after, "phone", "device", text="two of two"), "two of two")
        assert await refused(story.wallet.propose_reshare(before.id, 2, leaving=[after.me])) == "threshold"


async def test_a_shard_is_not_deleted_below_the_threshold(tell):
    async with tell() as story:
        proposal = await story.wallet.propose_group("two", 2, 2)
        await story.wallet.invite_cloud(proposal, story.house.cloud_url)
        group = await story.wallet.run(proposal)
        cloud = indexes(group, "cloud")
        assert await refused(story.wallet.propose_reshare(group.id, 2, leaving=cloud)) == "threshold"
        assert await refused(story.wallet.propose_reshare(group.id, 1, leaving=cloud)) in ("threshold", "parameter")
        assert story.wallet.cloud_receipt(group.id) is None


# The master


async def test_only_the_master_may_ask_until_all_name_another(tell, second):
    async with tell() as story, second(story) as other:
        proposal = await story.wallet.propose_group("mine", 2, 3, story.wallet.identity)
        mine, theirs = await with_second(story, other, proposal, cloud=False)
        assert mine.master == mine.me == theirs.master
        both = sorted([mine.me, theirs.me])
        assert await refused(other.propose_signature(mine.id, request("no"), both)) == "master"
        assert await refused(other.propose_export(mine.id, both, "no")) == "master"
        assert await refused(other.propose_refresh(mine.id)) == "master"
        assert await refused(other.propose_enrol(mine.id, both)) == "master"
        assert await refused(other.propose_reshare(mine.id, 2, 1)) == "master"
        proposal = await story.wallet.propose_signature(mine.id, request("yes"), both)
        assert recovers(mine, (await with_second(story, other, proposal))[0], "yes")
        proposal = await story.wallet.propose_master(mine.id, theirs.me)
        await with_second(story, other, proposal)
        assert [story.wallet.group(mine.id).master, other.group(mine.id).master] == [theirs.me] * 2
        assert await refused(story.wallet.propose_refresh(mine.id)) == "master"


async def test_a_master_that_nobody_knows_is_refused(tell):
    async with tell() as story:
        group = await story.create()
        assert await refused(story.wallet.propose_master(group.id, 9)) == "member"
        proposal = await story.wallet.propose_group("other", 2, 2, story.house.cloud_identity)
        await story.wallet.invite(proposal, [story.identity])
        assert await refused(story.wallet.run(proposal)) == "soft"
        assert [one.id for one in story.wallet.groups()] == [group.id]
