"""Sessions that let somebody into a stored group. Specification: docs/protocol.md, sections 1 and 8."""

import pytest
from daric_protocol import flows, limits
from daric_protocol.details import ExportDetails, Facts, ImportDetails, ReshareDetails
from daric_protocol.envelope import encode
from daric_protocol.errors import DaricError
from daric_protocol.roster import Member, Roster
from daric_protocol.session import Session
from daric_protocol.terms import Terms

from tests.session.fakes import GROUP, UUID, greet, people, stored_roster
from tests.session.network import EvilRelay, MemoryHooks, Network, drbg, identity

PK = identity("pk").public


def facts(roster=None, highest=3, epoch=4, pk=PK):
    return Facts(pk, epoch, highest, roster or stored_roster())


def terms(op="reshare", threshold=2, parties=4, members=(1, 2, 3), leaving=(), known=None, request=None):
    known = known or facts()
    details = known if op == "enrol" else ReshareDetails(list(leaving), known)
    request = encode(details) if request is None else request
    return Terms(UUID, op, GROUP, threshold, parties, list(members), request, "savings")


def sessions(proposed, newcomers=(7,), rosters=None, make=greet):
    """Stored members first, in index order, then the new ones."""
    roster = stored_roster()
    keys = people(roster)
    members = [
        Session(
            keys[index], proposed, (rosters or {}).get(index, roster), drbg("old", index), MemoryHooks(make, epoch=4)
        )
        for index in proposed.members
    ]
    strangers = [
        Session(identity(number), proposed, None, drbg("new", number), MemoryHooks(make, epoch=4))
        for number in newcomers
    ]
    return members + strangers


def refusal(proposed):
    with pytest.raises(DaricError) as caught:
        proposed.check()
    return caught.value.name


def test_a_new_member_gets_the_next_index_and_everyone_the_same_session_and_code():
    network = Network(sessions(terms(threshold=3))).start()
    assert {len(session.code) for session in network.sessions} == {6}
    assert len({(session.ssid, session.code, session.roster.hash()) for session in network.sessions}) == 1
    assert [session.me for session in network.sessions] == [1, 2, 3, 4]
    roster = network.sessions[0].roster
    assert (roster.t, roster.indexes()) == (3, [1, 2, 3, 4])
    assert [len(member.public_share) for member in roster.members] == [33, 33, 33, 0]
    assert network.confirm().run().states() == ["done"] * 4


def test_several_new_members_get_indexes_in_the_order_of_their_identities():
    proposed = terms(parties=5, known=facts(highest=9))
    network = Network(sessions(proposed, newcomers=(7, 8))).start()
    new = sorted(identity(number).public for number in (7, 8))
    assert [network.sessions[0].roster.index_of(public) for public in new] == [10, 11]
    assert sorted(session.me for session in network.sessions) == [1, 2, 3, 10, 11]


def test_a_member_that_leaves_without_taking_part_is_still_in_the_sessions_roster():
    network = Network(sessions(terms(parties=3, members=(1, 2), leaving=(3,)))).start()
    assert network.sessions[2].roster.indexes() == [1, 2, 3, 4]
    assert network.confirm().run().states() == ["done"] * 3


def test_an_enrolment_takes_exactly_the_threshold_and_the_new_member():
    network = Network(sessions(terms("enrol", parties=3, members=(1, 3)))).start().confirm().run()
    assert network.states() == ["done"] * 3 and network.sessions[2].me == 4


def test_a_member_with_another_roster_than_the_terms_refuses_before_joining():
    other = Roster(2, 1, 0, stored_roster().members)
    with pytest.raises(DaricError) as caught:
        sessions(terms(), rosters={2: other})
    assert caught.value.name == "roster"


def test_a_new_member_that_was_told_of_another_group_ends_softly_with_everyone():
    told = terms(known=facts(Roster(2, 5, 0, stored_roster().members)))
    stranger = [Session(identity(7), told, None, drbg("new"), MemoryHooks(greet, epoch=4))]
    network = Network(sessions(terms(), newcomers=()) + stranger).start().confirm().run().expire()
    assert set(network.errors()) == {"soft"}


def test_a_stored_member_cannot_come_as_a_new_one():
    with pytest.raises(DaricError) as caught:
        sessions(terms(), newcomers=(0,))
    assert caught.value.name == "member"


def test_nobody_new_joins_where_nobody_is_let_in():
    proposed = terms(parties=3, threshold=3)
    with pytest.raises(DaricError) as caught:
        Session(identity(7), proposed, None, drbg(), MemoryHooks(greet))
    assert caught.value.name == "group"


def test_a_member_that_the_terms_leave_out_does_not_join():
    proposed = terms(parties=2, members=(1, 2), leaving=(3,))
    with pytest.raises(DaricError) as caught:
        Session(people(stored_roster())[3], proposed, stored_roster(), drbg(), MemoryHooks(greet))
    assert caught.value.name == "group"


