"""What a device's owner limits, allows and compares, by SDK and commands: all of it decided on the device."""

import pytest
from daric_host.ownerpolicy import make_policy
from daric_protocol.errors import DaricError
from daric_protocol.evm import address
from daric_protocol.evm.request import MESSAGE, RAW_DIGEST, TRANSACTION, Request
from daric_protocol.evm.transaction import DYNAMIC_FEE, Transaction
from daric_sim.device import APPROVE, REFUSE
from flows.conftest import indexes
from flows.test_commands import of_kind, person  # noqa: F401 - a fixture

TO, ETHER = b"\xaa" * 20, 10**18
pytestmark = pytest.mark.slow


def transfer(value: int, nonce: int = 0) -> bytes:
    return Transaction(DYNAMIC_FEE, nonce, 21000, TO, value, b"", 1).encode()


async def refused(awaitable):
    with pytest.raises(DaricError) as error:
        await awaitable
    return error.value.name


async def signs(story, group, request: Request):
    proposal = await story.wallet.propose_signature(group.id, request.encode(), indexes(group, "phone", "device"))
    return await story.run(proposal)


async def test_an_owner_limits_a_wallet_and_the_phone_hears_why(tell):
    async with tell() as story:
        group = await story.create()
        assert (await story.wallet.policy(story.identity, group.id)).policy is None
        story.device.answer = REFUSE
        limit = make_policy([(1, ETHER)])
        assert await refused(story.wallet.propose_policy(story.identity, group.id, limit)) == "refused"
        story.device.answer = APPROVE
        await story.wallet.propose_policy(story.identity, group.id, limit)
        assert await refused(signs(story, group, Request(TRANSACTION, transfer(2 * ETHER)))) == "policy"
        assert await signs(story, group, Request(TRANSACTION, transfer(ETHER)))
        assert (await story.wallet.policy(story.identity, group.id)).counted == {1: ETHER}
        assert await refused(signs(story, group, Request(TRANSACTION, transfer(1, 1)))) == "policy"
        assert await refused(signs(story, group, Request(MESSAGE, b"hello"))) == "policy"
        assert [entry.outcome for entry in (await story.wallet.log(story.identity)).entries].count("policy") == 3
        await story.wallet.propose_policy(story.identity, group.id, None)
        assert await signs(story, group, Request(MESSAGE, b"hello"))


async def test_phone_and_device_compute_the_same_addresses(tell):
    async with tell() as story:
        group = await story.create()
        shown = await story.wallet.show_address(story.identity, group.id)
        assert address.to_text(shown) == group.address
        shown = await story.wallet.show_address(story.identity, group.id, "safe-1.4.1", 7, [0, 3])
        assert address.to_text(shown) == group.account_address("safe-1.4.1", 7, [0, 3])
        assert await refused(story.wallet.show_address(story.identity, bytes(16))) == "group"


async def test_a_raw_digest_needs_the_yes_of_both_owners(tell):
    async with tell() as story:
        group = await story.create()
        raw = Request(RAW_DIGEST, b"\x5a" * 32)
        assert await refused(signs(story, group, raw)) == "raw_digest"
        story.wallet.raw_digests = True
        assert await refused(signs(story, group, raw)) == "raw_digest"
        seen = len(story.device.screens)
        story.device.choose("review.raw_digests")
        story.device.wait_for_screen("are\nallowed", since=seen)
        assert await signs(story, group, raw)


def test_the_commands_show_propose_and_remove_a_policy(person, device):  # noqa: F811 - the fixture
    port = ["--device", device.path]
    person.run("pair", "new", device.path, "--yes")
    group = person.run("wallet", "create", "Ours", *port, "--yes")
    name = group["group"]
    assert person.run("wallet", "address", name, *port)["address"] == group["address"]
    assert person.run("wallet", "policy", name, *port)["policy"] == "none"
    other = of_kind(group, "phone")
    text = address.to_text(TO)
    rules = ["--daily", "1:0.5", "--to", text, "--cosigner", other, "--allow", "messages"]
    state = person.run("wallet", "policy", name, *rules, *port)
    assert (state["daily"], state["counted"]) == ({"1": "0.5 ETH"}, {"1": "0 ETH"})
    assert (state["recipients"], state["cosigners"], state["allowed"]) == ([text], [int(other)], ["messages"])
    both = ["--signers", ",".join(sorted([other, of_kind(group, "device")]))]
    assert person.refused("sign", "tx", name, transfer(ETHER).hex(), *both, *port, "--yes") == "policy"
    assert person.run("sign", "tx", name, transfer(ETHER // 2).hex(), *both, *port, "--yes")["signed"]
    assert person.run("wallet", "policy", name, *port)["counted"] == {"1": "0.5 ETH"}
    assert person.run("wallet", "policy", name, "--remove", *port)["policy"] == "none"
    device.answer = REFUSE
    assert person.refused("wallet", "policy", name, "--daily", "1:1", *port) == "refused"
    assert person.refused("wallet", "address", name, *port) == "refused"
