"""The hosts' store and its key provider: sealed rows, refused tampering, one process at a time."""

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import daric_protocol
import pytest
from daric_host.keyprovider import FileKeyProvider
from daric_host.store import WALLET_PREFIXES, SqliteStore
from daric_protocol import atrest
from daric_protocol.errors import DaricError

SECRET = b"a share that must not be seen in clear"
GID = "11" * 16
OTHER = "22" * 16


@pytest.fixture
def provider(tmp_path):
    return FileKeyProvider(tmp_path / "kek.json")


@pytest.fixture
def opened(tmp_path, provider):
    """Open the store; opening again closes the one before."""
    stores = []

    def open_store(purpose="phone", with_provider=provider):
        while stores:
            stores.pop().close()
        stores.append(SqliteStore(tmp_path / "store.db", with_provider, purpose))
        return stores[-1]

    yield open_store
    while stores:
        stores.pop().close()


def tamper(opened, tmp_path, *statements):
    """Close the store and change the file with SQL."""
    opened().close()
    with sqlite3.connect(tmp_path / "store.db") as database:
        for statement in statements:
            database.execute(*statement) if isinstance(statement, tuple) else database.execute(statement)
    database.close()


def rows(tmp_path, table="entry"):
    with sqlite3.connect(tmp_path / "store.db") as database:
        found = database.execute(f"SELECT * FROM {table}").fetchall()
    database.close()
    return found


def raw(tmp_path):
    return b"".join(path.read_bytes() for path in tmp_path.glob("store.db*"))


def test_values_survive_a_restart(opened):
    opened().write(f"shard/{GID}/1", SECRET)
    assert opened().read(f"shard/{GID}/1") == SECRET


def test_no_value_lies_in_clear_in_any_file(opened, tmp_path):
    opened().write(f"shard/{GID}/1", SECRET)
    opened()
    assert SECRET not in raw(tmp_path)


def test_an_erased_row_is_in_no_file(opened, tmp_path):
    store = opened()
    store.write(f"shard/{GID}/1", SECRET)
    _, _, _, wrapped, sealed = sqlite_row(store, f"shard/{GID}/1")
    assert wrapped in raw(tmp_path)
    store.erase(f"shard/{GID}/1")
    assert wrapped not in raw(tmp_path)
    assert sealed not in raw(tmp_path)


def test_a_replaced_row_is_in_no_file(opened, tmp_path):
    store = opened()
    store.write(f"shard/{GID}/1", SECRET)
    _, _, _, wrapped, _ = sqlite_row(store, f"shard/{GID}/1")
    store.write(f"shard/{GID}/1", b"new")
    assert wrapped not in raw(tmp_path)


def sqlite_row(store, name):
    return store._db.execute("SELECT * FROM entry WHERE name = ?", (name,)).fetchone()


def test_the_file_is_for_its_owner_only(opened, tmp_path):
    opened()
    assert os.stat(tmp_path / "store.db").st_mode & 0o077 == 0


def test_a_swapped_row_is_refused(opened, tmp_path):
    store = opened()
    store.write(f"shard/{GID}/1", b"one")
    store.write(f"shard/{GID}/2", b"two")
    store.close()
    (first, second) = rows(tmp_path)
    tamper(
        opened,
        tmp_path,
        ("UPDATE entry SET wrapped = ?, sealed = ? WHERE name = ?", (*second[3:], first[0])),
    )
    with pytest.raises(DaricError, match=f"shard/{GID}/1") as caught:
        opened().read(f"shard/{GID}/1")
    assert caught.value.name == "storage"
    assert opened().read(f"shard/{GID}/2") == b"two"


def test_a_rolled_back_row_is_refused_and_other_wallets_work(opened, tmp_path):
    store = opened()
    store.write(f"spent/{GID}", b"nothing spent")
    store.write(f"spent/{OTHER}", b"fine")
    store.close()
    old = next(row for row in rows(tmp_path) if row[0] == f"spent/{GID}")
    opened().write(f"spent/{GID}", b"spent")
    tamper(opened, tmp_path, ("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?)", old))
    again = opened()
    with pytest.raises(DaricError, match="rolled back"):
        again.read(f"spent/{GID}")
    with pytest.raises(DaricError, match="rolled back"):
        again.write(f"spent/{GID}", b"anything")
    assert again.read(f"spent/{OTHER}") == b"fine"


def test_a_removed_row_is_refused(opened, tmp_path):
    opened().write(f"ban/{GID}/x", b"banned")
    tamper(opened, tmp_path, "DELETE FROM entry")
    with pytest.raises(DaricError, match="removed"):
        opened().read(f"ban/{GID}/x")


