"""Recovery: a share from a backup comes back under a new identity, and the old one is gone."""

import pytest
from daric_protocol import certificate
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_protocol.rounds import backup
from daric_protocol.rounds import recover as rounds_recover
from daric_protocol.rounds.recover import recover
from daric_protocol.rounds.rosterchange import RosterChange
from daric_protocol.shard import Shard

from tests.malice.hostile import Tamper, assert_nobody_honest_is_accused, field, flip, possessed, put, verdict
from tests.rounds.exchange import randomness, results, run
from tests.rounds.exports import SECRET, exports, import_together
from tests.rounds.groups import DIGEST, GROUP_ID, group, pairs, session, sign_together
from tests.rounds.memory_custody import MemoryCustody
from tests.rounds.oracle import assert_signed
from tests.rounds.reshares import reshare_together

SOFT = ("soft", None)
LOST = 2
NEW = Identity(424242)


def restored(shard):
    """What three holders of a backup give back."""
    holders = {m: Identity(31 * m).public for m in (1, 2, 3)}
    sheet, pieces = backup.split(shard, bytes(16), holders, 2, randomness("backup"))
    return backup.restore(sheet, backup.combine(sheet, shard.P[shard.me], {m: pieces[m] for m in (1, 3)})[0])


def recovers(custodies, members, back=None, name="recover", **more):
    """{index: generator}; party LOST comes with an empty store and a new identity."""
    back = back or restored(custodies[LOST].shard)
    roster = custodies[members[0]].shard.roster
    new = MemoryCustody(NEW, randomness("new device"))
    custodies[LOST] = new
    made = {}
    for me in sorted([*members, LOST]):
        custody = custodies[me]
        made[me] = recover(
            me, session(name), GROUP_ID, roster, members, LOST, NEW.public, custody, randomness(f"{name}/{me}"),
            custody.shard, back if me == LOST else None, **more,
        )  # fmt: skip
    return made


def recover_together(custodies, members):
    made = results(recovers(custodies, members))
    change = made[LOST][1]
    custodies[LOST].activate(change.acks)
    for index, custody in custodies.items():
        if index != LOST:
            change.check(custody.shard)
            custody.shard = change.applied(custody.shard)
            custody.pairs.pop(LOST, None)
    return change


@pytest.mark.parametrize(("t", "n", "members"), [(2, 2, [1]), (2, 3, [1]), (2, 3, [1, 3]), (3, 5, [1, 4, 5])])
def test_the_recovered_device_signs_after_a_pair_setup(t, n, members):
    custodies = group(t, n)
    share = custodies[LOST].shard.s
    change = recover_together(custodies, members)
    assert custodies[LOST].shard.s == share and change.roster.version == 1
    assert change.roster.member(LOST).identity == NEW.public
    signers = [1, LOST, *[4][: t - 2]]
    for peer in signers:
        if peer != LOST:
            results(pairs(custodies, peer, LOST, f"pair {peer}"))
            custodies[peer].activate_pair(LOST), custodies[LOST].activate_pair(peer)
    assert_signed(sign_together(custodies, signers), DIGEST, custodies[1].shard.pk)


def test_the_phrase_comes_back_too():
    custodies = import_together(2, 3, 1, entropy=bytes(32))
    recover_together(custodies, [1, 3])
    exported = results(exports(custodies, [LOST, 3], 3))[3]
    assert (exported.secret, exported.entropy) == (SECRET, bytes(32))
    assert Shard.decode(custodies[LOST].shard.encode()).encode() == custodies[LOST].shard.encode()


def test_the_old_identity_signs_for_nobody_any_more():
    custodies = group(2, 3)
    old = custodies[LOST]
    change = recover_together(custodies, [1, 3])
    custodies[LOST] = old
    ended = run(pairs(custodies, 1, LOST))
    assert verdict(ended[1]) == ("blame", LOST)
    assert old.identity.public not in [member.identity for member in change.roster.members]


def test_a_member_that_was_away_adopts_the_new_identity():
    custodies = group(2, 4)
    change = RosterChange.decode(results(recovers(custodies, [1, 3]))[1][1].encode())
    away = custodies[4].shard
    change.check(away)
    assert change.applied(away).roster.member(LOST).identity == NEW.public


