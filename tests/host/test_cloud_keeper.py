"""Pieces of backups at the cloud party: kept when they fit, released against the recovery code, five tries a day."""

import asyncio
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace

import pytest
from daric_host.services import cloud_keeper
from daric_protocol import flows
from daric_protocol.errors import DaricError
from daric_protocol.flows import backing
from daric_protocol.identity import Identity
from daric_protocol.limits import CLOUD_BACKUPS
from daric_protocol.recoverycode import check_value, release_mac
from daric_protocol.rounds.backup import BackupSheet, seal_others

from tests.host.clouds import CLAIMS, STRANGE, Home

BACKUP, CODE, OTHER_CODE = b"b" * 16, "MFRGGZDFMZTWQ2LK", "KKKKKKKKKKKKKKKK"
NEW = Identity(987654321)
UUID = b"u" * 16
DAY = 24 * 3600


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A 2-of-3 wallet of the cloud, a phone (1) and a device (2), which has backed its share up."""
    home = asyncio.run(Home(tmp_path_factory.mktemp("cloud") / "made").create(2, [1, 2]))
    sheet, direct, others = backed_up(home)
    assert home.cloud.backup_keep(CLAIMS, sheet, others) == home.index
    home.sheet, home.direct, home.others = sheet, direct, others
    return home


@pytest.fixture
def home(made, tmp_path):
    home = made.copy(tmp_path / "home")
    made.open()
    home.sheet, home.direct, home.others = made.sheet, made.direct, made.others
    yield home
    with suppress(DaricError):
        home.party.close()


def holders_of(home, *numbers):
    identities = {home.index_of(number): home.phones[number].identity.public for number in numbers}
    return identities | {home.index: home.party.identity.public}


def backed_up(home, backup_id=BACKUP, code=CODE, device=2, phones=(1,), cloud=True):
    """(sheet, direct pieces, envelope for the cloud) as the device makes them."""
    holders = holders_of(home, *phones)
    phone, number = home.index_of(phones[0]), home.index if cloud else 0
    return backing.make_backup(home.custody(device), home.group, backup_id, holders, 2, phone, number, code, os.urandom)


def refused(name, call, *arguments):
    with pytest.raises(DaricError) as caught:
        call(*arguments)
    assert caught.value.name == name, caught.value.detail
    return caught.value.detail


def mac(code=CODE, uuid=UUID, identity=NEW.public, backup_id=BACKUP):
    return release_mac(check_value(code, backup_id), uuid, identity, backup_id)


def ask(home, word=None, *, claims=CLAIMS, uuid=UUID, identity=NEW.public, backup_id=BACKUP, group=None):
    return home.cloud.recovery_piece(
        claims, group or home.group, backup_id, uuid, identity, mac() if word is None else word
    )


def listed(home):
    (found,) = home.cloud.backups(CLAIMS, home.group)
    return found


# Keeping


def test_a_kept_piece_is_listed_and_lies_in_no_file_in_clear(home):
    found = listed(home)
    assert (found.backup_id, found.device, found.epoch, found.threshold) == (BACKUP, home.index_of(2), 1, 2)
    assert dict(found.holders) == holders_of(home, 1)
    assert (found.tries, found.locked_until) == (0, 0)
    sheet, number, piece, check = home.cloud.keeper.find(home.group, BACKUP)
    assert (sheet, number, check) == (home.sheet, home.index, check_value(CODE, BACKUP))
    disk = home.bytes_on_disk()
    assert piece not in disk and check not in disk
    rows = [row for row in home.rows_on_disk() if row[0].startswith("backup/")]
    assert [row[1] for row in rows] == [home.group.hex()]  # under the wallet's own storage key


def test_the_same_backup_again_changes_nothing_and_clears_no_tries(home):
    refused("backup", ask, home, bytes(32))
    assert home.cloud.backup_keep(CLAIMS, home.sheet, home.others) == home.index
    assert listed(home).tries == 1


def test_another_backup_of_the_same_id_is_refused(home):
    sheet, _, others = backed_up(home, code=OTHER_CODE)
    refused("conflict", home.cloud.backup_keep, CLAIMS, sheet, others)
    assert home.cloud.keeper.find(home.group, BACKUP)[0] == home.sheet


def test_a_backup_for_another_account_is_refused(home):
    sheet, _, others = backed_up(home, b"c" * 16)
    refused("unauthorised", home.cloud.backup_keep, STRANGE, sheet, others)
    refused("unauthorised", home.cloud.backups, STRANGE, home.group)


def altered(sheet, **changes):
    read = BackupSheet.decode(sheet)
    return BackupSheet(*[changes.get(name, getattr(read, name)) for name in BackupSheet.NAMES]).encode()


def test_a_sheet_that_was_changed_in_any_field_is_refused(home):
    sheet, _, others = backed_up(home, b"c" * 16)
    read = BackupSheet.decode(sheet)
    spoilt = [
        ("backup", {"backup_id": b"d" * 16}),
        ("unauthorised", {"group_id": bytes(16)}),
        ("backup", {"pk": read.commitments[0]}),
        ("backup", {"index": home.index_of(1)}),
        ("member", {"index": home.index}),
        ("member", {"index": 9}),
        ("backup", {"epoch": 2}),
        ("backup", {"threshold": 3}),
        ("backup", {"holders": read.holders[::-1]}),
        ("backup", {"holders": []}),
        ("backup", {"commitments": read.commitments[::-1]}),
        ("backup", {"commitments": read.commitments[:1]}),
        ("backup", {"rest": read.rest[:-1]}),
    ]
    for name, changes in spoilt:
        refused(name, home.cloud.backup_keep, CLAIMS, altered(sheet, **changes), others)
    assert len(home.cloud.backups(CLAIMS, home.group)) == 1
    assert home.cloud.backup_keep(CLAIMS, sheet, others) == home.index


def test_an_envelope_that_was_changed_at_any_byte_is_refused(home):
    sheet, _, others = backed_up(home, b"c" * 16)
    for at in range(0, len(others), 7):
        changed = others[:at] + bytes([others[at] ^ 1]) + others[at + 1 :]
        refused("backup", home.cloud.backup_keep, CLAIMS, sheet, changed)
    refused("backup", home.cloud.backup_keep, CLAIMS, sheet, others[:-1])
    refused("backup", home.cloud.backup_keep, CLAIMS, sheet, b"")
    refused("backup", home.cloud.backup_keep, CLAIMS, sheet, home.others)


@pytest.mark.parametrize("sheet", [b"", b"\x80", b"\xff", bytes(100_000)])
def test_what_is_no_sheet_is_refused(home, sheet):
    refused("backup", home.cloud.backup_keep, CLAIMS, sheet, b"")


def test_a_backup_by_a_party_that_is_no_member_is_refused(home):
    """A stranger makes one of its own group under this group's id."""
    stranger = home.copy(home.folder.parent / "elsewhere")
    home.open()
    asyncio.run(stranger.create(2, [1, 2]))
    sheet, _, others = backed_up(stranger, b"c" * 16)
    refused("backup", home.cloud.backup_keep, CLAIMS, altered(sheet, group_id=home.group), others)
    stranger.party.close()


