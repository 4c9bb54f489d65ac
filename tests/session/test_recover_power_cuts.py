"""A party's power fails at every change of its store in turn during a recovery; afterwards it is through, or repeated.

Specification: docs/protocol.md, section 12.
"""

import itertools

import pytest
from daric_protocol import group

from tests.session.backups import Backed, errors
from tests.session.parties import Party, Wallet, message
from tests.session.test_reshare_power_cuts import CutStore, meet_again, revived, run_with_a_cut


@pytest.mark.parametrize(
    "victim", [0, pytest.param(1, marks=pytest.mark.slow), 2], ids=["the phone", "the cloud", "the new device"]
)
def test_a_device_is_recovered_or_can_be_again(victim):
    made = Backed(Wallet.create(2, 3, seed="cut recover"), 3, [1, 2], cloud=2).make()
    for after in itertools.count(1):
        backed = Backed(made.wallet.copy(), 3, [1, 2], cloud=2)
        backed.keepers = made.keepers
        backed.wallet.parties = revived(backed.wallet, after)
        new, network = backed.recovering(new=Party(f"new {after}", CutStore()))
        parties = [backed.wallet.parties[1], backed.wallet.parties[2], new]
        cut = run_with_a_cut(network, victim, parties[victim].store, after)
        for party in parties:
            party.restart()
        meet_again(parties)
        versions = {party.custody.roster(made.wallet.group_id).version for party in parties[:2]}
        assert len(versions) == 1, after
        backed.wallet.sessions = 100 + after
        if versions == {0}:
            assert cut, errors(network)
            backed.recover(new=new)
        assert_back(backed, made, new, after)
        if not cut:
            break
    assert after > (3 if victim < 2 else 5)


def assert_back(backed, made, new, after):
    """The new device has its share back, the old one signs with nobody, and the group signs with the new one."""
    group_id = made.wallet.group_id
    assert new.custody.shard(group_id).s == made.lost.custody.shard(group_id).s, after
    wallet = backed.wallet.after([backed.wallet.parties[1], backed.wallet.parties[2], new])
    assert wallet.roster.version == 1
    for party in (wallet.parties[1], wallet.parties[2]):
        assert party.custody.unusable(group_id) == [3], after
        assert set(group.replaced(party.custody.store, group_id)) == {made.lost.custody.identity.public}
    if after % 3:
        return
    assert wallet.pair_up(1, 3).states() == ["done", "done"], after
    assert wallet.sign([1, 3], message("after the cut"), confirmed=True).states() == ["done", "done"], after
