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
