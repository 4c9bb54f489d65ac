"""Each party of a change of a group dies at each of its messages in turn, as it sends it or has just received it.

Afterwards all start anew and show one another what they have, and the group signs: in the old epoch or in the new one.
Meanwhile, at every durable change, enough shards of one epoch that is in force exist. docs/protocol.md, section 8.
"""

import itertools

import pytest
from daric_protocol import flows
from daric_protocol.group import LEFT

from tests.session.backups import Backed
from tests.session.deaths import MortalNetwork, Watch, WatchedStore, epochs, meet_again, quick_transfers, signs, watched
from tests.session.parties import Party, Wallet


@pytest.fixture(scope="module", autouse=True)
def quickly():
    with quick_transfers():
        yield


@pytest.fixture(scope="module")
def wallets():
    """{members: a 2-of-n group}."""
    return {members: Wallet.create(2, members, seed="deaths") for members in (2, 3)}


class Story:
    """One change of a group. taking_part: its parties by seat. committee: the members after it, if it comes about."""

    def __init__(self, made, name, terms, newcomers=0):
        self.wallet = watched(made, name)
        self.group_id = made.group_id
        self.newcomers = [Party(f"newcomer {number} {name}", WatchedStore()) for number in range(newcomers)]
        self.everyone = [*self.wallet.parties.values(), *self.newcomers]
        self.make_terms = terms
        self.open()
        leaving = self.terms.details().leaving if self.terms.op == "reshare" else []
        staying = [party for index, party in self.wallet.parties.items() if index not in leaving]
        self.committee = staying + self.newcomers
        Watch(self.group_id, self.everyone)

    def open(self):
        self.terms = self.make_terms(self.wallet)
        self.taking_part = [self.wallet.parties[index] for index in self.terms.members] + self.newcomers
        self.network = MortalNetwork([party.open(self.terms) for party in self.taking_part])

    def run(self):
        self.network.start().confirm().run().expire()
        return self

    def meet_again(self):
        for party in self.everyone:
            party.restart()
            assert not party.store.names("mark/")
        meet_again(self.everyone, self.group_id)

    def sign(self):
        """In the epoch that is in force; whoever is in it is in it with all others."""
        now = epochs(self.everyone, self.group_id)
        new = max(epoch or 0 for epoch in now)
        if new == 1:
            assert signs(list(self.wallet.parties.values()), self.group_id), now
            return
        assert set(epochs(self.committee, self.group_id)) == {new}, now
        assert signs(self.committee, self.group_id), now
        for party in set(self.taking_part) - set(self.committee):
            assert party.custody.group(self.group_id).standing == LEFT


def add(made, name):
    return Story(made[3], name, lambda wallet: wallet.reshare_terms(3, 1), 1)


def remove(made, name):
    return Story(made[3], name, lambda wallet: wallet.reshare_terms(2, leaving=[3]))


def replace(made, name):
    """Who leaves deals once more, because the other one cannot hand the key on alone."""
    return Story(made[2], name, lambda wallet: wallet.reshare_terms(2, 1, leaving=[2], dealing=[2]), 1)


def refresh(made, name):
    return Story(made[3], name, lambda wallet: flows.refresh_terms(wallet.uuid(), wallet.group_id, wallet.roster))


def enrol(made, name):
    def terms(wallet):
        return flows.enrol_terms(wallet.uuid(), wallet.parties[1].custody, wallet.group_id, [1, 2])

    return Story(made[3], name, terms, 1)


def name_master(made, name):
    return Story(made[3], name, lambda wallet: flows.master_terms(wallet.uuid(), wallet.group_id, wallet.roster, 2))


def rosters(story):
    return {party.custody.roster(story.group_id).hash() for party in story.wallet.parties.values()}


def die_everywhere(make, wallets, seat, afterwards, stride=1):
    """Let the party in a seat die at each message; returns how many there were."""
    for at in itertools.count(1 + (seat * 2) % stride, stride):
        story = make(wallets, f"{seat} {at}")
        story.network.mortal(seat, at)
        died = story.run().network.died
        story.meet_again()
        afterwards(story)
        if not died:
            return at - 1


def one_epoch(story):
    story.sign()