def test_a_stranger_in_place_of_a_member_ends_the_session():
    group = sessions(terms(), newcomers=(7, 8))
    network = Network([group[0], group[1], group[3], group[4]]).start()
    assert set(network.errors()) == {"soft"}


def test_a_relay_that_swaps_the_new_member_is_seen_in_the_code():
    middle = sessions(terms(), newcomers=(8,))[-1]
    network = Network(
        sessions(terms()), EvilRelay(lists=lambda seat, joins: [*joins[:3], middle.join()] if seat < 3 else joins)
    )
    network.start()
    assert network.sessions[3].code is None or network.sessions[3].code != network.sessions[0].code


@pytest.mark.parametrize(
    ("proposed", "name"),
    [
        ({"threshold": 5}, "threshold"),
        ({"threshold": 4, "leaving": (3,), "members": (1, 2), "parties": 3}, "threshold"),
        ({"threshold": 3, "leaving": (2, 3), "members": (1,), "parties": 2}, "threshold"),
        ({"threshold": 2, "leaving": (1, 2), "members": (3,), "parties": 2}, "threshold"),
        ({"leaving": (9,)}, "member"),
        ({"leaving": (3, 3), "members": (1, 2), "parties": 3}, "member"),
        ({"leaving": (3,)}, "member"),
        ({"members": (1, 2), "parties": 3}, "member"),
        ({"members": (1, 2, 9)}, "member"),
        ({"parties": 3}, "parameter"),
        ({"threshold": 1}, "parameter"),
        ({"members": (2, 1, 3)}, "parameter"),
        ({"known": facts(highest=2)}, "parameter"),
        ({"known": facts(highest=255)}, "parameter"),
        ({"parties": limits.MAX_PARTIES, "known": facts(highest=250)}, "parameter"),
        ({"request": b""}, "parameter"),
        ({"request": b"\x82\x80\x80"}, "encoding"),
    ],
)  # fmt: skip
def test_a_change_that_no_group_can_make_is_refused(proposed, name):
    assert refusal(terms(**proposed)) == name


@pytest.mark.parametrize(
    ("proposed", "name"),
    [
        ({"members": (1, 2, 3), "parties": 4}, "threshold"),
        ({"members": (1,), "parties": 2}, "threshold"),
        ({"members": (1, 2), "parties": 4}, "parameter"),
        ({"members": (1, 2), "parties": 2}, "encoding"),
        ({"members": (1, 2), "parties": 3, "threshold": 3}, "threshold"),
        ({"members": (1, 9), "parties": 3}, "member"),
    ],
)
def test_an_enrolment_of_any_other_shape_is_refused(proposed, name):
    assert refusal(terms("enrol", **proposed)) == name


def test_who_leaves_deals_only_where_the_others_are_too_few():
    pair = stored_roster(2)
    proposed = terms(parties=3, members=(1, 2), leaving=(2,), known=facts(pair, highest=2))
    proposed.check()
    assert proposed.details().staying() == [1] and proposed.newcomers == 1


@pytest.mark.parametrize(
    ("op", "details", "members", "parties", "name"),
    [
        ("export", ExportDetails(3, "move"), [1, 2], 2, "member"),
        ("export", ImportDetails(PK, b"", 0, PK), [1, 2], 2, "encoding"),
        ("import", ImportDetails(PK, b"", 0, PK), [1], 2, "parameter"),
        ("refresh", ExportDetails(1, ""), [1, 2, 3], 3, "parameter"),
    ],
)
def test_details_that_do_not_fit_their_operation_are_refused(op, details, members, parties, name):
    assert refusal(Terms(UUID, op, GROUP, 2, parties, members, encode(details), "")) == name


def test_a_group_without_public_shares_cannot_go_on():
    with pytest.raises(DaricError) as caught:
        facts(Roster(2, 0, 0, [Member(n, identity(n).public) for n in (1, 2, 3)])).check(1)
    assert caught.value.name == "parameter"


@pytest.mark.parametrize("length", [1, 15, 17, 33, True])
def test_an_entropy_of_no_phrase_is_refused(length):
    details = ImportDetails(PK, b"", length, PK)
    details.hostile = True
    assert refusal(Terms(UUID, "import", GROUP, 2, 2, [], encode(details), "")) == "encoding"


def test_all_members_renew_their_shares_and_nobody_else():
    roster = stored_roster()
    with pytest.raises(DaricError) as caught:
        Session(
            people(roster)[1], flows.refresh_terms(UUID, GROUP, stored_roster(2)), roster, drbg(), MemoryHooks(greet)
        )
    assert caught.value.name == "roster"
    assert refusal(Terms(UUID, "refresh", GROUP, 2, 4, [1, 2, 3], b"", "")) == "parameter"
