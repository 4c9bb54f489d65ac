"""Every flow that changes a party's store, cut at every point: old or new, nothing else."""

from daric_protocol import activation
from daric_protocol.custody import Custody
from daric_protocol.errors import DaricError
from daric_protocol.rounds.rosterchange import KIND, RECOVERED
from daric_protocol.shard import Shard, ack_digest

from tests.custody.changes import DEALT, added, mastered, recovered
from tests.custody.homes import (
    DIGEST,
    GROUP_ID,
    SID,
    UUID,
    PowerCut,
    acks,
    first_shard,
    later_shard,
    open_custody,
    other_state,
    summary,
    with_group,
)
from tests.rounds.exchange import randomness
from tests.rounds.exports import import_together
from tests.rounds.memory_custody import identities
from tests.session.network import identity


def _pair_acks(custody, peer=2):
    shard, pid = custody.shard(GROUP_ID), other_state(b"new").pid
    digests = {i: ack_digest(GROUP_ID, SID, "pair", shard.epoch, pid, shard.roster.hash(), i) for i in (1, peer)}
    return [(i, identities(3)[i - 1].sign(digests[i], bytes)) for i in (1, peer)]


def epoch_consumed(custody):
    with custody.session(GROUP_ID, UUID) as session:
        session.use_epoch(2)


def pending_stored(custody):
    shard, pairs = later_shard(2)
    with custody.session(GROUP_ID, UUID) as session:
        session.store_pending(shard, pairs)


def epoch_activated(custody):
    custody.activate(GROUP_ID, acks(later_shard(2)[0]))


def checks_passed(custody):
    with custody.session(GROUP_ID, UUID) as session:
        session.pair(2)
        session.open_check(2, SID)
        session.close_check(2)


def check_failed(custody):
    with custody.session(GROUP_ID, UUID) as session:
        session.pair(2)
        session.open_check(2, SID)
        session.ban(2, SID)


def base_transfer_failed(custody):
    with custody.session(GROUP_ID, UUID) as session:
        session.ban(2, SID)


def digest_spent(custody):
    with custody.session(GROUP_ID, UUID) as session:
        session.spend(DIGEST, SID)


def pair_stored(custody):
    with custody.session(GROUP_ID, UUID) as session:
        session.store_pending_pair(2, other_state(b"new"), SID)


def pair_activated(custody):
    custody.activate_pair(GROUP_ID, 2, _pair_acks(custody))


def strikes_cleared(custody):
    with custody.session(GROUP_ID, UUID) as session:
        session.signed(DIGEST, [2])


# Changes of the group: party 1 leaves it, helps somebody in, learns of changes, gives the key out.

NEW, OTHER, RECOVERED_2 = identity("added"), identity("added by others"), identity("recovered")
ADDED = added(DEALT, 4, NEW, [1, 2])
ADDED_BY_OTHERS = added(DEALT, 4, OTHER, [2, 3])
LATER_BY_OTHERS = mastered(ADDED_BY_OTHERS.roster, 3, [2, 3])
REPLACED = recovered(DEALT, 2, RECOVERED_2, [1])


def _committee():
    """The shard of member 2 after party 1 dealt its share away."""
    old = first_shard(2)[0]
    roster = old.roster.reshared([2, 3], old.P)
    return Shard(GROUP_ID, "rsh", 2, 2, old.s, old.pk, old.cc, roster, SID, bytes(32), old.roster.hash())


def leaving_noted(custody):
    shard = _committee()
    with custody.session(GROUP_ID, UUID) as session:
        session.store_leaving("rsh", 2, shard.sid, shard.confirm, shard.session_roster, shard.roster)


def member_left(custody):
    shard = _committee()
    signed = [[index, identities(3)[index - 1].sign(shard.ack_digest(index), bytes)] for index in (2, 3)]
    custody.adopt(activation.encode(shard, signed))


def index_issued(custody):
    with custody.session(GROUP_ID, UUID) as session:
        session.issue_index(4, NEW.public)


