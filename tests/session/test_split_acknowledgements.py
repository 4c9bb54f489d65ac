"""A member that gives its acknowledgement to some and not to others, or acknowledgements that are lost on the way.

Whoever lied does not come to the meeting afterwards: what the honest ones hold has to be enough. Specification:
docs/protocol.md, section 8.
"""

import itertools

import pytest
from daric_protocol import flows
from daric_protocol.errors import DaricError

from tests.session.deaths import Watch, WatchedStore, epochs, meet_again, quick_transfers, signs, watched
from tests.session.network import EvilRelay, Network
from tests.session.parties import Party, Wallet


@pytest.fixture(scope="module", autouse=True)
def quickly():
    with quick_transfers():
        yield


@pytest.fixture(scope="module")
def wallets():
    """{members: a 2-of-n group}."""
    return {members: Wallet.create(2, members, seed="split") for members in (2, 3)}


def subsets(items):
    items = list(items)
    return itertools.chain.from_iterable(itertools.combinations(items, n) for n in range(len(items) + 1))


def refresh(wallet):
    return flows.refresh_terms(wallet.uuid(), wallet.group_id, wallet.roster), 0


def add(wallet):
    return wallet.reshare_terms(2, 1), 1


def remove(wallet):
    return wallet.reshare_terms(2, leaving=[3]), 0


def replace(wallet):
    """Two come for one that leaves and deals once more."""
    return wallet.reshare_terms(2, 2, leaving=[2], dealing=[2]), 2


def enrol(wallet):
    return flows.enrol_terms(wallet.uuid(), wallet.parties[1].custody, wallet.group_id, [1, 2]), 1


def name_master(wallet):
    return flows.master_terms(wallet.uuid(), wallet.group_id, wallet.roster, 2), 0


# (what, members before, round of the acknowledgements, parties, liars that the normal suite tries)
CHANGES = [
    (refresh, 3, 4, 3, [1]),
    (add, 3, 4, 4, [3]),
    (remove, 3, 4, 2, [0, 1]),
    (replace, 2, 4, 4, [2]),
    (enrol, 3, 2, 3, [0, 2]),
    (name_master, 3, 1, 3, [0]),
]
SHAPES = {change[0]: change[1:4] for change in CHANGES}


def each_liar():
    """Every seat of every change; most of them are slow tests."""
    for what, _, _, parties, quick in CHANGES:
        for liar in range(parties):
            marks = [] if liar in quick else pytest.mark.slow
            yield pytest.param(what, liar, marks=marks, id=f"{what.__name__}-{liar}")


def attempt(wallet, what, newcomers, lost, number):
    """One session in which the acknowledgements of these ways (seat, seat) are lost; its parties by seat."""
    terms, _ = what(wallet)
    taking_part = [wallet.parties[index] for index in terms.members] + newcomers
    relay = EvilRelay(drop=lambda parcel: parcel.round == number and (parcel.origin, parcel.to) in lost)
    try:
        network = Network([party.open(terms) for party in taking_part], relay)
    except DaricError as error:
        assert error.name == "roster"  # they hold different epochs by now
        return taking_part
    network.start().confirm().run().expire()
    assert {session.error.name for session in network.sessions if session.error} <= {"soft", "roster"}
    return taking_part


def setting(made, what, label):
    wallet = watched(made, label)
    newcomers = [Party(f"new {number} {label}", WatchedStore()) for number in range(what(wallet)[1])]
    Watch(made.group_id, [*wallet.parties.values(), *newcomers])
    return wallet, newcomers


def meet_and_sign(wallet, newcomers, absent=None):
    """Whoever comes signs, in the newest epoch that one of them is in. False: those who are in it are too few."""
    group_id = wallet.group_id
    parties = [party for party in [*wallet.parties.values(), *newcomers] if party is not absent]
    for party in parties:
        party.restart()
    meet_again(parties, group_id)
    now = epochs(parties, group_id)
    new = max(epoch or 0 for epoch in now)
    members = [party for party, epoch in zip(parties, now, strict=True) if epoch == new]
    rosters = {party.custody.roster(group_id).hash() for party in members}
    assert len(rosters) == 1
    roster = members[0].custody.roster(group_id)
    if absent and roster.master and roster.member(roster.master).identity == absent.custody.identity.public:
        return True  # all agreed that nobody but the absent one may ask
    return len(members) >= 2 and signs(members, group_id)


@pytest.mark.parametrize(("what", "liar"), list(each_liar()))
def test_whoever_got_an_acknowledgement_and_whoever_did_not_sign_without_the_one_that_split_it(wallets, what, liar):
    members, number, parties = SHAPES[what]
    for lost in subsets((liar, seat) for seat in range(parties) if seat != liar):
        wallet, newcomers = setting(wallets[members], what, f"{liar} {lost}")
        seats = attempt(wallet, what, newcomers, lost, number)
        if not meet_and_sign(wallet, newcomers, seats[liar]):
            # Of two who both have to sign one is missing; with it they do.
            assert liar < members == 2 or (what is remove and liar < 2), lost
            assert meet_and_sign(wallet, newcomers), lost


@pytest.mark.parametrize("what", [remove, pytest.param(refresh, marks=pytest.mark.slow),
                                  pytest.param(enrol, marks=pytest.mark.slow)])  # fmt: skip
def test_whatever_acknowledgements_are_lost_all_sign_when_they_meet(wallets, what):
    members, number, parties = SHAPES[what]
    for lost in subsets(itertools.permutations(range(parties), 2)):
        wallet, newcomers = setting(wallets[members], what, f"{lost}")
        attempt(wallet, what, newcomers, lost, number)
        assert meet_and_sign(wallet, newcomers), lost


@pytest.mark.parametrize("first", [[], [(1, 0)], [(1, 2)], [(1, 0), (1, 2)]], ids=str)
def test_two_refreshes_whose_acknowledgements_one_member_splits_leave_one_epoch(wallets, first):
    for second in subsets([(1, 0), (1, 2)]):
        wallet, _ = setting(wallets[3], refresh, f"{first} {second}")
        for lost in (first, second):
            attempt(wallet, refresh, [], lost, 4)
        assert meet_and_sign(wallet, [], wallet.parties[2]), (first, second)
        assert len(set(epochs([wallet.parties[1], wallet.parties[3]], wallet.group_id))) == 1


def test_from_the_fourth_attempt_on_the_question_names_whose_acknowledgement_was_missing(wallets):
    wallet, _ = setting(wallets[3], refresh, "names")
    withheld = [(1, 0), (1, 2), (0, 1)]  # it does not become a member of the new epoch itself either

    def asked(what=refresh):
        session = wallet.parties[1].restart().open(what(wallet)[0])
        others = [wallet.parties[index].restart().open(session.terms) for index in session.terms.members[1:]]
        Network([session, *others]).start()
        return flows.question(session, wallet.parties[1].custody)

    for _ in range(3):
        assert "for want of:" not in asked()
        attempt(wallet, refresh, [], withheld, 4)
    lines = asked()
    assert lines[lines.index("3 unfinished") :][:3] == ["3 unfinished", "for want of:", " 2 phone someone"]
    assert "3 unfinished" in asked(remove)
    attempt(wallet, refresh, [], [(1, 0)], 4)
    assert "4 unfinished" in asked()
    assert meet_and_sign(wallet, [])
    assert "for want of:" not in asked() and not wallet.parties[1].store.names("missing/")
