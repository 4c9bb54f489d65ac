"""A backup at the phone and the cloud without a session, step by step. Specification: docs/protocol.md, section 12."""

import pytest
from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.flows import backing
from daric_protocol.identity import Identity
from daric_protocol.recoverycode import check_value
from daric_protocol.rounds import backup
from daric_protocol.rounds.backup import BackupSheet

from tests.session.network import drbg
from tests.session.parties import Wallet

BACKUP, CODE = b"b" * 16, "MFRGGZDFMZTWQ2LK"
PHONE, CLOUD, DEVICE, OTHER = 1, 2, 3, 4
NEW = Identity(987654321)


@pytest.fixture(scope="module")
def wallet():
    return Wallet.create(2, 4, seed="steps")


def custody(wallet, index):
    return wallet.parties[index].custody


def identities(wallet, holders):
    return {index: wallet.roster.member(index).identity for index in holders}


def make(wallet, holders=(PHONE, CLOUD), threshold=2, phone=PHONE, cloud=CLOUD, code=CODE, seed="make", **changes):
    given = {**identities(wallet, holders), **changes.get("identities", {})}
    return backing.make_backup(
        custody(wallet, changes.get("device", DEVICE)), wallet.group_id, BACKUP, given, threshold, phone, cloud, code,
        drbg(seed),
    )  # fmt: skip


def accepted(wallet, sheet, number, sealed, unattended=False, device=DEVICE):
    maker = wallet.roster.member(device).identity
    return backing.accept_piece(custody(wallet, number), sheet, maker, number, sealed, unattended)


def handed_out(wallet, made):
    """{number: (piece, check)} of a backup whose pieces all arrived."""
    sheet, direct, others = made
    device = wallet.roster.member(DEVICE).identity
    sealed = {**direct}
    if others:
        sealed.update(backing.open_others(custody(wallet, CLOUD).identity, device, sheet, others))
    return {number: accepted(wallet, sheet, number, sealed[number], number == CLOUD) for number in sealed}


def released(wallet, sheet, pieces, receiver=NEW.public):
    found = []
    for number, (piece, _) in pieces.items():
        identity = custody(wallet, number).identity
        sealed = backing.release_piece(identity, receiver, sheet, number, piece, drbg("release", number))
        found.append((number, identity.public, sealed))
    return found


def refused(call, *arguments, name="backup", **more):
    with pytest.raises(DaricError) as caught:
        call(*arguments, **more)
    assert caught.value.name == name, caught.value.detail
    return caught.value.detail


def test_phone_and_cloud_give_a_wiped_device_its_share_back(wallet):
    sheet, direct, _ = made = make(wallet)
    assert list(direct) == [PHONE]
    pieces = handed_out(wallet, made)
    assert pieces[PHONE][1] == b"" and pieces[CLOUD][1] == check_value(CODE, BACKUP)
    shard, bad = backing.restore_shard(NEW, sheet, released(wallet, sheet, pieces))
    assert shard.encode() == custody(wallet, DEVICE).shard(wallet.group_id).encode() and bad == []


@pytest.mark.parametrize("threshold", [2, 3])
def test_without_a_cloud_every_holder_gets_its_piece_from_the_device(wallet, threshold):
    sheet, direct, others = made = make(wallet, (PHONE, CLOUD, OTHER), threshold, cloud=0, code="")
    assert sorted(direct) == [PHONE, CLOUD, OTHER] and others == b""
    pieces = {m: accepted(wallet, sheet, m, direct[m]) for m in direct}
    some = dict(list(pieces.items())[:threshold])
    assert backing.restore_shard(NEW, sheet, released(wallet, sheet, some))[1] == []
    del some[PHONE]
    detail = refused(backing.restore_shard, NEW, sheet, released(wallet, sheet, some))
    assert f"{threshold - 1} came and it takes {threshold}" in detail
    assert made[1] is direct


