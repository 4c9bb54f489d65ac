"""Key generation among honest parties."""

from itertools import combinations

import pytest
from coincurve import PublicKey
from daric_protocol import certificate
from daric_protocol.errors import Abort, DaricError
from daric_protocol.polynomial import lagrange
from daric_protocol.roster import Member, Roster
from daric_protocol.rounds.keygen import keygen
from daric_protocol.shard import Shard
from daric_protocol.tagged import Q

from tests.rounds.exchange import randomness, results, run
from tests.rounds.groups import GROUP_ID, group, keygens, new_roster, newcomers, session
from tests.rounds.memory_custody import MemoryCustody, identities


@pytest.mark.parametrize(("t", "n"), [(2, 2), (2, 3), (3, 5)])
def test_every_t_members_hold_the_key_together(t, n):
    custodies = group(t, n)
    pk = custodies[1].shard.pk
    for subset in combinations(custodies, t):
        secret = sum(lagrange(subset, i) * custodies[i].shard.s for i in subset) % Q
        assert PublicKey.from_secret(secret.to_bytes(32, "big")).format() == pk


def test_fewer_than_t_members_do_not_hold_the_key():
    custodies = group(3, 5)
    secret = sum(lagrange((1, 2), i) * custodies[i].shard.s for i in (1, 2)) % Q
    assert PublicKey.from_secret(secret.to_bytes(32, "big")).format() != custodies[1].shard.pk


def test_all_members_get_the_same_public_record():
    custodies = group(2, 3)
    shards = [custody.shard for custody in custodies.values()]
    assert len({(s.pk, s.cc, s.confirm, s.sid, s.epoch, s.roster.hash()) for s in shards}) == 1


def test_a_public_share_belongs_to_the_share():
    for index, custody in group(2, 3).items():
        public = PublicKey.from_secret(custody.shard.s.to_bytes(32, "big")).format()
        assert public == custody.shard.P[index]


def test_both_sides_of_a_pair_hold_matching_state():
    custodies = group(2, 3)
    mine, theirs = custodies[1].pairs[2], custodies[2].pairs[1]
    assert (mine.z, mine.pid) == (theirs.z, theirs.pid)
    for k in range(128):
        bit = mine.delta[k >> 3] >> (k & 7) & 1
        assert mine.kD[16 * k : 16 * k + 16] == (theirs.k0, theirs.k1)[bit][16 * k : 16 * k + 16]


def test_each_pair_has_its_own_delta():
    custodies = group(2, 3)
    deltas = {pair.delta for custody in custodies.values() for pair in custody.pairs.values()}
    assert len(deltas) == 6


def test_the_shard_is_stored_before_its_acknowledgement_is_signed():
    custodies = newcomers(2, "order")
    results(keygens(2, custodies, "order"))
    assert [name for name, _ in custodies[1].events] == ["sign", "epoch", "sign", "pending", "sign"]


def test_the_certificate_is_the_same_everywhere_and_verifies():
    custodies = newcomers(3, "certificate")
    made = results(keygens(2, custodies, "certificate"))
    assert len({tuple(acks) for _, acks in made.values()}) == 1
    for shard, acks in made.values():
        certificate.check(shard, acks)


@pytest.mark.parametrize("spoil", [lambda acks: acks[:-1], lambda acks: acks[::-1], lambda acks: [acks[0], acks[0]]])
def test_a_certificate_needs_every_member_once(spoil):
    shard, acks = results(keygens(2, newcomers(2)))[1]
    with pytest.raises(DaricError) as caught:
        certificate.check(shard, spoil(acks))
    assert caught.value.name == "certificate"


def test_acknowledgements_of_another_dealing_are_no_certificate():
    shard, _ = results(keygens(2, newcomers(2), "one"))[1]
    _, acks = results(keygens(2, newcomers(2), "two"))[1]
    with pytest.raises(DaricError) as caught:
        certificate.check(shard, acks)
    assert caught.value.name == "certificate"


def test_the_epoch_follows_the_highest_that_any_member_used():
    custodies = newcomers(3, "epoch")
    roster, ssid = new_roster(2, 3), session("epoch")
    generators = {
        i: keygen(i, ssid, GROUP_ID, roster, custodies[i], randomness(f"epoch/{i}"), highest_epoch=used)
        for i, used in ((1, 0), (2, 41), (3, 7))
    }
    assert {shard.epoch for shard, _ in results(generators).values()} == {42}


@pytest.mark.parametrize("used", [1001, 0xFFFFFFFF])
def test_an_epoch_too_far_ahead_is_refused(used):
    custodies = newcomers(2, "jump")
    roster, ssid = new_roster(2, 2), session("jump")
    generators = {
        i: keygen(i, ssid, GROUP_ID, roster, custodies[i], randomness(f"jump/{i}"), highest_epoch=high)
        for i, high in ((1, 0), (2, used))
    }
    error = run(generators)[1].error
    assert isinstance(error, Abort) and (error.name, error.blame) == ("soft", None)
    assert "epoch" not in [name for name, _ in custodies[1].events]


def test_a_shard_survives_its_encoding():
    shard = group(2, 3)[2].shard
    again = Shard.decode(shard.encode())
    assert again.encode() == shard.encode()
    assert (again.s, again.t, again.P, again.me) == (shard.s, 2, shard.P, 2)
    assert again.ack_digest(3) == shard.ack_digest(3)


def _inputs(**changes):
    custody = MemoryCustody(identities(3)[0], randomness("inputs"))
    inputs = {
        "me": 1,
        "ssid": session("inputs"),
        "group_id": GROUP_ID,
        "roster": new_roster(2, 3),
        "custody": custody,
        "random": randomness("inputs"),
    }
    inputs.update(changes)
    return inputs


def _members():
    return new_roster(2, 3).members


@pytest.mark.parametrize(
    "changes",
    [
        {"me": 0},
        {"me": 4},
        {"ssid": bytes(31)},
        {"ssid": bytes(33)},
        {"group_id": bytes(15)},
        {"highest_epoch": -1},
        {"highest_epoch": 2**32},
        {"roster": Roster(2, 1, 0, _members())},
        {"roster": Roster(2, 0, 0, [Member(i + 2, m.identity) for i, m in enumerate(_members())])},
        {"roster": Roster(2, 0, 0, [Member(3 - i, m.identity) for i, m in enumerate(_members())])},
        {"roster": Roster(2, 0, 0, [m.with_share(b"\x02" * 33) for m in _members()])},
    ],
)
def test_wrong_inputs_are_refused_before_anything_is_drawn_or_sent(changes):
    inputs = _inputs(random=None)
    inputs.update(changes)
    with pytest.raises(DaricError) as caught:
        next(keygen(**inputs))
    assert caught.value.name == "parameter"
    assert inputs["custody"].events == []