def test_a_removed_wallet_is_refused(opened, tmp_path):
    store = opened()
    store.write(f"ban/{GID}/x", b"banned")
    tamper(opened, tmp_path, "DELETE FROM entry", ("DELETE FROM head WHERE scope = ?", (GID,)))
    with pytest.raises(DaricError, match="removed or rolled back"):
        opened()


def test_a_wallet_rolled_back_as_a_whole_is_refused(opened, tmp_path):
    opened().write(f"spent/{GID}", b"nothing spent")
    opened().close()
    entry, head = rows(tmp_path)[0], next(row for row in rows(tmp_path, "head") if row[0] == GID)
    opened().write(f"spent/{GID}", b"spent")
    tamper(
        opened,
        tmp_path,
        ("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?)", entry),
        ("INSERT OR REPLACE INTO head VALUES (?, ?, ?, ?)", head),
    )
    with pytest.raises(DaricError, match="rolled back"):
        opened()


def test_an_added_row_is_refused(opened, tmp_path):
    opened().write(f"group/{GID}", b"x")
    opened().close()
    row = rows(tmp_path)[0]
    tamper(opened, tmp_path, ("INSERT INTO entry VALUES (?, ?, ?, ?, ?)", (f"mark/{OTHER}/2", OTHER, *row[2:])))
    with pytest.raises(DaricError, match="added"):
        opened()


def test_a_changed_head_is_refused(opened, tmp_path):
    opened().write(f"group/{GID}", b"x")
    tamper(opened, tmp_path, "UPDATE head SET version = version + 1")
    with pytest.raises(DaricError) as caught:
        opened()
    assert caught.value.name == "storage"


def test_a_damaged_row_is_named_and_takes_nothing_along(opened, tmp_path):
    store = opened()
    store.write(f"pair/{GID}/1/2", b"one")
    store.write(f"pair/{GID}/1/3", b"two")
    tamper(opened, tmp_path, f"UPDATE entry SET sealed = x'00' WHERE name = 'pair/{GID}/1/2'")
    again = opened()
    assert again.damaged() == [f"pair/{GID}/1/2"]
    assert again.read(f"pair/{GID}/1/3") == b"two"
    again.write(f"pair/{GID}/1/2", b"anew")
    assert opened().read(f"pair/{GID}/1/2") == b"anew"


def test_a_row_of_another_purpose_does_not_open(opened):
    opened("phone").write("identity", SECRET)
    with pytest.raises(DaricError) as caught:
        opened("cloud")
    assert caught.value.name == "storage"


def test_another_key_file_does_not_open_the_store(opened, tmp_path):
    opened().write("identity", SECRET)
    with pytest.raises(DaricError, match="key file"):
        opened(with_provider=FileKeyProvider(tmp_path / "other.json"))


