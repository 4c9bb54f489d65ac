"""Enrolment and other changes of a roster: nobody's share changes, and everybody can check who agreed."""

import itertools

import pytest
from daric_protocol import certificate, platform
from daric_protocol.errors import Abort, DaricError
from daric_protocol.identity import Identity
from daric_protocol.polynomial import lagrange
from daric_protocol.roster import Roster
from daric_protocol.rounds.rosterchange import RosterChange, change_master
from daric_protocol.shard import Shard

from tests.rounds.enrolments import enrol_together, enrols
from tests.rounds.exchange import results, run
from tests.rounds.exports import SECRET, exports, import_together
from tests.rounds.groups import DIGEST, group, pairs, session, sign_together
from tests.rounds.oracle import assert_signed
from tests.rounds.reshares import reshare_together, stranger

SOFT = ("soft", None)
PHRASE = bytes(range(32))


def party(t=2, n=3, x=4):
    return {**group(t, n), x: stranger(x)}


def pair_up(custodies, a, b):
    for index, (_, peer) in ((a, (b, b)), (b, (a, a))):
        assert index != peer
    results(pairs(custodies, a, b, f"pair {a} {b}"))
    custodies[a].activate_pair(b), custodies[b].activate_pair(a)


@pytest.mark.parametrize("helpers", [[1, 2], [1, 3], [2, 3]])
def test_the_new_member_signs_with_each_old_one_after_a_pair_setup(helpers):
    custodies = party()
    shares = {i: custodies[i].shard.s for i in (1, 2, 3)}
    enrol_together(custodies, helpers, 4)
    assert shares == {i: custodies[i].shard.s for i in (1, 2, 3)}
    for old in (1, 2, 3):
        pair_up(custodies, old, 4)
        assert_signed(sign_together(custodies, [old, 4], f"{old} and 4"), DIGEST, custodies[4].shard.pk)


def test_three_helpers_enrol_into_a_group_of_three_of_five():
    custodies = party(3, 5, 6)
    enrol_together(custodies, [1, 3, 5], 6)
    shares = {i: custody.shard.s for i, custody in custodies.items()}
    for ids in itertools.combinations([2, 4, 6], 3):
        key = sum(lagrange(ids, i) * shares[i] for i in ids) % platform.curve.Q
        assert platform.curve.encode(platform.curve.mul_g(key)) == custodies[6].shard.pk


def test_everyone_has_the_same_next_roster():
    custodies = party()
    enrol_together(custodies, [1, 2], 4)
    rosters = [custody.shard.roster for custody in custodies.values()]
    assert len({roster.hash() for roster in rosters}) == 1
    assert rosters[0].version == 1 and rosters[0].indexes() == [1, 2, 3, 4]
    assert platform.curve.encode(platform.curve.mul_g(custodies[4].shard.s)) == rosters[0].member(4).public_share


def test_members_come_one_after_another():
    custodies = {**party(), 5: stranger(5)}
    enrol_together(custodies, [1, 2], 4)
    custodies[4].pairs = {}
    pair_up(custodies, 3, 4)
    assert enrol_together(custodies, [3, 4], 5, "second").roster.version == 2
    pair_up(custodies, 1, 5)
    assert_signed(sign_together(custodies, [1, 5]), DIGEST, custodies[5].shard.pk)


def test_an_enrolled_member_takes_part_in_the_next_resharing():
    custodies = party()
    pk = custodies[1].shard.pk
    enrol_together(custodies, [1, 2], 4)
    reshare_together(custodies, 2, [3, 4], [1, 2, 3, 4], unusable={4: [1, 2, 3], 1: [4], 2: [4], 3: [4]})
    assert_signed(sign_together(custodies, [2, 4]), DIGEST, pk)


