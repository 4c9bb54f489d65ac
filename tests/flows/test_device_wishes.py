"""The device begins, and says whom it knows: its menu, an export to its screen, its word as master, its hosts."""

import pytest
from daric_host.ownkey import secret_of_phrase
from daric_protocol.errors import DaricError
from daric_protocol.evm import request as requests
from daric_sim.device import REFUSE
from flows.conftest import indexes, open_wallet, yes
from flows.test_import_and_export import PHRASE
from flows.test_wallet_stories import recovers


async def refused(awaitable):
    with pytest.raises(DaricError) as error:
        await awaitable
    return error.value.name


def pick(story, op):
    seen = len(story.device.screens)
    story.device.choose(op)
    story.device.wait_for_screen("Go on at the", since=seen)


async def picked(story, op, members=()):
    """What comes of the owner's choice in the menu of the device."""
    pick(story, op)
    proposal = await story.wallet.propose_wanted(story.identity, members)
    return proposal, await story.run(proposal)


async def test_what_is_picked_in_the_menu_is_asked_for_by_the_device(tell):
    async with tell() as story:
        group = await story.create()
        assert await story.wallet.propose_wanted(story.identity) is None
        proposal, after = await picked(story, "refresh")
        assert after.epoch == group.epoch + 1
        assert proposal.initiator.signer.public == story.identity
        assert await story.wallet.propose_wanted(story.identity) is None, "it is told once"
        _, sheet = await picked(story, "backup")
        assert [one.epoch for one in await story.wallet.backups.list(group.id)] == [after.epoch] and sheet
        for pair in (("phone", "device"), ("cloud", "device")):
            assert recovers(after, await story.sign(after, *pair, text=" ".join(pair)), " ".join(pair))


async def test_a_key_that_the_device_asks_for_is_on_its_screen_alone(tell):
    async with tell() as story:
        proposal = await story.wallet.propose_import("old", 2, 3, secret_of_phrase(PHRASE), "m/44'/60'/0'")
        group = await story.run(proposal)
        seen = len(story.device.screens)
        _, result = await picked(story, "export")
        assert result is None, "the host hears nothing of it"
        story.device.wait_for_screen("SECRET KEY", since=seen)
        shown = " ".join(screen.text for screen in story.device.screens[seen:]).split()
        assert [word for word in PHRASE.split() if word not in shown] == []
        assert story.wallet.group(group.id).exposed


async def test_a_choice_without_enough_people_is_refused(tell):
    async with tell() as story:
        proposal = await story.wallet.propose_group("two", 2, 2)
        await story.wallet.invite(proposal, [story.identity])
        group = await story.wallet.run(proposal)
        pick(story, "backup")
        assert await refused(story.wallet.propose_wanted(story.identity)) == "parameter"
        assert await refused(story.wallet.propose_export(group.id, [1, 2, 3], "no", story.identity)) == "parameter"
        assert await refused(story.wallet.propose_wanted(bytes(33))) == "unpaired"


async def test_a_device_that_is_master_gives_its_word_on_its_screen_and_nobody_elses_counts(tell):
    async with tell() as story:
        proposal = await story.wallet.propose_group("device rules", 2, 3, story.identity)
        group = await story.run(proposal)
        assert group.master == indexes(group, "device")[0]
        request = requests.Request(requests.MESSAGE, b"by its word").encode()
        both = indexes(group, "phone", "device")
        assert await refused(story.wallet.propose_signature(group.id, request, both)) == "master"
        assert await refused(story.wallet.propose_export(group.id, both, "no")) == "master"
        story.device.answer = REFUSE
        assert await refused(story.wallet.propose_refresh(group.id, story.identity)) == "refused"
        story.device.answer = "approve"
        proposal = await story.wallet.propose_signature(group.id, request, indexes(group, "cloud", "device"))
        assert proposal.terms.initiator == story.identity
        assert recovers(group, await story.run(proposal), "by its word")
        assert (await story.run(await story.wallet.propose_refresh(group.id, story.identity))).epoch == group.epoch + 1


# Pairings


async def test_a_pairing_is_renewed_and_the_device_signs_as_before(tell):
    async with tell() as story:
        group = await story.create()
        path = story.device.path
        await story.wallet._links.pop(story.identity)[0].close()
        again = await story.wallet.pair(path, yes, "renewed")
        assert again.identity == story.identity and len(story.wallet.devices.all()) == 1
        await story.wallet.connect(path)
        assert await story.wallet.hosts(story.identity) == [(story.wallet.identity, "renewed")]
        assert recovers(group, await story.sign(group, "phone", "device", text="renewed"), "renewed")


async def test_a_revoked_host_is_refused_and_the_other_goes_on(tell, house, tmp_path):
    async with tell() as story:
        path = story.device.path
        link, relay = story.wallet._links.pop(story.identity)
        await relay.close()
        await link.close()
        async with await open_wallet(tmp_path / "other", house) as other:
            assert await refused(other.pair(path, yes)) == "conflict", "it belongs to another account"
        await story.wallet.connect(path)
        hosts = {identity for identity, _ in await story.wallet.hosts(story.identity)}
        assert hosts == {story.wallet.identity, other.identity}
        story.device.answer = REFUSE
        assert await refused(story.wallet.revoke(story.identity, other.identity)) == "refused"
        story.device.answer = "approve"
        await story.wallet.revoke(story.identity, other.identity)
        assert [one for one, _ in await story.wallet.hosts(story.identity)] == [story.wallet.identity]
        assert await refused(story.wallet.revoke(bytes(33))) == "unpaired"
        await story.wallet.revoke(story.identity)
        assert await refused(story.wallet.connect(path)) == "unpaired"
        assert await refused(story.wallet.hosts(story.identity)) == "unpaired"
