"""Backup: enough good pieces give the shard back, anything else is refused and named."""

import itertools

import pytest
from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_protocol.roster import Member, Roster
from daric_protocol.rounds import backup
from daric_protocol.rounds.backup import BackupSheet

from tests import cddl
from tests.rounds.exchange import randomness
from tests.rounds.exports import import_together
from tests.rounds.groups import group
from tests.rounds.reshares import reshare_together

HOLDERS = {m: Identity(31 * m).public for m in (1, 2, 5, 9)}
DEVICE = Identity(77)
Q = platform.curve.Q


def made(threshold=3, shard=None, name="backup"):
    shard = shard or group(2, 3)[1].shard
    return shard, *backup.split(shard, bytes(16), HOLDERS, threshold, randomness(name))


def refused(call, *arguments, name="backup"):
    with pytest.raises(DaricError) as caught:
        call(*arguments)
    assert caught.value.name == name
    return caught.value.detail


@pytest.mark.parametrize("threshold", [2, 3, 4])
def test_any_quorum_of_holders_gives_the_shard_back_and_one_less_does_not(threshold):
    shard, sheet, pieces = made(threshold)
    for chosen in itertools.combinations(HOLDERS, threshold):
        s, bad = backup.combine(sheet, shard.P[1], {m: pieces[m] for m in chosen})
        assert (s, bad) == (shard.s, [])
        assert backup.restore(sheet, s).encode() == shard.encode()
    for chosen in itertools.combinations(HOLDERS, threshold - 1):
        refused(backup.combine, sheet, shard.P[1], {m: pieces[m] for m in chosen})


def test_a_phrase_is_in_the_backup():
    shard, sheet, pieces = made(shard=import_together(2, 2, 1, entropy=bytes(32))[2].shard)
    restored = backup.restore(sheet, backup.combine(sheet, shard.P[2], pieces)[0])
    assert [part.s for part in restored.entropy] == [part.s for part in shard.entropy]


def test_a_bad_piece_is_named_and_left_out():
    shard, sheet, pieces = made()
    pieces[5] = (pieces[5] + 1) % Q
    assert backup.combine(sheet, shard.P[1], pieces) == (shard.s, [5])
    assert "5" in refused(backup.combine, sheet, shard.P[1], {m: pieces[m] for m in (1, 2, 5)})
    refused(backup.check_piece, sheet, shard.P[1], 5, pieces[5])
    assert backup.combine(sheet, shard.P[1], {**pieces, 7: 12})[1] == [5, 7]


def test_a_holder_takes_its_own_good_piece_only():
    shard, sheet, pieces = made()
    for m, piece in pieces.items():
        backup.check_piece(sheet, shard.P[1], m, piece)
        refused(backup.check_piece, sheet, shard.P[2], m, piece)
        refused(backup.check_piece, sheet, shard.P[1], 1 if m == 2 else 2, piece)
    refused(backup.check_piece, sheet, shard.P[1], 3, pieces[1])


def test_a_commitment_that_is_no_point_is_refused():
    shard, sheet, pieces = made()
    spoilt = altered(sheet, commitments=[*sheet.commitments[:2], b"\x02" + bytes(31) + b"\x05"])
    refused(backup.check_piece, spoilt, shard.P[1], 1, pieces[1])
    refused(backup.check_proof, spoilt, 1, bytes(32), bytes(65))


def test_a_number_that_nobody_holds_has_no_identity():
    _, sheet, _ = made()
    assert sheet.identity_of(5) == HOLDERS[5]
    refused(sheet.identity_of, 3)


def test_a_backup_of_another_share_is_refused_even_if_its_pieces_fit_it():
    _, sheet, pieces = made(shard=group(2, 3)[2].shard)
    refused(backup.combine, sheet, group(2, 3)[1].shard.P[1], pieces)


def altered(sheet, **changes):
    return BackupSheet(*[changes.get(name, getattr(sheet, name)) for name in BackupSheet.NAMES])


