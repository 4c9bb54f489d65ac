"""A key of a phrase becomes a wallet's, and comes out again, with real processes; the addresses are other people's."""

import pytest
from daric_host.hdkey import ACCOUNT, USUAL
from daric_host.ownkey import secret_of_key, secret_of_phrase
from daric_protocol.errors import DaricError
from daric_protocol.evm import request as requests
from daric_protocol.flows.proposals import Secret
from daric_sim.device import REFUSE
from eth_account import Account
from eth_account.messages import encode_defunct
from flows.conftest import indexes
from flows.test_wallet_stories import recovers
from mnemonic import Mnemonic

PHRASE = Mnemonic("english").to_mnemonic(bytes(range(100, 116)))


def ordinary(passphrase=""):
    """The account that any wallet shows first for the phrase."""
    Account.enable_unaudited_hdwallet_features()
    return Account.from_mnemonic(PHRASE, passphrase=passphrase, account_path=ACCOUNT + "/0/0")


class Heard:
    """What a person was told and asked."""

    def __init__(self):
        self.advice, self.reviews = [], []

    def __call__(self, event):
        if event.kind == "advice":
            self.advice.append(event.data["text"])

    async def approve(self, review):
        self.reviews.append(review)
        return True


async def imported(story, secret, parties=3, path=ACCOUNT, master=b""):
    proposal = await story.wallet.propose_import("old wallet", 2, parties, secret, path, master)
    return await story.run(proposal) if parties == 3 else await alone(story, proposal)


async def alone(story, proposal):
    """Phone and device only."""
    await story.wallet.invite(proposal, [story.identity])
    return await story.wallet.run(proposal)


async def exported(story, group, *kinds, purpose="moving house", asker=b""):
    proposal = await story.wallet.propose_export(group.id, indexes(group, *kinds), purpose, asker)
    return await story.run(proposal)


async def test_a_phrase_becomes_a_wallet_with_the_address_that_every_wallet_derives(tell):
    heard = Heard()
    async with tell(heard.approve, heard) as story:
        secret = secret_of_phrase(PHRASE, "word")
        group = await imported(story, secret)
        theirs = ordinary("word")
        assert (group.usual_address, group.path, group.imported) == (theirs.address, ACCOUNT, True)
        assert (secret.scalar, secret.entropy, secret.chain_code) == (0, b"", b""), "nothing of it is kept here"
        assert heard.advice and "Destroy every copy" in heard.advice[0]
        assert "12-word phrase" in heard.reviews[0].lines and heard.reviews[0].code
        for pair in (("phone", "device"), ("cloud", "device")):
            request = requests.Request(requests.MESSAGE, b"as before", list(USUAL)).encode()
            proposal = await story.wallet.propose_signature(group.id, request, indexes(group, *pair))
            made = await story.run(proposal)
            signature = made.encode()[:64] + bytes([27 + made.recid])
            signed = encode_defunct(b"as before")
            assert Account.recover_message(signed, signature=signature) == theirs.address
        assert recovers(group, await story.sign(group, "phone", "cloud", text="the key itself"), "the key itself")


async def test_an_export_gives_key_and_phrase_to_who_asked_and_says_so_ever_after(tell):
    heard = Heard()
    async with tell(heard.approve, heard) as story:
        group = await imported(story, secret_of_phrase(PHRASE))
        key = await exported(story, group, "phone", "device")
        assert key.phrase() == PHRASE and key.phrase("another") == ""
        assert key.child(USUAL) == bytes(ordinary().key)
        assert story.wallet.group(group.id).exposed
        assert any("Move the money" in text for text in heard.advice)
        asked = heard.reviews[-1].lines
        assert "EXPORT THE KEY" in asked and " moving house" in asked
        assert "EXPORT THE KEY" in story.device.screens[-1].text or any(
            "EXPORT THE KEY" in screen.text for screen in story.device.screens
        )


async def test_a_bare_key_makes_a_wallet_of_two_and_comes_back_as_a_key_only(tell):
    async with tell() as story:
        theirs = Account.from_key("0x" + "a7" * 32)
        group = await imported(story, secret_of_key("a7" * 32), parties=2, path="")
        assert (group.address, group.path, group.imported) == (theirs.address, "", False)
        key = await exported(story, group, "phone", "device")
        assert (key.key, key.entropy, key.phrase()) == (bytes(theirs.key), b"", "")


async def test_an_export_that_the_device_refuses_gives_nothing_until_it_agrees(tell):
    async with tell() as story:
        group = await story.create()
        story.device.answer = REFUSE
        with pytest.raises(DaricError) as refused:
            await exported(story, group, "phone", "device")
        assert refused.value.name == "refused"
        story.device.answer = "approve"
        key = await exported(story, group, "phone", "device")
        assert Account.from_key(key.key).address == group.address and key.phrase() == "", "made here, not imported"


async def test_an_export_of_too_few_or_for_somebody_else_is_refused_before_anything_is_sent(tell):
    async with tell() as story:
        group = await story.create()
        for members in ([group.me], [1, 2, 3]):
            with pytest.raises(DaricError) as refused:
                await story.wallet.propose_export(group.id, members, "no")
            assert refused.value.name == "parameter"
        with pytest.raises(DaricError) as refused:
            await exported(story, group, "phone", "cloud", asker=story.identity)
        assert refused.value.name == "member"
        with pytest.raises(DaricError) as refused:
            await story.wallet.propose_export(group.id, [group.me, 9], "no")
        assert refused.value.name == "parameter"


async def test_a_key_that_was_forgotten_is_brought_by_nobody(tell):
    async with tell() as story:
        secret = Secret(5)
        secret.scalar = 0
        with pytest.raises(DaricError) as refused:
            await story.wallet.propose_import("no", 2, 2, secret)
        assert refused.value.name == "parameter"
        assert (await story.wallet.relay.me())[1] is None, "no session was opened"


async def test_an_import_that_was_cancelled_forgets_its_secret(tell):
    async with tell() as story:
        secret = secret_of_phrase(PHRASE)
        proposal = await story.wallet.propose_import("cancelled", 2, 3, secret, ACCOUNT)
        await story.wallet.abort(proposal)
        assert (secret.scalar, secret.entropy) == (0, b"")
        assert story.wallet.groups() == []
