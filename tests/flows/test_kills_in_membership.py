"""Real processes die in the rounds of a change of their group; when they meet again they sign in one epoch."""

import asyncio
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from daric_protocol.errors import DaricError
from daric_sim.house import CLOUD
from flows.conftest import indexes
from flows.test_bad_input_flows import signs
from flows.test_interrupted import AtRound, cancelled
from flows.test_members_and_master import second, with_second  # noqa: F401 (a fixture)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

DYING_PHONE = Path(__file__).with_name("dying_phone.py")
ALL = [("phone", "device"), ("phone", "cloud"), ("device", "cloud")]


async def refresh(story, group):
    return await story.wallet.propose_refresh(group.id)


async def remove(story, group):
    return await story.wallet.propose_reshare(group.id, 2, leaving=indexes(group, "cloud"))


async def meets_and_signs(story, before):
    """Whoever is in the newest epoch is in it with all others, and each two of them sign."""
    await story.wallet.settle(before.id, story.house.cloud_url)
    group = story.wallet.group(before.id)
    assert group.address == before.address and group.epoch >= before.epoch
    kinds = {member.kind for member in group.members}
    for pair in ALL:
        if set(pair) <= kinds:
            assert await signs(story, group, *pair), pair
    return group


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("change", [refresh, remove])
async def test_the_device_dies_in_a_round(tell, change, number):
    at = AtRound()
    async with tell(watch=at) as story:
        group = await story.create()
        at.arm("daric", number, story.device.restart)
        with suppress(DaricError):
            await story.run(await change(story, group))
        assert at.happened
        await meets_and_signs(story, group)


@pytest.mark.parametrize("number", range(5))
async def test_the_cloud_dies_in_a_round(tell, house, number):
    at = AtRound()
    async with tell(watch=at) as story:
        group = await story.create()
        at.arm("phone", number, lambda: house.kill(CLOUD))
        proposal = await refresh(story, group)
        await story.wallet.invite(proposal, [story.identity], house.cloud_url)
        with suppress(DaricError):
            await cancelled(story.wallet.run(proposal), story, proposal, at)
        assert at.happened
        house.start()
        await meets_and_signs(story, group)


@pytest.mark.parametrize("what", ["refresh", "remove"])
@pytest.mark.parametrize("number", range(5))
async def test_the_phones_process_dies_in_a_round(tell, house, device, tmp_path, what, number):
    async with tell() as story:
        group = await story.create()
    arguments = [
        tmp_path / "phone", house.url, house.key.hex(), house.cloud_identity.hex(), house.cloud_url, device.path,
        group.id.hex(), what, number,
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(sys.executable, DYING_PHONE, *[str(one) for one in arguments])
    assert await asyncio.wait_for(process.wait(), 60) == -signal.SIGKILL
    async with tell() as story:
        await meets_and_signs(story, group)


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("victim", ["device", "cloud"])
async def test_a_helper_dies_in_an_enrolment_which_is_then_repeated(tell, house, second, victim, number):  # noqa: F811
    at = AtRound()
    async with tell(watch=at) as story, second(story) as other:
        group = await story.create()
        if victim == "device":
            at.arm("daric", number, story.device.restart)
        else:
            at.arm("phone", number, lambda: house.kill(CLOUD))
        proposal = await story.wallet.propose_enrol(group.id, indexes(group, "phone", victim))
        with suppress(DaricError):
            session = with_second(story, other, proposal, cloud=victim == "cloud")
            if victim == "cloud":
                await cancelled(session, story, proposal, at)
            else:
                await session
        assert at.happened
        house.start()
        await story.wallet.settle(group.id, house.cloud_url)
        with suppress(DaricError):  # the new member may have the change that the others lack
            for change in other.party.custody.changes(group.id):
                story.wallet.party.custody.adopt(change)
        await story.wallet.settle(group.id, house.cloud_url)
        now = story.wallet.group(group.id)
        if len(now.members) == 3:
            proposal = await story.wallet.propose_enrol(group.id, indexes(group, "phone", "cloud"))
            now, _ = await with_second(story, other, proposal)
            await story.wallet.settle(group.id, house.cloud_url)
        assert len(now.members) == 4 and now.epoch == group.epoch and now.address == group.address
        for pair in ALL:
            assert await signs(story, story.wallet.group(group.id), *pair), pair


async def test_a_party_that_missed_the_end_of_a_change_of_the_master_learns_of_it_by_settling(tell):
    at = AtRound()
    async with tell(watch=at) as story:
        group = await story.create()
        at.arm("daric", 1, story.device.restart)
        with suppress(DaricError):
            await story.run(await story.wallet.propose_master(group.id, group.me))
        assert at.happened
        await story.wallet.settle(group.id, story.house.cloud_url)
        if not story.wallet.group(group.id).master:
            await story.run(await story.wallet.propose_master(group.id, group.me))
        for pair in ALL[:2]:
            assert await signs(story, story.wallet.group(group.id), *pair), pair
