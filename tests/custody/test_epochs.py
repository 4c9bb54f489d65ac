"""Two-phase activation: the five rules of docs/protocol.md, section 8, one by one."""

import pytest
from daric_protocol import limits, platform
from daric_protocol.errors import Abort, DaricError
from daric_protocol.group import LEFT, LEFT_BEHIND, MEMBER
from daric_protocol.roster import Roster

from tests.custody.homes import (
    GROUP_ID,
    UUID,
    MemoryHome,
    acks,
    first_shard,
    later_shard,
    open_custody,
    settle,
    with_group,
)
from tests.rounds.exchange import randomness
from tests.rounds.memory_custody import identities


@pytest.fixture
def home():
    return with_group(MemoryHome())


@pytest.fixture
def custody(home):
    return open_custody(home)


def names(custody, prefix):
    return custody.store.names(prefix)


def gid():
    return GROUP_ID.hex()


# Rule 1


def test_an_epoch_is_consumed_once(custody):
    with custody.session(GROUP_ID, UUID) as session:
        session.use_epoch(2)
        with pytest.raises(Abort) as caught:
            session.use_epoch(2)
    assert caught.value.name == "soft"
    assert custody.highest_epoch(GROUP_ID) == 2


def test_a_failed_attempt_consumes_its_epoch_over_a_restart(home):
    with open_custody(home).session(GROUP_ID, UUID) as session:
        session.use_epoch(7)
    again = open_custody(home)
    assert again.highest_epoch(GROUP_ID) == 7
    assert again.shard(GROUP_ID).epoch == 1


@pytest.mark.parametrize("epoch", [0, 1, 1 + limits.MAX_EPOCH_JUMP + 1, 1 << 32])
def test_epochs_that_do_not_follow_are_refused(custody, epoch):
    with custody.session(GROUP_ID, UUID) as session, pytest.raises(Abort) as caught:
        session.use_epoch(epoch)
    assert caught.value.name == "soft"
    assert custody.highest_epoch(GROUP_ID) == 1


def test_the_largest_allowed_jump_is_taken(custody):
    with custody.session(GROUP_ID, UUID) as session:
        session.use_epoch(1 + limits.MAX_EPOCH_JUMP)


def test_a_new_member_takes_the_groups_epoch_however_high():
    custody = open_custody(MemoryHome())
    with custody.session(GROUP_ID, UUID) as session:
        session.use_epoch(50000)
        with pytest.raises(Abort):
            session.use_epoch(50000)


def test_attempts_at_groups_that_never_came_about_are_remembered_and_bounded():
    home = MemoryHome()
    custody = open_custody(home)
    for number in range(40):
        with custody.session(bytes([number]) * 16, UUID) as session:
            session.use_epoch(3)
    assert open_custody(home).highest_epoch(bytes([39]) * 16) == 3
    assert len(platform.cbor_decode(custody.store.read("journal/forming"))) == limits.FORMING_GROUPS


def test_a_shard_of_an_epoch_that_was_not_consumed_is_refused(custody):
    shard, pairs = later_shard(2)
    with custody.session(GROUP_ID, UUID) as session, pytest.raises(DaricError):
        session.store_pending(shard, pairs)


def test_a_shard_is_stored_once(custody):
    settle(custody, *later_shard(2))
    with custody.session(GROUP_ID, UUID) as session, pytest.raises(DaricError):
        session.store_pending(*later_shard(2))


# Rule 2


def test_before_the_certificate_a_new_group_has_no_current_shard():
    custody = open_custody(MemoryHome())
    settle(custody, *first_shard())
    with pytest.raises(DaricError) as caught:
        custody.shard(GROUP_ID)
    assert caught.value.name == "pending"


def test_the_old_shard_signs_while_the_new_one_waits(home, custody):
    settle(custody, *later_shard(2))
    again = open_custody(home)
    assert again.shard(GROUP_ID).epoch == 1
    with again.session(GROUP_ID, UUID) as session:
        assert session.pair(2).pid == first_shard()[1][2].pid


def test_an_older_pending_keeps_its_shard_and_drops_its_pairs(custody):
    for epoch in (2, 3, 4):
        settle(custody, *later_shard(epoch))
    assert custody.group(GROUP_ID).pendings == [2, 3, 4]
    assert [custody.read_shard(GROUP_ID, epoch).epoch for epoch in (2, 3, 4)] == [2, 3, 4]
    assert {name.split("/")[2] for name in names(custody, "pair/")} == {"1", "4"}


def test_a_kept_pending_is_under_a_kilobyte(custody):
    settle(custody, *later_shard(2))
    assert len(custody.store.read(f"shard/{gid()}/2")) < 1024