def test_a_piece_that_another_member_sealed_is_refused(home):
    """Member 1 makes a backup that claims to be of member 2's share."""
    sheet, _, others = backed_up(home, b"c" * 16, device=1, phones=(2,))
    refused("backup", home.cloud.backup_keep, CLAIMS, altered(sheet, index=home.index_of(2)), others)


def test_a_backup_without_a_recovery_code_is_refused(home):
    sheet, direct, others = backed_up(home, b"c" * 16, cloud=False)
    assert others == b""
    refused("backup", home.cloud.backup_keep, CLAIMS, sheet, others)
    read = BackupSheet.decode(sheet)
    device = home.custody(2).identity
    bare = seal_others(device, home.party.identity.public, read, {home.index: direct[home.index]}, os.urandom)
    assert "recovery code" in refused("backup", home.cloud.backup_keep, CLAIMS, sheet, bare)
    refused("backup", home.cloud.keeper.keep, sheet, home.index, bytes(32), b"")


async def test_a_backup_for_more_than_phone_and_cloud_needs_a_session(home):
    await home.create(2, [1, 2, 3])
    sheet, _, others = backed_up(home, b"c" * 16, phones=(1, 3))
    assert "session" in refused("backup", home.cloud.backup_keep, CLAIMS, sheet, others)


