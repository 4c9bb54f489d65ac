"""Bad start lists, openings and codes. Specification: docs/protocol.md, section 1; attacks on joining."""

import json
import pathlib

import pytest
from daric_protocol import envelope, joining, platform
from daric_protocol.errors import DaricError
from daric_protocol.roster import Member, Roster
from daric_protocol.session import Session
from daric_protocol.terms import Terms

from tests.session.fakes import UUID, create_terms, creating, greet, people, signing, stored_roster
from tests.session.network import EvilRelay, MemoryHooks, Network, drbg, identity

VECTORS = pathlib.Path(__file__).parents[1] / "vectors" / "protocol" / "roster_ssid_code.json"


def failed(session, name="soft"):
    assert session.state == "failed" and session.error.name == name
    return True


# Start lists


def test_a_start_list_without_my_join_ends_the_session():
    sessions = creating(3)
    joins = [session.join() for session in sessions]
    sessions[0].start([joins[1], joins[2], joins[1]])
    assert failed(sessions[0])
    assert sessions[0].hooks.journal == set()


def test_a_start_list_with_my_join_replaced_ends_the_session():
    sessions = creating(3)
    joins = [session.join() for session in sessions]
    other = Session(identity(0), create_terms(), None, drbg("again"), MemoryHooks(greet)).join()
    sessions[0].start([other, joins[1], joins[2]])
    assert failed(sessions[0])


def test_my_join_listed_twice_is_refused():
    sessions = creating(3)
    joins = [session.join() for session in sessions]
    sessions[0].start([joins[0], joins[0], joins[2]])
    assert failed(sessions[0])


@pytest.mark.parametrize("count", [2, 4])
def test_too_few_or_too_many_joins_are_refused(count):
    sessions = creating(4)
    joins = [session.join() for session in sessions]
    three = creating(3)[0]
    three.join()
    three.start(([three.join(), *joins[1:]])[:count])
    assert failed(three)


def test_a_repeated_commitment_is_refused():
    sessions = creating(3)
    joins = [session.join() for session in sessions]
    sessions[0].start([joins[0], joins[1], joins[1]])
    assert failed(sessions[0])


@pytest.mark.parametrize(
    "join", [b"", b"\x81\x58\x1f" + bytes(31), b"\x9f\xff", b"\x81\x58\x20" + bytes(33), b"\xf6", bytes(5000)]
)
def test_a_join_that_cannot_be_read_is_refused(join):
    sessions = creating(3)
    joins = [session.join() for session in sessions]
    sessions[0].start([joins[0], joins[1], join])
    assert failed(sessions[0])


def test_a_clear_join_among_strangers_is_refused():
    sessions = creating(3)
    joins = [session.join() for session in sessions]
    clear = envelope.encode(joining.Opening(identity(9).public, identity(8).public, bytes(32)))
    sessions[0].start([joins[0], joins[1], clear])
    assert failed(sessions[0])


def test_a_second_start_is_dropped():
    network = Network(creating(3)).start()
    session, code = network.sessions[0], network.sessions[0].code
    assert session.start(network.joins) is False
    assert session.start(network.joins[::-1]) is False
    assert (session.state, session.code) == ("confirming", code)
    assert network.confirm().run().states() == ["done"] * 3


def test_a_start_before_joining_is_dropped():
    session = creating(2)[0]
    assert session.start([b"", b""]) is False
    assert session.state == "joining"


def test_a_join_never_changes():
    session = creating(2)[0]
    assert session.join() == session.join()


def test_a_stale_start_is_refused_after_a_restart():
    journal = set()
    terms = create_terms(2)
    before = Session(identity(0), terms, None, drbg("before"), MemoryHooks(greet, journal=journal))
    peer = Session(identity(1), terms, None, drbg("peer"), MemoryHooks(greet))
    joins = [before.join(), peer.join()]
    before.start(joins)
    after = Session(identity(0), terms, None, drbg("after"), MemoryHooks(greet, journal=journal))
    after.join()
    after.start(joins)
    assert failed(after)
    again = Session(identity(0), terms, None, drbg("again"), MemoryHooks(greet, journal=journal))
    again.start([again.join(), peer.join()])
    assert failed(again, "replayed")


def test_the_nonce_is_recorded_before_an_opening_leaves():
    class Full(MemoryHooks):
        def use_session(self, uuid):
            raise DaricError("storage")

    session = Session(identity(0), create_terms(2), None, drbg("full"), Full(greet))
    peer = creating(2)[1]
    session.start([session.join(), peer.join()])
    assert failed(session, "storage") and session.send() is None


# Identities