def test_an_older_pending_still_becomes_current_and_then_asks_for_pair_set_ups(custody):
    for epoch in (2, 3):
        settle(custody, *later_shard(epoch))
    assert custody.activate(GROUP_ID, acks(later_shard(2)[0])) == 2
    assert custody.unusable(GROUP_ID) == [2, 3]
    assert custody.group(GROUP_ID).pendings == [3]


def test_the_sixty_fifth_pending_is_refused_before_its_dealing(custody):
    for epoch in range(2, 2 + limits.MAX_PENDINGS):
        settle(custody, later_shard(epoch)[0], {})
    with custody.session(GROUP_ID, UUID) as session, pytest.raises(Abort):
        session.use_epoch(100)
    assert len(custody.group(GROUP_ID).pendings) == limits.MAX_PENDINGS
    assert custody.activate(GROUP_ID, acks(later_shard(2)[0])) == 2


# Rule 3


@pytest.mark.parametrize("flaw", ["missing", "forged", "other confirm", "out of order", "twice", "own missing"])
def test_a_certificate_that_does_not_fit_changes_nothing(home, custody, flaw):
    settle(custody, *later_shard(2))
    certificate = acks(later_shard(2)[0])
    if flaw == "missing":
        certificate = certificate[:2]
    elif flaw == "own missing":
        certificate = certificate[1:]
    elif flaw == "forged":
        certificate[1] = (2, certificate[2][1])
    elif flaw == "other confirm":
        certificate = acks(later_shard(2, attempt=b"other ")[0])
    elif flaw == "out of order":
        certificate.reverse()
    else:
        certificate = [certificate[0], certificate[1], certificate[1]]
    before = dict(home.entries)
    with pytest.raises(DaricError) as caught:
        custody.activate(GROUP_ID, certificate)
    assert caught.value.name == "certificate"
    assert home.entries == before


def test_a_certificate_of_an_unknown_group_is_refused(custody):
    with pytest.raises(DaricError) as caught:
        custody.activate(bytes(16), acks(first_shard()[0]))
    assert caught.value.name == "group"


def certificate_of(shard, index=2):
    """The certificate as another member of the group hands it on."""
    other = open_custody(with_group(MemoryHome(), index), index)
    settle(other, *later_shard(shard.epoch, index, shard.sid[: shard.sid.index(b"sid")]))
    other.activate(GROUP_ID, acks(shard))
    return other.certificate(GROUP_ID)


def test_a_latecomer_rolls_forward_with_the_certificate_of_a_peer(home, custody):
    settle(custody, *later_shard(2))
    again = open_custody(home)
    assert again.adopt(certificate_of(later_shard(2)[0])) is True
    assert again.shard(GROUP_ID).epoch == 2
    assert again.adopt(certificate_of(later_shard(2)[0])) is False


def test_strangers_acks_never_make_a_member_erase_its_shard(custody):
    assert custody.adopt(certificate_of(later_shard(2)[0])) is False
    assert custody.shard(GROUP_ID).epoch == 1
    assert custody.group(GROUP_ID).standing == LEFT_BEHIND


def test_one_old_member_alone_marks_nobody_as_left_behind(custody):
    strangers = [identities(8)[i] for i in (5, 6, 7)]
    committee = [(1, strangers[0]), (2, identities(3)[1]), (4, strangers[1])]
    shard = later_shard(2)[0]
    signed = [[i, who.public, who.sign(shard.ack_digest(i), randomness("x"))] for i, who in committee]
    fields = [GROUP_ID, shard.kind, shard.epoch, shard.sid, shard.confirm, shard.session_roster, signed]
    custody.adopt(platform.cbor_encode(fields))
    assert custody.group(GROUP_ID).standing == MEMBER


def _cut_field(certificate, place, value):
    fields = platform.cbor_decode(certificate)
    fields[place] = value
    return platform.cbor_encode(fields)


@pytest.mark.parametrize("flaw", range(10))
def test_a_certificate_that_is_not_well_formed_is_refused(custody, flaw):
    good = certificate_of(later_shard(2)[0])
    signed = platform.cbor_decode(good)[6]
    bad = [
        b"",
        good[:-1],
        platform.cbor_encode([1, 2]),
        _cut_field(good, 0, bytes(15)),
        _cut_field(good, 1, b"rsh"),
        _cut_field(good, 2, True),
        _cut_field(good, 2, 1 << 32),
        _cut_field(good, 6, signed[::-1]),
        _cut_field(good, 6, signed[:1]),
        _cut_field(good, 6, [[1, bytes(33)], *signed[1:]]),
    ][flaw]
    with pytest.raises(DaricError) as caught:
        custody.adopt(bad)
    assert caught.value.name == "encoding"


