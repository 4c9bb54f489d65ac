"""Two changes of one version of a roster, both signed by enough members: whatever each party hears first, all agree.

Two members that do not know of each other, and one between them that signs everything: every order in which the two
honest ones may learn what exists is tried on real custody, and then they show each other what they have.
"""

import itertools

import pytest
from daric_protocol.custody import Custody
from daric_protocol.errors import DaricError
from daric_protocol.group import LEFT_BEHIND
from daric_protocol.rounds.rosterchange import KIND, RosterChange
from daric_protocol.shard import Shard

from tests.custody.changes import DEALT, PEOPLE, added, mastered, recovered
from tests.custody.homes import (
    UUID,
    MemoryHome,
    PowerCut,
    acks,
    first_shard,
    later_shard,
    open_custody,
    settle,
    with_group,
)
from tests.rounds.exchange import randomness
from tests.rounds.groups import GROUP_ID
from tests.session.network import identity

HONEST = (1, 3)  # 2 signs whatever it is asked to
X, Y, Z, NEW = (identity(f"roster fork {number}") for number in range(4))
A = added(DEALT, 4, X, [1, 2])
B = added(DEALT, 4, Y, [2, 3])
M = mastered(DEALT, 2, [2, 3])
A2 = added(A.roster, 5, Z, [1, 2])
B2 = mastered(B.roster, 3, [2, 3])
R = recovered(DEALT, 2, NEW, [1])
CHANGES = {name: change.encode() for name, change in {"A": A, "B": B, "M": M, "A2": A2, "B2": B2, "R": R}.items()}


def told(home, who, names):
    """The party's custody after it was shown some changes, or None where one of them did not fit."""
    custody = open_custody(home, who)
    for name in names:
        try:
            custody.adopt(CHANGES[name])
        except DaricError as error:
            assert error.name in ("roster", "certificate")
            return None
    return custody


def outcomes(who, names, most):
    """Homes of a party for every order of at most so many changes; one of those that are alike."""
    begin = with_group(MemoryHome(), who)
    found = {}
    for length in range(most + 1):
        for order in itertools.permutations(names, length):
            home = begin.copy()
            if told(home, who, order) is not None:
                found.setdefault(tuple(sorted(home.entries.items())), home)
    return list(found.values())


def meet(parties):
    learnt = True
    while learnt:
        learnt = False
        for teller, listener in itertools.permutations(parties, 2):
            for change in teller.changes(GROUP_ID):
                try:
                    learnt = listener.adopt(change) or learnt
                except DaricError as error:
                    assert error.name in ("roster", "certificate")


def version_and_hash(custody):
    return custody.roster(GROUP_ID).version, custody.roster(GROUP_ID).hash()


@pytest.mark.parametrize("names", [["A", "B", "A2", "B2"], ["A", "M", "A2", "B"], ["R", "B", "B2", "M"]], ids=",".join)
def test_whatever_two_honest_members_heard_they_agree_when_they_meet(names):
    mine, theirs = (outcomes(who, names, 3) for who in HONEST)
    assert len(mine) >= 5
    for one, other in itertools.product(mine, theirs):
        parties = [open_custody(one.copy(), 1), open_custody(other.copy(), 3)]
        highest = max(version_and_hash(party)[0] for party in parties)
        meet(parties)
        assert version_and_hash(parties[0]) == version_and_hash(parties[1])
        assert version_and_hash(parties[0])[0] >= highest or "R" in names
        assert parties[0].changes(GROUP_ID) == parties[1].changes(GROUP_ID)
        for party in parties:  # and what is stored is one consistent state
            assert {m.identity for m in party.roster(GROUP_ID).members} >= {PEOPLE[1].public, PEOPLE[3].public}
            assert party.unusable(GROUP_ID) == [i for i in party.roster(GROUP_ID).indexes() if i not in (1, 2, 3)] or (
                "R" in names
            )


def test_the_longer_branch_counts_and_of_two_as_long_the_one_with_more_members():
    custody = told(with_group(MemoryHome(), 1), 1, ["M", "A"])
    assert custody.roster(GROUP_ID).hash() == A.roster.hash()
    assert told(with_group(MemoryHome(), 1), 1, ["A", "M"]).roster(GROUP_ID).hash() == A.roster.hash()
    loser, follower = ("A", "B2") if A.roster.hash() < B.roster.hash() else ("B", "A2")
    winner = "B" if loser == "A" else "A"
    custody = told(with_group(MemoryHome(), 1), 1, ["A", "B"])
    assert custody.roster(GROUP_ID).hash() == {"A": A, "B": B}[loser].roster.hash()  # the lower hash
    assert custody.adopt(CHANGES[follower]) is True
    assert custody.roster(GROUP_ID).version == 2 and custody.changes(GROUP_ID) == [CHANGES[winner], CHANGES[follower]]


