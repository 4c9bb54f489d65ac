"""What only a master may ask for, and what a group does without it. Specification: docs/protocol.md, section 1."""

import pytest
from daric_protocol import flows
from daric_protocol.envelope import encode
from daric_protocol.errors import DaricError
from daric_protocol.roster import Roster
from daric_protocol.terms import Terms

from tests.session.network import EvilRelay, Network, drbg, identity
from tests.session.parties import Party, Wallet, message
from tests.session.test_import_export_flows import BARE
from tests.session.test_reshare_flows import done

MASTER = 2
PIECE = bytes(16)


@pytest.fixture(scope="module")
def made():
    """A wallet of three whose second member is the master, by its creation."""
    parties = [Party(f"master {number}") for number in range(3)]
    master = sorted(party.custody.identity.public for party in parties)[MASTER - 1]
    terms = flows.create_terms(bytes(16), 2, 3, drbg("master"), "savings", master)
    done(Network([party.open(terms) for party in parties]))
    wallet = Wallet(parties, terms.group)
    assert wallet.roster.master == MASTER
    return wallet


@pytest.fixture
def wallet(made):
    return made.copy()


def proposals(wallet):
    """Terms of every operation that a master alone asks for, by the party that opens them."""
    custody, group, roster = wallet.parties[1].custody, wallet.group_id, wallet.roster
    return {
        "sign": flows.sign_terms(wallet.uuid(), group, roster, [1, 2], message("pay")),
        "export": flows.export_terms(wallet.uuid(), group, roster, [1, 2], MASTER, "moving"),
        "refresh": flows.refresh_terms(wallet.uuid(), group, roster),
        "add": flows.reshare_terms(wallet.uuid(), custody, group, 3, 1),
        "remove": flows.reshare_terms(wallet.uuid(), custody, group, 2, 0, [3]),
        "enrol": flows.enrol_terms(wallet.uuid(), custody, group, [1, 3]),
        "backup": flows.backup_terms(wallet.uuid(), custody, group, PIECE, 2, 1, [2, 3], 2, 3),
        "recover": flows.recover_terms(wallet.uuid(), custody, group, 3, [1, 2], 1),
    }


OPERATIONS = ["sign", "export", "refresh", "add", "remove", "enrol", "backup", "recover"]


def exceptions(wallet):
    custody, group, roster = wallet.parties[1].custody, wallet.group_id, wallet.roster
    return {
        "another master": flows.master_terms(wallet.uuid(), group, roster, 1),
        "no master": flows.master_terms(wallet.uuid(), group, roster, 0),
        "the master removed": flows.reshare_terms(wallet.uuid(), custody, group, 2, 0, [MASTER]),
        "the master recovered": flows.recover_terms(wallet.uuid(), custody, group, MASTER, [1, 3], 1),
        "a pair set-up": flows.pair_terms(wallet.uuid(), group, roster, 1, 3),
        "a backup tested": flows.verify_terms(wallet.uuid(), custody, group, PIECE, bytes(32), [1, 3]),
    }


def refusal(party, terms, **options):
    with pytest.raises(DaricError) as caught:
        party.open(terms, **options)
    return caught.value.name


# The rule


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_member_refuses_what_another_member_or_nobody_asks_for(wallet, operation):
    terms = proposals(wallet)[operation]
    for index in terms.members:
        party = wallet.parties[index]
        assert refusal(party, terms) == "master"
        assert refusal(party, wallet.parties[1].asks(terms)) == "master"
        assert refusal(party, Party("stranger").asks(terms)) == "master"
        assert refusal(party, wallet.parties[1].asks(terms), attended=False) == "master"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_the_master_asks_for_opens_at_every_member(wallet, operation):
    terms = wallet.parties[MASTER].asks(proposals(wallet)[operation])
    assert all(wallet.parties[index].open(terms) for index in terms.members)


