"""Another phone or browser of the same person joins an account by a single-use invitation, and every misuse of one."""

import pytest
from daric_host.relay import Invitation
from daric_protocol.errors import DaricError
from daric_protocol.limits import INVITATION_TTL, INVITATIONS

from tests.services.house import new_identity


async def refused(awaitable):
    """The name of the error that an awaitable ends with."""
    with pytest.raises(DaricError) as error:
        await awaitable
    return error.value.name


@pytest.mark.parametrize("kind", ["phone", "browser"])
async def test_an_invited_party_registers_in_the_account_of_its_inviter(house, kind):
    owner, guest = await house.phone(), house.client()
    invitation = await owner.invite()
    party = await guest.redeem(invitation.token, kind, "second")
    mine = (await owner.me())[0]
    assert (party.account, party.kind, party.name) == (mine.account, kind, "second")
    assert {one.identity for one in await owner.parties()} == {owner.signer.public, guest.signer.public}
    assert (await guest.login()).account == mine.account


async def test_an_invitation_ends_after_its_time(house):
    invitation = await (await house.phone()).invite()
    assert invitation.expires == int(house.clock()) + INVITATION_TTL
    house.clock.now += INVITATION_TTL + 1
    assert await refused(house.client().redeem(invitation.token, "phone", "late")) == "unauthorised"


async def test_an_invitation_is_good_once_and_its_user_may_repeat_the_request(house):
    invitation = await (await house.phone()).invite()
    guest = house.client()
    party = await guest.redeem(invitation.token, "phone", "first")
    assert await guest.redeem(invitation.token, "phone", "first") == party
    assert await refused(house.client().redeem(invitation.token, "phone", "second")) == "unauthorised"


async def test_a_guessed_or_shortened_token_invites_nobody(house):
    invitation = await (await house.phone()).invite()
    guest = house.client()
    for token in (bytes(32), bytes([invitation.token[0] ^ 1]) + invitation.token[1:]):
        assert await refused(guest.redeem(token, "phone", "guest")) == "unauthorised"
    assert await guest.login() is None


@pytest.mark.usefixtures("hostile")
async def test_a_token_of_another_size_invites_nobody(house):
    invitation = await (await house.phone()).invite()
    for token in (b"", invitation.token[:16], invitation.token + b"x"):
        assert await refused(house.client().redeem(token, "phone", "guest")) == "unauthorised"


async def test_a_registered_party_changes_its_account_by_no_invitation(house):
    invitation = await (await house.phone()).invite()
    other = await house.phone()
    account = (await other.me())[0].account
    assert await refused(other.redeem(invitation.token, "phone", "other")) == "conflict"
    assert (await other.me())[0].account == account
    await house.client().redeem(invitation.token, "phone", "guest")  # and the invitation is still good


@pytest.mark.parametrize("kind", ["device", "cloud"])
async def test_a_device_or_cloud_is_not_invited(house, kind):
    invitation = await (await house.phone()).invite()
    assert await refused(house.client().redeem(invitation.token, kind, "guest")) == "parameter"


async def test_a_device_invites_nobody(house):
    owner, device = await house.phone(), house.client(new_identity())
    await owner.attach(device.signer, "device", "daric")
    assert await refused(device.invite()) == "unauthorised"


async def test_an_unregistered_party_invites_nobody(house):
    assert await refused(house.client().invite()) == "unauthorised"


async def test_the_invitation_of_a_revoked_phone_is_void(house):
    owner, second = await house.phone(), house.client()
    await second.redeem((await owner.invite()).token, "phone", "second")
    invitation = await second.invite()
    await owner.revoke(second.signer.public)
    assert await refused(house.client().redeem(invitation.token, "phone", "third")) == "unauthorised"


async def test_the_oldest_of_too_many_invitations_is_void(house):
    owner = await house.phone()
    first = await owner.invite()
    for _ in range(INVITATIONS):
        house.clock.now += 1
        last = await owner.invite()
    assert await refused(house.client().redeem(first.token, "phone", "first")) == "unauthorised"
    assert (await house.client().redeem(last.token, "phone", "last")).name == "last"


async def test_the_database_does_not_hold_the_token(house):
    invitation = await (await house.phone()).invite()
    assert isinstance(invitation, Invitation)
    for path in house.settings.state.glob("services.db*"):
        assert invitation.token not in path.read_bytes()


async def test_the_list_of_parties_says_when_each_was_seen(house):
    owner, guest = await house.phone(), house.client()
    await guest.redeem((await owner.invite()).token, "phone", "second")
    await guest.me()
    house.clock.now += 60
    seen = {one.identity: one.last_seen for one in await owner.parties()}
    assert seen[owner.signer.public] - seen[guest.signer.public] == 60