def test_a_recovery_counts_whatever_else_was_signed():
    custody = told(with_group(MemoryHome(), 1), 1, ["A", "A2", "R"])
    assert custody.roster(GROUP_ID).member(2).identity == NEW.public
    assert custody.unusable(GROUP_ID) == [2]
    assert custody.adopt(CHANGES["A"]) is False and custody.adopt(CHANGES["B"]) is False
    assert custody.highest_index(GROUP_ID) == 5  # what was given away stays given away
    other = told(with_group(MemoryHome(), 3), 3, ["R"])
    assert other.adopt(CHANGES["A"]) is False and other.adopt(CHANGES["M"]) is False
    assert version_and_hash(other) == version_and_hash(custody)


def test_what_was_shared_with_a_member_of_a_lost_branch_is_erased():
    first, second = ("A", "B") if B.roster.hash() < A.roster.hash() else ("B", "A")
    custody = told(with_group(MemoryHome(), 1), 1, [first])
    custody.store.write(f"pair/{GROUP_ID.hex()}/1/4", b"with the one")
    assert custody.adopt(CHANGES[second]) is True
    assert f"pair/{GROUP_ID.hex()}/1/4" not in custody.store.names("pair/")
    assert len(custody.store.names("pair/")) == 2


@pytest.mark.parametrize("name", ["A", "B"])
def test_a_new_member_whose_branch_lost_learns_that_it_is_out_and_another_goes_on(name):
    change, who = {"A": (A, X), "B": (B, Y)}[name]
    shard = first_shard()[0]
    own = Shard(
        GROUP_ID, KIND, 1, 4, 5, shard.pk, shard.cc, change.roster, change.sid, change.confirm, change.roster.hash()
    )  # fmt: skip
    custody = Custody(MemoryHome().switch_on(), who, randomness("x"))
    custody.session(GROUP_ID, UUID, change.roster, "ours").store_enrolled(own)
    assert custody.adopt(change.encode()) is True
    assert custody.adopt(CHANGES["M"]) is False and custody.roster(GROUP_ID).hash() == change.roster.hash()
    rival = "B" if name == "A" else "A"
    assert custody.adopt(CHANGES[rival]) is False
    lost = {"A": A, "B": B}[rival].roster.hash() < change.roster.hash()
    assert (custody.group(GROUP_ID).standing == LEFT_BEHIND) is lost


@pytest.mark.parametrize("change", ["acks", "share", "few", "threshold"])
def test_a_rival_change_is_checked_as_any_other(change):
    rival = RosterChange.decode(CHANGES["B"])
    if change == "acks":
        rival.acks = [(index, bytes(64)) for index, _ in rival.acks]
    elif change == "share":
        rival.roster.members[3].public_share = rival.roster.members[0].public_share
    elif change == "few":
        rival.acks = rival.acks[1:]
    else:
        rival.roster.t = 3
    custody = told(with_group(MemoryHome(), 1), 1, ["A"])
    before = dict(custody.store.entries)
    assert custody.adopt(rival.encode()) is False
    assert custody.store.entries == before


@pytest.mark.parametrize(("mine", "theirs"), [("B", ["A", "A2"]), ("A", ["B", "B2"])], ids=["to A", "to B"])
def test_a_cut_while_the_branch_changes_is_made_good_by_the_next_meeting(mine, theirs):
    """At every change of the store; the other party shows again what it has."""
    begin = with_group(MemoryHome(), 1)
    told(begin, 1, [mine, theirs[0]])
    for after in itertools.count(1):
        home = begin.copy()
        custody = open_custody(home, 1)
        home.cut(after, False)
        try:
            custody.adopt(CHANGES[theirs[1]])
            cut = False
        except PowerCut:
            cut = True
        again = open_custody(home, 1)
        assert again.shard(GROUP_ID).s == first_shard()[0].s
        other = told(with_group(MemoryHome(), 3), 3, theirs)
        meet([again, other])
        assert version_and_hash(again) == version_and_hash(other) and again.roster(GROUP_ID).version == 2, after
        assert again.changes(GROUP_ID) == [CHANGES[name] for name in theirs], after
        if not cut:
            return


def test_a_new_epoch_settles_every_rivalry():
    custody = told(with_group(MemoryHome(), 1), 1, ["A", "B", "A2"])
    assert custody.store.names("rival/") and custody.store.names("base/")
    shard, pairs = later_shard(2)
    settle(custody, shard, pairs)
    custody.activate(GROUP_ID, acks(shard))
    assert not custody.store.names("rival/") + custody.store.names("base/") + custody.store.names("change/")
