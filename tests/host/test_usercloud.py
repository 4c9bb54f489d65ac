"""The user's cloud storage: sealed files anywhere; a changed, swapped, old or missing one is refused."""

import fsspec
import pytest
from daric_host.keyprovider import FileKeyProvider
from daric_host.store import SqliteStore
from daric_host.usercloud import UserCloud
from daric_protocol.errors import DaricError

GROUP, OTHER = b"\x11" * 16, b"\x22" * 16
SECRET = b"a piece that nobody else may read"


@pytest.fixture
def store(tmp_path):
    opened = SqliteStore(tmp_path / "store.db", FileKeyProvider(tmp_path / "key"), "phone")
    yield opened
    opened.close()


@pytest.fixture(params=["folder", "memory"])
def cloud(request, store, tmp_path):
    """The same over a local folder and over a file system that is none."""
    url = str(tmp_path / "cloud") if request.param == "folder" else "memory://" + tmp_path.name
    return UserCloud(url, store)


@pytest.fixture
def folder(store, tmp_path):
    """A cloud whose files lie in tmp_path / "cloud"."""
    return UserCloud(str(tmp_path / "cloud"), store)


def lying(tmp_path):
    """The files that lie in the folder."""
    return sorted(path for path in (tmp_path / "cloud").rglob("*") if path.is_file())


def refused(name, call, *arguments):
    with pytest.raises(DaricError) as error:
        call(*arguments)
    assert error.value.name == name
    return error.value.detail


def test_what_was_written_is_read_again(cloud):
    cloud.write(GROUP, "backup-1", SECRET)
    cloud.write(GROUP, "backup-2", b"")
    assert cloud.read(GROUP, "backup-1") == SECRET
    assert cloud.read(GROUP, "backup-2") == b""
    assert cloud.names(GROUP) == ["backup-1", "backup-2"]


def test_a_second_write_replaces_the_first(cloud):
    for value in (b"first", b"second", b"third"):
        cloud.write(GROUP, "backup-1", value)
        assert cloud.read(GROUP, "backup-1") == value


def test_nothing_is_read_of_a_file_that_was_never_written(cloud):
    assert cloud.read(GROUP, "backup-1") is None
    cloud.write(GROUP, "backup-1", SECRET)
    assert cloud.read(OTHER, "backup-1") is None
    assert cloud.names(OTHER) == []
    assert cloud.names(GROUP, "record") == []


def test_an_erased_file_is_gone_and_can_be_written_anew(cloud):
    cloud.write(GROUP, "backup-1", SECRET)
    cloud.erase(GROUP, "backup-1")
    cloud.erase(GROUP, "backup-1")
    assert cloud.read(GROUP, "backup-1") is None and cloud.names(GROUP) == []
    cloud.write(GROUP, "backup-1", b"again")
    assert cloud.read(GROUP, "backup-1") == b"again"


def test_files_survive_the_process(folder, store, tmp_path):
    folder.write(GROUP, "backup-1", SECRET)
    assert UserCloud(str(tmp_path / "cloud"), store).read(GROUP, "backup-1") == SECRET


def test_no_file_shows_its_content_or_which_wallet_it_belongs_to(folder, tmp_path):
    folder.write(GROUP, "backup-1", SECRET)
    folder.write(OTHER, "backup-1", SECRET)
    first, second = lying(tmp_path)
    assert first.parent != second.parent
    for path in (first, second):
        assert SECRET not in path.read_bytes()
        assert GROUP.hex() not in str(path) and OTHER.hex() not in str(path)


def test_the_same_content_is_sealed_differently_each_time(folder, tmp_path):
    folder.write(GROUP, "backup-1", SECRET)
    (path,) = lying(tmp_path)
    before = path.read_bytes()
    folder.write(GROUP, "backup-1", SECRET)
    assert path.read_bytes() != before


def test_a_write_leaves_no_other_file_behind(folder, tmp_path):
    folder.write(GROUP, "backup-1", SECRET)
    folder.write(GROUP, "backup-1", SECRET)
    assert [path.name for path in lying(tmp_path)] == ["backup-1"]


