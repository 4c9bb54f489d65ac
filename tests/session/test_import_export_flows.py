"""A key taken in and given out through the driver. Specification: docs/protocol.md, sections 10 and 11."""

import pytest
from daric_protocol import envelope, flows
from daric_protocol.errors import DaricError
from daric_protocol.roster import Roster
from daric_protocol.tagged import Q
from daric_protocol.terms import Terms

from tests.session.network import EvilRelay, Network
from tests.session.parties import Party, Wallet, message
from tests.session.test_reshare_flows import done, signs

SECRET = flows.Secret(0x1234567890ABCDEF, bytes(range(32)), bytes(range(7, 39)))
BARE = flows.Secret(77)


def importing(secret=SECRET, parties=3, threshold=2, relay=None, seed="", dealer=0):
    """(parties, network, group id) of an import, not started; the party in seat `dealer` brings the key."""
    people = [Party(f"importer {number} {seed}") for number in range(parties)]
    identity = people[dealer].custody.identity.public
    terms = flows.import_terms(bytes(16), threshold, parties, secret, identity, "old wallet")
    sessions = [
        party.open(terms, secret=secret) if number == dealer else party.open(terms)
        for number, party in enumerate(people)
    ]
    return people, Network(sessions, relay), terms.group


def imported(secret=SECRET, **options):
    people, network, group_id = importing(secret, **options)
    done(network)
    wallet = Wallet(people, group_id)
    wallet.sessions = 50
    return wallet


def exporting(wallet, members, initiator, purpose="moving house"):
    terms = flows.export_terms(wallet.uuid(), wallet.group_id, wallet.roster, members, initiator, purpose)
    terms = wallet.parties[initiator].asks(terms) if initiator in wallet.parties else terms
    return Network([wallet.parties[index].open(terms) for index in sorted(members)])


@pytest.fixture(scope="module")
def made():
    return imported()


@pytest.fixture
def wallet(made):
    return made.copy()


def test_an_imported_key_becomes_the_groups(wallet):
    shards = [party.custody.shard(wallet.group_id) for party in wallet.parties.values()]
    assert {shard.pk for shard in shards} == {SECRET.public()} and {shard.kind for shard in shards} == {"imp"}
    assert {shard.cc for shard in shards} == {SECRET.chain_code}
    wallet.restart()
    assert all(signs(wallet, pair) for pair in ([1, 2], [1, 3], [2, 3]))


def test_a_bare_key_is_imported_without_phrase_or_chain_code():
    wallet = imported(BARE, parties=2, seed="bare")
    shard = wallet.parties[1].custody.shard(wallet.group_id)
    assert (shard.pk, shard.entropy, len(shard.cc)) == (BARE.public(), [], 32)
    assert signs(wallet, [1, 2])


@pytest.mark.parametrize("initiator", [1, 3])
def test_the_key_and_its_phrase_go_to_the_initiator_alone(wallet, initiator):
    network = done(exporting(wallet, [1, 3], initiator))
    results = dict(zip((1, 3), [session.result for session in network.sessions], strict=True))
    assert (results[initiator].secret, results[initiator].entropy) == (SECRET.scalar, SECRET.entropy)
    assert results[4 - initiator] is None


def test_an_exported_wallet_counts_as_exposed_at_everyone_who_took_part(wallet):
    done(exporting(wallet, [1, 3], 1))
    wallet.restart()
    exposed = {index: party.custody.group(wallet.group_id).exposed for index, party in wallet.parties.items()}
    assert exposed == {1: True, 2: False, 3: True}


def test_a_refused_export_moves_nothing_and_exposes_nobody(wallet):
    network = exporting(wallet, [1, 2], 1).start()
    network.sessions[1].refuse()
    network.confirm().run().expire()
    assert network.errors() == ["soft", "refused"] and not network.sessions[0].result
    assert not wallet.parties[2].custody.group(wallet.group_id).exposed


def test_a_generated_key_is_exported_too_and_is_the_one_that_signs():
    wallet = Wallet.create(2, 2, seed="export")
    network = done(exporting(wallet, [1, 2], 2))
    assert flows.Secret(network.sessions[1].result.secret).public() == wallet.pk
    assert network.sessions[1].result.entropy == b""


