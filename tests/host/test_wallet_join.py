"""What a wallet refuses before it joins a session."""

import asyncio
from types import SimpleNamespace

import pytest
from daric_host.wallet import Wallet
from daric_protocol.errors import DaricError
from daric_protocol.terms import Terms

ASKED, SHOWN = bytes(range(16)), bytes(range(1, 17))


def test_the_terms_of_another_session_are_not_joined():
    terms = Terms(SHOWN, "create", bytes(16), 2, 2, [], b"", "wallet").encode()

    async def session(_uuid):
        return SimpleNamespace(terms=terms)

    wallet = Wallet.__new__(Wallet)
    wallet._relay = SimpleNamespace(session=session)
    with pytest.raises(DaricError) as refused:
        asyncio.run(wallet.join(ASKED))
    assert refused.value.name == "session"


class LateCloud:
    """A cloud whose shard waits for the certificate until somebody brings it."""

    def __init__(self, monkeypatch, error="pending", heals=True):
        self.joins, self.settled, self._error, self._heals = 0, [], error, heals
        monkeypatch.setattr("daric_host.wallet.CloudClient", lambda url, relay: self)
        self.wallet = Wallet.__new__(Wallet)
        self.wallet.settle = self.settle

    async def settle(self, group, url):
        self.settled.append((group, url))

    async def join(self, _uuid, _record):
        self.joins += 1
        if not (self.settled and self._heals):
            raise DaricError(self._error)

    def invite(self):
        proposal = SimpleNamespace(terms=Terms(SHOWN, "pair", ASKED, 2, 2, [1, 2], b"", ""), initiator=None, uuid=SHOWN)
        asyncio.run(self.wallet.invite_cloud(proposal, "http://cloud"))


def test_a_cloud_that_missed_the_end_of_a_session_is_told_and_joins(monkeypatch):
    cloud = LateCloud(monkeypatch)
    cloud.invite()
    assert (cloud.joins, cloud.settled) == (2, [(ASKED, "http://cloud")])


def test_a_cloud_that_cannot_be_told_is_asked_no_third_time(monkeypatch):
    cloud = LateCloud(monkeypatch, heals=False)
    with pytest.raises(DaricError) as refused:
        cloud.invite()
    assert (refused.value.name, cloud.joins) == ("pending", 2)


def test_any_other_refusal_of_the_cloud_is_the_answer(monkeypatch):
    cloud = LateCloud(monkeypatch, error="unauthorised")
    with pytest.raises(DaricError) as refused:
        cloud.invite()
    assert (refused.value.name, cloud.joins, cloud.settled) == ("unauthorised", 1, [])