def test_shares_of_a_phrase_come_along_under_masks_of_their_own():
    custodies = {**import_together(2, 3, 1, entropy=PHRASE), 4: stranger(4)}
    enrol_together(custodies, [1, 2], 4)
    assert Shard.decode(custodies[4].shard.encode()).encode() == custodies[4].shard.encode()
    exported = results(exports(custodies, [3, 4], 4))[4]
    assert (exported.secret, exported.entropy) == (SECRET, PHRASE)
    reshare_together(custodies, 2, [3, 4], [3, 4], unusable={4: [1, 2, 3], 3: [4]})
    assert results(exports(custodies, [3, 4], 3))[3].entropy == PHRASE


def test_the_index_is_recorded_before_the_part_leaves_and_the_share_before_its_acknowledgement():
    custodies = party()
    results(enrols(custodies, [1, 2], 4))
    assert [name for name, _ in custodies[1].events] == ["sign", "issue", "sign"]
    assert [name for name, _ in custodies[4].events] == ["sign", "enrolled", "sign"]


def test_a_retry_is_for_the_same_identity_only():
    custodies = party()
    custodies[1].issued[4] = custodies[4].identity.public
    results(enrols(custodies, [1, 2], 4))
    custodies = party()
    custodies[1].issued[4] = Identity(99).public
    ended = run(enrols(custodies, [1, 2], 4))
    assert {(each.error.name, each.error.blame) for each in ended.values()} == {SOFT}
    assert custodies[4].pending is None


def test_the_certificate_of_the_new_member_takes_itself_and_t_others():
    custodies = party()
    change = enrol_together(custodies, [1, 3], 4)
    shard = custodies[4].shard
    certificate.check(shard, change.acks)
    for acks in (change.acks[:2], change.acks[1:], [*change.acks[:2], change.acks[1]], change.acks[::-1]):
        with pytest.raises(DaricError) as caught:
            certificate.check(shard, acks)
        assert caught.value.name == "certificate"


def test_a_change_survives_its_encoding_and_a_member_that_was_away_adopts_it():
    custodies = party()
    change = RosterChange.decode(results(enrols(custodies, [1, 2], 4))[1][1].encode())
    change.check(custodies[3].shard)
    adopted = change.applied(custodies[3].shard)
    assert adopted.roster.hash() == change.roster.hash() and adopted.s == custodies[3].shard.s
    for data in (b"\x80", platform.cbor_encode([1] * 6), platform.cbor_encode({})):
        with pytest.raises(DaricError) as caught:
            RosterChange.decode(data)
        assert caught.value.name == "encoding"


# Changes that nobody adopts


def signed(change, custodies, signers):
    change.acks = [(i, custodies[i].sign_identity(change.ack_digest(i))) for i in signers]
    return change


def forged(custodies, roster, about, signers, **more):
    shard = custodies[1].shard
    fields = {"group_id": shard.group_id, "epoch": shard.epoch, "sid": bytes(32), **more}
    return signed(RosterChange(about=about, roster=roster, **fields), custodies, signers)


def refused(change, shard):
    with pytest.raises(DaricError) as caught:
        change.check(shard)
    return caught.value.name == "certificate"


def test_a_change_that_fewer_than_t_old_members_signed_is_refused():
    custodies = party()
    change = results(enrols(custodies, [1, 2], 4))[1][1]
    old = custodies[3].shard
    change.check(old)
    for signers in ([1, 4], [1, 2], [4], [], [1, 1, 4], [4, 2, 1]):
        assert refused(signed(change, custodies, signers), old)
    assert refused(forged(custodies, change.roster, 4, [1, 2, 4], epoch=2), old)
    assert refused(forged(custodies, change.roster, 4, [1, 2, 4], group_id=bytes(16)), old)
    forged(custodies, change.roster, 4, [1, 2, 4]).check(old)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda roster, old: Roster(3, roster.version, 0, roster.members),
        lambda roster, old: Roster(2, roster.version + 1, 0, roster.members),
        lambda roster, old: Roster(2, old.version, 0, roster.members),
        lambda roster, old: Roster(2, roster.version, 1, roster.members),
        lambda roster, old: Roster(2, roster.version, 0, roster.members[1:]),
        lambda roster, old: Roster(2, roster.version, 0, [*roster.members[:3], roster.members[3].with_share(b"")]),
        lambda roster, old: roster.with_identity(3, Identity(5).public),
        lambda roster, old: Roster(
            2, roster.version, 0, [*roster.members[:3], roster.members[3].with_share(roster.members[0].public_share)]
        ),
        lambda roster, old: Roster(2, roster.version, 0, old.members),
    ],
)
def test_a_change_of_anything_else_is_refused_whoever_signed_it(spoil):
    custodies = party()
    change = results(enrols(custodies, [1, 2], 4))[1][1]
    old = custodies[3].shard
    roster = spoil(change.roster, old.roster)
    about = 4 if 4 in roster.indexes() else 3
    signers = [i for i in (1, 2, 3, 4) if i in roster.indexes()]
    assert refused(forged(custodies, roster, about, signers), old)


