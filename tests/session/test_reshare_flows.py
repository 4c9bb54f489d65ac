"""New epochs through the driver, with real rounds and custody. Specification: docs/protocol.md, section 8."""

import itertools

import pytest
from daric_protocol import flows
from daric_protocol.errors import DaricError
from daric_protocol.group import LEFT, LEFT_BEHIND, MEMBER

from tests.session.network import EvilRelay, flip_streams
from tests.session.parties import Party, Wallet, message
from tests.session.test_session_flows import is_valid


@pytest.fixture(scope="module")
def made():
    return Wallet.create(2, 3, seed="reshare")


@pytest.fixture
def wallet(made):
    return made.copy()


def refresh(wallet, relay=None):
    terms = flows.refresh_terms(wallet.uuid(), wallet.group_id, wallet.roster)
    return wallet.change(terms, relay=relay)


def done(network):
    network.start().confirm().run()
    assert set(network.states()) == {"done"}, [
        (error and error.name, error and error.detail) for error in errors(network)
    ]
    return network


def errors(network):
    return [session.error for session in network.sessions]


def signs(wallet, signers, text="after"):
    network = wallet.sign(signers, message(text), confirmed=True)
    assert network.states() == ["done"] * len(signers), errors(network)
    return is_valid(wallet, message(text), network.sessions[0].result)


def test_a_refresh_changes_every_share_and_nothing_else(wallet):
    before = {index: party.custody.shard(wallet.group_id) for index, party in wallet.parties.items()}
    network = done(refresh(wallet))
    assert all(session.code is None for session in network.sessions)
    for index, party in wallet.parties.items():
        shard = party.custody.shard(wallet.group_id)
        assert (shard.pk, shard.cc, shard.epoch, shard.t) == (before[index].pk, before[index].cc, 2, 2)
        assert shard.s != before[index].s and shard.roster.version == before[index].roster.version + 1
        assert party.store.names("shard/") == [f"shard/{wallet.group_id.hex()}/2"]
        assert all(name.split("/")[2] == "2" for name in party.store.names("pair/"))
    wallet.restart()
    assert all(signs(wallet, list(pair)) for pair in itertools.combinations([1, 2, 3], 2))


def test_a_refresh_keeps_every_pair_and_sends_no_base_transfer(wallet):
    network = done(refresh(wallet))
    assert network.bytes_sent(0, 1) < 2000


def test_a_refresh_makes_an_unusable_pair_anew_but_forgives_no_ban(wallet):
    network = wallet.network([1, 2], message("cheat")).start()
    flip_streams(network.sessions[1])
    assert "ban" in network.confirm().run().errors()
    done(refresh(wallet))
    assert wallet.parties[1].custody.unusable(wallet.group_id) == [2]
    assert signs(wallet, [1, 3]) and signs(wallet, [2, 3])
    assert wallet.pair_up(1, 2).states() == ["done", "done"]
    assert signs(wallet, [1, 2])


def test_three_members_become_four_of_which_three_sign(wallet):
    newcomer = Party("newcomer")
    network = wallet.change(wallet.reshare_terms(3, 1), [newcomer]).start()
    assert len({session.code for session in network.sessions}) == 1
    done_network = network.confirm().run()
    assert done_network.states() == ["done"] * 4, errors(network)
    grown = wallet.after([*wallet.parties.values(), newcomer])
    assert grown.pk == wallet.pk and newcomer.custody.shard(wallet.group_id).me == 4
    assert newcomer.custody.group(wallet.group_id).name == "savings"
    grown.restart()
    for signers in itertools.combinations([1, 2, 3, 4], 3):
        assert signs(grown, list(signers), f"of {signers}")


def test_two_new_members_replace_one_that_is_left_out(wallet):
    newcomers = [Party("x"), Party("y")]
    done(wallet.change(wallet.reshare_terms(2, 2, leaving=[2]), newcomers))
    grown = wallet.after([wallet.parties[1], wallet.parties[3], *newcomers])
    assert grown.roster.indexes() == [1, 3, 4, 5]
    assert all(signs(grown, list(pair), f"{pair}") for pair in itertools.combinations([1, 3, 4, 5], 2))