def member_added(custody):
    custody.adopt(ADDED.encode())


def others_heard(custody):
    custody.adopt(ADDED_BY_OTHERS.encode())


def longer_branch_heard(custody):
    custody.adopt(LATER_BY_OTHERS.encode())


def member_recovered(custody):
    custody.adopt(REPLACED.encode())


def key_exported(custody):
    with custody.session(GROUP_ID, UUID) as session:
        session.expose()


def _nothing(custody):
    pass


def _group_of_three_steps(*steps):
    def prepare(custody):
        for step in steps:
            step(custody)

    return prepare


def _nine_good(custody):
    check_failed(custody)
    pair_stored(custody)
    pair_activated(custody)
    for _ in range(9):
        strikes_cleared(custody)


# name: (what was before, the flow, whether a cut may also leave the pair banned)
FLOWS = {
    "epoch consumed": (_nothing, epoch_consumed, False),
    "new shard stored": (epoch_consumed, pending_stored, False),
    "later epoch activated": (_group_of_three_steps(epoch_consumed, pending_stored), epoch_activated, False),
    "checks passed": (_nothing, checks_passed, True),
    "check failed": (_nothing, check_failed, True),
    "check failed with a pending epoch": (_group_of_three_steps(epoch_consumed, pending_stored), check_failed, True),
    "check failed with a new pair waiting": (pair_stored, check_failed, True),
    "base transfer failed": (_nothing, base_transfer_failed, True),
    "digest spent": (_nothing, digest_spent, False),
    "new pair stored": (check_failed, pair_stored, False),
    "new pair activated": (_group_of_three_steps(check_failed, pair_stored), pair_activated, False),
    "pair replaced": (pair_stored, pair_activated, False),
    "strikes cleared": (_nine_good, strikes_cleared, False),
    "leaving noted": (epoch_consumed, leaving_noted, False),
    "share dealt away": (_group_of_three_steps(epoch_consumed, leaving_noted), member_left, False),
    "index issued": (_nothing, index_issued, False),
    "member added": (index_issued, member_added, False),
    "longer branch heard": (_group_of_three_steps(member_added, others_heard), longer_branch_heard, False),
    "member recovered": (_nothing, member_recovered, True),
    "key exported": (_nothing, key_exported, False),
}


def sweep(home, flow, stride=1):
    """Cut one flow at every operation (every `stride`-th); returns how many cuts were made. Asserts the invariants."""
    prepare, change, may_ban = FLOWS[flow]
    with_group(home)
    prepare(open_custody(home))
    old = summary(open_custody(home.copy()))
    trial = home.copy()
    custody = open_custody(trial)
    before = trial.operations()
    change(custody)
    count = trial.operations() - before
    new = summary(open_custody(trial))
    assert old != new or flow == "checks passed"
    cuts = 0
    for after in range(1, count + 1, stride):
        for torn in (False, True) if home.torn_too else (False,):
            broken = home.copy()
            custody = open_custody(broken)
            broken.cut(after, torn)
            returned = False
            try:
                change(custody)
                returned = True
            except (PowerCut, DaricError):
                pass
            cuts += 1
            again = open_custody(broken)
            if returned:  # whatever returned is durable
                assert summary(again) == new
            _check(summary(again), old, new, may_ban, f"{flow}: cut at {after} of {count}, torn {torn}")
            assert not again.store.names("mark/") and not again.store.names("swap/")
            _goes_on(again)
    return cuts


def _check(found, old, new, may_ban, where):
    if found in (old, new):
        return
    assert may_ban, where
    # A mark became a ban: no state with the peer in any epoch, everything else as before, no strike for a power cut.
    assert found["usable"][2] is None and found["usable"][3] == old["usable"][3], where
    assert not [name for name in found["names"] if name.startswith(("pair/", "fresh/")) and name.endswith("/2")], where
    assert found["strikes"] in (old["strikes"], new["strikes"]), where
    for key in ("epoch", "highest", "pendings", "shards", "spent"):
        assert found[key] == old[key], where


