"""A member more while all other shares stay: real rounds and custody. Specification: docs/protocol.md, section 9."""

import itertools

import pytest
from daric_protocol import flows
from daric_protocol.errors import DaricError
from daric_protocol.group import issued_to
from daric_protocol.rounds.rosterchange import RosterChange

from tests.session.network import EvilRelay
from tests.session.parties import Party, Wallet
from tests.session.test_import_export_flows import SECRET, exporting, imported
from tests.session.test_reshare_flows import done, errors, signs


@pytest.fixture(scope="module")
def made():
    return Wallet.create(2, 3, seed="enrol")


@pytest.fixture
def wallet(made):
    return made.copy()


def enrolment(wallet, helpers, newcomer, relay=None, initiator=None):
    custody = wallet.parties[initiator or helpers[0]].custody
    terms = flows.enrol_terms(wallet.uuid(), custody, wallet.group_id, helpers)
    return wallet.change(terms, [newcomer], relay)


def grown(wallet, helpers, newcomer):
    """Enrol, and tell the members that were not there."""
    network = done(enrolment(wallet, helpers, newcomer))
    for index, party in wallet.parties.items():
        assert party.custody.adopt(network.sessions[0].result) is (index not in helpers)
    return wallet.after([*wallet.parties.values(), newcomer])


def shares(wallet):
    return {index: party.custody.shard(wallet.group_id).s for index, party in wallet.parties.items()}


def test_a_new_member_gets_a_share_and_nobody_elses_changes(wallet):
    before = shares(wallet)
    newcomer = Party("newcomer")
    bigger = grown(wallet, [1, 3], newcomer)
    assert bigger.roster.indexes() == [1, 2, 3, 4] and bigger.roster.version == 1
    assert {index: share for index, share in shares(bigger).items() if index != 4} == before
    shard = newcomer.custody.shard(wallet.group_id)
    assert (shard.pk, shard.epoch, shard.me) == (wallet.pk, 1, 4)
    assert len({party.custody.shard(wallet.group_id).roster.hash() for party in bigger.parties.values()}) == 1


def test_the_new_member_signs_with_everyone_once_their_pairs_are_set_up(wallet):
    bigger = grown(wallet, [1, 2], Party("newcomer"))
    assert bigger.parties[4].custody.unusable(wallet.group_id) == [1, 2, 3]
    for index in (1, 2, 3):
        assert bigger.pair_up(index, 4).states() == ["done", "done"]
    bigger.restart()
    for signers in itertools.combinations([1, 2, 3, 4], 2):
        assert signs(bigger, list(signers), f"{signers}")


def test_a_group_that_grew_deals_a_new_epoch_to_all(wallet):
    bigger = grown(wallet, [1, 2], Party("newcomer"))
    done(bigger.change(flows.refresh_terms(bigger.uuid(), bigger.group_id, bigger.roster)))
    assert signs(bigger.after(list(bigger.parties.values())), [3, 4])
    for party in bigger.parties.values():
        assert not party.store.names("change/") and not party.store.names("issued/")


def test_members_join_one_after_another_and_a_late_one_learns_of_all(wallet):
    first, second = Party("first"), Party("second")
    late = wallet.parties.pop(3)
    bigger = grown(wallet, [1, 2], first)
    bigger = grown(bigger, [1, 2], second)
    assert bigger.roster.indexes() == [1, 2, 3, 4, 5]
    changes = bigger.parties[1].custody.changes(wallet.group_id)
    assert len(changes) == 2
    with pytest.raises(DaricError) as caught:
        late.custody.adopt(changes[1])
    assert caught.value.name == "roster"
    assert [late.custody.adopt(change) for change in changes] == [True, True]
    assert late.custody.roster(wallet.group_id).hash() == bigger.roster.hash()
    assert late.custody.adopt(changes[0]) is False
    assert second.custody.shard(wallet.group_id).me == 5


def test_a_member_that_missed_the_change_is_refused_until_it_adopts_it(wallet):
    newcomer = Party("newcomer")
    network = done(enrolment(wallet, [1, 2], newcomer))
    bigger = wallet.after([wallet.parties[1], wallet.parties[2], newcomer])
    bigger.parties[3] = wallet.parties[3]
    behind = bigger.network([1, 3], b"\x83\x02\x41x\x80").start()
    assert "done" not in behind.confirm().run().expire().states()
    assert set(behind.errors()) == {"soft"}
    wallet.parties[3].custody.adopt(network.sessions[0].result)
    assert signs(bigger, [1, 3])


def test_an_imported_phrase_reaches_the_new_member_too():
    wallet = imported(seed="enrolled")
    newcomer = Party("newcomer")
    bigger = grown(wallet, [2, 3], newcomer)
    network = done(exporting(bigger, [1, 4], 4))
    assert (network.sessions[1].result.secret, network.sessions[1].result.entropy) == (SECRET.scalar, SECRET.entropy)


@pytest.mark.parametrize("lost", [1, 2])
def test_an_enrolment_that_broke_off_is_repeated_with_the_same_party_and_index_only(wallet, lost):
    newcomer = Party("newcomer")
    network = enrolment(wallet, [1, 2], newcomer, EvilRelay(drop=lambda parcel: parcel.round == lost))
    assert set(network.start().confirm().run().expire().errors()) == {"soft"}
    wallet.restart()
    newcomer.restart()
    issued = issued_to(wallet.parties[1].store, wallet.group_id)
    assert issued == [1, 4, newcomer.custody.identity.public]
    other = enrolment(wallet, [1, 2], Party("somebody else")).start().confirm().run().expire()
    assert set(other.errors()) == {"soft"}
    assert issued_to(wallet.parties[2].store, wallet.group_id) == issued
    bigger = grown(wallet, [1, 3], newcomer)
    assert newcomer.custody.shard(wallet.group_id).me == 4
    assert issued_to(wallet.parties[1].store, wallet.group_id) is None
    assert bigger.pair_up(3, 4).states() == ["done", "done"] and signs(bigger, [3, 4])


