"""Pair set-up on its own: what it makes, and that signing works with it."""

import pytest
from daric_protocol import certificate
from daric_protocol.errors import Abort, DaricError
from daric_protocol.rounds.pair import pair
from daric_protocol.shard import ack_digest
from daric_protocol.tagged import TH, u8

from tests.rounds.exchange import results, run
from tests.rounds.groups import DIGEST, group, pairs, session, sign_together, signs
from tests.rounds.oracle import assert_signed


def set_up(custodies, a, b, name="pair"):
    made = results(pairs(custodies, a, b, name))
    custodies[a].activate_pair(b)
    custodies[b].activate_pair(a)
    return made


def test_a_new_set_up_lets_a_banned_pair_sign_again():
    custodies = group(2, 3)
    custodies[1].ban(2, bytes(32))
    with pytest.raises(Abort):
        next(signs(custodies, [1, 2])[1])
    set_up(custodies, 1, 2)
    assert_signed(sign_together(custodies, [1, 2]), DIGEST, custodies[1].shard.pk)


def test_a_banned_pair_leaves_the_other_pairs_alone():
    custodies = group(2, 3)
    custodies[1].ban(2, bytes(32))
    for signers in ([1, 3], [2, 3]):
        assert_signed(sign_together(custodies, signers), DIGEST, custodies[1].shard.pk)


def test_a_new_set_up_shares_nothing_with_the_old_one():
    custodies = group(2, 3)
    old = custodies[1].pairs[3]
    set_up(custodies, 1, 3)
    new = custodies[1].pairs[3]
    for name in ("z", "pid", "delta", "kD", "k0", "k1"):
        assert getattr(new, name) != getattr(old, name)


def test_old_state_on_one_side_and_new_on_the_other_part_softly():
    custodies = group(2, 3)
    results(pairs(custodies, 1, 2))
    custodies[1].activate_pair(2)
    parties = run(signs(custodies, [1, 2]))
    for index in (1, 2):
        assert (parties[index].error.name, parties[index].error.blame) == ("soft", None)
        assert "open" not in [name for name, _ in custodies[index].events]


def test_the_state_is_stored_before_it_is_acknowledged():
    custodies = group(2, 3)
    results(pairs(custodies, 2, 3))
    assert [name for name, _ in custodies[2].events] == ["pending pair", "sign"]


def test_both_sides_hold_both_acknowledgements():
    made = results(pairs(group(2, 3), 2, 3))
    (one, acks), (other, same) = made[2], made[3]
    assert (one.pid, acks) == (other.pid, same)
    assert [index for index, _ in acks] == [2, 3]


def test_the_acknowledgements_name_the_pair_and_the_epoch():
    custodies = group(2, 3)
    state, acks = results(pairs(custodies, 1, 2))[1]
    shard = custodies[1].shard
    sid = TH("dkls/pair", session("pair"), shard.group_id, shard.pk, u8(1), u8(2))
    for index, signature in acks:
        digest = ack_digest(shard.group_id, sid, "pair", shard.epoch, state.pid, shard.roster.hash(), index)
        assert certificate.acknowledged(shard.roster, index, digest, signature)


@pytest.mark.parametrize(("me", "peer"), [(1, 1), (2, 1), (1, 0), (1, 4), (1, 256)])
def test_a_set_up_with_oneself_or_a_stranger_is_refused(me, peer):
    custody = group(2, 3)[1]
    with pytest.raises(DaricError) as caught:
        next(pair(me, peer, custody.shard, session("x"), custody, None))
    assert caught.value.name == "parameter"
