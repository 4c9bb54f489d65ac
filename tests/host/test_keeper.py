"""A phone's pieces of backups in the user's cloud storage."""

import pytest
from daric_host.keeper import Held, PhoneKeeper, read_sheet
from daric_host.keyprovider import FileKeyProvider
from daric_host.store import SqliteStore
from daric_host.usercloud import UserCloud
from daric_protocol import envelope, platform
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_protocol.rounds.backup import BackupSheet

GROUP, BACKUP, PIECE = b"\x11" * 16, b"\x33" * 16, b"\x44" * 32
POINT = Identity(7).public


def sheet(backup_id=BACKUP, group_id=GROUP, epoch=5):
    holders = [(1, Identity(8).public), (3, Identity(9).public)]
    return envelope.encode(BackupSheet(backup_id, group_id, POINT, 2, epoch, 2, holders, [POINT, POINT], b"rest"))


@pytest.fixture
def cloud(tmp_path):
    store = SqliteStore(tmp_path / "store.db", FileKeyProvider(tmp_path / "key"), "phone")
    yield UserCloud("memory://" + tmp_path.name, store)
    store.close()


@pytest.fixture
def keeper(cloud):
    return PhoneKeeper(cloud, clock=lambda: 1234.5)


def refused(name, call, *arguments):
    with pytest.raises(DaricError) as error:
        call(*arguments)
    assert error.value.name == name


def test_a_piece_that_was_kept_is_found_with_its_sheet(keeper):
    keeper.keep(sheet(), 1, PIECE, b"")
    assert keeper.find(GROUP, BACKUP) == (sheet(), 1, PIECE, b"")
    assert keeper.load(GROUP, BACKUP).made == 1234
    assert keeper.backups(GROUP) == [Held(BACKUP, 2, 5)]


def test_nothing_is_found_of_another_backup_or_wallet(keeper):
    keeper.keep(sheet(), 1, PIECE)
    assert keeper.find(GROUP, b"\x34" * 16) is None
    assert keeper.find(b"\x12" * 16, BACKUP) is None
    assert keeper.backups(b"\x12" * 16) == []


def test_many_backups_of_many_wallets_are_kept_apart(keeper):
    for group in (GROUP, b"\x12" * 16):
        for number in range(3):
            keeper.keep(sheet(bytes([number]) * 16, group), 1, bytes([number]) * 32)
    assert [one.id for one in keeper.backups(GROUP)] == [bytes([number]) * 16 for number in range(3)]
    assert keeper.find(b"\x12" * 16, bytes([2]) * 16)[2] == bytes([2]) * 32


def test_a_forgotten_piece_is_gone(keeper):
    keeper.keep(sheet(), 1, PIECE)
    keeper.forget(GROUP, BACKUP)
    keeper.forget(GROUP, BACKUP)
    assert keeper.find(GROUP, BACKUP) is None and keeper.backups(GROUP) == []


def test_a_phone_releases_its_piece_on_its_persons_word_alone(keeper):
    assert keeper.check_release(GROUP, BACKUP, b"\x55" * 16, POINT, b"") is None


@pytest.mark.parametrize("bad", [b"", b"\x80", b"\xff" * 40, bytes(20_000)])
def test_what_is_no_sheet_is_not_kept(keeper, bad):
    with pytest.raises(DaricError) as error:
        keeper.keep(bad, 1, PIECE)
    assert error.value.name in ("backup", "encoding", "too_large")
    assert keeper.backups(GROUP) == []


def test_the_sheet_is_read_as_it_was_made():
    assert read_sheet(sheet()).holders[1] == (3, Identity(9).public)


def test_a_file_of_a_newer_version_is_refused(keeper, cloud):
    for stored in ([2, b"", 1, b"", b"", 0], [1], 7):
        cloud.write(GROUP, f"backup-{BACKUP.hex()}-2-5", platform.cbor_encode(stored))
        refused("storage", keeper.load, GROUP, BACKUP)
        assert keeper.find(GROUP, BACKUP) is None, "in a session the other holders go on without this piece"


def test_another_backup_under_a_known_id_does_not_replace_its_piece(keeper):
    keeper.keep(sheet(), 1, PIECE)
    refused("backup", keeper.keep, sheet(epoch=6), 1, bytes(32))
    assert keeper.find(GROUP, BACKUP) == (sheet(), 1, PIECE, b"")
    keeper.keep(sheet(), 1, PIECE)
