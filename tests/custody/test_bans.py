"""Marks, bans, strikes, pairs in use, pair set-ups: docs/protocol.md, section 13."""

import pytest
from daric_protocol import limits
from daric_protocol.errors import Abort, DaricError
from daric_protocol.shard import ack_digest

from tests.custody.homes import (
    DIGEST,
    GROUP_ID,
    SID,
    UUID,
    MemoryHome,
    acks,
    later_shard,
    open_custody,
    other_state,
    settle,
    with_group,
)
from tests.rounds.exchange import randomness
from tests.rounds.memory_custody import identities

PEER = 2
DAY = 24 * 3600


@pytest.fixture
def home():
    return with_group(MemoryHome())


@pytest.fixture
def custody(home):
    return open_custody(home)


def identity_of(peer):
    return identities(3)[peer - 1].public


def strikes(custody, peer=PEER):
    return custody.bans.strikes(GROUP_ID, identity_of(peer))


def fail_check(custody, peer=PEER):
    with custody.session(GROUP_ID, UUID) as session:
        session.pair(peer)
        session.open_check(peer, SID)
        session.ban(peer, SID)


def usable(custody, peer=PEER):
    with custody.session(GROUP_ID, UUID) as session:
        try:
            session.pair(peer)
        except Abort as abort:
            assert abort.name == "soft"
            return False
    return True


def pair_acks(custody, state, peer=PEER, sid=SID):
    shard = custody.shard(GROUP_ID)
    digests = {i: ack_digest(GROUP_ID, sid, "pair", shard.epoch, state.pid, shard.roster.hash(), i) for i in (1, peer)}
    return [(i, identities(3)[i - 1].sign(digests[i], randomness(f"pair ack {i}"))) for i in sorted(digests)]


def set_up(custody, label=b"new", peer=PEER):
    state = other_state(label, peer)
    with custody.session(GROUP_ID, UUID) as session:
        session.store_pending_pair(peer, state, SID)
    custody.activate_pair(GROUP_ID, peer, pair_acks(custody, state, peer))
    return state


# Marks


def test_the_mark_is_durable_before_the_check_and_gone_after_it(home, custody):
    with custody.session(GROUP_ID, UUID) as session:
        session.pair(PEER)
        session.open_check(PEER, SID)
        assert [name for name in home.entries if name.startswith("mark/")]
        session.close_check(PEER)
        assert not [name for name in home.entries if name.startswith("mark/")]


def test_a_mark_found_at_start_up_is_a_ban_without_a_strike(home, custody):
    session = custody.session(GROUP_ID, UUID)
    session.pair(PEER)
    session.open_check(PEER, SID)
    again = open_custody(home)
    assert not usable(again)
    assert usable(again, 3)
    assert strikes(again) == 0
    assert not usable(open_custody(home))


def test_a_session_that_ends_between_mark_and_check_bans_without_a_strike(custody):
    with custody.session(GROUP_ID, UUID) as session:
        session.pair(PEER)
        session.open_check(PEER, SID)
    assert not usable(custody)
    assert strikes(custody) == 0


def test_a_check_needs_the_pair(custody):
    with custody.session(GROUP_ID, UUID) as session, pytest.raises(DaricError):
        session.open_check(PEER, SID)


def test_a_damaged_mark_is_still_a_ban(home, custody):
    session = custody.session(GROUP_ID, UUID)
    session.pair(PEER)
    session.open_check(PEER, SID)
    home.entries[f"mark/{GROUP_ID.hex()}/{PEER}"] = b""
    assert not usable(open_custody(home))


# Bans


def test_a_ban_erases_the_pair_in_every_epoch(custody):
    settle(custody, *later_shard(2))
    with custody.session(GROUP_ID, UUID) as session:
        session.store_pending_pair(PEER, other_state(b"waiting"), SID)
    fail_check(custody)
    left = [name for name in custody.store.names("") if name.endswith(f"/{PEER}")]
    assert left == [f"shard/{GROUP_ID.hex()}/2"]
    assert usable(custody, 3)