async def test_a_backup_that_the_cloud_does_not_hold_is_refused(home):
    await home.create(2, [1, 2, 3])
    holders = {home.index_of(number): home.phones[number].identity.public for number in (1, 3)}
    phone, other = home.index_of(1), home.index_of(3)
    sheet, _, others = backing.make_backup(
        home.custody(2), home.group, b"c" * 16, holders, 2, phone, other, CODE, os.urandom
    )
    assert "no holder" in refused("backup", home.cloud.backup_keep, CLAIMS, sheet, others)


def test_a_wallet_cannot_fill_the_clouds_disk_with_backups(home):
    for number in range(1, CLOUD_BACKUPS):
        sheet, _, others = backed_up(home, number.to_bytes(16, "big"))
        home.cloud.backup_keep(CLAIMS, sheet, others)
    sheet, _, others = backed_up(home, b"c" * 16)
    refused("limit", home.cloud.backup_keep, CLAIMS, sheet, others)
    assert len(home.cloud.backups(CLAIMS, home.group)) == CLOUD_BACKUPS
    home.cloud.keeper.retire(home.group, 2)
    home.cloud.backup_keep(CLAIMS, sheet, others)  # an old one makes room
    assert len(home.cloud.backups(CLAIMS, home.group)) == CLOUD_BACKUPS


# Proving


def test_the_cloud_proves_its_piece_without_showing_it(home):
    challenge = os.urandom(32)
    number, proof = home.cloud.backup_proof(CLAIMS, home.group, BACKUP, challenge)
    assert backing.check_proof(home.sheet, number, challenge, proof)
    assert not backing.check_proof(home.sheet, number, os.urandom(32), proof)
    assert not backing.check_proof(home.sheet, home.index_of(1), challenge, proof)
    assert home.cloud.keeper.find(home.group, BACKUP)[2] not in proof


def test_what_is_not_held_is_not_proved(home):
    refused("backup", home.cloud.backup_proof, CLAIMS, home.group, b"x" * 16, bytes(32))
    refused("unauthorised", home.cloud.backup_proof, STRANGE, home.group, BACKUP, bytes(32))
    refused("unauthorised", home.cloud.backup_proof, CLAIMS, bytes(16), BACKUP, bytes(32))


# Releasing


def test_the_right_code_gives_the_device_its_share_back(home):
    number, sealed = ask(home)
    piece, _ = backing.accept_piece(
        home.custody(1), home.sheet, home.phones[2].identity.public, home.index_of(1),
        home.direct[home.index_of(1)], False,
    )  # fmt: skip
    phone = backing.release_piece(home.phones[1].identity, NEW.public, home.sheet, home.index_of(1), piece, os.urandom)
    pieces = [
        (number, home.party.identity.public, sealed),
        (home.index_of(1), home.phones[1].identity.public, phone),
    ]
    shard, bad = backing.restore_shard(NEW, home.sheet, pieces)
    assert (shard.s, bad) == (home.custody(2).shard(home.group).s, [])


def test_a_released_piece_is_of_no_use_to_anyone_but_the_new_identity(home):
    number, sealed = ask(home)
    for other in (home.phones[1].identity, home.party.identity, Identity(5)):
        with pytest.raises(DaricError):
            backing.restore_shard(other, home.sheet, [(number, home.party.identity.public, sealed)])
    assert home.cloud.keeper.find(home.group, BACKUP)[2] not in sealed


def test_a_word_for_another_session_identity_or_backup_releases_nothing(home):
    words = [
        mac(uuid=b"v" * 16),
        mac(identity=Identity(5).public),
        mac(code=OTHER_CODE),
        release_mac(check_value(CODE, b"c" * 16), UUID, NEW.public, BACKUP),
        bytes(32),
    ]
    for number, word in enumerate(words):
        assert listed(home).tries == number
        refused("backup", ask, home, word)


