"""A member that withheld its acknowledgement of a new epoch is replaced by a recovery, and then shows it after all.

The identity that was replaced does not come back by that epoch, and enough shares of the old one are there.
Specification: docs/protocol.md, sections 8 and 12.
"""

import pytest
from daric_protocol import activation, flows
from daric_protocol.errors import DaricError

from tests.session.backups import Backed, errors
from tests.session.deaths import meet_again, quick_transfers, signs
from tests.session.network import EvilRelay
from tests.session.parties import Wallet


@pytest.fixture(scope="module", autouse=True)
def quickly():
    with quick_transfers():
        yield


@pytest.fixture(scope="module", params=[2, 3], ids=["2 of 3", "3 of 3"])
def made(request):
    return Backed(Wallet.create(request.param, 3, seed="returns"), 3, [1, 2], cloud=2).make()


@pytest.fixture
def backed(made):
    mine = Backed(made.wallet.copy(), 3, [1, 2], cloud=2)
    mine.keepers = made.keepers
    return mine


def withheld(backed):
    """A refresh whose acknowledgements member 3 keeps for itself: the certificate that it has."""
    wallet = backed.wallet
    relay = EvilRelay(drop=lambda parcel: parcel.round == 4 and parcel.origin == 2)
    network = wallet.change(flows.refresh_terms(wallet.uuid(), wallet.group_id, wallet.roster), relay=relay)
    network.start().confirm().run().expire()
    assert network.states() == ["failed", "failed", "done"]
    return network.sessions[2].result


def refuses(party, certificate):
    with pytest.raises(DaricError) as caught:
        party.custody.adopt(certificate)
    assert caught.value.name == "certificate" and "replaced" in caught.value.detail
    assert party.restart().custody.group(party.custody.groups()[0]).epoch == 1


def goes_on(backed, new):
    """All that are members now sign, and get to an epoch beyond the withheld one."""
    parties = [backed.wallet.parties[1], backed.wallet.parties[2], new]
    wallet = backed.wallet.after(parties)
    wallet.sessions = 800
    assert wallet.pair_up(1, 3).states() == ["done"] * 2 and wallet.pair_up(2, 3).states() == ["done"] * 2
    assert signs(parties, wallet.group_id)
    network = wallet.change(flows.refresh_terms(wallet.uuid(), wallet.group_id, wallet.roster)).start().confirm().run()
    assert set(network.states()) == {"done"}, errors(network)
    assert {party.custody.group(wallet.group_id).epoch for party in parties} == {3}
    assert not [name for party in parties for name in party.store.names("doubt/")]
    assert signs(parties, wallet.group_id, "in the next epoch")


def test_what_a_replaced_member_shows_afterwards_counts_for_nothing(backed):
    certificate = withheld(backed)
    new, network = backed.recover()
    backed.after(new, network)
    for index in (1, 2):
        refuses(backed.wallet.parties[index], certificate)
    goes_on(backed, new)


@pytest.mark.parametrize("told", [1, 2])
def test_nor_does_it_while_the_recovery_is_not_certified_everywhere(backed, told):
    """The recovery's last round reached the other one only."""
    certificate = withheld(backed)
    relay = EvilRelay(drop=lambda parcel: parcel.round == 6 and parcel.to == told - 1)
    new, network = backed.recovering(relay=relay)
    network.start().confirm().run().expire()
    assert network.states()[told - 1] == "failed" and network.states()[2] == "done"
    refuses(backed.wallet.parties[told].restart(), certificate)
    parties = [backed.wallet.parties[1], backed.wallet.parties[2], new]
    meet_again(parties, backed.wallet.group_id)
    goes_on(backed, new)


def test_a_recovery_that_failed_before_anybody_signed_it_leaves_the_epoch_open(backed):
    certificate = withheld(backed)
    _, network = backed.recovering(code="AAAAAAAAAAAAAAAA")
    assert "done" not in network.start().confirm().run().expire().states()
    old = [party.restart() for party in backed.wallet.parties.values()]
    assert [party.custody.adopt(certificate) for party in old] == [True, True, False]
    assert signs(old, backed.wallet.group_id)
    for keeper in backed.keepers.values():
        if hasattr(keeper, "tries"):
            keeper.tries.clear()


def test_a_recovery_that_is_tried_again_and_again_notes_the_old_identity_once(backed):
    party = backed.wallet.parties[1]
    group_id = backed.wallet.group_id
    lost = backed.wallet.roster.member(3).identity
    for identity in (lost, bytes([2]) * 33, lost, lost):
        activation.doubt(party.custody, group_id, identity)
    assert len(party.store["doubt/" + group_id.hex()]) == 2 * 37
    assert party.store["doubt/" + group_id.hex()].endswith(lost + bytes([0, 0, 0, 1]))