def test_the_share_is_stored_before_its_acknowledgement_is_signed():
    custodies = group(2, 3)
    results(recovers(custodies, [1, 3]))
    assert [name for name, _ in custodies[LOST].events] == ["sign", "enrolled", "sign"]


def refused(change, shard):
    with pytest.raises(DaricError) as caught:
        change.check(shard)
    assert caught.value.name == "certificate"


def test_a_new_identity_without_proof_or_acknowledgements_is_refused():
    custodies = group(3, 5)
    change = results(recovers(custodies, [1, 3, 4]))[1][1]
    away, acks, evidence = custodies[5].shard, change.acks, change.evidence
    change.check(away)
    change.acks = [ack for ack in acks if ack[0] in (1, 2, 4)]
    change.check(away)
    for kept in ((1, 3, 4), (1, 2), (2,)):
        change.acks = [ack for ack in acks if ack[0] in kept]
        refused(change, away)
    change.acks = acks
    for spoilt in (b"", bytes(97), flip(40)(evidence), flip(0)(evidence), flip(96)(evidence)):
        change.evidence = spoilt
        refused(change, away)


def test_the_certificate_of_the_recovered_member_takes_t_with_itself():
    custodies = group(2, 3)
    shard, change = results(recovers(custodies, [1, 3]))[LOST]
    certificate.check(shard, change.acks)
    certificate.check(shard, change.acks[:2])
    for acks in (change.acks[1:2], [change.acks[0], change.acks[2]], change.acks[::-1]):
        with pytest.raises(DaricError):
            certificate.check(shard, acks)


def test_a_backup_of_an_older_epoch_ends_softly():
    custodies = group(2, 3)
    old = restored(custodies[LOST].shard)
    reshare_together(custodies, 2, [1, 2, 3], [1, 2, 3])
    ended = run(recovers(custodies, [1, 3], old))
    assert verdict(ended[LOST]) == SOFT and custodies[LOST].pending is None
    assert_nobody_honest_is_accused(ended, None)


def test_a_party_that_does_not_know_the_share_is_named():
    custodies = group(2, 3)
    generators = recovers(custodies, [1, 3])
    back = restored(group(2, 3)[LOST].shard)
    back.s += 1
    generators[LOST] = recovers(group(2, 3), [1, 3], back)[LOST]
    generators[LOST] = possessed(generators[LOST], (rounds_recover, "_check_restored", lambda *_: None))
    ended = run(generators)
    assert verdict(ended[1]) == verdict(ended[3]) == ("blame", LOST)


@pytest.mark.parametrize(
    ("number", "sender", "n", "change"),
    [
        (0, LOST, 4, flip(3)),
        (0, 3, 3, put([])),
        (0, 3, 4, flip(3)),
        (1, LOST, 0, flip(40)),
        (1, LOST, 0, put(b"")),
        (1, 3, 0, put(bytes(65))),
        (2, LOST, 0, flip(9)),
        (2, 3, 0, flip(9)),
    ],
)
def test_every_field_is_checked_and_names_its_sender(number, sender, n, change):
    custodies = group(2, 3)
    ended = run(recovers(custodies, [1, 3]), Tamper(number, sender, 1, field(n, change)))
    assert verdict(ended[1]) == ("blame", sender)
    assert_nobody_honest_is_accused(ended, sender)
    assert custodies[1].shard.roster.version == 0


@pytest.mark.parametrize(
    "changes",
    [{"ssid": bytes(31)}, {"group_id": bytes(16)}, {"members": [2, 3]}, {"members": []}, {"members": [1, 1]},
     {"members": [1, 9]}, {"me": 3}, {"shard": None}, {"index": 1}, {"index": 9}, {"identity": "member's"}],
    ids=str,
)  # fmt: skip
def test_wrong_inputs_are_refused_before_anything_is_drawn_or_sent(changes):
    custodies = group(2, 3)
    shard = custodies[1].shard
    inputs = {
        "me": 1, "ssid": bytes(32), "group_id": GROUP_ID, "roster": shard.roster, "members": [1, 3], "index": LOST,
        "identity": NEW.public, "custody": custodies[1], "random": None, "shard": shard,
    }  # fmt: skip
    inputs.update(changes)
    if inputs["identity"] == "member's":
        inputs["identity"] = shard.roster.member(3).identity
    with pytest.raises(DaricError) as caught:
        next(recover(**inputs))
    assert caught.value.name == "parameter" and custodies[1].events == []