def test_two_of_the_same_identity_are_refused():
    terms = create_terms(3)
    sessions = [
        Session(identity(n), terms, None, drbg("twin", seat), MemoryHooks(greet)) for seat, n in enumerate((0, 1, 1))
    ]
    network = Network(sessions).start()
    assert network.errors() == ["soft"] * 3


def test_two_of_the_same_ephemeral_key_are_refused():
    terms = create_terms(3)
    sessions = [Session(identity(n), terms, None, drbg("echo", max(n, 1)), MemoryHooks(greet)) for n in range(3)]
    assert sessions[0]._mine.ephemeral == sessions[1]._mine.ephemeral
    assert Network(sessions).start().errors() == ["soft"] * 3


def test_a_stranger_in_the_place_of_a_member_is_refused():
    sessions = signing((1, 2))
    stranger = joining.Opening(identity(77).public, identity(78).public, bytes(32))
    relay = EvilRelay(lists=lambda seat, joins: [joins[0], envelope.encode(stranger)] if seat == 0 else joins)
    network = Network(sessions, relay).start()
    assert failed(sessions[0]) and network.sessions[1].state == "confirming"


def test_a_member_that_was_not_chosen_is_refused():
    roster = stored_roster(3)
    other = people(roster)[3]
    sessions = signing((1, 2))
    opening = envelope.encode(joining.Opening(other.public, identity(78).public, bytes(32)))
    sessions[0].start([sessions[0].join(), opening])
    assert failed(sessions[0])


def test_a_roster_that_differs_ends_softly_before_anything_is_opened():
    behind = stored_roster(3)
    newer = Roster(behind.t, 1, 0, behind.members)
    sessions = signing((1, 2), rosters={2: newer})
    network = Network(sessions).start().confirm().run()
    assert network.errors() == ["soft", "soft"]


def test_another_epochs_public_shares_end_softly():
    old = stored_roster(3)
    members = [Member(m.index, m.identity, m.kind, m.name, identity(("next", m.index)).public) for m in old.members]
    sessions = signing((1, 2), rosters={2: Roster(old.t, 0, 0, members)})
    assert Network(sessions).start().confirm().run().errors() == ["soft", "soft"]


def test_a_key_that_is_no_point_ends_softly():
    bad = next(data for data in (b"\x02" + n.to_bytes(32, "big") for n in range(1, 99)) if not is_point(data))
    session = signing((1, 2))[0]
    peer = people(stored_roster(3))[2]
    session.start([session.join(), envelope.encode(joining.Opening(peer.public, bad, bytes(32)))])
    session.confirm()
    assert session.send() is None and failed(session)


def is_point(data):
    try:
        platform.curve.decode(data)
    except DaricError:
        return False
    return True


# Openings and the man in the middle


def test_an_opening_that_does_not_fit_its_commitment_ends_softly():
    def tamper(parcel):
        if parcel.is_opening and (parcel.origin, parcel.to) == (1, 0):
            return parcel.frame[:-1] + bytes([parcel.frame[-1] ^ 1])
        return None

    network = Network(creating(3), EvilRelay(tamper=tamper)).start()
    assert network.errors() == ["soft", None, None]


def test_a_relay_that_swaps_openings_between_parties_is_noticed():
    def redirect(parcel):
        return {0: 2, 2: 0}.get(parcel.to) if parcel.is_opening and parcel.origin == 1 else None

    assert Network(creating(3), EvilRelay(redirect=redirect)).start().states() == ["confirming"] * 3

    def tamper(parcel):
        return network.log[0].frame if parcel.is_opening and parcel.origin == 1 else None

    network = Network(creating(3), EvilRelay(tamper=tamper))
    network.start()
    assert "soft" in network.errors()


def test_repeated_openings_are_dropped():
    network = Network(creating(3), EvilRelay(repeat=lambda parcel: parcel.is_opening)).start()
    assert network.states() == ["confirming"] * 3


def test_a_party_opens_only_after_a_list_with_its_own_commitment():
    sessions = creating(3)
    for session in sessions:
        session.join()
        assert session.send() is None


def test_a_man_in_the_middle_shows_the_parties_different_codes():
    """The relay joins twice by itself, once with each victim: both sessions are complete, the codes are not equal."""
    terms = create_terms(2)
    alice, bob = creating(2)
    to_alice = Session(identity(66), terms, None, drbg("mallory a"), MemoryHooks(greet))
    to_bob = Session(identity(66), terms, None, drbg("mallory b"), MemoryHooks(greet))
    for victim, double in ((alice, to_alice), (bob, to_bob)):
        Network([victim, double]).start()
        assert victim.state == "confirming"
    assert alice.code != bob.code


