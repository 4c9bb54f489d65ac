"""The real rounds on the real custody: make a group, sign, restart, ban, set the pair up again."""

import itertools

import pytest
from daric_protocol import platform
from daric_protocol.errors import Abort, DaricError
from daric_protocol.rounds.keygen import keygen
from daric_protocol.rounds.pair import pair
from daric_protocol.rounds.sign import sign

from tests.custody.homes import MemoryHome, PowerCut, open_custody
from tests.rounds.exchange import Relay, randomness, run
from tests.rounds.groups import CTX, DIGEST, GROUP_ID, new_roster, session

UUID = bytes(16)


class Wallet:
    """Three parties with their stores; each operation runs in sessions that are closed at its end."""

    def __init__(self):
        self.homes = {index: MemoryHome() for index in (1, 2, 3)}
        self.sessions = itertools.count(1)
        self.restart()

    def restart(self):
        self.parties = {index: open_custody(home, index) for index, home in self.homes.items()}

    def run(self, members, rounds, relay=None, roster=None):
        """{index: Party}; rounds(index, view, ssid, random) gives the generator of one party."""
        number = next(self.sessions)
        views, generators = {}, {}
        for index in members:
            custody = self.parties[index]
            views[index] = custody.session(GROUP_ID, number.to_bytes(16, "big"), roster)
            views[index].use_session(number.to_bytes(16, "big"))
            random = custody.session_random(number.to_bytes(16, "big"), 1, randomness(f"{number}/{index}"))
            generators[index] = rounds(index, views[index], session(f"{number}"), random)
        try:
            return run(generators, relay)
        finally:
            for view in views.values():
                view.close()

    def create(self):
        roster = new_roster(2, 3)

        def rounds(index, view, ssid, random):
            highest = self.parties[index].highest_epoch(GROUP_ID)
            return keygen(index, ssid, GROUP_ID, roster, view, random, highest)

        parties = self.run((1, 2, 3), rounds, roster=roster)
        for index, party in parties.items():
            assert party.error is None, party.error
            self.parties[index].activate(GROUP_ID, party.result[1])

    def sign(self, signers, relay=None):
        def rounds(index, view, ssid, random):
            shard = self.parties[index].shard(GROUP_ID)
            return sign(index, shard, list(signers), DIGEST, 0, CTX, ssid, view, random)

        return self.run(signers, rounds, relay)

    def set_up(self, a, b):
        def rounds(index, view, ssid, random):
            return pair(index, b if index == a else a, self.parties[index].shard(GROUP_ID), ssid, view, random)

        for index, party in self.run((a, b), rounds).items():
            assert party.error is None, party.error
            self.parties[index].activate_pair(GROUP_ID, b if index == a else a, party.result[1])


class Flip(Relay):
    """Spoils the OT extension of one sender."""

    def __init__(self, sender):
        self.sender = sender

    def message(self, number, sender, receiver, fields):
        if number == 1 and sender == self.sender:
            spoiled = bytearray(fields[-1])
            spoiled[0] ^= 1
            fields = [*fields[:-1], bytes(spoiled)]
        return fields


@pytest.fixture
def wallet():
    wallet = Wallet()
    wallet.create()
    return wallet


def signed(parties):
    for party in parties.values():
        assert party.error is None, (party.error.name, party.error.detail)
    assert len({party.result.encode() for party in parties.values()}) == 1
    return True


def test_every_pair_signs_before_and_after_a_restart(wallet):
    assert signed(wallet.sign((1, 2)))
    wallet.restart()
    for signers in ((1, 2), (1, 3), (2, 3)):
        assert signed(wallet.sign(signers))
    assert wallet.parties[1].is_spent(GROUP_ID, DIGEST)


def test_a_failed_check_bans_the_pair_until_it_is_set_up_anew(wallet):
    parties = wallet.sign((1, 2), Flip(2))
    assert (parties[1].error.name, parties[1].error.blame) == ("ban", 2)
    wallet.restart()
    ended = {index: party.error for index, party in wallet.sign((1, 2)).items()}
    assert all(isinstance(error, Abort) and error.name == "soft" for error in ended.values())
    assert signed(wallet.sign((1, 3)))
    assert signed(wallet.sign((2, 3)))
    wallet.set_up(1, 2)
    assert signed(wallet.sign((1, 2)))
    wallet.restart()
    assert signed(wallet.sign((1, 2)))


def test_a_cut_at_every_change_of_a_signature_leaves_a_wallet_that_signs(wallet):
    trial = Wallet.__new__(Wallet)
    for after in itertools.count(1):
        trial.homes = {index: home.copy() for index, home in wallet.homes.items()}
        trial.sessions = itertools.count(100 * after)
        trial.restart()
        trial.homes[1].cut(after, False)
        try:
            finished = trial.sign((1, 2))
        except PowerCut:
            finished = None
        trial.restart()
        assert not trial.parties[1].store.names("mark/")
        ended = [party.error for party in trial.sign((1, 2)).values()]
        if any(ended):
            assert {error.name for error in ended} == {"soft"}
            trial.set_up(1, 2)
            assert signed(trial.sign((1, 2)))
        assert signed(trial.sign((1, 3)))
        if finished is not None:
            assert signed(finished)
            break
    assert after > 5


def test_a_cut_at_every_change_of_a_key_generation_leaves_nothing_or_a_pending_group():
    for after in itertools.count(1):
        wallet = Wallet()
        wallet.homes[1].cut(after, False)
        try:
            wallet.create()
            return
        except PowerCut:
            pass
        wallet.restart()
        custody = wallet.parties[1]
        group = custody.find(GROUP_ID)
        if group is None:
            assert not custody.store.names("shard/") and not custody.store.names("pair/")
        else:
            assert group.epoch in (0, 1)
            assert custody.read_shard(GROUP_ID, 1).epoch == 1
        custody.use_session(b"the next session")


def test_a_group_can_be_tried_again_with_a_higher_epoch():
    wallet = Wallet()
    with wallet.parties[2].session(GROUP_ID, UUID) as view:
        view.use_epoch(5)
    wallet.create()
    assert wallet.parties[1].shard(GROUP_ID).epoch == 6
    assert signed(wallet.sign((1, 2)))


def test_a_store_that_fails_at_the_mark_ends_the_session_and_reveals_nothing(wallet):
    store = wallet.parties[1].store
    write = store.write

    def full(name, *parts):
        if name.startswith("mark/"):
            raise DaricError("storage")
        write(name, *parts)

    store.write = full
    parties = wallet.sign((1, 2))
    assert parties[1].error.name == "storage"
    store.write = write
    assert signed(wallet.sign((1, 2)))


def test_the_stored_shard_is_the_real_one(wallet):
    shards = [wallet.parties[index].shard(GROUP_ID) for index in (1, 2, 3)]
    assert len({shard.pk for shard in shards}) == 1
    for shard in shards:
        assert platform.curve.encode(platform.curve.mul_g(shard.s)) == shard.P[shard.me]


