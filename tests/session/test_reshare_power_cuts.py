"""A party's power fails at every change of its store in turn during a reshare or an enrolment.

Afterwards the parties show each other what certificates they have, and the group signs: in the old epoch or in the new.
"""

import itertools

import pytest
from daric_protocol import flows
from daric_protocol.errors import DaricError
from daric_protocol.group import LEFT

from tests.session.deaths import quick_transfers
from tests.session.parties import MemoryStore, Party, Wallet, message


@pytest.fixture(scope="module", autouse=True)
def quickly():
    with quick_transfers():
        yield


class PowerCut(BaseException):
    """The power is gone: no handler of the code under test may see an ordinary error."""


class CutStore(MemoryStore):
    """The k-th change from now does not happen, and none after it until the power is back."""

    left = None

    def write(self, name, *parts):
        self._count()
        super().write(name, *parts)

    def erase(self, name):
        if name in self:
            self._count()
        super().erase(name)

    def _count(self):
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                raise PowerCut


class Dead:
    """The seat of a party without power."""

    def run(self):
        return []

    def offer(self, _seat, _frame):
        return None


def run_with_a_cut(network, seat, store, after):
    """Run a session in which one seat's store fails; whether it did."""
    store.left = after
    cut = False
    network.pending = []
    for step in (network.start, network.confirm, network.run):
        try:
            step()
        except PowerCut:
            cut = True
            network.pumps[seat] = Dead()
            network.run()
            break
    store.left = None
    if cut:
        network.sessions[seat].expire = lambda: None
    network.expire()
    return cut


def meet_again(parties):
    """Everyone shows everyone the certificate it has."""
    for teller, listener in itertools.permutations(parties, 2):
        for group_id in teller.custody.groups():
            try:
                for told in [teller.custody.certificate(group_id), *teller.custody.changes(group_id)]:
                    listener.custody.adopt(told)
            except DaricError as error:
                assert error.name in ("group", "pending", "roster")


def signs(parties, group_id, threshold, among):
    """All chosen members are in one epoch and sign."""
    wallet = Wallet([parties[number] for number in among], group_id)
    wallet.sessions = 100  # ids that no session before had
    assert len({party.custody.shard(group_id).epoch for party in wallet.parties.values()}) == 1
    signers = sorted(wallet.parties)[:threshold]
    network = wallet.sign(signers, message("after the cut"), confirmed=True)
    return network.states() == ["done"] * threshold


def cut_everywhere(make, victim, committee, threshold):
    """make() -> (parties by seat, old members' seats, network, group id). Returns the number of cuts."""
    for after in itertools.count(1):
        parties, old, network, group_id = make(after)
        if not run_with_a_cut(network, victim, parties[victim].store, after):
            assert set(network.states()) == {"done"}
            assert signs(parties, group_id, threshold, committee)
            return after
        for party in parties:
            party.restart()
            assert not party.store.names("mark/")
        meet_again(parties)
        epochs = [party.custody.find(group_id) and party.custody.group(group_id).epoch for party in parties]
        new = max(epoch or 0 for epoch in epochs)
        if new == 1:
            assert signs(parties, group_id, 2, old), f"old epoch, cut at {after}"
        else:
            assert {epochs[seat] for seat in committee} == {new}, f"cut at {after}: {epochs}"
            assert signs(parties, group_id, threshold, committee), f"new epoch, cut at {after}"
            for seat in range(len(parties)):
                if seat not in committee:
                    assert parties[seat].custody.group(group_id).standing == LEFT or epochs[seat] == 1
    raise AssertionError


def revived(wallet, name):
    return {index: Party(f"{party.name} {name}", CutStore(party.store)) for index, party in wallet.parties.items()}


@pytest.mark.parametrize("victim", [0, 3], ids=["a member", "the new member"])
def test_a_member_is_added_or_not(victim):
    made = Wallet.create(2, 3, seed="cut add")

    def make(after):
        wallet = made.copy()
        wallet.parties = revived(made, after)
        newcomer = Party(f"newcomer {after}", CutStore())
        network = wallet.change(wallet.reshare_terms(3, 1), [newcomer])
        return [*wallet.parties.values(), newcomer], [0, 1, 2], network, wallet.group_id

    assert cut_everywhere(make, victim, [0, 1, 2, 3], 3) >= 10


def test_a_leaving_dealer_keeps_its_share_until_the_others_hold_theirs():
    made = Wallet.create(2, 2, seed="cut leave")

    def make(after):
        wallet = made.copy()
        wallet.parties = revived(made, after)
        newcomer = Party(f"newcomer {after}", CutStore())
        network = wallet.change(wallet.reshare_terms(2, 1, leaving=[2], dealing=[2]), [newcomer])
        return [*wallet.parties.values(), newcomer], [0, 1], network, wallet.group_id

    assert cut_everywhere(make, 1, [0, 2], 2) > 5


@pytest.mark.parametrize("victim", [0, 2], ids=["a helper", "the new member"])
def test_a_member_is_enrolled_or_can_be_again(victim):
    made = Wallet.create(2, 3, seed="cut enrol")

    def enrolment(wallet, newcomer):
        terms = flows.enrol_terms(wallet.uuid(), wallet.parties[1].custody, wallet.group_id, [1, 2])
        return wallet.change(terms, [newcomer])

    for after in itertools.count(1):
        wallet = made.copy()
        wallet.parties = revived(made, after)
        newcomer = Party(f"newcomer {after}", CutStore())
        network = enrolment(wallet, newcomer)
        parties = [wallet.parties[1], wallet.parties[2], newcomer]
        cut = run_with_a_cut(network, victim, parties[victim].store, after)
        parties.append(wallet.parties[3])
        for party in parties:
            party.restart()
        meet_again(parties)
        wallet.sessions = 100
        if not any(party.custody.roster(made.group_id).version for party in (parties[0], parties[1], parties[3])):
            assert cut and wallet.sign([1, 2], message("before")).states() == ["done"] * 2, after
            network = enrolment(wallet, newcomer).start().confirm().run()
            assert network.states() == ["done"] * 3, (after, [session.error.detail for session in network.sessions])
            meet_again(parties)
        assert len({party.custody.roster(made.group_id).hash() for party in parties}) == 1, after
        bigger = wallet.after(parties)
        assert bigger.roster.indexes() == [1, 2, 3, 4] and bigger.roster.version == 1
        assert bigger.pair_up(3, 4).states() == ["done"] * 2
        assert bigger.sign([3, 4], message("after")).states() == ["done"] * 2, after
        if not cut:
            break
    assert after > 5