def test_a_banned_pair_comes_up_without_state_in_a_later_epoch(custody):
    fail_check(custody)
    settle(custody, *later_shard(2))
    custody.activate(GROUP_ID, acks(later_shard(2)[0]))
    assert not usable(custody)
    assert custody.unusable(GROUP_ID) == [PEER]
    assert usable(custody, 3)


def test_a_ban_survives_restarts(home, custody):
    fail_check(custody)
    for _ in range(3):
        assert not usable(open_custody(home))
    assert strikes(open_custody(home)) == 1


def test_a_ban_in_a_group_of_which_nothing_is_stored_leaves_nothing():
    home = MemoryHome()
    custody = open_custody(home)
    with custody.session(GROUP_ID, UUID) as session:
        session.ban(PEER, SID)
    assert home.entries == {}


def test_a_ban_while_the_group_waits_for_its_first_certificate_is_kept():
    from tests.custody.homes import first_shard

    custody = open_custody(MemoryHome())
    settle(custody, *first_shard())
    with custody.session(GROUP_ID, UUID) as session:
        session.ban(PEER, SID)
    custody.activate(GROUP_ID, acks(first_shard()[0]))
    assert not usable(custody)
    assert usable(custody, 3)


# Pair set-ups


def test_a_new_set_up_ends_the_ban_and_keeps_the_strikes(home, custody):
    fail_check(custody)
    state = set_up(custody)
    again = open_custody(home)
    with again.session(GROUP_ID, UUID) as session:
        assert session.pair(PEER).pid == state.pid
    assert strikes(again) == 1


def test_a_set_up_without_the_peers_acknowledgement_changes_nothing(home, custody):
    fail_check(custody)
    with custody.session(GROUP_ID, UUID) as session:
        session.store_pending_pair(PEER, other_state(b"new"), SID)
    assert not usable(open_custody(home))


def test_the_old_pair_works_until_the_new_one_is_acknowledged(custody):
    with custody.session(GROUP_ID, UUID) as session:
        session.store_pending_pair(PEER, other_state(b"new"), SID)
        assert session.pair(PEER).pid != other_state(b"new").pid


@pytest.mark.parametrize("flaw", ["other pid", "forged", "one only", "other peer", "none stored", "other sid"])
def test_acknowledgements_that_do_not_fit_are_refused(home, custody, flaw):
    fail_check(custody)
    state = other_state(b"new")
    if flaw != "none stored":
        with custody.session(GROUP_ID, UUID) as session:
            session.store_pending_pair(PEER, state, SID)
    good = pair_acks(custody, state)
    bad = {
        "other pid": pair_acks(custody, other_state(b"other")),
        "forged": [good[0], (PEER, good[0][1])],
        "one only": good[1:],
        "other peer": pair_acks(custody, state, 3),
        "none stored": good,
        "other sid": pair_acks(custody, state, sid=bytes(32)),
    }[flaw]
    before = dict(home.entries)
    with pytest.raises(DaricError) as caught:
        custody.activate_pair(GROUP_ID, PEER, bad)
    assert caught.value.name == "certificate"
    assert home.entries == before


def test_a_set_up_of_an_earlier_epoch_is_not_activated(custody):
    state = other_state(b"new")
    with custody.session(GROUP_ID, UUID) as session:
        session.store_pending_pair(PEER, state, SID)
    proof = pair_acks(custody, state)
    settle(custody, *later_shard(2))
    custody.activate(GROUP_ID, acks(later_shard(2)[0]))
    with pytest.raises(DaricError):
        custody.activate_pair(GROUP_ID, PEER, proof)


# Strikes


