"""Resharing: the key stays, everything else changes."""

import itertools

import pytest
from daric_protocol import certificate, platform
from daric_protocol.errors import DaricError
from daric_protocol.polynomial import lagrange
from daric_protocol.roster import Roster
from daric_protocol.rounds.groupstart import Brought
from daric_protocol.shard import Shard

from tests.rounds.exchange import Relay, results, run
from tests.rounds.groups import DIGEST, group, sign_together
from tests.rounds.oracle import assert_signed
from tests.rounds.reshares import reshare_together, reshares, session_roster, stranger

SOFT = ("soft", None)


def rebuilt(shards, ids):
    return sum(lagrange(ids, i) * shards[i].s for i in ids) % platform.curve.Q


def assert_they_sign(custodies, pk, *groups):
    for signers in groups:
        assert_signed(sign_together(custodies, list(signers), f"after {signers}"), DIGEST, pk)


def test_a_refresh_changes_every_share_and_keeps_key_and_chain_code():
    custodies = group(2, 3)
    before = {i: custody.shard for i, custody in custodies.items()}
    after = reshare_together(custodies, 2, [1, 2, 3], [1, 2, 3])
    assert {(shard.pk, shard.cc, shard.epoch) for shard in after.values()} == {(before[1].pk, before[1].cc, 2)}
    assert not {shard.s for shard in before.values()} & {shard.s for shard in after.values()}
    assert_they_sign(custodies, before[1].pk, (1, 2), (1, 3), (2, 3))


def test_a_refresh_carries_every_pair_on():
    custodies = group(2, 3)
    before = {(i, j): custodies[i].pairs[j] for i, j in itertools.permutations((1, 2, 3), 2)}
    shards = reshare_together(custodies, 2, [1, 2, 3], [1, 2, 3])
    for (i, j), pair in before.items():
        assert custodies[i].pairs[j].encode() == pair.ratchet(shards[i].confirm, i, j).encode()
        assert custodies[i].pairs[j].pid == custodies[j].pairs[i].pid != pair.pid


def grown():
    """2-of-3 becomes 3-of-4: member 2 deals and leaves, 4 and 5 come, the pair of 1 and 3 goes on."""
    custodies = {**group(2, 3), 4: stranger(4), 5: stranger(5)}
    return custodies, reshare_together(custodies, 3, [1, 2, 3], [1, 3, 4, 5])


def test_members_come_and_a_dealer_leaves_and_every_new_quorum_signs():
    custodies, shards = grown()
    pk = group(2, 3)[1].shard.pk
    assert shards[1].roster.indexes() == [1, 3, 4, 5] and shards[1].t == 3
    assert_they_sign(custodies, pk, *itertools.combinations([1, 3, 4, 5], 3))


def test_kept_pairs_are_ratcheted_and_only_new_ones_set_up():
    before = group(2, 3)[1].pairs[3]
    custodies, shards = grown()
    assert custodies[1].pairs[3].encode() == before.ratchet(shards[1].confirm, 1, 3).encode()
    assert sorted(custodies[1].pairs) == [3, 4, 5] and sorted(custodies[4].pairs) == [1, 3, 5]
    for i, j in itertools.combinations([1, 3, 4, 5], 2):
        assert custodies[i].pairs[j].pid == custodies[j].pairs[i].pid
        assert custodies[i].pairs[j].z == custodies[j].pairs[i].z


def test_a_dealer_that_leaves_gets_the_certificate_and_no_share():
    custodies = {**group(2, 3), 4: stranger(4)}
    old = custodies[2].shard
    made = results(reshares(custodies, 2, [1, 2, 3], [1, 3, 4]))
    left, acks = made[2]
    certificate.check(left, acks)
    assert [index for index, _ in acks] == [1, 3, 4] and acks == made[1][1]
    assert left.s == 0 and 2 not in left.roster.indexes()
    assert custodies[2].pending is None and custodies[2].shard is old
    assert custodies[2].leaving == ("rsh", 2, left.sid, left.confirm, left.session_roster, left.roster)
    assert custodies[2].leaving[5].indexes() == [1, 3, 4]


def test_a_leaving_dealer_notes_it_before_it_acknowledges():
    custodies = {**group(2, 3), 4: stranger(4)}
    results(reshares(custodies, 2, [1, 2, 3], [1, 3, 4]))
    assert [name for name, _ in custodies[2].events][-2:] == ["leaving", "sign"]
    assert [name for name, _ in custodies[4].events][-2:] == ["pending", "sign"]


@pytest.mark.parametrize("dealers", [[1, 3], [2, 3], [1, 2, 3]])
def test_any_quorum_of_old_members_can_deal(dealers):
    custodies = group(2, 3)
    pk = custodies[1].shard.pk
    shards = reshare_together(custodies, 3, dealers, [1, 2, 3])
    assert platform.curve.encode(platform.curve.mul_g(rebuilt(shards, [1, 2, 3]))) == pk
    assert_they_sign(custodies, pk, (1, 2, 3))