def test_a_certificate_with_a_flipped_signature_is_refused(custody):
    good = certificate_of(later_shard(2)[0])
    with pytest.raises(DaricError) as caught:
        custody.adopt(good[:-1] + bytes([good[-1] ^ 1]))
    assert caught.value.name == "certificate"
    assert custody.group(GROUP_ID).standing == MEMBER


def leaving(custody, attempt=b""):
    """This party deals to a committee of the other two; returns the shard they certify."""
    shard = later_shard(2, 2, attempt)[0]
    members = [member for member in shard.roster.members if member.index != 1]
    shard.roster = Roster(2, 0, 0, members)
    with custody.session(GROUP_ID, UUID) as session:
        session.use_epoch(2)
        session.store_leaving("rsh", 2, shard.sid, shard.confirm, shard.session_roster, shard.roster)
    return shard


def leaving_certificate(shard):
    signed = [
        [m.index, m.identity, identities(3)[m.index - 1].sign(shard.ack_digest(m.index), randomness("leave"))]
        for m in shard.roster.members
    ]
    return platform.cbor_encode(
        [GROUP_ID, shard.kind, shard.epoch, shard.sid, shard.confirm, shard.session_roster, signed]
    )


def test_a_member_that_dealt_its_share_away_destroys_it_with_the_certificate(custody):
    certificate = leaving_certificate(leaving(custody))
    custody.adopt(certificate)
    assert custody.group(GROUP_ID).standing == LEFT
    assert names(custody, "shard/") + names(custody, "pair/") == []
    with pytest.raises(DaricError) as caught:
        custody.shard(GROUP_ID)
    assert caught.value.name == "group"


def test_a_member_keeps_its_shard_when_another_dealing_is_certified_than_it_took_part_in(custody):
    shard = leaving(custody)
    shard.confirm = bytes(32)
    custody.adopt(leaving_certificate(shard))
    assert custody.group(GROUP_ID).standing == LEFT_BEHIND
    assert custody.shard(GROUP_ID).epoch == 1


# Rule 4


def test_the_highest_certified_epoch_wins_whatever_the_order(home):
    custody = open_custody(home)
    for epoch in (2, 3):
        settle(custody, *later_shard(epoch))
    custody.activate(GROUP_ID, acks(later_shard(3)[0]))
    with pytest.raises(DaricError):
        custody.activate(GROUP_ID, acks(later_shard(2)[0]))
    assert custody.adopt(certificate_of(later_shard(2)[0])) is False
    assert open_custody(home).shard(GROUP_ID).epoch == 3


def test_the_old_shard_and_lower_pendings_are_destroyed_only_then(custody):
    for epoch in (2, 3, 4):
        settle(custody, *later_shard(epoch))
    assert len(names(custody, "shard/")) == 4
    custody.activate(GROUP_ID, acks(later_shard(3)[0]))
    assert names(custody, "shard/") == [f"shard/{gid()}/3", f"shard/{gid()}/4"]
    assert custody.group(GROUP_ID).pendings == [4]


def test_activating_twice_changes_nothing(home, custody):
    settle(custody, *later_shard(2))
    custody.activate(GROUP_ID, acks(later_shard(2)[0]))
    before = dict(home.entries)
    assert custody.activate(GROUP_ID, acks(later_shard(2)[0])) == 2
    assert home.entries == before


def test_an_epoch_does_not_change_under_a_running_session(custody):
    settle(custody, *later_shard(2))
    with custody.session(GROUP_ID, UUID) as session:
        session.pair(2)
        with pytest.raises(DaricError) as caught:
            custody.activate(GROUP_ID, acks(later_shard(2)[0]))
        assert caught.value.name == "busy"
        with pytest.raises(DaricError):
            custody.adopt(certificate_of(later_shard(2)[0]))
        assert session.activate(acks(later_shard(2)[0])) == 2


# Rule 5


def test_a_party_that_crashed_stays_undecided_and_never_rolls_back(home):
    settle(open_custody(home), *later_shard(2))
    for _ in range(3):
        again = open_custody(home)
        assert again.shard(GROUP_ID).epoch == 1
        assert again.group(GROUP_ID).pendings == [2]


def test_one_damaged_group_takes_no_other_along(home):
    home.entries["group/" + "ff" * 16] = b"\xff"
    home.entries["shard/" + "ff" * 16 + "/1"] = b"kept"
    again = open_custody(home)
    assert again.shard(GROUP_ID).epoch == 1
    assert home.entries["shard/" + "ff" * 16 + "/1"] == b"kept"