def _goes_on(custody):
    """A store that was cut takes further changes."""
    custody.use_session(bytes(16))
    assert custody.journal.session_used(bytes(16))


def first_group_cuts(home, stride=1):
    """The flows that make the first group: storing it, then its activation. Returns how many cuts were made."""
    return _cuts_while_joining(home, *first_shard(), identities(3)[0], stride)


def import_cuts(home, stride=1):
    """The same for a key taken in with its phrase."""
    member = import_together(2, 3, 2, entropy=bytes(range(32)))[1]
    assert member.shard.entropy
    return _cuts_while_joining(home, member.shard, member.pairs, identities(3)[0], stride)


def _cuts_while_joining(home, shard, pairs, who, stride):
    def stored(custody):
        with custody.session(GROUP_ID, UUID, shard.roster) as session:
            session.store_pending(shard, dict(pairs))

    def activated(custody):
        custody.activate(GROUP_ID, acks(shard))

    custody = _at_home(home, who)
    with custody.session(GROUP_ID, UUID, shard.roster) as session:
        session.use_epoch(shard.epoch)
    return sum(_cut_everywhere(home, step, who, stride) for step in (stored, activated))


def newcomer_cuts(home, kind, stride=1):
    """A party gets a share by an enrolment, or its own back under a new identity; then its change is certified."""
    change, who = {KIND: (ADDED, NEW), RECOVERED: (REPLACED, RECOVERED_2)}[kind]
    old = first_shard()[0]
    shard = Shard(
        GROUP_ID, kind, 1, change.about, 5, old.pk, old.cc, change.roster, change.sid, change.confirm,
        change.roster.hash(),
    )  # fmt: skip

    def stored(custody):
        custody.session(GROUP_ID, UUID, change.roster, "ours").store_enrolled(shard)

    def certified(custody):
        assert custody.adopt(change.encode())

    cuts = sum(_cut_everywhere(home, step, who, stride) for step in (stored, certified))
    assert _at_home(home, who).changes(GROUP_ID) == [change.encode()]  # others may lack it
    return cuts


def _at_home(home, who):
    return Custody(home.switch_on(), who, randomness("custody/joining"))


def _cut_everywhere(home, change, who, stride):
    """One step at a party of another identity, cut at every operation; afterwards it is done."""
    old = summary(_at_home(home.copy(), who))
    trial = home.copy()
    custody = _at_home(trial, who)
    before = trial.operations()
    change(custody)
    count = trial.operations() - before
    new = summary(_at_home(trial, who))
    assert old != new
    cuts = 0
    for after in range(1, count + 1, stride):
        for torn in (False, True) if home.torn_too else (False,):
            broken = home.copy()
            custody = _at_home(broken, who)
            broken.cut(after, torn)
            try:
                change(custody)
            except (PowerCut, DaricError):
                pass
            cuts += 1
            again = _at_home(broken, who)
            assert summary(again) in (old, new), f"{change.__name__}: cut at {after} of {count}, torn {torn}"
            if summary(again) == old:
                change(again)
                assert summary(again) == new  # and what was cut can be done again
    change(_at_home(home, who))
    return cuts


def counters_cuts(home, stride=1):
    """Session ids and seed counters handed out before a cut are never handed out after it."""
    uuid = bytes(range(16))
    cuts = 0
    for after in range(1, 400, stride):
        for torn in (False, True) if home.torn_too else (False,):
            broken = home.copy()
            custody = open_custody(broken)
            broken.cut(after, torn)
            seen, used = 0, False
            finished = False
            try:
                seen = custody.journal.next_count()
                custody.use_session(uuid)
                used = True
                seen = custody.journal.next_count()
                finished = True
            except (PowerCut, DaricError):
                pass
            cuts += 1
            again = open_custody(broken)
            assert again.journal.next_count() > seen
            assert again.journal.session_used(uuid) or not used
        if finished:
            return cuts
    raise AssertionError("the flow never ended")
