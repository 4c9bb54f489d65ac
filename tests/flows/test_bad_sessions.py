"""Sessions that cannot be, are not there, or are over: refused by name before anything is sent."""

import pytest
from daric_host.meeting import Meeting
from daric_host.offline import OfflineWallet
from daric_host.ownkey import secret_of_key
from daric_host.wallet import Service
from daric_protocol.errors import DaricError
from daric_protocol.limits import SESSION_TTL
from flows.conftest import open_wallet, yes


async def refused(awaitable):
    with pytest.raises(DaricError) as error:
        await awaitable
    return error.value.name


async def is_free(wallet):
    return (await wallet.relay.me())[1] is None


async def test_a_wallet_that_cannot_be_is_not_proposed(house, tmp_path):
    async with await open_wallet(tmp_path / "phone", house) as wallet:
        for threshold, parties in ((3, 2), (1, 2), (0, 2), (2, 1), (2, 17), (17, 17), (-1, 3)):
            assert await refused(wallet.propose_group("no", threshold, parties)) in ("parameter", "encoding")
            secret = secret_of_key("05" * 32)
            assert await refused(wallet.propose_import("no", threshold, parties, secret)) in ("parameter", "encoding")
        assert await is_free(wallet)


async def test_a_session_that_is_not_there_is_not_joined(house, tmp_path):
    async with (
        await open_wallet(tmp_path / "one", house) as one,
        await open_wallet(tmp_path / "two", house) as two,
    ):
        assert await refused(two.join(bytes(16))) == "unknown_session"
        proposal = await one.propose_group("over", 2, 2)
        await one.abort(proposal)
        assert await refused(two.join(proposal.uuid)) in ("session", "unknown_session", "unauthorised")
        assert await refused(one.run(proposal)) == "session"
        assert await is_free(one) and await is_free(two)


async def test_a_session_that_expired_is_not_waited_for(tmp_path):
    now = [1_000_000.0]
    nowhere = Service("http://127.0.0.1:9", bytes(33))
    async with await OfflineWallet.open(tmp_path / "phone", nowhere, yes) as wallet:
        wallet._place = Meeting(lambda: now[0])
        proposal = await wallet.propose_group("late", 2, 2)
        now[0] += SESSION_TTL + 1
        assert await refused(wallet.run(proposal)) == "session"
        again = await wallet.propose_group("in time", 2, 2)
        assert len(await wallet.participants(again)) == 1
        await wallet.abort(again)


async def test_terms_signed_by_another_than_the_one_that_opened_the_session_are_not_joined(house, tmp_path):
    async with (
        await open_wallet(tmp_path / "one", house) as one,
        await open_wallet(tmp_path / "two", house) as two,
    ):
        honest = one._signed

        async def false(terms, _):
            signed = await honest(terms, one.identity)
            return signed.signed(two.identity, two.party.custody.sign_identity)

        one._signed = false
        proposal = await one.propose_group("in another's name", 2, 2)
        assert await refused(two.join(proposal.uuid)) == "session"
        await one.abort(proposal)
