"""Names that somebody else tells: no hash covers them, so nobody is shown them. docs/protocol.md, section 8."""

import pytest
from daric_protocol import flows
from daric_protocol.envelope import encode
from daric_protocol.flows.questions import question
from daric_protocol.memberchange import named
from daric_protocol.roster import Member, Roster
from daric_protocol.rounds.rosterchange import RosterChange
from daric_protocol.terms import Terms

from tests.session.parties import Party, Wallet

LIE = "known cloud"


@pytest.fixture(scope="module")
def four():
    return Wallet.create(2, 4, seed="names")


def lying(roster):
    """The same roster by its hash, with everyone called the known cloud."""
    members = [Member(m.index, m.identity, "cloud", LIE, m.public_share) for m in roster.members]
    told = Roster(roster.t, roster.version, roster.master, members)
    assert told.hash() == roster.hash()
    return told


def lied(terms):
    details = terms.details()
    facts = details if terms.op == "enrol" else details.facts
    facts.roster = lying(facts.roster)
    fields = [getattr(terms, name) for name in Terms.NAMES]
    fields[6] = encode(details)
    return Terms(*fields)


def proposed(wallet, op):
    custody = wallet.parties[1].custody
    if op == "reshare":
        return wallet.reshare_terms(2, 1, [4])
    if op == "enrol":
        return flows.enrol_terms(wallet.uuid(), custody, wallet.group_id, [1, 2])
    return flows.recover_terms(wallet.uuid(), custody, wallet.group_id, 4, [1, 2], 1)


@pytest.mark.parametrize("op", ["reshare", "enrol", "recover"])
def test_members_see_their_own_names_and_a_new_one_sees_identities(four, op):
    wallet = four.copy()
    terms = lied(proposed(wallet, op))
    new = Party("a stranger to all")
    network = wallet.change(terms)
    options = {"describe": lambda identity: ("device", "me") if identity == new.custody.identity.public else ("", "")}
    newcomer = flows.open_session(terms, new.custody, new.entropy, **options)
    network = type(network)([*network.sessions, newcomer]).start()
    for session, party in zip(network.sessions, [*[wallet.parties[j] for j in terms.members], new], strict=True):
        shown = "\n".join(question(session, party.custody))
        assert LIE not in shown and "cloud" not in shown
        assert not [member for member in session.roster.members if LIE in member.name]
    assert "2 phone someone" in "\n".join(question(network.sessions[0], wallet.parties[1].custody))
    assert wallet.roster.member(2).identity.hex()[:12] in "\n".join(question(newcomer, new.custody))


def test_whoever_carries_a_change_does_not_name_the_member_that_it_adds(four):
    wallet = four.copy()
    new = Party("the enrolled one")
    terms = flows.enrol_terms(wallet.uuid(), wallet.parties[1].custody, wallet.group_id, [1, 2])
    network = wallet.change(terms, [new]).start().confirm().run()
    change = RosterChange.decode(network.sessions[0].result)
    change.roster = lying(change.roster)
    away = wallet.parties[3].custody
    assert away.adopt(change.encode()) is True
    roster = away.roster(wallet.group_id)
    assert (roster.member(5).kind, roster.member(5).name) == ("", "")
    assert roster.member(2).name == "someone"
    assert wallet.parties[1].custody.roster(wallet.group_id).member(5).name == "someone"


def test_names_that_a_party_has_are_kept():
    points = [bytes([2]) + bytes([n]) * 32 for n in (1, 2, 3)]
    old = Roster(2, 0, 0, [Member(n, points[n - 1], "phone", "mine", points[0]) for n in (1, 2)])
    new = Roster(2, 1, 0, [Member(n, points[n - 1], "cloud", LIE, points[0]) for n in (1, 2, 3)])
    assert [one.name for one in named(old, new).members] == ["mine", "mine", ""]
    assert [one.name for one in named(old, new, True).members] == ["mine", "mine", LIE]
