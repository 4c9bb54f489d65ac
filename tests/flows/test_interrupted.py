"""A process dies, or a person says no, in each round in turn: nothing is lost, and the next session works."""

import pytest
from daric_host.cloud_client import CloudClient
from daric_host.wallet import Event
from daric_protocol.errors import DaricError
from daric_sim.house import CLOUD, SERVICE
from flows.test_wallet_stories import recovers

SLOW = pytest.mark.slow
ROUNDS = [pytest.param(0, marks=SLOW), 1, pytest.param(2, marks=SLOW), 3]


class AtRound:
    """Does something once, when a seat reaches a round."""

    def __init__(self):
        self._act = None
        self.happened = False

    def arm(self, seat, number, act):
        self._act, self._seat, self._round, self.happened = act, seat, number, False

    def __call__(self, event: Event):
        if self._act is None or event.kind != "state" or event.seat != self._seat:
            return
        if event.data["round"] == self._round:
            act, self._act = self._act, None
            self.happened = True
            act()




@pytest.mark.parametrize("number", ROUNDS)
async def test_a_device_killed_in_key_generation_loses_nothing(tell, number):
    at = AtRound()
    async with tell(watch=at) as story:
        at.arm("daric", number, story.device.restart)
        with pytest.raises(DaricError):
            await story.create("broken")
        assert at.happened
        assert story.wallet.groups() == []
        group = await story.create("whole")
        assert recovers(group, await story.sign(group, "cloud", "device", text="ok"), "ok")


@pytest.mark.parametrize("number", [1, 2, 3])  # between checks, never inside one: that would be a ban (tests/power)
async def test_a_device_killed_in_signing_signs_the_next_request(tell, number):
    at = AtRound()
    async with tell(watch=at) as story:
        group = await story.create()
        at.arm("daric", number, story.device.restart)
        try:
            signature = await story.sign(group, "phone", "device", text="broken")  # its share had left already
        except DaricError:
            signature = await story.sign(group, "phone", "device", text="broken")
        assert at.happened
        assert recovers(group, signature, "broken")
        assert recovers(group, await story.sign(group, "cloud", "device", text="next"), "next")


@pytest.mark.parametrize("number", ROUNDS)
async def test_a_cloud_killed_in_key_generation_loses_nothing(tell, house, number):
    at = AtRound()
    async with tell(watch=at) as story:
        at.arm("phone", number, lambda: house.kill(CLOUD))
        proposal = await story.wallet.propose_group("broken", 2, 3)
        await story.wallet.invite_device(proposal, story.identity)
        await story.wallet.invite_cloud(proposal, house.cloud_url)
        running = story.wallet.run(proposal)
        with pytest.raises(DaricError):
            await cancelled(running, story, proposal, at)
        assert at.happened
        house.start()
        group = await story.create("whole")
        assert recovers(group, await story.sign(group, "cloud", "device", text="ok"), "ok")


async def cancelled(running, story, proposal, at):
    """Run a session whose cloud has died until the phone's person gives up."""
    import asyncio

    task = asyncio.ensure_future(running)
    while not at.happened and not task.done():
        await asyncio.sleep(0.01)
    done, _ = await asyncio.wait([task], timeout=2)
    if not done:
        await story.wallet.abort(proposal)
    return await task


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_a_relay_killed_in_signing_goes_on_where_it_was(tell, house, number):
    at = AtRound()

    def restart():
        house.kill(SERVICE)
        house.start()

    async with tell(watch=at) as story:
        group = await story.create()
        at.arm("phone", number, restart)
        assert recovers(group, await story.sign(group, "phone", "device", text="through"), "through")
        assert at.happened


async def test_a_lost_acknowledgement_is_made_up_by_the_certificate(tell, house):
    at = AtRound()
    async with tell(watch=at) as story:
        at.arm("daric", 4, story.device.restart)
        try:
            group = await story.create()
        except DaricError:
            group = await story.wallet.settle(story.wallet.party.custody.groups()[0], house.cloud_url)
        assert at.happened
        await story.wallet.settle(group.id, house.cloud_url)
        assert recovers(group, await story.sign(group, "cloud", "device", text="all have it"), "all have it")


async def test_the_cloud_refuses_a_call_without_a_token(house):
    class Nobody:
        async def token(self, audience):
            return "e30.e30.e30"

    with pytest.raises(DaricError) as refused:
        await CloudClient(house.cloud_url, Nobody()).join(bytes(16))
    assert refused.value.name == "unauthorised"
