"""Bans and strikes in whole sessions: a pair that failed again and again waits; a half renewed one is renewed again."""

import pytest
from daric_protocol import flows, limits
from daric_protocol.errors import DaricError

from tests.session.network import EvilRelay, Network, flip_streams
from tests.session.parties import Wallet, message

DAY = limits.STRIKE_DELAY
NOW = 1_000_000


@pytest.fixture(scope="module")
def made():
    return Wallet.create(2, 3, seed="strikes")


@pytest.fixture
def wallet(made):
    return made.copy()


def cheat(wallet, victim, cheater):
    """One signature in which the victim finds a failed check."""
    network = wallet.network(sorted([victim, cheater]), message("cheat"), confirmed=True)
    me, other = (0, 1) if victim < cheater else (1, 0)
    flip_streams(network.sessions[other])
    network.start().confirm().run()
    assert (network.sessions[me].error.name, network.sessions[me].error.blame) == ("ban", cheater)


def strike_out(wallet, victim=1, cheater=2):
    for number in range(limits.STRIKES_BEFORE_DELAY):
        if number:
            assert wallet.pair_up(victim, cheater).states() == ["done", "done"]
        cheat(wallet, victim, cheater)


def strikes(wallet, victim=1, cheater=2):
    identity = wallet.roster.member(cheater).identity
    return wallet.parties[victim].custody.bans.strikes(wallet.group_id, identity)


def signs(wallet, signers, text):
    return wallet.sign(signers, message(text), confirmed=True).states() == ["done", "done"]


def refusal(wallet, **options):
    with pytest.raises(DaricError) as refused:
        wallet.pair_up(1, 2, **options)
    assert refused.value.name == "banned"
    return refused.value.detail


def test_two_strikes_are_forgiven_by_a_set_up_and_the_third_is_not(wallet):
    strike_out(wallet)
    assert strikes(wallet) == 3
    assert "confirm" in refusal(wallet, now=NOW)
    assert "1440 minutes" in refusal(wallet, now=NOW, confirmed=True)
    assert "1 minutes" in refusal(wallet, now=NOW + DAY - 1, confirmed=True)
    assert wallet.pair_up(1, 2, now=NOW + DAY, confirmed=True).states() == ["done", "done"]
    assert signs(wallet, [1, 2], "forgiven")
    cheat(wallet, 1, 2)
    assert "1440 minutes" in refusal(wallet, now=NOW + 2 * DAY, confirmed=True)  # the day begins anew


def test_the_wait_ends_neither_by_a_restart_nor_with_a_clock_that_stands_still(wallet):
    strike_out(wallet)
    for _ in range(3):
        wallet.restart()
        assert "1440 minutes" in refusal(wallet, confirmed=True)
    assert "1440 minutes" in refusal(wallet, now=NOW, confirmed=True)
    wallet.restart()
    assert wallet.pair_up(1, 2, now=NOW + DAY, confirmed=True).states() == ["done", "done"]


def test_a_party_without_a_person_cannot_insist_and_waits_the_day(wallet):
    strike_out(wallet)
    assert "1440 minutes" in refusal(wallet, now=NOW, attended=False)
    assert wallet.pair_up(1, 2, now=NOW + DAY, attended=False).states() == ["done", "done"]
    assert signs(wallet, [1, 2], "after a day")


def test_the_question_names_whom_a_new_set_up_is_risky_with(wallet):
    strike_out(wallet)
    refusal(wallet, now=NOW, confirmed=True)
    terms = flows.pair_terms(wallet.uuid(), wallet.group_id, wallet.roster, 1, 2)
    sessions = [wallet.parties[index].open(terms, now=NOW + DAY, confirmed=True) for index in (1, 2)]
    network = Network(sessions).start()
    lines = flows.question(network.sessions[0], wallet.parties[1].custody)
    assert lines[:4] == ["WARNING", " the other party", " failed 3 checks", "New pair set-up"]
    assert "2 phone someone" in lines
    assert flows.question(network.sessions[1], wallet.parties[2].custody)[0] == "New pair set-up"
    network.sessions[0].refuse()
    network.run()
    assert network.errors() == ["refused", "soft"]
    wallet.restart()
    assert not signs(wallet, [1, 2], "still banned")


def test_strikes_never_hinder_the_other_pairs(wallet):
    strike_out(wallet)
    wallet.restart()
    assert signs(wallet, [1, 3], "one and three") and signs(wallet, [2, 3], "two and three")
    terms = flows.pair_terms(wallet.uuid(), wallet.group_id, wallet.roster, 1, 3)
    network = Network([wallet.parties[index].open(terms) for index in (1, 3)])
    assert network.start().confirm().run().states() == ["done", "done"]


def test_ten_good_signatures_clear_the_strikes(wallet):
    cheat(wallet, 1, 2)
    assert wallet.pair_up(1, 2).states() == ["done", "done"]
    for number in range(limits.GOOD_SIGNATURES_CLEAR_STRIKES):
        assert strikes(wallet) == 1
        assert signs(wallet, [1, 2], f"good {number}")
    assert strikes(wallet) == 0


def test_a_stranger_to_a_pair_set_up_asks_for_nothing(wallet):
    strike_out(wallet)
    terms = flows.pair_terms(wallet.uuid(), wallet.group_id, wallet.roster, 2, 3)
    with pytest.raises(DaricError) as refused:
        wallet.parties[1].open(terms)
    assert refused.value.name == "group"
    assert not wallet.parties[1].custody.consents


# A pair set-up that one side completed


@pytest.mark.parametrize("ahead", [1, 2])
@pytest.mark.parametrize("banned", [False, True])
def test_a_lost_acknowledgement_of_a_set_up_parts_softly_until_the_next_set_up(wallet, ahead, banned):
    if banned:
        cheat(wallet, 1, 2)
    probe = wallet.copy()
    last = max(parcel.round for parcel in probe.pair_up(1, 2).log)
    relay = EvilRelay(drop=lambda parcel: parcel.round == last and parcel.origin == ahead - 1)
    network = wallet.pair_up(1, 2, relay).expire()
    states = network.states()
    assert (states[ahead - 1], states[2 - ahead]) == ("done", "failed")
    assert network.sessions[2 - ahead].error.name == "soft"
    wallet.restart()
    ended = wallet.sign([1, 2], message("apart"), confirmed=True).expire()
    assert ended.errors() == ["soft", "soft"]
    assert strikes(wallet, 1, 2) == int(banned) and strikes(wallet, 2, 1) == 0
    assert signs(wallet, [1, 3], "others") and signs(wallet, [2, 3], "others")
    assert wallet.pair_up(1, 2).states() == ["done", "done"]
    assert signs(wallet, [1, 2], "together")