@pytest.mark.parametrize("change", ["flipped", "cut", "empty", "longer", "huge"])
def test_a_changed_file_is_refused(folder, tmp_path, change):
    folder.write(GROUP, "backup-1", SECRET)
    (path,) = lying(tmp_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    kept = path.read_bytes()
    path.write_bytes(
        {"flipped": bytes(data), "cut": kept[:-1], "empty": b"", "longer": kept + b"\0", "huge": bytes(70_000)}[change]
    )
    refused("storage", folder.read, GROUP, "backup-1")


def test_a_file_that_was_rolled_back_is_refused(folder, tmp_path):
    folder.write(GROUP, "backup-1", b"old")
    (path,) = lying(tmp_path)
    old = path.read_bytes()
    folder.write(GROUP, "backup-1", b"new")
    path.write_bytes(old)
    assert "rolled back" in refused("storage", folder.read, GROUP, "backup-1")


def test_a_file_of_before_an_erasure_is_refused(folder, tmp_path):
    folder.write(GROUP, "backup-1", b"old")
    (path,) = lying(tmp_path)
    old = path.read_bytes()
    folder.erase(GROUP, "backup-1")
    path.write_bytes(old)
    assert folder.read(GROUP, "backup-1") is None
    folder.write(GROUP, "backup-1", b"new")
    path.write_bytes(old)
    refused("storage", folder.read, GROUP, "backup-1")


def test_files_swapped_within_a_wallet_are_refused(folder, tmp_path):
    folder.write(GROUP, "backup-1", b"one")
    folder.write(GROUP, "backup-2", b"two")
    first, second = lying(tmp_path)
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)
    refused("storage", folder.read, GROUP, "backup-1")
    refused("storage", folder.read, GROUP, "backup-2")


def test_files_swapped_between_wallets_are_refused(folder, tmp_path):
    folder.write(GROUP, "backup-1", b"one")
    folder.write(OTHER, "backup-1", b"two")
    first, second = lying(tmp_path)
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)
    refused("storage", folder.read, GROUP, "backup-1")
    refused("storage", folder.read, OTHER, "backup-1")


def test_a_missing_file_is_named(folder, tmp_path):
    folder.write(GROUP, "backup-1", SECRET)
    lying(tmp_path)[0].unlink()
    assert "backup-1 is gone" in refused("storage", folder.read, GROUP, "backup-1")
    assert folder.names(GROUP) == ["backup-1"]


def test_two_phones_share_a_place_without_touching_each_other(folder, tmp_path):
    second = SqliteStore(tmp_path / "second.db", FileKeyProvider(tmp_path / "second"), "phone")
    other = UserCloud(str(tmp_path / "cloud"), second)
    folder.write(GROUP, "backup-1", b"mine")
    other.write(GROUP, "backup-1", b"theirs")
    assert (folder.read(GROUP, "backup-1"), other.read(GROUP, "backup-1")) == (b"mine", b"theirs")
    second.close()


class Broken(Exception):
    """The power went off."""


@pytest.mark.parametrize("before", [None, b"old"])
@pytest.mark.parametrize("cut", ["_put", "_keep"])
def test_a_crash_at_any_step_leaves_the_old_content_or_the_new_one(folder, store, tmp_path, monkeypatch, before, cut):
    if before is not None:
        folder.write(GROUP, "backup-1", before)
    doing, calls = getattr(UserCloud, cut), []

    def crash(self, *arguments):
        calls.append(arguments)
        if cut == "_put" or len(calls) == 2:  # before the file is written, or after it
            raise Broken
        doing(self, *arguments)

    monkeypatch.setattr(UserCloud, cut, crash)
    with pytest.raises(Broken):
        folder.write(GROUP, "backup-1", b"new")
    monkeypatch.undo()
    again = UserCloud(str(tmp_path / "cloud"), store)
    assert again.read(GROUP, "backup-1") == (before if cut == "_put" else b"new")
    again.write(GROUP, "backup-1", b"third")
    assert again.read(GROUP, "backup-1") == b"third"


