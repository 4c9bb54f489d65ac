"""Stores without room, bans, cheating members and killed services, with every process as it really is."""

import resource
from contextlib import contextmanager, suppress

import pytest
from daric_host.seats import LocalSeat
from daric_protocol.errors import DaricError
from daric_protocol.evm import request as requests
from daric_protocol.group import pair_name
from daric_protocol.pairstate import PairState
from daric_sim.house import CLOUD, SERVICE
from flows.conftest import indexes
from flows.test_interrupted import AtRound, cancelled
from flows.test_wallet_stories import recovers

from tests.session.network import flip_streams


@contextmanager
def unwritable(pid, size):
    """No file of a process can grow beyond so many bytes: what a full disk is to it."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def full(store):
    """A store of this process that has no page left."""
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    try:
        yield
    finally:
        store._db.execute("PRAGMA max_page_count = 1073741823")


async def signs(story, group, *kinds):
    text = " and ".join(kinds)
    return recovers(group, await story.sign(group, *kinds, text=text), text)


async def refused(awaited, *names):
    with pytest.raises(DaricError) as caught:
        await awaited
    assert caught.value.name in names, caught.value.detail


# Stores


async def test_a_full_phone_says_so_and_goes_on_when_there_is_room(tell):
    async with tell() as story:
        group = await story.create()
        with full(story.wallet.party.store):
            await refused(story.create("no room"), "storage")
            for number in range(20):  # until the last free page is used up
                try:
                    await story.sign(group, "phone", "cloud", text=f"no room {number}")
                except DaricError as error:
                    assert error.name in ("storage", "spent")
                    break
            else:
                raise AssertionError("the store never filled up")
        assert [one.name for one in story.wallet.groups()] == ["Savings"]
        assert await signs(story, group, "phone", "device")
        assert await signs(story, group, "cloud", "device")
        await story.create("room")


async def test_a_full_cloud_says_so_and_goes_on_when_there_is_room(tell, house):
    async with tell() as story:
        group = await story.create()
        assert await signs(story, group, "cloud", "device")  # so the cloud has its shard
        with unwritable(house._processes[CLOUD].pid, 4096):
            await refused(story.create("no room"), "storage")
            await refused(story.sign(group, "phone", "cloud"), "storage")
            assert await signs(story, group, "phone", "device")
        assert await signs(story, group, "cloud", "device")
        assert await signs(story, group, "phone", "cloud")
        await story.create("room")


async def test_a_device_with_an_unwritable_flash_says_so_and_goes_on_after_a_restart(tell):
    async with tell() as story:
        group = await story.create()
        with unwritable(story.device.pid, 0):
            await refused(story.create("no room"), "storage")
            await refused(story.sign(group, "phone", "device"), "storage")
            assert await signs(story, group, "phone", "cloud")
        story.device.restart()
        assert await signs(story, group, "cloud", "device")
        assert await signs(story, group, "phone", "device")
        await story.create("room")


# Bans


@contextmanager
def cheating(story, monkeypatch):
    """The phone's part of a session is wrong in one bit of its streams."""
    honest = story.wallet._seat

    def seat(terms):
        made = honest(terms)
        assert isinstance(made, LocalSeat)
        flip_streams(made.session)
        return made

    with monkeypatch.context() as patch:
        patch.setattr(story.wallet, "_seat", seat)
        yield


async def test_a_device_and_a_cloud_remember_a_cheating_phone_until_a_new_set_up(tell, house, monkeypatch):
    async with tell() as story:
        group = await story.create()
        for kind in ("device", "cloud"):
            with cheating(story, monkeypatch):
                await refused(story.sign(group, "phone", kind, text=f"cheat {kind}"), "ban", "soft", "spent")
        story.device.restart()
        house.kill(CLOUD)
        house.start()
        for kind in ("device", "cloud"):
            await refused(story.sign(group, "phone", kind, text=f"banned {kind}"), "soft")
        assert await signs(story, group, "cloud", "device")
        for kind in ("device", "cloud"):
            await story.renew(group, "phone", kind)
            assert await signs(story, group, "phone", kind)


async def test_a_phone_remembers_a_ban_until_a_new_set_up(tell):
    async with tell() as story:
        group = await story.create()
        custody, store = story.wallet.party.custody, story.wallet.party.store
        device = next(member.index for member in group.members if member.kind == "device")
        name = pair_name(group.id, custody.group(group.id).epoch, device)
        state = PairState.decode(store.read(name))
        other = bytes([state.kD[0] ^ 1]) + state.kD[1:]  # every check on this state fails from now on
        store.write(name, PairState(state.z, state.pid, state.delta, other, state.k0, state.k1).encode())
        await refused(story.sign(group, "phone", "device", text="fails"), "ban")
    async with tell() as story:
        assert story.wallet.party.custody.unusable(group.id) == [device]
        await refused(story.sign(group, "phone", "device", text="banned"), "soft")
        assert await signs(story, group, "phone", "cloud")
        await story.renew(group, "phone", "device")
        assert await signs(story, group, "phone", "device")


# Services killed in each round; the rest is in test_interrupted


@pytest.mark.slow
async def test_a_relay_killed_in_a_key_generation_goes_on_where_it_was(tell, house):
    at = AtRound()

    def restart():
        house.kill(SERVICE)
        house.start()

    async with tell(watch=at) as story:
        for number in (1, 3):
            at.arm("phone", number, restart)
            group = await story.create(f"through {number}")
            assert at.happened
        assert await signs(story, group, "phone", "device")


@pytest.mark.slow
async def test_a_cloud_killed_in_any_round_of_a_signature_signs_again(tell, house):
    at = AtRound()
    async with tell(watch=at) as story:
        group = await story.create()
        for number in (1, 2, 3):
            at.arm("phone", number, lambda: house.kill(CLOUD))
            request = requests.Request(requests.MESSAGE, f"killed {number}".encode()).encode()
            signers = indexes(group, "phone", "cloud")
            proposal = await story.wallet.propose_signature(group.id, request, signers)
            await story.wallet.invite_cloud(proposal, house.cloud_url)
            with suppress(DaricError):  # it is too late to stop the last round
                await cancelled(story.wallet.run(proposal), story, proposal, at)
            assert at.happened
            house.start()
            assert await signs(story, group, "phone", "device")
            try:
                assert await signs(story, group, "phone", "cloud")
            except DaricError as error:
                assert error.name == "soft"  # a check was open when it died: a ban until a new set-up
                await story.renew(group, "phone", "cloud")
                assert await signs(story, group, "phone", "cloud")


async def test_a_phone_that_died_in_a_session_is_free_at_once_and_so_is_its_device(tell):
    async with tell() as story:
        proposal = await story.wallet.propose_group("left behind", 2, 3)
        await story.wallet.invite_device(proposal, story.identity)
    async with tell() as story:
        group = await story.create()
        assert await signs(story, group, "phone", "device")
        assert await signs(story, group, "cloud", "device")
