"""An identity that a recovery replaced never returns. Specification: docs/protocol.md, section 12."""

import pytest
from daric_protocol import flows
from daric_protocol.errors import DaricError

from tests.session.network import identity
from tests.session.parties import Party, Wallet


@pytest.fixture(scope="module")
def made():
    return Wallet.create(2, 3, seed="replaced")


@pytest.fixture
def wallet(made):
    return made.copy()


def forget(wallet, index, newcomer):
    """Member `index` saw the newcomer's identity replaced."""
    gone = identity(40).public + newcomer.custody.identity.public
    wallet.parties[index].store.write("gone/" + wallet.group_id.hex(), gone)


def terms(wallet, operation):
    custody = wallet.parties[1].custody
    if operation == "reshare":
        return flows.reshare_terms(wallet.uuid(), custody, wallet.group_id, 2, 1)
    if operation == "enrol":
        return flows.enrol_terms(wallet.uuid(), custody, wallet.group_id, [1, 2])
    return flows.recover_terms(wallet.uuid(), custody, wallet.group_id, 3, [1, 2], 1)


@pytest.mark.parametrize("operation", ["reshare", "enrol", "recover"])
@pytest.mark.parametrize("witness", [1, 2])
def test_one_member_that_knows_is_enough_to_keep_it_out(wallet, operation, witness):
    newcomer = Party("replaced")
    forget(wallet, witness, newcomer)
    network = wallet.change(terms(wallet, operation), [newcomer]).start().confirm().run().expire()
    assert set(network.errors()[:-1]) == {"soft"} and set(network.states()) == {"failed"}
    assert "replaced" in network.sessions[witness - 1].error.detail
    assert newcomer.custody.find(wallet.group_id) is None
    assert {party.custody.shard(wallet.group_id).epoch for party in wallet.parties.values()} == {1}


@pytest.mark.parametrize("operation", ["reshare", "enrol", "recover"])
def test_a_party_that_knows_itself_replaced_does_not_join(wallet, operation):
    newcomer = Party("replaced")
    newcomer.store.write("gone/" + wallet.group_id.hex(), newcomer.custody.identity.public)
    with pytest.raises(DaricError) as caught:
        newcomer.open(terms(wallet, operation))
    assert caught.value.name == "member"


@pytest.mark.parametrize("operation", ["reshare", "enrol"])
def test_others_are_let_in_as_before(wallet, operation):
    forget(wallet, 1, Party("somebody else"))
    network = wallet.change(terms(wallet, operation), [Party("newcomer")]).start().confirm().run()
    assert set(network.states()) == {"done"}, network.errors()


def test_what_another_group_remembers_does_not_count(wallet):
    newcomer = Party("newcomer")
    wallet.parties[1].store.write("gone/" + bytes(16).hex(), newcomer.custody.identity.public)
    network = wallet.change(terms(wallet, "enrol"), [newcomer]).start().confirm().run()
    assert set(network.states()) == {"done"}, network.errors()