def test_a_new_epoch_ends_an_enrolment_that_broke_off_and_burns_its_index(wallet):
    newcomer = Party("newcomer")
    enrolment(
        wallet, [1, 2], newcomer, EvilRelay(drop=lambda parcel: parcel.round == 1)
    ).start().confirm().run().expire()
    done(wallet.change(flows.refresh_terms(wallet.uuid(), wallet.group_id, wallet.roster)))
    wallet = wallet.after(list(wallet.parties.values()))
    other = Party("somebody else")
    grown(wallet, [1, 2], other)
    assert other.custody.shard(wallet.group_id).me == 5


@pytest.mark.parametrize("sender", [0, 1, 2])
def test_a_lost_acknowledgement_is_mended_by_the_change_of_another(wallet, sender):
    newcomer = Party("newcomer")
    relay = EvilRelay(drop=lambda parcel: parcel.round == 2 and parcel.origin == sender)
    network = enrolment(wallet, [1, 2], newcomer, relay).start().confirm().run().expire()
    assert network.states()[sender] == "done"
    parties = [wallet.parties[1].restart(), wallet.parties[2].restart(), newcomer.restart()]
    told = [party.custody.adopt(network.sessions[sender].result) for party in parties]
    assert told == [number != sender for number in range(3)]
    bigger = wallet.after(parties)
    assert bigger.pair_up(1, 4).states() == ["done", "done"] and signs(bigger, [1, 4])


@pytest.mark.parametrize("field", ["epoch", "sid", "about", "acks", "few", "share", "identity", "threshold"])
def test_a_change_that_the_members_did_not_sign_is_refused(wallet, field):
    network = done(enrolment(wallet, [1, 2], Party("newcomer")))
    change = RosterChange.decode(network.sessions[0].result)
    if field == "epoch":
        change.epoch = 2
    elif field == "sid":
        change.sid = bytes(32)
    elif field == "about":
        change.about = 3
    elif field == "acks":
        change.acks = [(index, bytes(64)) for index, _ in change.acks]
    elif field == "few":
        change.acks = change.acks[1:]
    elif field == "share":
        change.roster.members[3].public_share = change.roster.members[0].public_share
    elif field == "identity":
        change.roster.members[1].identity = Party("thief").custody.identity.public
    else:
        change.roster.t = 3
    custody = wallet.parties[3].custody
    before = custody.roster(wallet.group_id).hash()
    if field == "epoch":
        assert custody.adopt(change.encode()) is False
    else:
        with pytest.raises(DaricError) as caught:
            custody.adopt(change.encode())
        assert caught.value.name == "certificate"
    assert custody.roster(wallet.group_id).hash() == before


def test_the_question_says_that_the_others_keep_their_shares(wallet):
    network = enrolment(wallet, [1, 2], Party("newcomer")).start()
    lines = flows.question(network.sessions[0], wallet.parties[1].custody)
    assert {"Change wallet", "All other shares", "Now: 2 of 3", "Then: 2 of 4", "ADD:"} <= set(lines)
    assert errors(network) == [None] * 3


def naming(wallet, master):
    return wallet.change(flows.master_terms(wallet.uuid(), wallet.group_id, wallet.roster, master))


def test_all_members_make_one_of_them_master_and_take_it_back(wallet):
    before = shares(wallet)
    network = naming(wallet, 2).start()
    assert flows.question(network.sessions[0], wallet.parties[1].custody)[:4] == [
        "Master of", " savings", "will be:", " 2 phone someone",
    ]  # fmt: skip
    done_network = network.confirm().run()
    assert done_network.states() == ["done"] * 3, errors(network)
    wallet.restart()
    wallet = wallet.after(list(wallet.parties.values()))
    assert (wallet.roster.master, wallet.roster.version) == (2, 1) and shares(wallet) == before
    with pytest.raises(DaricError) as caught:
        exporting(wallet, [1, 2], 1)
    assert caught.value.name == "master"
    assert done(exporting(wallet, [1, 2], 2)).sessions[1].result.secret
    with pytest.raises(DaricError) as caught:
        signs(wallet, [1, 3])
    assert caught.value.name == "master"
    done(naming(wallet, 0))
    assert signs(wallet, [1, 3])
    assert wallet.after(list(wallet.parties.values())).roster.master == 0


def test_a_member_that_missed_the_end_takes_the_master_from_the_change(wallet):
    network = naming(wallet, 3)
    network.relay = EvilRelay(drop=lambda parcel: parcel.to == 1 and parcel.round == 1)
    network.start().confirm().run().expire()
    assert network.states()[0] == "done" and wallet.parties[2].custody.roster(wallet.group_id).master == 0
    assert wallet.parties[2].restart().custody.adopt(network.sessions[0].result) is True
    assert wallet.parties[2].custody.roster(wallet.group_id).master == 3


def test_a_master_leaves_with_its_role(wallet):
    done(naming(wallet, 3))
    wallet = wallet.after(list(wallet.parties.values()))
    done(wallet.change(wallet.reshare_terms(2, leaving=[3])))
    assert wallet.parties[1].custody.roster(wallet.group_id).master == 0


@pytest.mark.parametrize("master", [0, 4])
def test_a_master_that_is_none_or_the_same_is_refused(wallet, master):
    if master:
        with pytest.raises(DaricError) as caught:
            naming(wallet, master)
        assert caught.value.name == "member"
    else:
        assert "done" not in naming(wallet, 0).start().confirm().run().states()