def test_a_good_word_replayed_gives_the_same_identity_the_piece_and_no_other(home):
    ask(home)
    assert ask(home)[0] == home.index
    refused("backup", lambda: ask(home, mac(), identity=Identity(5).public))
    refused("backup", lambda: ask(home, mac(), uuid=b"v" * 16))


@pytest.mark.parametrize("identity", [bytes(33), b"\x02" + b"\xff" * 32, b"\x05" * 33])
def test_an_identity_that_is_no_point_is_refused_and_costs_no_try(home, identity):
    refused("encoding", lambda: ask(home, identity=identity))
    assert listed(home).tries == 0


def test_a_member_and_a_replaced_identity_are_no_new_ones(home):
    for identity in (home.phones[1].identity.public, home.phones[2].identity.public, home.party.identity.public):
        refused("member", lambda identity=identity: ask(home, mac(identity=identity), identity=identity))
    home.party.store.write("gone/" + home.group.hex(), NEW.public)
    refused("member", ask, home)
    assert listed(home).tries == 0


def test_another_account_and_an_unknown_backup_get_nothing_and_cost_no_try(home):
    refused("unauthorised", lambda: ask(home, claims=STRANGE))
    refused("unauthorised", lambda: ask(home, group=bytes(16)))
    refused("backup", lambda: ask(home, backup_id=b"x" * 16))
    assert listed(home).tries == 0


def wrong(home, times):
    for _ in range(times):
        refused("backup", ask, home, bytes(32))


def test_after_five_wrong_codes_the_right_one_waits_a_day(home):
    wrong(home, 5)
    assert (listed(home).tries, listed(home).locked_until) == (5, home.clock.now + DAY)
    refused("limit", ask, home)
    home.clock.now += DAY - 1
    refused("limit", ask, home)
    home.clock.now += 1
    assert (listed(home).tries, listed(home).locked_until) == (0, 0)
    assert ask(home)[0] == home.index


def test_asking_while_locked_lengthens_nothing_and_the_next_day_has_five_more(home):
    wrong(home, 5)
    home.clock.now += DAY // 2
    refused("limit", ask, home)
    home.clock.now += DAY // 2
    wrong(home, 5)
    refused("limit", ask, home)
    assert listed(home).locked_until == home.clock.now + DAY


def test_a_right_code_in_between_clears_the_tries(home):
    wrong(home, 4)
    ask(home)
    assert listed(home).tries == 0
    wrong(home, 4)
    ask(home)


def test_a_good_word_repeated_between_guesses_clears_and_costs_nothing(home):
    """Who carries a request for the owner could else guess four codes, repeat it, and guess four more."""
    ask(home)
    wrong(home, 4)
    for _ in range(6):
        ask(home)
        assert listed(home).tries == 4
    home.restart()
    ask(home)
    wrong(home, 1)
    refused("limit", ask, home)


def test_requests_beyond_those_that_are_remembered_clear_nothing(home, monkeypatch):
    monkeypatch.setattr(cloud_keeper, "REMEMBERED", 1)
    ask(home)
    wrong(home, 3)
    ask(home, mac(uuid=b"v" * 16), uuid=b"v" * 16)
    assert listed(home).tries == 3


def test_the_wait_survives_a_restart(home):
    wrong(home, 5)
    home.restart()
    assert listed(home).tries == 5
    refused("limit", ask, home)


@pytest.mark.parametrize("back", [1, DAY, 20 * 365 * DAY])
def test_a_clock_that_is_set_back_shortens_no_wait(home, back):
    wrong(home, 5)
    locked = home.clock.now
    home.clock.now = locked - back
    refused("limit", ask, home)
    home.restart()
    home.clock.now = locked + DAY - 1
    refused("limit", ask, home)
    home.clock.now = locked + DAY
    ask(home)


def test_a_clock_that_is_set_back_before_the_fifth_try_shortens_no_wait(home):
    wrong(home, 4)
    true = home.clock.now
    home.clock.now -= 10 * DAY
    wrong(home, 1)
    home.clock.now = true + DAY - 1
    refused("limit", ask, home)