def test_a_phrase_survives_a_change_of_all_members(wallet):
    newcomer = Party("newcomer")
    done(wallet.change(wallet.reshare_terms(3, 1, leaving=[2]), [newcomer]))
    grown = wallet.after([wallet.parties[1], wallet.parties[3], newcomer])
    network = done(exporting(grown, [1, 3, 4], 4))
    assert (network.sessions[2].result.secret, network.sessions[2].result.entropy) == (SECRET.scalar, SECRET.entropy)
    assert signs(grown, [1, 3, 4])


def test_only_the_master_gets_the_key(wallet):
    for party in wallet.parties.values():
        shard = party.custody.shard(wallet.group_id)
        shard.roster = Roster(shard.roster.t, 1, 3, shard.roster.members)
        party.store.write(f"shard/{wallet.group_id.hex()}/1", shard.encode())
    with pytest.raises(DaricError) as caught:
        exporting(wallet, [1, 3], 1)
    assert caught.value.name == "master"
    assert done(exporting(wallet, [1, 3], 3)).sessions[1].result.secret == SECRET.scalar


@pytest.mark.parametrize(("members", "initiator"), [([1, 2], 3), ([1, 2, 3], 1), ([1], 1)])
def test_an_export_takes_exactly_the_threshold_with_its_initiator(wallet, members, initiator):
    with pytest.raises(DaricError) as caught:
        exporting(wallet, members, initiator)
    assert caught.value.name in ("member", "parameter")


@pytest.mark.parametrize("scalar", [0, Q, -1, Q + 5])
def test_a_key_out_of_range_is_no_key(scalar):
    with pytest.raises(DaricError) as caught:
        flows.Secret(scalar)
    assert caught.value.name == "parameter"


def test_only_who_the_terms_name_brings_a_key_and_only_the_announced_one():
    people, network, _ = importing(seed="names")
    terms = network.sessions[0].terms
    for party, options in (
        (people[1], {"secret": SECRET}),
        (people[0], {}),
        (people[0], {"secret": BARE}),
        (people[0], {"secret": flows.Secret(SECRET.scalar, SECRET.chain_code, b"")}),
    ):
        with pytest.raises(DaricError) as caught:
            party.open(terms, **options)
        assert caught.value.name == "parameter"


def test_an_import_without_the_party_that_brings_the_key_ends_softly():
    _, network, _ = importing(seed="absent")
    terms = network.sessions[0].terms
    network = Network([*network.sessions[1:], Party("somebody else").open(terms)]).start().confirm().run()
    assert set(network.errors()) == {"soft"}


def test_an_import_does_not_replace_a_group(wallet):
    terms = importing(seed="again")[1].sessions[0].terms
    terms.group = wallet.group_id
    with pytest.raises(DaricError) as caught:
        wallet.parties[2].open(terms)
    assert caught.value.name == "group"


def test_a_lost_acknowledgement_of_an_import_is_mended_by_a_certificate():
    relay = EvilRelay(drop=lambda parcel: parcel.round == 4 and parcel.origin == 0)
    people, network, group_id = importing(seed="lost", relay=relay)
    network.start().confirm().run().expire()
    assert network.states()[0] == "done"
    assert [party.restart().custody.adopt(network.sessions[0].result) for party in people[1:]] == [True, True]
    wallet = Wallet(people, group_id)
    wallet.sessions = 9
    assert signs(wallet, [2, 3])


def test_the_questions_name_key_bringer_holder_and_purpose(wallet):
    people, network, _ = importing(seed="question")
    lines = flows.question(network.start().sessions[1], people[1].custody)
    assert lines[:3] == ["Import wallet", " old wallet", "2 of 3 sign"]
    assert "24-word phrase" in lines and "Brought by:" in lines and "original is gone" in lines
    assert "Check code " + network.sessions[1].code in lines
    lines = flows.question(exporting(wallet, [1, 2], 2).start().sessions[0], wallet.parties[1].custody)
    assert lines[:4] == ["EXPORT THE KEY", " old wallet", "It goes to:", " 2 phone someone"]
    assert " moving house" in lines


def test_a_wallet_that_was_imported_signs_messages(wallet):
    assert wallet.sign([1, 2], message("hello")).states() == ["done", "done"]


def test_terms_that_announce_another_key_under_the_same_group_are_refused():
    terms = flows.import_terms(bytes(16), 2, 3, BARE, Party("importer").custody.identity.public)
    announced = terms.details()
    announced.entropy = 32
    other = Terms(*[getattr(terms, name) for name in terms.NAMES])
    other.request = envelope.encode(announced)
    with pytest.raises(DaricError) as refused:
        Party("receiver").open(other)
    assert refused.value.name == "parameter"