@pytest.mark.parametrize("operation", ["add", "enrol", "recover"])
def test_a_new_member_refuses_as_well_what_the_master_did_not_ask_for(wallet, operation):
    terms = proposals(wallet)[operation]
    assert refusal(Party("newcomer"), terms) == "master"
    assert Party("newcomer").open(wallet.parties[MASTER].asks(terms))


def test_the_masters_name_over_the_signature_of_another_is_refused(wallet):
    terms = proposals(wallet)["sign"]
    master, other = wallet.parties[MASTER].custody.identity, wallet.parties[1].custody
    assert refusal(wallet.parties[1], terms.signed(master.public, other.sign_identity)) == "signature"


def test_the_masters_signature_of_another_session_is_refused(wallet):
    asked = wallet.parties[MASTER].asks(proposals(wallet)["sign"])
    terms = proposals(wallet)["sign"]
    terms.initiator, terms.signature = asked.initiator, asked.signature
    assert refusal(wallet.parties[1], terms) == "signature"


def test_the_group_signs_for_its_master_and_the_master_need_not_sign_itself(wallet):
    terms = flows.sign_terms(wallet.uuid(), wallet.group_id, wallet.roster, [1, 3], message("pay"))
    terms = wallet.parties[MASTER].asks(terms)
    done(Network([wallet.parties[index].open(terms) for index in (1, 3)]))


@pytest.mark.parametrize("receiver", [1, MASTER])
def test_the_key_goes_to_the_master_only(wallet, receiver):
    terms = flows.export_terms(wallet.uuid(), wallet.group_id, wallet.roster, [1, 2], receiver, "moving")
    terms = wallet.parties[MASTER].asks(terms)
    if receiver != MASTER:
        assert refusal(wallet.parties[1], terms) == "master"
    else:
        network = done(Network([wallet.parties[index].open(terms) for index in (1, 2)]))
        assert network.sessions[1].result.secret


def test_a_group_without_a_master_takes_anybodys_terms():
    free = Wallet.create(2, 2, seed="free")
    for terms in (flows.sign_terms(free.uuid(), free.group_id, free.roster, [1, 2], message("x")),):
        assert free.parties[1].open(terms) and free.parties[1].open(free.parties[2].asks(terms))


# Without the master


@pytest.mark.parametrize(
    "operation",
    ["another master", "no master", "the master removed", "the master recovered", "a pair set-up", "a backup tested"],
)
def test_what_a_lost_master_must_not_prevent_opens_without_it(wallet, operation):
    terms = exceptions(wallet)[operation]
    for index in [one for one in terms.members if one != MASTER]:
        assert wallet.parties[index].open(terms) and wallet.parties[index].open(wallet.parties[3].asks(terms))


def test_a_master_that_leaves_is_master_no_more(wallet):
    done(wallet.change(exceptions(wallet)["the master removed"]))
    smaller = wallet.after([wallet.parties[1], wallet.parties[3]])
    assert smaller.roster.master == 0 and smaller.roster.indexes() == [1, 3]
    assert smaller.sign([1, 3], message("free")).states() == ["done", "done"]


def test_a_master_stays_one_over_a_new_epoch(wallet):
    done(wallet.change(wallet.parties[MASTER].asks(proposals(wallet)["refresh"])))
    assert {party.custody.roster(wallet.group_id).master for party in wallet.parties.values()} == {MASTER}


def test_all_members_take_the_role_away(wallet):
    done(wallet.change(exceptions(wallet)["no master"]))
    wallet = wallet.after(list(wallet.parties.values()))
    assert wallet.roster.master == 0 and wallet.sign([1, 3], message("free")).states() == ["done", "done"]


def test_a_removal_of_somebody_else_is_no_way_around_the_master(wallet):
    terms = flows.reshare_terms(wallet.uuid(), wallet.parties[1].custody, wallet.group_id, 2, 1, [3])
    assert refusal(wallet.parties[1], wallet.parties[1].asks(terms)) == "master"


# Choosing one