@pytest.mark.parametrize("name", ["commitments", "threshold", "holders"])
def test_a_sheet_that_does_not_fit_itself_is_refused(name):
    shard, sheet, pieces = made()
    value = {"commitments": sheet.commitments[:2], "threshold": 4, "holders": sheet.holders[:2]}[name]
    refused(backup.combine, altered(sheet, **{name: value}), shard.P[1], pieces)
    refused(backup.check_sheet, altered(sheet, holders=[*sheet.holders, sheet.holders[0]]), shard.P[1])


def test_a_sheet_that_was_changed_does_not_open():
    shard, sheet, _ = made()
    spoilt = [{"epoch": 2}, {"index": 2}, {"backup_id": b"\x01" * 16}, {"rest": sheet.rest[:-1]}, {"rest": b""}]
    for changes in spoilt:
        refused(backup.restore, altered(sheet, **changes), shard.s)
    refused(backup.restore, sheet, shard.s + 1)


def test_a_sheet_that_hides_another_share_is_refused():
    shard, sheet, _ = made()
    bound, nonce, other = altered(sheet, rest=b"").hash(), bytes(13), group(2, 3)[2].shard
    for hidden in (other.encode(), b"no shard"):
        rest = nonce + platform.ccm_seal(backup._key(shard.s, shard.epoch), nonce, hidden, bound)
        assert "beside the share" in refused(backup.restore, altered(sheet, rest=rest), shard.s)


def test_a_backup_of_an_older_epoch_is_refused_with_what_to_do():
    custodies = group(2, 3)
    old, sheet, _ = made(shard=custodies[1].shard)
    backup.check_current(sheet, old.group_id, old.roster, old.epoch)
    new = reshare_together(custodies, 2, [1, 2, 3], [1, 2, 3])[1]
    assert "new backup" in refused(backup.check_current, sheet, new.group_id, new.roster, new.epoch)
    refused(backup.check_current, altered(sheet, epoch=2), new.group_id, new.roster, new.epoch)
    refused(backup.check_current, sheet, bytes(16), old.roster, old.epoch)
    refused(backup.check_current, altered(sheet, index=9), old.group_id, old.roster, old.epoch)


def test_two_backups_have_nothing_in_common_but_the_public_share():
    shard, first, pieces = made(name="one")
    _, second, others = made(name="two")
    assert not set(pieces.values()) & set(others.values())
    assert set(first.commitments) & set(second.commitments) == {shard.P[1]}
    refused(backup.combine, first, shard.P[1], others)


@pytest.mark.parametrize(
    ("holders", "threshold"),
    [(HOLDERS, 1), (HOLDERS, 5), ({1: HOLDERS[1]}, 2), ({0: HOLDERS[1], 2: HOLDERS[2]}, 2),
     ({1: HOLDERS[1], 256: HOLDERS[2]}, 2), ({1: HOLDERS[1], 2: HOLDERS[1]}, 2), ({}, 2)],
)  # fmt: skip
def test_an_impossible_backup_is_refused(holders, threshold):
    refused(backup.split, group(2, 3)[1].shard, bytes(16), holders, threshold, randomness(""), name="parameter")


def test_a_sheet_survives_the_wire():
    _, sheet, _ = made()
    data = platform.cbor_encode(sheet.to_wire())
    cddl.check("BackupSheet", data)
    again = BackupSheet.from_wire(platform.cbor_decode(data))
    assert again.hash() == sheet.hash() and again.to_wire() == sheet.to_wire()


# Sealed pieces


def test_a_piece_opens_at_its_holder_only():
    _, sheet, pieces = made()
    holder = Identity(31)
    sealed = backup.seal_piece(DEVICE, holder.public, sheet, 1, pieces[1], randomness("seal"))
    assert backup.open_piece(holder, DEVICE.public, sheet, 1, sealed) == (pieces[1], b"")
    assert pieces[1].to_bytes(32, "big") not in sealed
    for identity, sender, of, number in (
        (Identity(62), DEVICE.public, sheet, 1),
        (holder, HOLDERS[2], sheet, 1),
        (holder, DEVICE.public, altered(sheet, backup_id=b"\x01" * 16), 1),
        (holder, DEVICE.public, sheet, 2),
    ):
        refused(backup.open_piece, identity, sender, of, number, sealed, name="sealed")