# The master


def masters(custodies, members, master):
    return {
        me: change_master(me, session("master"), custodies[me].shard, members, master, custodies[me]) for me in members
    }


def test_the_members_make_one_of_them_the_master_and_later_none():
    custodies = group(2, 3)
    made = results(masters(custodies, [1, 2, 3], 2))
    for me, (shard, change) in made.items():
        change.check(custodies[me].shard)
        custodies[me].shard = shard
    assert {custody.shard.roster.master for custody in custodies.values()} == {2}
    shard, change = results(masters(custodies, [1, 3], 0))[1]
    change.check(custodies[2].shard)
    assert (shard.roster.master, shard.roster.version) == (0, 2)
    assert_signed(sign_together(custodies, [1, 2]), DIGEST, shard.pk)


def test_a_master_that_nobody_signed_for_is_none():
    custodies = group(2, 3)
    old = custodies[1].shard
    assert refused(forged(custodies, old.roster.with_master(2), 2, [2]), old)
    assert refused(forged(custodies, old.roster.with_master(2), 3, [1, 2, 3]), old)
    assert refused(forged(custodies, old.roster.with_master(0), 0, [1, 2, 3]), old)
    forged(custodies, old.roster.with_master(2), 2, [1, 3]).check(old)


@pytest.mark.parametrize(
    ("members", "master"), [([1, 2], 0), ([1], 2), ([1, 1], 2), ([1, 9], 2), ([1, 2], 9), ([2, 3], 2)]
)
def test_an_impossible_change_of_master_is_refused(members, master):
    custodies = group(2, 3)
    with pytest.raises(DaricError) as caught:
        next(change_master(1, bytes(32), custodies[1].shard, members, master, custodies[1]))
    assert caught.value.name == "parameter"


def test_members_who_want_different_masters_end_softly():
    custodies = group(2, 3)
    ended = run({1: masters(custodies, [1, 2], 1)[1], 2: masters(custodies, [1, 2], 2)[2]})
    assert {(each.error.name, each.error.blame) for each in ended.values()} == {SOFT}


# Inputs


@pytest.mark.parametrize(
    "changes",
    [
        {"ssid": bytes(31)},
        {"group_id": bytes(16)},
        {"helpers": [1]},
        {"helpers": [1, 1]},
        {"helpers": [1, 2, 3]},
        {"helpers": [1, 4]},
        {"helpers": [2, 3]},
        {"x": 3},
        {"x": 9},
        {"me": 2},
        {"shard": None},
    ],
    ids=str,
)
def test_wrong_inputs_are_refused_before_anything_is_drawn_or_sent(changes):
    from daric_protocol.rounds.enrol import enrol

    from tests.rounds.reshares import session_roster

    custodies = party()
    inputs = {
        "me": 1, "ssid": bytes(32), "group_id": custodies[1].shard.group_id,
        "roster": session_roster(custodies, 2, [4]), "helpers": [1, 2], "x": 4, "custody": custodies[1],
        "shard": custodies[1].shard,
    }  # fmt: skip
    inputs.update(changes)
    with pytest.raises(DaricError) as caught:
        next(enrol(**inputs))
    assert caught.value.name == "parameter" and not isinstance(caught.value, Abort)
    assert custodies[1].events == []