def test_neither_the_phone_nor_a_thief_of_the_envelope_reads_a_piece(wallet):
    sheet, _, others = make(wallet, (PHONE, CLOUD, OTHER))
    device = wallet.roster.member(DEVICE).identity
    for party in (PHONE, OTHER):
        refused(backing.open_others, custody(wallet, party).identity, device, sheet, others)
    inside = backing.open_others(custody(wallet, CLOUD).identity, device, sheet, others)
    assert sorted(inside) == [CLOUD, OTHER]
    refused(backing.accept_piece, custody(wallet, CLOUD), sheet, device, CLOUD, inside[OTHER], True)
    refused(backing.accept_piece, custody(wallet, CLOUD), sheet, device, OTHER, inside[OTHER], True)


def test_an_envelope_of_another_device_or_backup_or_without_a_piece_is_refused(wallet):
    sheet, _, others = make(wallet, (PHONE, CLOUD, OTHER))
    cloud, device = custody(wallet, CLOUD).identity, wallet.roster.member(DEVICE).identity
    another = make(wallet, (PHONE, CLOUD, OTHER), seed="another")[0]
    refused(backing.open_others, cloud, wallet.roster.member(OTHER).identity, sheet, others)
    refused(backing.open_others, cloud, device, another, others)
    for spoilt in (b"", others[:33], others[:-1], bytes(33) + others[33:]):
        refused(backing.open_others, cloud, device, sheet, spoilt)
    read = BackupSheet.decode(sheet)
    maker = custody(wallet, DEVICE).identity
    for pieces in ({}, {CLOUD: b"one"}, {PHONE: b"1", CLOUD: b"2", OTHER: b"3"}, {CLOUD: b"2", 9: b"3"}):
        envelope = backup.seal_others(maker, cloud.public, read, pieces, drbg("lie"))
        refused(backing.open_others, cloud, device, sheet, envelope)


def test_a_cloud_takes_no_piece_without_a_code_and_a_phone_none_with_one(wallet):
    sheet, direct, _ = make(wallet, cloud=0, code="")
    assert "recovery code" in refused(accepted, wallet, sheet, CLOUD, direct[CLOUD], unattended=True)
    sheet, _, others = make(wallet, phone=CLOUD, cloud=PHONE)
    device = wallet.roster.member(DEVICE).identity
    pieces = backing.open_others(custody(wallet, PHONE).identity, device, sheet, others)
    refused(accepted, wallet, sheet, PHONE, pieces[PHONE])


def test_a_holder_refuses_a_piece_of_another_party_or_epoch_or_number(wallet):
    sheet, direct, _ = make(wallet)
    refused(accepted, wallet, sheet, PHONE, direct[PHONE], device=OTHER)
    refused(accepted, wallet, sheet, OTHER, direct[PHONE])
    refused(accepted, wallet, sheet, PHONE, direct[PHONE][:-1] + b"\x00")
    refused(accepted, wallet, b"", PHONE, direct[PHONE])
    read = BackupSheet.decode(sheet)
    for name, value, said in (("epoch", 2, "new backup"), ("index", OTHER, "share"), ("group_id", bytes(16), "")):
        spoilt = BackupSheet(*[value if field == name else getattr(read, field) for field in BackupSheet.NAMES])
        expected = "group" if name == "group_id" else "backup"
        assert said in refused(accepted, wallet, spoilt.encode(), PHONE, direct[PHONE], name=expected)


@pytest.mark.parametrize(
    ("changes", "number", "said"),
    [
        ({"pk": platform.curve.encode(platform.curve.G)}, PHONE, "another key"),
        ({"more": 9}, PHONE, "no member"),
        ({}, CLOUD, "another holder"),
    ],
)
def test_a_device_that_writes_other_facts_or_gives_another_holders_number_is_refused(wallet, changes, number, said):
    maker = custody(wallet, DEVICE)
    holders = identities(wallet, (PHONE, CLOUD))
    if "more" in changes:
        holders[changes["more"]] = NEW.public
    sheet, pieces = backup.split(maker.shard(wallet.group_id), BACKUP, holders, 2, drbg("facts"))
    sheet.pk = changes.get("pk", sheet.pk)
    phone = custody(wallet, PHONE)
    sealed = backup.seal_piece(maker.identity, phone.identity.public, sheet, number, pieces[number], drbg("facts"))
    device = maker.identity.public
    assert said in refused(backing.accept_piece, phone, sheet.encode(), device, number, sealed, False)