def test_old_and_new_shares_give_nothing_together():
    custodies = group(2, 3)
    old = custodies[1].shard
    new = reshare_together(custodies, 2, [1, 2, 3], [1, 2, 3])
    mixed = rebuilt({1: old, 2: new[2]}, [1, 2])
    assert platform.curve.encode(platform.curve.mul_g(mixed)) != old.pk


def test_an_unusable_pair_is_set_up_anew_if_either_side_says_so():
    for unusable in ({1: [2]}, {2: [1]}, {1: [2], 2: [1]}):
        custodies = group(2, 3)
        for me, peers in unusable.items():
            for peer in peers:
                custodies[me].ban(peer, bytes(32))
        shards = reshare_together(custodies, 2, [1, 2, 3], [1, 2, 3], unusable=unusable)
        before = group(2, 3)
        assert custodies[1].pairs[2].pid != before[1].pairs[2].ratchet(shards[1].confirm, 1, 2).pid
        assert custodies[1].pairs[3].pid == before[1].pairs[3].ratchet(shards[1].confirm, 1, 3).pid
        custodies[1].banned.clear(), custodies[2].banned.clear()
        assert_they_sign(custodies, shards[1].pk, (1, 2))


def test_the_next_resharing_starts_from_this_one():
    custodies, _ = grown()
    custodies[6] = stranger(6)
    shards = reshare_together(custodies, 2, [1, 4, 5], [4, 5, 6], "again")
    assert {shard.epoch for shard in shards.values()} == {3}
    assert_they_sign(custodies, group(2, 3)[1].shard.pk, (4, 5), (5, 6))


def test_the_epoch_follows_the_highest_that_anyone_used():
    custodies = {**group(2, 3), 4: stranger(4)}
    brought = {2: Brought(900, 3), 4: Brought(77)}
    shards = reshare_together(custodies, 2, [1, 2, 3], [1, 2, 3, 4], brought=brought)
    assert {shard.epoch for shard in shards.values()} == {901}


def test_a_member_refuses_an_epoch_too_far_ahead_and_a_new_member_does_not():
    custodies = {**group(2, 3), 4: stranger(4)}
    parties = run(reshares(custodies, 2, [1, 2, 3], [1, 2, 3, 4], brought={2: Brought(5000, 3)}))
    assert [(party.error.name, party.error.blame) for party in parties.values()] == [SOFT] * 4
    assert "epoch" not in [name for name, _ in custodies[1].events]
    assert ("epoch", 5001) in custodies[4].events


def test_the_rosters_version_goes_up_and_a_master_that_leaves_is_none():
    custodies = group(2, 3)
    for custody in custodies.values():
        custody.shard = Shard.decode(custody.shard.encode())
        custody.shard.roster = Roster(2, 7, 2, custody.shard.roster.members)
    assert reshare_together(custodies, 2, [1, 2, 3], [1, 2, 3])[1].roster.master == 2
    roster = reshare_together(custodies, 2, [1, 2, 3], [1, 3], "leaves")[1].roster
    assert (roster.version, roster.master) == (9, 0)


def test_every_message_but_those_of_new_pairs_is_small():
    sizes = {}

    class Measure(Relay):
        def message(self, number, sender, receiver, fields):
            sizes[number, sender, receiver] = len(platform.cbor_encode(fields))
            return fields

    custodies = {**group(2, 3), 4: stranger(4)}
    run(reshares(custodies, 2, [1, 2, 3], [1, 3, 4]), Measure())
    assert max(sizes[number, 1, 3] for number in range(5)) < 1000
    assert sizes[1, 1, 4] > 8224 and max(sizes[number, 1, 2] for number in range(5)) < 1000


def test_a_reshared_shard_survives_its_encoding():
    shard = grown()[1][4]
    assert Shard.decode(shard.encode()).encode() == shard.encode()


def _start(custodies, me=1, **changes):
    from daric_protocol.rounds.reshare import reshare

    inputs = {
        "me": me, "ssid": bytes(32), "group_id": custodies[1].shard.group_id, "roster": session_roster(custodies, 2),
        "dealers": [1, 2, 3], "receivers": [1, 2, 3], "custody": custodies[1], "random": None,
        "shard": custodies[1].shard,
    }  # fmt: skip
    inputs.update(changes)
    return next(reshare(**inputs))


@pytest.mark.parametrize(
    "changes",
    [
        {"ssid": bytes(31)},
        {"group_id": bytes(15)},
        {"group_id": bytes(16)},
        {"me": 2},
        {"me": 7},
        {"shard": None},
        {"dealers": [1]},
        {"dealers": []},
        {"dealers": [1, 1, 2]},
        {"dealers": [1, 2, 9]},
        {"receivers": [1]},
        {"receivers": [1, 2, 2]},
        {"receivers": [1, 2, 9]},
        {"dealers": [2, 3], "receivers": [2, 3]},
    ],
)
def test_wrong_inputs_are_refused_before_anything_is_drawn_or_sent(changes):
    custodies = group(2, 3)
    with pytest.raises(DaricError) as caught:
        _start(custodies, **changes)
    assert caught.value.name == "parameter"
    assert custodies[1].events == []
