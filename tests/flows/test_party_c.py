"""Party C, another phone or browser of the same person: it registers by invitation, without a wallet, and joins."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from daric_host.joinlink import parse
from daric_host.wallet import Service, Wallet
from daric_protocol import platform
from daric_protocol.errors import DaricError
from flows.conftest import indexes, yes
from flows.test_wallet_stories import recovers


@pytest.fixture
def second(house, tmp_path):
    """`async with second(story)`: another phone, invited by the story's wallet."""

    @asynccontextmanager
    async def begin(story, kind="phone", invited=True, name="second"):
        invitation = (await story.wallet._relay.invite()).token if invited else b""
        service = Service(house.url, house.key, house.cloud_identity)
        home = tmp_path / name
        async with await Wallet.open(home, service, yes, kind=kind, name=name, invitation=invitation) as wallet:
            yield wallet

    return begin


async def together(story, other, proposal, cloud=True):
    """Both phones, the device and the cloud go through a session; the results of both phones."""

    link = parse(story.wallet.link(proposal).uri, other.service.url)

    async def join():
        return await other.run(await other.join(link.session, link.initiator))

    joined = asyncio.create_task(join())
    await story.wallet.invite(proposal, [story.identity], story.house.cloud_url if cloud else "")
    ends = await asyncio.gather(story.wallet.run(proposal), joined, return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end
    return ends


@pytest.mark.parametrize(("threshold", "kind"), [(2, "phone"), (3, "browser")])
async def test_two_phones_a_device_and_the_cloud_make_a_wallet_and_sign(tell, second, threshold, kind):
    async with tell() as story, second(story, kind) as other:
        assert other.groups() == [], "it registered without making a wallet"
        mine, theirs = await together(story, other, await story.wallet.propose_group("four", threshold, 4))
        assert mine.address == theirs.address
        assert [m.identity for m in mine.members] == [m.identity for m in theirs.members]
        signers = sorted({mine.me, theirs.me} | set(indexes(mine, "device") if threshold == 3 else []))
        from daric_protocol.evm import request as requests

        request = requests.Request(requests.MESSAGE, b"both").encode()
        proposal = await story.wallet.propose_signature(mine.id, request, signers)
        first, again = await together(story, other, proposal)
        assert recovers(mine, first, "both")
        assert first.encode() == again.encode()


async def test_the_device_signs_with_party_c(tell, second):
    async with tell() as story, second(story) as other:
        mine, theirs = await together(story, other, await story.wallet.propose_group("three", 2, 3), cloud=False)
        from daric_protocol.evm import request as requests

        request = requests.Request(requests.MESSAGE, b"c and device").encode()
        signers = sorted([theirs.me, *indexes(mine, "device")])
        proposal = await story.wallet.propose_signature(mine.id, request, signers)
        first, _ = await together(story, other, proposal, cloud=False)
        assert recovers(mine, first, "c and device")


async def test_the_cloud_takes_part_with_no_phone_of_another_account(tell, second):
    async with tell() as story, second(story, invited=False, name="stranger") as other:
        proposal = await story.wallet.propose_group("no", 2, 4)
        with pytest.raises(DaricError):
            await together(story, other, proposal)
        assert story.wallet.groups() == [] and other.groups() == []


async def test_a_phone_that_has_an_account_is_not_moved_by_an_invitation(tell, second, house, tmp_path):
    async with tell() as story, second(story, invited=False, name="other"):
        pass
    service = Service(house.url, house.key, house.cloud_identity)
    async with tell() as story:
        token = (await story.wallet._relay.invite()).token
        with pytest.raises(DaricError) as refused:
            await Wallet.open(tmp_path / "other", service, yes, invitation=token)
        assert refused.value.name == "conflict"
        with pytest.raises(DaricError) as refused:
            await Wallet.open(tmp_path / "guest", service, yes, invitation=bytes(32))
        assert refused.value.name == "unauthorised"


async def test_a_phone_that_was_not_chosen_cannot_join_a_signature(tell, second):
    async with tell() as story, second(story) as other:
        mine, _ = await together(story, other, await story.wallet.propose_group("three", 2, 3), cloud=False)
        from daric_protocol.evm import request as requests

        request = requests.Request(requests.MESSAGE, b"not you").encode()
        signers = sorted([mine.me, *indexes(mine, "device")])
        proposal = await story.wallet.propose_signature(mine.id, request, signers)
        with pytest.raises(DaricError) as refused:
            await other.join(proposal.uuid)
        assert refused.value.name == "unauthorised"
        await story.wallet.abort(proposal)


async def test_a_link_that_names_another_initiator_joins_nothing(tell, second):
    async with tell() as story, second(story) as other:
        proposal = await story.wallet.propose_group("three", 2, 3)
        with pytest.raises(DaricError) as refused:
            await other.join(proposal.uuid, platform.sha256(b"somebody else"))
        assert refused.value.name == "session"
        assert len(await story.wallet.participants(proposal)) == 1
        await story.wallet.abort(proposal)


async def test_a_party_that_the_link_names_has_to_be_there_whatever_the_service_says(tell, second):
    async with tell() as story, second(story) as other:
        proposal = await story.wallet.propose_group("three", 2, 3)
        joined = await other.join(proposal.uuid)
        joined.seats[0][1].initiator = platform.sha256(b"somebody else")
        carried = asyncio.create_task(other.run(joined))
        await story.wallet.invite(proposal, [story.identity])
        ends = await asyncio.gather(story.wallet.run(proposal), carried, return_exceptions=True)
        assert [isinstance(end, DaricError) for end in ends] == [True, True]
        assert story.wallet.groups() == [] and other.groups() == []


async def test_a_session_that_a_party_cancelled_says_so_to_who_waits(tell, second):
    async with tell() as story, second(story) as other:
        proposal = await story.wallet.propose_group("three", 2, 3)
        joined = await other.join(proposal.uuid)
        waiting = asyncio.create_task(story.wallet.run(proposal))
        await other.abort(joined)
        with pytest.raises(DaricError) as ended:
            await waiting
        assert ended.value.name == "session" and "cancelled" in ended.value.detail