def test_a_forged_backup_that_fits_one_holder_is_refused_since_another_member_made_it(wallet):
    """Without the share nobody makes all pieces fit, but one piece can be made to."""
    curve, thief = platform.curve, custody(wallet, OTHER).identity
    sheet = BackupSheet.decode(make(wallet)[0])
    slope = curve.add(curve.mul_g(7), curve.neg(curve.decode(sheet.commitments[0])))
    sheet.commitments[1] = curve.encode(slope)
    backup.check_piece(sheet, sheet.commitments[0], PHONE, 7)
    sealed = backup.seal_piece(thief, custody(wallet, PHONE).identity.public, sheet, PHONE, 7, drbg("thief"))
    assert "another party" in refused(accepted, wallet, sheet.encode(), PHONE, sealed, device=OTHER)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"holders": (PHONE, DEVICE)}, "member"),
        ({"identities": {9: b"\x02" * 33}}, "member"),
        ({"identities": {PHONE: b"\x02" * 33}}, "member"),
        ({"phone": OTHER}, "member"),
        ({"phone": CLOUD}, "member"),
        ({"cloud": OTHER}, "member"),
        ({"holders": (PHONE,), "cloud": 0}, "parameter"),
        ({"threshold": 3}, "parameter"),
        ({"threshold": 1}, "parameter"),
        ({"code": ""}, "backup"),
        ({"code": "MFRG"}, "backup"),
    ],
)
def test_a_backup_that_cannot_be_is_refused(wallet, changes, name):
    refused(make, wallet, name=name, **changes)


def test_bad_pieces_are_named_and_enough_good_ones_do(wallet):
    sheet, direct, _ = make(wallet, (PHONE, CLOUD, OTHER), cloud=0, code="")
    pieces = {m: accepted(wallet, sheet, m, direct[m]) for m in direct}
    good = released(wallet, sheet, pieces)
    wrong = released(wallet, sheet, {CLOUD: (bytes(31) + b"\x07", b"")})
    shard, bad = backing.restore_shard(NEW, sheet, [good[0], wrong[0], good[2]])
    assert bad == [CLOUD] and shard.me == DEVICE
    spoilt = (OTHER, good[2][1], good[2][2][:-1])
    assert "bad: number 2, 4" in refused(backing.restore_shard, NEW, sheet, [good[0], wrong[0], spoilt])
    refused(backing.restore_shard, NEW, sheet, [*good, good[0]])
    for_another = released(wallet, sheet, pieces, Identity(5).public)
    assert "0 came" in refused(backing.restore_shard, NEW, sheet, for_another)


def test_a_piece_proves_that_it_is_there_and_stays_where_it_is(wallet):
    sheet, _, _ = made = make(wallet)
    piece = handed_out(wallet, made)[CLOUD][0]
    proof = backing.prove_piece(sheet, CLOUD, piece, bytes(32), drbg("proof"))
    assert backing.check_proof(sheet, CLOUD, bytes(32), proof) and piece not in proof
    another = make(wallet, seed="another")[0]
    for wrong in (
        (sheet, PHONE, bytes(32), proof),
        (sheet, OTHER, bytes(32), proof),
        (sheet, CLOUD, b"\x01" * 32, proof),
        (sheet, CLOUD, bytes(32), proof[:-1] + bytes([proof[-1] ^ 1])),
        (sheet, CLOUD, bytes(32), b""),
        (another, CLOUD, bytes(32), proof),
    ):
        assert not backing.check_proof(*wrong)
    lie = backing.prove_piece(sheet, CLOUD, bytes(31) + b"\x07", bytes(32), drbg("lie"))
    assert not backing.check_proof(sheet, CLOUD, bytes(32), lie)