def test_after_a_crash_a_file_of_neither_version_is_refused(folder, store, tmp_path, monkeypatch):
    folder.write(GROUP, "backup-1", b"oldest")
    (path,) = lying(tmp_path)
    oldest = path.read_bytes()
    folder.write(GROUP, "backup-1", b"old")
    monkeypatch.setattr(UserCloud, "_put", lambda *_: (_ for _ in ()).throw(Broken()))
    with pytest.raises(Broken):
        folder.write(GROUP, "backup-1", b"new")
    monkeypatch.undo()
    path.write_bytes(oldest)
    refused("storage", folder.read, GROUP, "backup-1")
    refused("storage", folder.write, GROUP, "backup-1", b"newest")


def test_a_place_that_cannot_be_written_is_said(store, tmp_path):
    (tmp_path / "file").write_text("no folder")
    refused("storage", UserCloud(str(tmp_path / "file"), store).write, GROUP, "backup-1", SECRET)


def test_a_full_or_forbidden_place_is_said(store, tmp_path, monkeypatch):
    cloud = UserCloud("memory://forbidden", store)

    def forbidden(*_, **__):
        raise PermissionError("read-only")

    monkeypatch.setattr(fsspec.filesystem("memory"), "open", forbidden, raising=False)
    assert "read-only" in refused("storage", cloud.write, GROUP, "backup-1", SECRET)
    monkeypatch.undo()
    cloud.write(GROUP, "backup-1", SECRET)
    assert cloud.read(GROUP, "backup-1") == SECRET


@pytest.mark.parametrize("url", ["nosuchplace://x", "http://127.0.0.1:9/x", "ftp://127.0.0.1:9/x", "/proc/nowhere"])
def test_an_unknown_or_unreachable_place_is_said(store, url):
    refused("storage", UserCloud(url, store).write, GROUP, "backup-1", SECRET)


@pytest.mark.parametrize("name", ["", "../up", "a/b", "A", "a.new", "ü", "a\0"])
def test_a_name_that_could_leave_the_folder_is_refused(folder, name):
    refused("parameter", folder.write, GROUP, name, SECRET)
    folder.write(GROUP, "backup-1", SECRET)
    refused("parameter", folder.read, GROUP, name)
    refused("parameter", folder.erase, GROUP, name)


def test_a_content_that_is_too_large_is_refused_and_changes_nothing(folder):
    folder.write(GROUP, "backup-1", SECRET)
    refused("too_large", folder.write, GROUP, "backup-1", bytes(65536))
    assert folder.read(GROUP, "backup-1") == SECRET


@pytest.mark.parametrize("told", ["{url}", "no url: /repos/me/s3cr%74/git?sig=t0ken", "s3crt no"])
def test_no_error_repeats_a_password_or_signature_of_the_url(store, monkeypatch, told):
    url = "https://me:s3cr%74@files.example/box?sig=t0ken"

    def failing(given):
        raise OSError(told.format(url=given))

    monkeypatch.setattr("fsspec.core.url_to_fs", failing)
    detail = refused("storage", UserCloud(url, store).write, GROUP, "backup-1", SECRET)
    assert not [secret for secret in ("s3cr%74", "s3crt", "t0ken") if secret in detail]
    assert "cannot be written" in detail


def test_a_token_in_the_urls_place_of_a_name_is_told_by_no_error_nor_its_cause(store, monkeypatch):
    def failing(given):
        raise OSError(given)

    monkeypatch.setattr("fsspec.core.url_to_fs", failing)
    with pytest.raises(DaricError) as error:
        UserCloud("https://t0ken@files.example/box", store).write(GROUP, "backup-1", SECRET)
    assert "t0ken" not in error.value.detail
    assert error.value.__cause__ is None and error.value.__suppress_context__