def test_a_relay_cannot_choose_its_join_after_it_saw_an_opening():
    """A party reveals its opening only once all commitments are fixed in its list, which no later list replaces."""
    alice, bob = creating(2)
    other = Session(identity(66), create_terms(2), None, drbg("late"), MemoryHooks(greet))
    alice.join()
    alice.start([alice.join(), bob.join()])
    assert alice.send() is not None
    assert alice.start([alice.join(), other.join()]) is False


def test_an_opening_in_a_session_of_stored_members_is_dropped():
    network = Network(signing()).start()
    frame = envelope.encode(joining.Opening(identity(66).public, identity(67).public, bytes(32)))
    assert network.sessions[0].receive(1, frame) is True
    assert network.confirm().run().states() == ["done", "done"]


# Terms


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": 1}, {"threshold": 4}, {"parties": 1, "threshold": 2}, {"parties": 17}, {"op": "steal"},
        {"members": [1]}, {"op": "pair", "members": [1, 2], "parties": 2, "request": b"x"}, {"uuid": b"short"},
        {"op": "sign", "members": [1, 2]},
        {"op": "sign", "members": [1, 2, 3], "request": b"x"}, {"op": "pair", "members": [1, 2, 3], "threshold": 3},
        {"op": "sign", "members": [2, 1], "parties": 2, "request": b"x"}, {"group": b"g"},
        {"op": "sign", "members": [1, 1], "parties": 2, "request": b"x"},
    ],
)  # fmt: skip
def test_terms_that_no_session_can_meet_are_refused(change):
    values = {"parties": 3, "threshold": 2}
    values.update(change)
    with pytest.raises(DaricError) as refusal:
        Session(identity(0), create_terms(**values), None, drbg("terms"), MemoryHooks(greet))
    assert refusal.value.name == "parameter"


def test_terms_survive_the_wire_and_nothing_else_does():
    terms = create_terms()
    again = Terms.decode(terms.encode())
    assert again.to_wire() == terms.to_wire() and again.committed
    good = terms.to_wire()
    for position, value in enumerate(["text", b"bytes", 7, b"", "", 3, None, 9]):
        bad = list(good)
        bad[position] = value
        with pytest.raises(DaricError):
            Terms.decode(platform.cbor_encode(bad))
    for data in (b"", terms.encode()[:-1], terms.encode() + b"\x00", platform.cbor_encode(good[:-1]), b"\xf6"):
        with pytest.raises(DaricError):
            Terms.decode(data)


def test_a_party_that_was_not_chosen_cannot_open_the_session():
    roster = stored_roster(3)
    terms = create_terms(2, op="sign", members=[1, 2], request=b"r")
    with pytest.raises(DaricError, match="not among the members"):
        Session(people(roster)[3], terms, roster, drbg("x"), MemoryHooks(greet))
    with pytest.raises(DaricError, match="does not know the group"):
        Session(people(roster)[1], terms, None, drbg("x"), MemoryHooks(greet))
    terms = create_terms(2, op="sign", members=[1, 9], request=b"r")
    with pytest.raises(DaricError, match="does not have"):
        Session(people(roster)[1], terms, roster, drbg("x"), MemoryHooks(greet))
    terms = create_terms(3, 3, op="sign", members=[1, 2, 3], request=b"r")
    with pytest.raises(DaricError, match="another threshold"):
        Session(people(roster)[1], terms, roster, drbg("x"), MemoryHooks(greet))


# Vectors


def vector_cases():
    return json.loads(VECTORS.read_text())["cases"]


@pytest.mark.parametrize("case", vector_cases(), ids=lambda case: case["id"])
def test_session_id_commitments_and_code_match_the_vectors(case):
    given, expected = case["in"], case["out"]
    uuid, group = bytes.fromhex(given["uuid"]), bytes.fromhex(given["group"])
    present = [member for member in given["members"] if member["nonce"]]
    nonces = [bytes.fromhex(member["nonce"]) for member in present]
    # The roster hash is taken from the vector: these cases are older than its fields version and master.
    roster = bytes.fromhex(expected["roster"])
    assert joining.session_id(uuid, given["op"], group, roster, nonces).hex() == expected["ssid"]
    if not given["check_code"]:
        return
    openings = [joining.Opening(*(bytes.fromhex(m[k]) for k in ("identity", "ephemeral", "nonce"))) for m in present]
    commitments = {
        str(m["id"]): joining.commit(uuid, given["op"], o).hex() for m, o in zip(present, openings, strict=True)
    }
    assert commitments == expected["J"]
    assert joining.check_code(uuid, given["op"], group, given["t"], openings) == expected["code"]


def test_the_uuid_is_part_of_every_commitment():
    opening = joining.Opening(identity(1).public, identity(2).public, bytes(32))
    assert joining.commit(UUID, "create", opening) != joining.commit(bytes(16), "create", opening)