def test_the_waits_of_two_backups_are_their_own(home):
    sheet, _, others = backed_up(home, b"c" * 16)
    home.cloud.backup_keep(CLAIMS, sheet, others)
    wrong(home, 5)
    word = release_mac(check_value(CODE, b"c" * 16), UUID, NEW.public, b"c" * 16)
    assert ask(home, word, backup_id=b"c" * 16)[0] == home.index
    assert sorted(one.tries for one in home.cloud.backups(CLAIMS, home.group)) == [0, 5]


KILL_AT_THE_COMPARISON = """
import os, signal, sys
from pathlib import Path
from types import SimpleNamespace
from daric_host.party import Party
from daric_host.services import cloud_keeper
keeper = cloud_keeper.CloudKeeper(Party(Path(sys.argv[1]), "cloud").store, lambda: 1_800_000_000)
known = vars(cloud_keeper.platform)
killing = {"equal": lambda a, b: os.kill(os.getpid(), signal.SIGKILL)}
cloud_keeper.platform = SimpleNamespace(**{**known, **killing})
keeper.check_release(bytes.fromhex(sys.argv[2]), b"b" * 16, b"u" * 16, b"i" * 33, bytes(32))
"""


def test_a_try_counts_although_the_process_is_killed_at_the_comparison(home):
    wrong(home, 3)
    for number in (4, 5):
        home.party.close()
        line = [sys.executable, "-c", KILL_AT_THE_COMPARISON, str(home.folder), home.group.hex()]
        done = subprocess.run(line, check=False, capture_output=True)
        assert done.returncode == -9, done.stderr
        home.open()
        assert listed(home).tries == number
    refused("limit", ask, home)


# New epochs


async def test_a_new_epoch_erases_the_piece_and_the_sheet_says_why(home):
    (row,) = [row for row in home.rows_on_disk() if row[0].startswith("backup/")]
    await home.refresh()
    home.restart()
    assert row[3] not in home.bytes_on_disk()
    assert row[4] not in home.bytes_on_disk()
    assert listed(home).epoch == 1
    assert "Make a new backup" in refused("backup", ask, home)
    assert "Make a new backup" in refused("backup", home.cloud.backup_proof, CLAIMS, home.group, BACKUP, bytes(32))
    assert "Make a new backup" in refused("backup", home.cloud.backup_keep, CLAIMS, home.sheet, home.others)
    assert listed(home).tries == 0


async def test_a_new_backup_after_a_new_epoch_is_good(home):
    await home.refresh()
    sheet, _, others = backed_up(home, b"c" * 16)
    home.cloud.backup_keep(CLAIMS, sheet, others)
    word = release_mac(check_value(CODE, b"c" * 16), UUID, NEW.public, b"c" * 16)
    assert ask(home, word, backup_id=b"c" * 16)[0] == home.index


async def test_a_cloud_that_was_left_behind_releases_nothing(home):
    home.cloud.adopt(CLAIMS, await home.leave_out())
    refused("roster", ask, home)
    refused("roster", home.cloud.backup_proof, CLAIMS, home.group, BACKUP, bytes(32))
    sheet, _, others = home.sheet, None, home.others
    refused("roster", home.cloud.backup_keep, CLAIMS, sheet, others)
    assert listed(home).epoch == 1


async def test_a_deletion_takes_the_pieces_and_the_tries_along(home):
    wrong(home, 1)
    home.cloud.adopt(CLAIMS, await home.leave_out())
    rows = [row for row in home.rows_on_disk() if row[0].split("/")[0] in ("backup", "tries")]
    assert len(rows) == 2
    home.cloud.delete(CLAIMS, home.group)
    disk = home.bytes_on_disk()
    assert not [row for row in rows if row[3] in disk or row[4] in disk]
    assert home.cloud.backups(CLAIMS, home.group) == []


async def test_where_the_group_has_a_master_only_it_brings_a_backup(home):
    terms = flows.master_terms(home.uuid(), home.group, home.roster, home.index_of(1))
    outcomes = await home.run(terms, home.members())
    assert [state for state, _ in outcomes] == ["done"] * 3, outcomes
    sheet, _, others = backed_up(home, b"m" * 16)
    refused("master", home.cloud.backup_keep, CLAIMS, sheet, others)
    master = replace(CLAIMS, identity=home.phones[1].identity.public)
    assert home.cloud.backup_keep(master, sheet, others) == home.index
