"""A store that is full or unwritable, at every single write of a key generation and a signature."""

import itertools

import pytest
from daric_protocol.errors import DaricError

from tests.session.network import flip_streams
from tests.session.parties import MemoryStore, Party, Wallet, creation, message


class FailingStore(MemoryStore):
    """After `room` more writes every one fails. full: what is there can still be erased; if not, nothing changes."""

    room = 10**9
    full = True

    def write(self, name, *parts):
        self._use()
        super().write(name, *parts)

    def erase(self, name):
        if name in self and not self.full and self.room <= 0:
            raise DaricError("storage", "The store is unwritable.")
        super().erase(name)

    def _use(self):
        self.room -= 1
        if self.room < 0:
            raise DaricError("storage", "The store is full.")


@pytest.fixture(scope="module")
def made():
    return Wallet.create(2, 3, seed="full")


def failing(wallet, index, full):
    """A copy of the wallet in which one party's store will fail."""
    mine = wallet.copy()
    store = FailingStore(mine.parties[index].store)
    store.full = full
    mine.parties[index] = Party("failing", store)
    return mine, store


def run(network):
    """(name of the error of each party) after everybody's patience ended."""
    return network.start().confirm().run().expire().run().errors()


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("index", [1, 2])
def test_a_signature_ends_with_a_storage_error_and_nothing_is_lost(made, index, full):
    ended = []
    for room in itertools.count():
        wallet, store = failing(made, index, full)
        before = wallet.parties[index].custody.shard(wallet.group_id).encode()
        store.room = room
        try:
            network = wallet.network([1, 2], message("no room"))
        except DaricError as error:
            assert error.name == "storage"
            ended.append("before joining")
            network = None
        if network is not None:
            names = run(network)
            if names == [None, None]:
                break
            mine, theirs = names[index - 1], names[2 - index]
            assert (mine, theirs) in (
                ("storage", "soft"), ("storage", "replayed"), ("spent", "spent"), ("spent", None), ("storage", "spent")
            ), names  # fmt: skip
            ended.append(mine)
        store.room = 10**9
        wallet.parties[index].restart()
        assert wallet.parties[index].custody.shard(wallet.group_id).encode() == before
        assert wallet.sign([index, 3], message("with the other"), confirmed=True).states() == ["done", "done"]
        if wallet.sign([1, 2], message("no room"), confirmed=True).expire().states() != ["done", "done"]:
            assert wallet.pair_up(1, 2).states() == ["done", "done"]  # the check ran and could not be ended: a ban
            assert wallet.sign([1, 2], message("no room"), confirmed=True).states() == ["done", "done"]
    assert "before joining" in ended and "storage" in ended and "spent" in ended


@pytest.mark.parametrize("full", [True, False])
def test_a_creation_ends_with_a_storage_error_and_the_next_one_works(full):
    ended = []
    for room in itertools.count():
        store = FailingStore()
        store.full = full
        parties = [Party("failing", store), Party("second"), Party("third")]
        store.room = room
        try:
            network, terms = creation(parties, 2)
        except DaricError as error:
            assert error.name == "storage"
            ended.append("before joining")
        else:
            names = run(network)
            if names == [None] * 3:
                break
            assert names[0] == "storage" and set(names[1:]) <= {"soft", None}, names
            assert all(getattr(session.error, "blame", None) is None for session in network.sessions)
            ended.append("storage" if None not in names else "after its acknowledgement")
        store.room = 10**9
        parties[0].restart()
        if ended[-1] == "after its acknowledgement":
            parties[0].custody.adopt(parties[1].custody.certificate(terms.group))
            wallet = Wallet(parties, terms.group)
        else:
            network, terms = creation(parties, 2, uuid=b"there is room   ")
            assert run(network) == [None] * 3
            wallet = Wallet(parties, terms.group)
        assert wallet.sign([1, 2], message("room again")).states() == ["done", "done"]
    assert {"before joining", "storage", "after its acknowledgement"} == set(ended)


def test_a_ban_that_cannot_be_written_still_ends_the_use_of_the_pair(made):
    """The mark is there already: it stands for the ban while the store is full, and becomes one at the next start."""
    wallet, store = failing(made, 1, False)
    network = wallet.network([1, 2], message("cheat"), confirmed=True)
    flip_streams(network.sessions[1])
    network.start().confirm().run(until=lambda parcel: parcel.round == 2 and parcel.is_stream and parcel.to == 0)
    store.room = 1  # for the mark of the check
    network.run()
    assert network.sessions[0].error.name == "storage"
    with pytest.raises(DaricError) as refused:
        wallet.network([1, 2], message("again"), confirmed=True)
    assert refused.value.name == "storage"
    store.room = 10**9
    for _ in range(2):
        assert wallet.sign([1, 2], message("again"), confirmed=True).expire().errors() == ["soft", "soft"]
        wallet.restart()
    assert wallet.parties[1].custody.unusable(wallet.group_id) == [2]
    assert wallet.pair_up(1, 2).states() == ["done", "done"]
    assert wallet.sign([1, 2], message("again"), confirmed=True).states() == ["done", "done"]
