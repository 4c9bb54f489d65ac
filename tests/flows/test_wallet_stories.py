"""Whole stories through phone, bridge, device, relay and cloud."""

import coincurve
import pytest
from daric_protocol.errors import DaricError
from daric_protocol.evm import message
from daric_sim.device import REFUSE, WAIT
from flows.conftest import indexes, open_wallet


def recovers(group, signature, text):
    """Whether coincurve recovers the group's key from a signature of the text."""
    encoded = signature.encode()
    key = coincurve.PublicKey.from_signature_and_message(encoded, message.signing_digest(text.encode()), hasher=None)
    return key.format() == group.public_key


async def test_every_pair_of_a_new_wallet_signs(tell):
    async with tell() as story:
        group = await story.create()
        for pair in (("phone", "cloud"), ("phone", "device"), ("cloud", "device")):
            text = "signed by " + " and ".join(pair)
            assert recovers(group, await story.sign(group, *pair, text=text), text)


async def test_a_refusal_on_the_device_ends_the_session_and_loses_nothing(tell):
    async with tell() as story:
        group = await story.create()
        story.device.answer = REFUSE
        with pytest.raises(DaricError) as refused:
            await story.sign(group, "phone", "device", text="no")
        assert refused.value.name == "refused"
        story.device.answer = "approve"
        assert recovers(group, await story.sign(group, "phone", "device", text="yes"), "yes")


async def test_a_refusal_on_the_phone_ends_the_session_and_loses_nothing(tell):
    answers = [True, False, True]

    async def approve(_):
        return answers.pop(0)

    async with tell(approve) as story:
        group = await story.create()
        with pytest.raises(DaricError) as refused:
            await story.sign(group, "phone", "cloud", text="no")
        assert refused.value.name == "refused"
        assert recovers(group, await story.sign(group, "phone", "cloud", text="yes"), "yes")


async def test_a_wallet_that_was_refused_at_creation_does_not_exist(tell):
    async with tell() as story:
        story.device.answer = REFUSE
        with pytest.raises(DaricError):
            await story.create()
        assert story.wallet.groups() == []
        story.device.answer = "approve"
        assert len((await story.create()).members) == 3


async def test_a_party_takes_part_in_one_session_at_a_time(tell):
    async with tell() as story:
        story.device.answer = WAIT
        first = await story.wallet.propose_group("first", 2, 3)
        await story.wallet.invite_device(first, story.identity)
        with pytest.raises(DaricError) as busy:
            await story.wallet.propose_group("second", 2, 3)
        assert busy.value.name == "busy"
        with pytest.raises(DaricError) as busy:
            await story.wallet._links[story.identity][0].session_join(first.terms.encode()[:-1] + b"x")
        assert busy.value.name in ("busy", "encoding")


async def test_an_unpaired_phone_cannot_use_the_device(tell, house, tmp_path):
    async with tell() as story:
        async with await open_wallet(tmp_path / "other", house) as stranger:
            with pytest.raises(DaricError) as unpaired:
                await stranger.connect(story.device.path)
            assert unpaired.value.name in ("unpaired", "link")


async def test_the_cloud_signs_for_nobody_elses_group(tell, house, tmp_path):
    async with tell() as story:
        group = await story.create()
        async with await open_wallet(tmp_path / "thief", house) as thief:
            uuid = await thief._relay.new_session_id()
            from daric_protocol import flows

            roster = story.wallet.party.custody.roster(group.id)
            request = b"\x83\x02\x41\x61\x80"
            terms = flows.sign_terms(uuid, group.id, roster, indexes(group, "phone", "cloud"), request)
            members = [thief.identity, house.cloud_identity]
            await thief._relay.create_session(uuid, terms.encode(), 2, members)
            from daric_host.cloud_client import CloudClient

            with pytest.raises(DaricError) as refused:
                await CloudClient(house.cloud_url, thief._relay).join(uuid)
            assert refused.value.name == "unauthorised"


async def test_a_pair_makes_a_new_set_up_and_signs_again(tell):
    async with tell() as story:
        group = await story.create()
        await story.renew(group, "phone", "device")
        assert recovers(group, await story.sign(group, "phone", "device", text="renewed"), "renewed")


async def test_one_phone_has_many_wallets(tell):
    async with tell() as story:
        first, second = await story.create("first"), await story.create("second")
        assert {group.name for group in story.wallet.groups()} == {"first", "second"}
        assert first.public_key != second.public_key
        assert recovers(first, await story.sign(first, "cloud", "device", text="one"), "one")
        assert recovers(second, await story.sign(second, "cloud", "device", text="two"), "two")


async def test_shards_survive_the_end_of_every_process(tell, house):
    async with tell() as story:
        group = await story.create()
    house.stop()
    house.start()
    async with tell() as story:
        story.device.restart()
        assert story.wallet.groups() == [group] or story.wallet.group(group.id).address == group.address
        assert recovers(group, await story.sign(group, "cloud", "device", text="again"), "again")




async def test_a_person_who_was_warned_may_sign_the_same_again(tell):
    reviews = []

    async def approve(review):
        reviews.append(review)
        return True

    async with tell(approve) as story:
        group = await story.create()
        first = await story.sign(group, "phone", "cloud", text="twice")
        again = await story.sign(group, "phone", "cloud", text="twice")
        assert "WARNING" not in reviews[1].lines and "WARNING" in reviews[2].lines
        assert first.r != again.r, "a second session has a nonce of its own"
        assert recovers(group, again, "twice")


async def test_the_device_knows_the_phone_and_the_cloud_by_name(tell):
    async with tell() as story:
        await story.create()
        question = story.device.wait_for_screen("Check code")
        assert "cloud known cloud" in question.text and "phone phone" in question.text
