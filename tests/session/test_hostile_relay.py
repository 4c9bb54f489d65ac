"""A relay that drops, delays, repeats, reorders, splits or shows two views, while real groups are made and sign."""

import random

import pytest
from daric_protocol import flows
from daric_protocol.errors import DaricError

from tests.session.network import EvilRelay, Network, Parcel
from tests.session.parties import Party, Wallet, creation, message

PAIRS = ([1, 2], [1, 3], [2, 3])
OPENINGS = -1


@pytest.fixture(scope="module")
def made():
    return Wallet.create(2, 3, seed="hostile relay")


@pytest.fixture
def wallet(made):
    return made.copy()


def every_pair_signs(wallet):
    """Nothing was lost and nobody was banned."""
    for signers in PAIRS:
        network = wallet.sign(signers, message(f"after {signers}"), confirmed=True)
        assert network.states() == ["done", "done"], network.errors()


def nobody_is_accused(network):
    assert set(network.errors()) <= {None, "soft", "spent"}
    assert all(session.error is None or session.error.blame is None for session in network.sessions)


def three(label):
    return [Party(f"{label} {number}") for number in range(3)]


def next_creation_works(parties):
    network, terms = creation(parties, 2, uuid=b"the next session")
    assert network.start().confirm().run().states() == ["done"] * 3, network.errors()
    every_pair_signs(Wallet(parties, terms.group))


@pytest.mark.parametrize("lost", [OPENINGS, 0, 1, 2, 3])
def test_a_creation_whose_round_is_lost_ends_softly_and_the_next_one_works(lost):
    parties = three(f"lost {lost}")
    network, terms = creation(parties, 2, EvilRelay(drop=lambda parcel: parcel.round == lost and not parcel.is_notice))
    assert network.start().confirm().run().expire().errors() == ["soft"] * 3
    assert all(party.custody.find(terms.group) is None for party in parties)
    next_creation_works(parties)


@pytest.mark.parametrize(("lost", "name"), [(1, "soft"), (2, "soft"), (3, "spent")])
def test_a_signature_whose_round_is_lost_ends_in_its_class_and_costs_no_pair(wallet, lost, name):
    relay = EvilRelay(drop=lambda parcel: parcel.round == lost and not parcel.is_notice)
    network = wallet.sign([1, 2], message("lost"), relay).expire()
    assert network.errors() == [name, name]
    assert wallet.sign([1, 2], message("lost")).states() == ["done", "done"]
    every_pair_signs(wallet)


@pytest.mark.parametrize("seat", range(3))
def test_a_party_that_always_comes_last_is_waited_for(seat):
    parties = three(f"slow {seat}")
    network, terms = creation(parties, 2, EvilRelay(delay=lambda parcel: parcel.origin == seat))
    assert network.start().confirm().run().states() == ["done"] * 3
    wallet = Wallet(parties, terms.group)
    slow = EvilRelay(delay=lambda parcel: parcel.origin == 0, repeat=lambda _: True)
    assert wallet.sign([1, 2], message("slow"), slow).states() == ["done", "done"]


class Splitter(EvilRelay):
    """Hands every frame on as two."""

    def pass_on(self, parcel):
        half = len(parcel.frame) // 2
        return [Parcel(parcel.origin, parcel.to, part) for part in (parcel.frame[:half], parcel.frame[half:])]


def test_frames_that_are_split_are_no_frames(wallet):
    parties = three("split")
    network, _ = creation(parties, 2, Splitter())
    network.start().confirm().run().expire()
    assert network.errors() == ["soft"] * 3
    next_creation_works(parties)
    assert wallet.sign([1, 2], message("split"), Splitter()).expire().errors() == ["soft", "soft"]
    every_pair_signs(wallet)


class Joiner(EvilRelay):
    """Hands every second frame on in one piece with the one before it."""

    def __init__(self):
        super().__init__()
        self.kept = {}

    def pass_on(self, parcel):
        way = (parcel.origin, parcel.to)
        if way not in self.kept:
            self.kept[way] = parcel.frame
            return []
        return [Parcel(*way, self.kept.pop(way) + parcel.frame)]


def test_frames_that_are_joined_are_no_frames(wallet):
    assert wallet.sign([1, 2], message("joined"), Joiner()).expire().errors() == ["soft", "soft"]
    every_pair_signs(wallet)