def test_the_question_of_a_new_wallet_says_who_will_be_master():
    parties = [Party(f"chosen {number}") for number in range(2)]
    master = parties[0].custody.identity.public
    terms = flows.create_terms(bytes(16), 2, 2, drbg("chosen"), "savings", master)
    network = Network([party.open(terms) for party in parties]).start()
    lines = flows.question(network.sessions[1], parties[1].custody)
    assert lines[3:5] == ["Master:", f" {network.sessions[0].me} phone someone"]


def test_a_wallet_without_a_master_shows_none(made):
    parties = [Party(f"plain {number}") for number in range(2)]
    terms = flows.create_terms(bytes(16), 2, 2, drbg("plain"), "savings")
    network = Network([party.open(terms) for party in parties]).start()
    assert "Master:" not in flows.question(network.sessions[1], parties[1].custody)
    assert terms.request == b"" and network.sessions[0].roster.master == 0


def test_an_imported_wallet_has_the_master_that_its_terms_name():
    parties = [Party(f"import {number}") for number in range(2)]
    dealer, master = (party.custody.identity.public for party in parties)
    terms = flows.import_terms(bytes(16), 2, 2, BARE, dealer, "old", master)
    network = Network([parties[0].open(terms, secret=BARE), parties[1].open(terms)]).start()
    assert "Master:" in flows.question(network.sessions[0], parties[0].custody)
    network.confirm().run()
    roster = parties[0].custody.roster(terms.group)
    assert network.states() == ["done", "done"] and roster.master == roster.index_of(master)


def test_a_master_that_does_not_join_ends_the_session_softly():
    parties = [Party(f"absent {number}") for number in range(2)]
    terms = flows.create_terms(bytes(16), 2, 2, drbg("absent"), "savings", identity(5).public)
    network = Network([party.open(terms) for party in parties]).start()
    assert network.errors() == ["soft", "soft"]
    assert all(party.custody.find(terms.group) is None for party in parties)


def test_parties_that_were_shown_different_masters_make_no_wallet():
    parties = [Party(f"split {number}") for number in range(2)]
    terms = [
        flows.create_terms(bytes(16), 2, 2, drbg("split"), "savings", party.custody.identity.public)
        for party in parties
    ]
    network = Network([party.open(one) for party, one in zip(parties, terms, strict=True)])
    network.start().confirm().run().expire()
    assert network.states() == ["failed", "failed"]
    assert all(party.custody.find(terms[0].group) is None for party in parties)


@pytest.mark.parametrize("request_bytes", [b"x", b"\x80", b"\x81\x40", b"\x81\x58\x20" + bytes(32), b"\x00"])
def test_a_master_that_is_no_identity_is_malformed(request_bytes):
    terms = Terms(bytes(16), "create", bytes(16), 2, 2, [], request_bytes, "savings")
    with pytest.raises(DaricError) as caught:
        Terms.decode(encode(terms))
    assert caught.value.name == "encoding"


def test_a_roster_kept_from_before_decides_and_not_what_the_terms_say(wallet):
    """Terms that say the group has no master do not fit the stored roster."""
    terms = proposals(wallet)["add"]
    details = terms.details()
    details.facts.roster = Roster(2, 0, 0, details.facts.roster.members)
    terms.request = encode(details)
    assert refusal(wallet.parties[1], terms) == "master"
    assert refusal(wallet.parties[1], wallet.parties[MASTER].asks(terms)) == "roster"


def test_a_group_whose_master_was_lost_in_the_last_round_of_its_creation_still_has_one():
    parties = [Party(f"late {number}") for number in range(2)]
    master = parties[0].custody.identity.public
    terms = flows.create_terms(bytes(16), 2, 2, drbg("late"), "savings", master)
    relay = EvilRelay(drop=lambda parcel: parcel.round == 4 and parcel.to == 0)
    network = Network([party.open(terms) for party in parties], relay).start().confirm().run().expire()
    assert network.states() == ["failed", "done"]
    assert parties[0].restart().custody.adopt(network.sessions[1].result) is True
    roster = parties[0].custody.roster(terms.group)
    assert roster.master == roster.index_of(master)