def test_a_removed_member_keeps_what_is_of_no_use_and_learns_that_it_is_out(wallet):
    network = done(wallet.change(wallet.reshare_terms(2, leaving=[3])))
    removed = wallet.parties[3].custody
    assert removed.adopt(network.sessions[0].result) is False
    assert removed.group(wallet.group_id).standing == LEFT_BEHIND
    smaller = wallet.after([wallet.parties[1], wallet.parties[2]])
    assert signs(smaller, [1, 2])
    terms = flows.sign_terms(smaller.uuid(), wallet.group_id, wallet.roster, [1, 3], message("old"))
    assert wallet.parties[3].open(terms).roster.hash() != smaller.roster.hash()
    with pytest.raises(DaricError) as caught:
        wallet.parties[1].open(terms)
    assert caught.value.name == "roster"


def test_a_removed_index_never_comes_back(wallet):
    done(wallet.change(wallet.reshare_terms(2, leaving=[3])))
    smaller = wallet.after([wallet.parties[1], wallet.parties[2]])
    done(smaller.change(smaller.reshare_terms(2, 1), [Party("z")]))
    assert smaller.parties[1].custody.roster(wallet.group_id).indexes() == [1, 2, 4]


def test_a_removed_member_can_be_let_in_again_under_a_new_index(wallet):
    network = done(wallet.change(wallet.reshare_terms(2, leaving=[3])))
    wallet.parties[3].custody.adopt(network.sessions[0].result)
    smaller = wallet.after([wallet.parties[1], wallet.parties[2]])
    done(smaller.change(smaller.reshare_terms(2, 1), [wallet.parties[3]]))
    again = smaller.after([wallet.parties[1], wallet.parties[2], wallet.parties[3]])
    assert again.roster.indexes() == [1, 2, 4]
    assert wallet.parties[3].custody.group(wallet.group_id).standing == MEMBER
    assert signs(again, [1, 4])


def test_a_dealer_that_leaves_destroys_its_share_once_the_others_hold_theirs():
    wallet = Wallet.create(2, 2, seed="leaving")
    newcomer = Party("newcomer")
    done(wallet.change(wallet.reshare_terms(2, 1, leaving=[2], dealing=[2]), [newcomer]))
    left = wallet.parties[2].custody
    assert left.group(wallet.group_id).standing == LEFT
    assert not wallet.parties[2].store.names("shard/") and not wallet.parties[2].store.names("pair/")
    with pytest.raises(DaricError) as caught:
        left.shard(wallet.group_id)
    assert caught.value.name == "group"
    assert signs(wallet.after([wallet.parties[1], newcomer]), [1, 3])


def test_a_leaving_dealer_that_misses_the_end_destroys_its_share_when_it_is_shown_the_certificate():
    wallet = Wallet.create(2, 2, seed="leaving late")
    newcomer = Party("newcomer")
    leaver = wallet.parties[2]
    network = wallet.change(wallet.reshare_terms(2, 1, leaving=[2], dealing=[2]), [newcomer])
    network.relay = EvilRelay(drop=lambda parcel: parcel.to == 1 and parcel.round == 4)
    network.start().confirm().run().expire()
    assert [network.states()[0], network.states()[2]] == ["done", "done"]
    assert leaver.restart().custody.shard(wallet.group_id).epoch == 1
    leaver.custody.adopt(network.sessions[0].result)
    assert leaver.custody.group(wallet.group_id).standing == LEFT and not leaver.store.names("shard/")


@pytest.mark.parametrize("lost", range(4))
def test_an_attempt_that_ends_before_the_acknowledgements_leaves_the_old_epoch(wallet, lost):
    newcomer = Party("newcomer")
    relay = EvilRelay(drop=lambda parcel: parcel.round == lost)
    network = wallet.change(wallet.reshare_terms(3, 1), [newcomer], relay).start().confirm().run().expire()
    assert set(network.errors()) == {"soft"}
    wallet.restart()
    newcomer.restart()
    assert signs(wallet, [1, 2])
    done(wallet.change(wallet.reshare_terms(3, 1), [newcomer]))
    grown = wallet.after([*wallet.parties.values(), newcomer])
    assert grown.parties[1].custody.shard(wallet.group_id).epoch > 1
    assert signs(grown, [1, 2, 4])