def test_a_second_process_is_refused(opened, tmp_path):
    opened()
    code = (
        "from daric_host.store import SqliteStore; from daric_host.keyprovider import FileKeyProvider\n"
        "from daric_protocol.errors import DaricError\nimport sys\n"
        "try: SqliteStore(sys.argv[1] + '/store.db', FileKeyProvider(sys.argv[1] + '/kek.json'), 'phone')\n"
        "except DaricError as error: print(error.name)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "busy"


def test_a_killed_process_leaves_what_it_wrote_and_no_lock(opened, tmp_path, provider):
    code = (
        "from daric_host.store import SqliteStore; from daric_host.keyprovider import FileKeyProvider\n"
        "import os, signal, sys\n"
        "store = SqliteStore(sys.argv[1] + '/store.db', FileKeyProvider(sys.argv[1] + '/kek.json'), 'phone')\n"
        "store.write('mark/00/2', b'open')\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert opened().read("mark/00/2") == b"open"


def test_an_unwritable_directory_is_a_clear_error(tmp_path, provider):
    (tmp_path / "file").write_text("no directory")
    with pytest.raises(DaricError) as caught:
        SqliteStore(tmp_path / "file" / "store.db", provider)
    assert caught.value.name == "storage"


def test_a_full_store_is_a_clear_error_and_changes_nothing(opened):
    store = opened()
    store.write("name", b"old")
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(DaricError) as caught:
        for number in range(20):
            store.write(f"big/{number}", bytes(20000))
    assert caught.value.name == "storage"
    assert store.read("name") == b"old"
    store.write("name", b"new")
    assert opened().read("name") == b"new"


def test_a_file_that_is_no_database_is_a_clear_error(tmp_path, provider):
    (tmp_path / "store.db").write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(DaricError) as caught:
        SqliteStore(tmp_path / "store.db", provider)
    assert caught.value.name == "storage"


def test_each_wallet_has_its_own_storage_key_and_each_row_its_own(opened, tmp_path):
    store = opened()
    for gid in (GID, OTHER):
        store.write(f"shard/{gid}/1", SECRET)
        store.write(f"shard/{gid}/2", SECRET)
    assert {row[0] for row in rows_of(store, "sek")} == {"", GID, OTHER}
    assert len({row[4] for row in rows_of(store, "entry")}) == 4


def rows_of(store, table):
    return store._db.execute(f"SELECT * FROM {table}").fetchall()


# What leaves the store, and what is destroyed


def keys_of(store):
    """Every key that the files and the provider together still give: of wallets, and of rows under each of those."""
    seks = [store._provider.unwrap(wrapped, store._context(scope)) for scope, wrapped in rows_of(store, "sek")]
    found = list(seks)
    for name, _, version, wrapped, _ in rows_of(store, "entry"):
        for sek in seks:
            with suppress(DaricError):
                found.append(atrest.open_entry(sek, b"daric/phone/key", name, version, wrapped))
    return found


def opens(store, name, record):
    """Whether any key that is left opens a sealed row."""
    version, sealed = record
    for key in keys_of(store):
        with suppress(DaricError):
            return atrest.open_entry(key, b"daric/phone", name, version, sealed) is not None
    return False


def test_a_sealed_row_shows_nothing_and_opens_with_its_own_key_only(opened):
    store = opened()
    store.write(f"shard/{GID}/1", SECRET)
    record = store.sealed(f"shard/{GID}/1")
    assert SECRET not in record[1]
    assert sqlite_row(store, f"shard/{GID}/1")[3] not in record[1]
    assert opens(store, f"shard/{GID}/1", record)


def test_a_sealed_row_is_the_same_until_the_row_is_written_again(opened):
    store = opened()
    store.write(f"shard/{GID}/1", SECRET)
    first = store.sealed(f"shard/{GID}/1")
    store.write(f"spent/{GID}", b"other row")
    assert opened().sealed(f"shard/{GID}/1") == first
    opened().write(f"shard/{GID}/1", SECRET)
    assert opened().sealed(f"shard/{GID}/1") != first


def test_there_is_no_sealed_row_where_nothing_is_stored(opened):
    assert opened().sealed(f"shard/{GID}/1") is None


@pytest.mark.parametrize("end", ["replaced", "erased", "wallet"])
def test_no_key_that_is_left_opens_a_copy_of_a_row_that_is_gone(opened, end):
    store = opened()
    store.write(f"shard/{GID}/1", SECRET)
    store.write(f"pair/{GID}/1/2", b"a state")
    record = store.sealed(f"shard/{GID}/1")
    if end == "replaced":
        store.write(f"shard/{GID}/1", b"new")
    elif end == "erased":
        store.erase(f"shard/{GID}/1")
    else:
        store.erase_wallet(GID, "erased/" + GID, b"receipt")
    assert not opens(store, f"shard/{GID}/1", record)
    assert not opens(opened(), f"shard/{GID}/1", record)


@pytest.mark.parametrize("prefix", WALLET_PREFIXES)
def test_every_row_of_a_wallet_lies_under_its_own_storage_key(opened, prefix):
    opened().write(f"{prefix}/{GID}", SECRET)
    assert {row[1] for row in rows_of(opened(), "entry")} == {GID}


def test_an_erased_wallet_leaves_one_row_and_no_byte_of_its_own(opened, tmp_path):
    store = opened()
    for prefix in WALLET_PREFIXES:
        store.write(f"{prefix}/{GID}/1", SECRET)
        store.write(f"{prefix}/{OTHER}/1", b"stays")
    gone = [row for row in rows_of(store, "entry") if row[1] == GID]
    wrapped = [row[1] for row in rows_of(store, "sek") if row[0] == GID]
    assert len(gone) == len(WALLET_PREFIXES) and wrapped
    store.erase_wallet(GID, "erased/" + GID, b"receipt")
    for find in (lambda: store, opened):
        now = find()
        left = raw(tmp_path)
        assert not [row for row in gone if row[3] in left or row[4] in left]
        assert wrapped[0] not in left
        assert [name for name in now.names() if GID in name] == ["erased/" + GID]
        assert now.read("erased/" + GID) == b"receipt"
        assert now.read(f"shard/{OTHER}/1") == b"stays"
    assert {row[0] for row in rows_of(opened(), "sek")} == {"", OTHER}


def test_an_erased_wallet_may_begin_again_under_another_key(opened):
    store = opened()
    store.write(f"shard/{GID}/1", SECRET)
    store.erase_wallet(GID, "erased/" + GID, b"receipt")
    assert store.read(f"shard/{GID}/1") is None
    store.write(f"shard/{GID}/1", b"again")
    assert opened().read(f"shard/{GID}/1") == b"again"


def test_a_wallet_of_which_nothing_is_stored_may_be_erased(opened):
    opened().erase_wallet(GID, "erased/" + GID, b"receipt")
    assert opened().read("erased/" + GID) == b"receipt"


def test_an_erased_wallet_that_is_put_back_is_refused(opened, tmp_path):
    opened().write(f"shard/{GID}/1", SECRET)
    opened().close()
    old = {table: [row for row in rows(tmp_path, table) if GID in row] for table in ("entry", "sek", "head")}
    opened().erase_wallet(GID, "erased/" + GID, b"receipt")
    places = {"entry": "?, ?, ?, ?, ?", "sek": "?, ?", "head": "?, ?, ?, ?"}
    again = [(f"INSERT INTO {table} VALUES ({places[table]})", row) for table in old for row in old[table]]
    tamper(opened, tmp_path, *again)
    with pytest.raises(DaricError, match="rolled back"):
        opened()


def test_a_failure_in_the_middle_of_erasing_a_wallet_changes_nothing(opened, monkeypatch):
    store = opened()
    store.write(f"shard/{GID}/1", SECRET)

    def fail(*_):
        raise DaricError("storage")

    monkeypatch.setattr(store, "_seal", fail)
    with pytest.raises(DaricError):
        store.erase_wallet(GID, "erased/" + GID, b"receipt")
    assert store.read(f"shard/{GID}/1") == SECRET
    assert opened().read(f"shard/{GID}/1") == SECRET


def test_what_was_erased_just_before_a_kill_is_in_no_file_after_the_next_start(opened, tmp_path, provider):
    opened().write(f"shard/{GID}/1", SECRET)
    record = sqlite_row(opened(), f"shard/{GID}/1")
    opened().close()
    code = (
        "from daric_host.store import SqliteStore; from daric_host.keyprovider import FileKeyProvider\n"
        "import os, signal, sys\n"
        "store = SqliteStore(sys.argv[1] + '/store.db', FileKeyProvider(sys.argv[1] + '/kek.json'), 'phone')\n"
        "store._truncate_log = lambda: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"store.erase_wallet('{GID}', 'erased/{GID}', b'receipt')"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert opened().read("erased/" + GID) == b"receipt"
    assert record[3] not in raw(tmp_path) and record[4] not in raw(tmp_path)


# Key provider


def test_a_rotated_key_still_opens_and_a_retired_one_only_after_rewrapping(opened, provider, tmp_path):
    store = opened()
    store.write(f"shard/{GID}/1", SECRET)
    old = provider.key_id()
    assert provider.rotate() != old
    store.rewrap()
    provider.retire()
    assert opened(with_provider=FileKeyProvider(tmp_path / "kek.json")).read(f"shard/{GID}/1") == SECRET


def test_retiring_before_rewrapping_locks_the_store_visibly(opened, provider):
    opened().write("identity", SECRET)
    provider.rotate()
    provider.retire()
    with pytest.raises(DaricError, match="key file"):
        opened()


def test_a_wrapped_key_belongs_to_its_context(provider):
    wrapped = provider.wrap(bytes(32), "wallet a")
    assert provider.unwrap(wrapped, "wallet a") == bytes(32)
    with pytest.raises(DaricError):
        provider.unwrap(wrapped, "wallet b")


def test_whatever_custody_stores_of_a_wallet_goes_with_it():
    folder = Path(daric_protocol.__file__).parent
    text = "".join(path.read_text() for path in sorted(folder.glob("*.py")))
    kinds = set(re.findall(r'"([a-z]+)/(?:" \+ [\w.]*(?:group_id|group\.id|self\.id)\.hex|%s)', text))
    assert len(kinds) > 12 and kinds <= set(WALLET_PREFIXES)


def test_the_key_file_is_for_its_owner_only(provider, tmp_path):
    assert os.stat(tmp_path / "kek.json").st_mode & 0o777 == 0o600
    provider.health()
    os.chmod(tmp_path / "kek.json", 0o644)
    with pytest.raises(DaricError, match="0600"):
        FileKeyProvider(tmp_path / "kek.json")
    with pytest.raises(DaricError, match="0600"):
        provider.health()


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"current": "a", "keys": {}}', '{"current": "a", "keys": {"a": "00"}}', '{"keys": []}']
)
def test_a_damaged_key_file_is_a_clear_error(tmp_path, content):
    path = tmp_path / "kek.json"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(DaricError) as caught:
        FileKeyProvider(path)
    assert caught.value.name == "storage"


def test_a_flipped_bit_in_a_wrapped_key_is_refused(provider):
    wrapped = bytearray(provider.wrap(bytes(32), "wallet"))
    wrapped[-1] ^= 1
    with pytest.raises(DaricError):
        provider.unwrap(bytes(wrapped), "wallet")