def one_roster(story):
    """All members have the same roster; if it is the old one the change can be repeated, with the same parties."""
    assert len(rosters(story)) == 1
    if not story.wallet.parties[1].custody.roster(story.group_id).version:
        assert signs(list(story.wallet.parties.values()), story.group_id, "before")
        story.wallet.sessions = 500
        story.open()
        story.run()
        assert set(story.network.states()) == {"done"}, [session.error.detail for session in story.network.sessions]
        story.meet_again()
    assert {party.custody.roster(story.group_id).version for party in story.everyone} == {1}
    assert len(rosters(story)) == 1
    assert signs(list(story.wallet.parties.values()), story.group_id)
    if story.newcomers:
        bigger = story.wallet.after(story.everyone)
        bigger.sessions = 700
        assert bigger.pair_up(1, 4).states() == ["done"] * 2
        assert signs([story.everyone[0], story.newcomers[0]], story.group_id, "with the new one")


EVERY = [pytest.param(1, marks=pytest.mark.slow, id="every message"), pytest.param(13, id="some")]


@pytest.mark.parametrize("stride", EVERY)
@pytest.mark.parametrize("seat", [0, 1, 2, pytest.param(3, id="the new member")])
def test_a_party_dies_while_a_member_is_added(wallets, seat, stride):
    assert die_everywhere(add, wallets, seat, one_epoch, stride) > 30


@pytest.mark.parametrize("stride", EVERY)
@pytest.mark.parametrize("seat", range(2))
def test_a_party_dies_while_a_member_is_removed(wallets, seat, stride):
    assert die_everywhere(remove, wallets, seat, one_epoch, stride) >= 10


@pytest.mark.parametrize("stride", EVERY)
@pytest.mark.parametrize("seat", [0, 1, 2], ids=["who stays", "who leaves", "the new member"])
def test_a_party_dies_while_a_member_deals_its_share_away(wallets, seat, stride):
    assert die_everywhere(replace, wallets, seat, one_epoch, stride) > 20


@pytest.mark.parametrize("stride", EVERY)
def test_a_party_dies_in_a_refresh(wallets, stride):
    assert die_everywhere(refresh, wallets, 1, one_epoch, stride) >= 20


@pytest.mark.parametrize("stride", EVERY)
@pytest.mark.parametrize("seat", [0, 2], ids=["a helper", "the new member"])
def test_a_party_dies_in_an_enrolment(wallets, seat, stride):
    assert die_everywhere(enrol, wallets, seat, one_roster, stride) > 12


@pytest.mark.parametrize("seat", [0, 2])
def test_a_party_dies_in_a_change_of_the_master(wallets, seat):
    assert die_everywhere(name_master, wallets, seat, one_roster) >= 4


@pytest.fixture(scope="module")
def backed():
    """Phone 1 and cloud 2 hold the backup of device 3."""
    return Backed(Wallet.create(2, 3, seed="deaths"), 3, [1, 2], cloud=2).make()


@pytest.mark.parametrize("stride", EVERY)
@pytest.mark.parametrize("seat", [0, 1, 2], ids=["the phone", "the cloud", "the new device"])
def test_a_party_dies_in_a_recovery(backed, seat, stride):
    group_id = backed.wallet.group_id
    for at in itertools.count(1 + (seat * 2) % stride, stride):
        mine = Backed(backed.wallet.copy(), 3, [1, 2], cloud=2)
        mine.keepers = backed.keepers
        new, network = mine.recovering(new=Party(f"new {seat} {at}"))
        network = MortalNetwork(network.sessions)
        died = network.mortal(seat, at).start().confirm().run().expire().died
        parties = [mine.wallet.parties[1].restart(), mine.wallet.parties[2].restart(), new.restart()]
        meet_again(parties, group_id)
        rosters = {party.custody.roster(group_id).hash() for party in parties[:2]}
        assert len(rosters) == 1, at
        if not parties[0].custody.roster(group_id).version:
            assert died
            mine.wallet.sessions = 500
            mine.recover(new=new)
        wallet = mine.wallet.after(parties)
        wallet.sessions = 700
        assert wallet.roster.version == 1 and wallet.roster.member(3).identity == new.custody.identity.public
        assert wallet.pair_up(1, 3).states() == ["done"] * 2
        assert signs([parties[0], parties[2]], group_id), at
        if not died:
            break
    assert at > 12
