"""What custody does when a member comes back under a new identity. docs/protocol.md, section 12."""

import pytest
from daric_protocol.custody import Custody
from daric_protocol.errors import DaricError
from daric_protocol.rounds.rosterchange import RosterChange

from tests.custody.homes import UUID, MemoryHome, open_custody, with_group
from tests.rounds.exchange import randomness, results
from tests.rounds.groups import GROUP_ID, group
from tests.rounds.test_rounds_recover import LOST, NEW, recovers


def recovered():
    return results(recovers(group(2, 3), [1, 3]))[LOST]


def test_a_member_erases_what_it_shared_with_the_old_identity_and_keeps_the_rest():
    custody = open_custody(with_group(MemoryHome()))
    assert custody.unusable(GROUP_ID) == []
    assert custody.adopt(recovered()[1].encode()) is True
    assert custody.roster(GROUP_ID).member(LOST).identity == NEW.public
    assert custody.unusable(GROUP_ID) == [LOST]
    assert custody.adopt(recovered()[1].encode()) is False


def test_an_identity_never_returns():
    custody = open_custody(with_group(MemoryHome()))
    old = custody.roster(GROUP_ID).member(LOST).identity
    custody.adopt(recovered()[1].encode())
    shard = custody.shard(GROUP_ID)
    back = RosterChange(GROUP_ID, 1, bytes(32), LOST, shard.roster.with_identity(LOST, old))
    stored = {name: custody.store.read(name) for name in custody.store.names("")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RosterChange, "check", lambda *_: None)
        with pytest.raises(DaricError) as refused:
            custody.adopt(back.encode())
    assert refused.value.name == "certificate"
    assert custody.roster(GROUP_ID).member(LOST).identity == NEW.public
    assert {name: custody.store.read(name) for name in custody.store.names("")} == stored


def test_the_recovered_share_counts_once_t_signed_its_change_also_after_a_restart():
    shard, change = recovered()
    custody = Custody(MemoryHome().switch_on(), NEW, randomness("device"))
    custody.session(GROUP_ID, UUID, shard.roster, "ours").store_enrolled(shard)
    with pytest.raises(DaricError) as waiting:
        custody.shard(GROUP_ID)
    assert waiting.value.name == "pending"
    custody = Custody(custody.store, NEW, randomness("restart"))
    assert custody.adopt(change.encode()) is True
    assert custody.shard(GROUP_ID).s == shard.s and custody.unusable(GROUP_ID) == [1, 3]
