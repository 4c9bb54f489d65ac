"""What custody asks of a store, asked of all three."""

import pytest
from daric_host.keyprovider import FileKeyProvider
from daric_host.store import SqliteStore

from tests.custody.homes import MemoryStore
from tests.power.power_flash import memory_chip, start


@pytest.fixture(params=["memory", "vault", "sqlite"])
def store(request, tmp_path):
    if request.param == "memory":
        yield MemoryStore()
    elif request.param == "vault":
        yield start(memory_chip())
    else:
        store = SqliteStore(tmp_path / "store.db", FileKeyProvider(tmp_path / "kek.json"))
        yield store
        store.close()


def test_what_was_never_written_is_none(store):
    assert store.read("nothing") is None


def test_a_value_comes_back(store):
    store.write("pair/00/1/2", bytes(range(256)) * 24)
    assert store.read("pair/00/1/2") == bytes(range(256)) * 24


def test_an_empty_value_is_a_value(store):
    store.write("swap/00/1", b"")
    assert store.read("swap/00/1") == b""


def test_the_last_write_counts(store):
    store.write("name", b"one")
    store.write("name", b"two")
    assert store.read("name") == b"two"
    assert store.names("") == ["name"]


def test_an_erased_name_is_gone(store):
    store.write("name", b"one")
    store.erase("name")
    assert store.read("name") is None
    assert store.names("") == []


def test_erasing_nothing_does_nothing(store):
    store.erase("name")
    assert store.names("") == []


def test_names_are_found_by_prefix(store):
    for name in ("pair/a/1/2", "pair/a/1/12", "pair/b/1/2", "shard/a/1"):
        store.write(name, b"")
    assert sorted(store.names("pair/a/")) == ["pair/a/1/12", "pair/a/1/2"]
    assert store.names("mark/") == []
