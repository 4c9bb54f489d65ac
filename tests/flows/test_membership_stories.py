"""Refresh, adding and removing members with real processes: every shard changes, the key and the addresses stay."""

import pytest
from daric_protocol.errors import DaricError
from daric_sim.device import REFUSE
from flows.conftest import indexes
from flows.test_wallet_stories import recovers


async def refresh(story, group):
    proposal = await story.wallet.propose_refresh(group.id)
    return await story.run(proposal)


async def test_a_refresh_gives_new_shards_of_the_same_key(tell):
    async with tell() as story:
        before = await story.create()
        old = story.wallet.party.custody.shard(before.id).s
        after = await refresh(story, before)
        assert (after.epoch, after.address, after.members[0].public_share != before.members[0].public_share) == (
            before.epoch + 1, before.address, True,
        )  # fmt: skip
        assert story.wallet.party.custody.shard(before.id).s != old
        for pair in (("phone", "cloud"), ("phone", "device"), ("cloud", "device")):
            text = "after refresh " + pair[0] + pair[1]
            assert recovers(after, await story.sign(after, *pair, text=text), text)


async def test_a_removed_cloud_signs_no_more_and_the_others_do(tell):
    async with tell() as story:
        before = await story.create()
        proposal = await story.wallet.propose_reshare(before.id, 2, leaving=indexes(before, "cloud"))
        after = await story.run(proposal)
        assert {member.kind for member in after.members} == {"phone", "device"}
        assert after.address == before.address
        await story.wallet.settle(before.id, story.house.cloud_url)
        assert recovers(after, await story.sign(after, "phone", "device", text="two of two"), "two of two")
        with pytest.raises(DaricError):
            await story.sign(before, "phone", "cloud", text="with an old shard")


async def test_a_threshold_above_the_members_that_stay_is_refused_before_anything_moves(tell):
    async with tell() as story:
        group = await story.create()
        with pytest.raises(DaricError) as refused:
            await story.wallet.propose_reshare(group.id, 3, leaving=indexes(group, "cloud"))
        assert refused.value.name == "threshold"
        assert recovers(group, await story.sign(group, "phone", "cloud", text="as before"), "as before")


async def test_a_refusal_keeps_the_old_epoch(tell):
    async with tell() as story:
        group = await story.create()
        story.device.answer = REFUSE
        with pytest.raises(DaricError) as refused:
            await refresh(story, group)
        assert refused.value.name == "refused"
        assert story.wallet.group(group.id).epoch == group.epoch
        assert recovers(group, await story.sign(group, "phone", "cloud", text="old epoch"), "old epoch")
        story.device.answer = "approve"
        assert (await refresh(story, group)).epoch > group.epoch