@pytest.mark.parametrize("sender", range(4))
def test_a_lost_acknowledgement_leaves_shares_that_a_certificate_makes_current(wallet, sender):
    newcomer = Party("newcomer")
    relay = EvilRelay(drop=lambda parcel: parcel.round == 4 and parcel.origin == sender)
    network = wallet.change(wallet.reshare_terms(3, 1), [newcomer], relay).start().confirm().run().expire()
    parties = [*wallet.parties.values(), newcomer]
    assert network.states()[sender] == "done"
    certificate = network.sessions[sender].result
    for number, party in enumerate(parties):
        party.restart()
        if number != sender and number < 3:
            assert party.custody.shard(wallet.group_id).epoch == 1
        assert party.custody.adopt(certificate) is (number != sender)
    assert signs(wallet.after(parties), [1, 3, 4])


def test_a_member_with_an_older_epoch_is_refused_before_anything_secret_moves(wallet):
    store = wallet.parties[3].store
    old = Party("old", type(store)(store))
    done(refresh(wallet))
    terms = wallet.reshare_terms(3, 1)
    with pytest.raises(DaricError) as caught:
        old.open(terms)
    assert caught.value.name == "roster"


def test_strangers_cannot_make_a_member_join_its_own_group_as_a_new_member(wallet):
    strangers = Wallet.create(2, 2, seed="strangers")
    terms = strangers.reshare_terms(2, 1)
    terms.group = wallet.group_id
    with pytest.raises(DaricError) as caught:
        wallet.parties[1].open(terms)
    assert caught.value.name == "member"


def test_the_question_says_who_comes_who_goes_and_how_many_sign(wallet):
    newcomer = Party("newcomer")
    network = wallet.change(wallet.reshare_terms(2, 1, leaving=[2]), [newcomer]).start()
    lines = flows.question(network.sessions[0], wallet.parties[1].custody)
    assert lines[:2] == ["Change wallet", " savings"]
    assert {"Now: 2 of 3", "Then: 2 of 3", "REMOVE:", "ADD:", " 2 phone someone", " 4 phone someone"} <= set(lines)
    assert "Check code " + network.sessions[0].code in lines
    lines = flows.question(network.sessions[2], newcomer.custody)
    assert lines[:2] == ["Join wallet", " savings"]
    lines = flows.question(refresh(wallet).start().sessions[0], wallet.parties[1].custody)
    assert lines[:3] == ["New shares", " savings", "same 2 of 3"]


def test_a_refused_change_changes_nothing(wallet):
    newcomer = Party("newcomer")
    network = wallet.change(wallet.reshare_terms(3, 1), [newcomer]).start()
    network.sessions[3].refuse()
    network.confirm().run().expire()
    assert "done" not in network.states()
    wallet.restart()
    assert wallet.parties[1].custody.group(wallet.group_id).pendings == []
    assert signs(wallet, [1, 2])


def test_an_index_that_one_member_saw_used_is_avoided_at_the_second_attempt(wallet):
    group = wallet.parties[2].custody.group(wallet.group_id)
    group.highest_index = 7
    group.save(wallet.parties[2].store)
    network = wallet.change(wallet.reshare_terms(2, 1), [Party("newcomer")]).start().confirm().run().expire()
    assert set(network.errors()) == {"soft"}
    newcomer = Party("newcomer")
    done(wallet.change(wallet.reshare_terms(2, 1), [newcomer]))
    assert newcomer.custody.shard(wallet.group_id).me == 8


def test_no_claim_burns_more_indexes_than_a_group_has_members(wallet):
    group = wallet.parties[2].custody.group(wallet.group_id)
    group.highest_index = 200
    group.save(wallet.parties[2].store)
    wallet.change(wallet.reshare_terms(2, 1), [Party("newcomer")]).start().confirm().run().expire()
    assert wallet.parties[1].custody.highest_index(wallet.group_id) == 3