def test_three_strikes_ask_for_confirmation_and_a_day(custody):
    for number in range(limits.STRIKES_BEFORE_DELAY):
        custody.allow_setup(GROUP_ID, PEER, 1000)
        set_up(custody, b"%d" % number)
        fail_check(custody)
    with pytest.raises(DaricError, match="3 checks"):
        custody.allow_setup(GROUP_ID, PEER, 1000)
    with pytest.raises(DaricError, match="wait"):
        custody.allow_setup(GROUP_ID, PEER, 1000, True)
    with pytest.raises(DaricError, match="wait"):
        custody.allow_setup(GROUP_ID, PEER, 1000 + DAY - 1, True)
    custody.allow_setup(GROUP_ID, PEER, 1000 + DAY, True)
    set_up(custody, b"again")
    assert usable(custody)


def strike_three(custody):
    for number in range(3):
        set_up(custody, b"%d" % number)
        fail_check(custody)


def test_after_three_strikes_no_set_up_is_stored_without_consent(custody):
    strike_three(custody)
    with custody.session(GROUP_ID, UUID) as session, pytest.raises(DaricError) as caught:
        session.store_pending_pair(PEER, other_state(b"new"), SID)
    assert caught.value.name == "banned"


def test_the_delay_survives_a_restart_and_a_clock_set_back_starts_it_again(home, custody):
    strike_three(custody)
    with pytest.raises(DaricError):
        custody.allow_setup(GROUP_ID, PEER, 5000, True)
    again = open_custody(home)
    with pytest.raises(DaricError):
        again.allow_setup(GROUP_ID, PEER, 1, True)
    with pytest.raises(DaricError):
        again.allow_setup(GROUP_ID, PEER, 5000, True)
    again.allow_setup(GROUP_ID, PEER, 1 + DAY, True)


def test_ten_good_signatures_clear_the_strikes(custody):
    fail_check(custody)
    set_up(custody)
    for number in range(limits.GOOD_SIGNATURES_CLEAR_STRIKES):
        assert strikes(custody) == 1, number
        with custody.session(GROUP_ID, UUID) as session:
            session.signed(DIGEST, [PEER])
    assert strikes(custody) == 0
    assert not custody.store.names("ban/")


def test_a_new_strike_starts_the_ten_anew(custody):
    fail_check(custody)
    set_up(custody)
    for _ in range(9):
        with custody.session(GROUP_ID, UUID) as session:
            session.signed(DIGEST, [PEER])
    fail_check(custody)
    with custody.session(GROUP_ID, UUID) as session:
        session.signed(DIGEST, [PEER])
    assert strikes(custody) == 2


def test_good_signatures_do_not_end_a_ban(custody):
    fail_check(custody)
    for _ in range(10):
        with custody.session(GROUP_ID, UUID) as session:
            session.signed(DIGEST, [PEER])
    assert not usable(custody)


# Exclusive use


def test_a_second_session_on_a_pair_is_refused_softly(custody):
    first = custody.session(GROUP_ID, UUID)
    second = custody.session(GROUP_ID, bytes(16))
    first.pair(PEER)
    first.pair(PEER)
    with pytest.raises(Abort) as caught:
        second.pair(PEER)
    assert caught.value.name == "soft"
    second.pair(3)
    first.close()
    second.pair(PEER)


def test_closing_a_session_releases_only_its_own_pairs(custody):
    first = custody.session(GROUP_ID, UUID)
    first.pair(PEER)
    custody.session(GROUP_ID, bytes(16)).close()
    with pytest.raises(Abort):
        custody.session(GROUP_ID, bytes(16)).pair(PEER)


def test_a_pair_is_not_replaced_under_a_running_session(custody):
    state = other_state(b"new")
    session = custody.session(GROUP_ID, UUID)
    session.store_pending_pair(PEER, state, SID)
    session.pair(PEER)
    with pytest.raises(DaricError) as caught:
        custody.activate_pair(GROUP_ID, PEER, pair_acks(custody, state))
    assert caught.value.name == "busy"
    session.activate_pair(PEER, pair_acks(custody, state))
    assert session.pair(PEER).pid == state.pid
