"""Which account a group belongs to at the cloud party: nobody's, until a session with known members starts."""

import os
from types import SimpleNamespace

import pytest
from daric_host.party import Party
from daric_host.relay import AccountOf
from daric_host.services.cloud_party import CloudParty, GuardedSeat
from daric_protocol import flows
from daric_protocol.errors import DaricError

from tests.sim.rig import LocalParty

OWNER, STRANGER = b"o" * 16, b"s" * 16
UUID = bytes(16)


class Relay:
    """What a cloud party asks of the services, in one session."""

    def __init__(self, terms, account):
        self._terms = terms
        self._account = account

    async def session(self, session):
        return SimpleNamespace(terms=self._terms.encode())

    async def join(self, session, body):
        raise DaricError("busy")

    async def accounts(self, session):
        return [AccountOf(0, bytes(33), "phone", self._account), AccountOf(1, bytes(33), "cloud", b"")]


@pytest.fixture
def terms():
    return flows.create_terms(UUID, 2, 2, os.urandom)


@pytest.fixture
def cloud(tmp_path, terms):
    def begin(account):
        return CloudParty(Party(tmp_path / account.hex(), "cloud"), Relay(terms, account), None)

    return begin


def owner(cloud, terms):
    return cloud.party.store.read("owner/" + terms.group.hex())


async def test_a_session_that_never_started_gives_no_account_the_group(cloud, terms):
    party = cloud(OWNER)
    with pytest.raises(DaricError):
        await party.join(SimpleNamespace(account=OWNER), UUID)
    assert owner(party, terms) is None


@pytest.mark.parametrize(("account", "expected"), [(OWNER, OWNER), (STRANGER, None)])
async def test_a_start_gives_the_group_to_the_account_of_its_members_only(cloud, terms, account, expected):
    party = cloud(account)
    seat = GuardedSeat(party, terms, OWNER)
    other = LocalParty(5)
    await seat.start([await other.join(terms), await seat.join()])
    assert owner(party, terms) == expected
    assert seat.session.state == ("failed" if expected is None else "opening")


async def test_a_group_of_one_account_is_refused_to_another_before_and_at_the_start(cloud, terms):
    party = cloud(STRANGER)
    party.party.store.write("owner/" + terms.group.hex(), OWNER)
    seat = GuardedSeat(party, terms, STRANGER)
    for attempt in (
        party.join(SimpleNamespace(account=STRANGER), UUID),
        seat.start([await LocalParty(5).join(terms), await seat.join()]),
    ):
        with pytest.raises(DaricError) as caught:
            await attempt
        assert caught.value.name == "unauthorised"
    assert owner(party, terms) == OWNER