def chaos(seed):
    """Everything at once, a little of each."""
    dice = random.Random(seed)

    def tamper(parcel):
        if dice.random() >= 0.01:
            return None
        at = dice.randrange(len(parcel.frame))
        return parcel.frame[:at] + bytes([parcel.frame[at] ^ 1 << dice.randrange(8)]) + parcel.frame[at + 1 :]

    return EvilRelay(
        reorder=True, seed=seed, tamper=tamper,
        drop=lambda _: dice.random() < 0.01,
        delay=lambda _: dice.random() < 0.1,
        repeat=lambda _: dice.random() < 0.2,
        redirect=lambda parcel: dice.randrange(2) if dice.random() < 0.01 else None,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_chaos_in_a_creation_accuses_nobody_and_the_next_one_works(seed):
    parties = three(f"chaos {seed}")
    network, _ = creation(parties, 2, chaos(seed))
    nobody_is_accused(network.start().confirm().run().expire().run())
    next_creation_works(parties)


def test_chaos_in_signatures_accuses_nobody_and_costs_no_pair(wallet):
    ended = set()
    for seed in range(30):
        network = wallet.sign(PAIRS[seed % 3], message(f"chaos {seed}"), chaos(seed), confirmed=True).expire().run()
        nobody_is_accused(network)
        ended |= set(network.states())
    assert ended == {"done", "failed"}
    every_pair_signs(wallet)


def test_a_signature_of_another_session_replayed_as_a_whole_is_of_no_use(wallet):
    recorded = wallet.sign([1, 2], message("recorded")).log
    network = wallet.sign([1, 2], message("replayed"), EvilRelay(inject=recorded))
    nobody_is_accused(network.expire())
    every_pair_signs(wallet)


# Two views


def test_signers_shown_different_requests_part_softly(wallet):
    uuid = wallet.uuid()
    asked = [message("pay one"), message("pay thousand")]
    terms = [flows.sign_terms(uuid, wallet.group_id, wallet.roster, [1, 2], one) for one in asked]
    sessions = [wallet.parties[index].open(one) for index, one in zip([1, 2], terms, strict=True)]
    network = Network(sessions).start().confirm().run().expire()
    assert network.errors() == ["soft", "soft"]
    every_pair_signs(wallet)


def test_signers_shown_each_others_stand_ins_part_softly(wallet):
    """Each signer is told that another one signs with it."""
    uuid = wallet.uuid()
    views = {1: [1, 2], 2: [2, 3], 3: [1, 3]}
    sessions = [
        wallet.parties[index].open(flows.sign_terms(uuid, wallet.group_id, wallet.roster, signers, message("whom")))
        for index, signers in views.items()
    ]
    seats = {index: session.join() for index, session in zip(views, sessions, strict=True)}
    for session, signers in zip(sessions, views.values(), strict=True):
        session.start([seats[other] for other in signers])
        session.confirm()
    frames = [
        (session.me, sessions[session.indexes[seat] - 1], frame)
        for session in sessions
        for seat, frame in iter(session.send, None)
    ]
    for sender, session, frame in frames:
        if sender in session.indexes:
            session.receive(session.indexes.index(sender), frame)
    for session in sessions:
        session.expire()
    assert {session.error.name for session in sessions} == {"soft"}
    every_pair_signs(wallet)


def test_a_group_whose_members_were_shown_different_thresholds_is_never_made():
    parties = three("thresholds")
    _, terms = creation(parties, 2, uuid=b"another session!")
    other = flows.create_terms(terms.uuid, 3, 3, lambda _: terms.group, terms.name)
    sessions = [party.open(one) for party, one in zip(parties, (terms, terms, other), strict=True)]
    network = Network(sessions).start()
    codes = {session.code for session in sessions}
    assert len(codes) == 2
    network.confirm().run().expire()
    nobody_is_accused(network)
    assert "done" not in network.states()
    next_creation_works(parties)


# Wrong epoch


def test_signers_of_different_epochs_part_softly(wallet):
    custody = wallet.parties[1].custody
    store, group = wallet.parties[1].store, custody.find(wallet.group_id)
    shard = custody.shard(wallet.group_id)
    before = dict(store)
    shard.epoch = group.epoch = group.highest_epoch = 2
    for name in store.names("pair/"):
        store.write(name.replace("/1/", "/2/", 1), store.read(name))
    store.write(f"shard/{wallet.group_id.hex()}/2", shard.encode())
    group.save(store)
    network = wallet.sign([1, 2], message("epochs")).expire()
    assert network.errors() == ["soft", "soft"]
    store.clear()
    store.update(before)
    wallet.restart()
    every_pair_signs(wallet)


def test_a_group_that_moves_on_while_its_owner_thinks_is_not_signed_with(wallet):
    network = wallet.network([1, 2], message("late")).start()
    hooks = network.sessions[0].hooks
    hooks.epoch = 0  # what the party saw when it joined
    network.confirm().run().expire()
    assert isinstance(network.sessions[0].error, DaricError)
    assert (network.sessions[0].error.name, network.sessions[1].error.name) == ("roster", "soft")
    every_pair_signs(wallet)