@pytest.mark.parametrize("offset", [5, 40, 60, -1])
def test_a_sealed_piece_that_was_changed_does_not_open(offset):
    _, sheet, pieces = made()
    sealed = bytearray(backup.seal_piece(DEVICE, HOLDERS[1], sheet, 1, pieces[1], randomness("seal")))
    sealed[offset] ^= 1
    with pytest.raises(DaricError) as caught:
        backup.open_piece(Identity(31), DEVICE.public, sheet, 1, bytes(sealed))
    assert caught.value.kind in ("retry", "peer")
    for short in (b"", bytes(sealed[:33]), bytes(sealed[:20])):
        with pytest.raises(DaricError):
            backup.open_piece(Identity(31), DEVICE.public, sheet, 1, short)


@pytest.mark.parametrize("length", [0, 31, 33, 63, 65, 96])
def test_what_is_sealed_as_a_piece_has_the_length_of_one(length):
    _, sheet, _ = made()
    place = backup._place(DEVICE.public, HOLDERS[1], sheet, 1)
    sealed = backup._seal(DEVICE, HOLDERS[1], place, bytes(length), randomness("seal"))
    refused(backup.open_piece, Identity(31), DEVICE.public, sheet, 1, sealed, name="encoding")


@pytest.mark.parametrize(
    "inside", [[[1, b"a"], [1, b"b"]], [[0, b"a"]], [[1]], [1], {}, b"", [[1, bytes(257)]]], ids=str
)
def test_an_envelope_has_each_piece_once_and_nothing_else(inside):
    _, sheet, _ = made()
    cover = backup._cover(DEVICE.public, HOLDERS[1], sheet)
    sealed = backup._seal(DEVICE, HOLDERS[1], cover, platform.cbor_encode(inside), randomness("seal"))
    refused(backup.open_others, Identity(31), DEVICE.public, sheet, sealed, name="encoding")


# Who reaches the key


def roster(t, n):
    return Roster(t, 0, 0, [Member(i, bytes([2, i]) + bytes(31)) for i in range(1, n + 1)])


def reaches(group_roster, index, holders, threshold, parties):
    indexes = {member.index for member in group_roster.members if member.identity in parties}
    if len(set(holders) & set(parties)) >= threshold:
        indexes.add(index)
    return len(indexes) >= group_roster.t


@pytest.mark.parametrize("t", [2, 3, 4])
@pytest.mark.parametrize("overlap", [0, 1, 2, 3])
@pytest.mark.parametrize("threshold", [2, 3])
def test_the_smallest_set_that_reaches_the_key_is_found(t, overlap, threshold):
    r = roster(t, 4)
    holders = [member.identity for member in r.members[1 : 1 + overlap]] + [bytes([3, i]) + bytes(31) for i in range(2)]
    everyone = sorted({member.identity for member in r.members} | set(holders))
    sizes = [
        size
        for size in range(1, 7)
        for parties in itertools.combinations(everyone, size)
        if reaches(r, 1, holders, threshold, parties)
    ]
    found = backup.smallest_reach(r, 1, holders, threshold)
    assert reaches(r, 1, holders, threshold, found) and len(set(found)) == len(found) == min(sizes)


def test_a_backup_at_phone_and_cloud_reaches_a_wallet_of_phone_and_device_without_the_device():
    r = roster(2, 2)
    phone, cloud = r.member(1).identity, b"\x03" * 33
    assert set(backup.smallest_reach(r, 2, [phone, cloud], 2)) in ({phone, cloud}, {phone, r.member(2).identity})
