"""Two dealings, two honest members, one byzantine: every order of events, with and without the epoch rules.

A fork is a state from which the two honest members can't come to one epoch although every certificate that exists is
shown to both. The rules of docs/protocol.md, section 8 leave none; each of them is needed; custody follows the model.
"""

import pytest
from daric_protocol.errors import DaricError

from tests.custody.homes import GROUP_ID, UUID, MemoryHome, acks, later_shard, open_custody, with_group

RULES = frozenset(["fresh epochs", "kept pendings", "own certificates", "highest wins"])
HONEST = (1, 2)
ATTEMPTS = (1, 2)
OLD = 0  # the epoch before both attempts; attempt k leads to the k-th later one
GONE = -1  # a member that destroyed its only shard


class State:
    """What the two honest members hold. current: the attempt in force. pending: attempts stored and acknowledged."""

    def __init__(self, current=(OLD, OLD), pending=((), ()), acked=((), ()), dealt=0):
        self.current, self.pending, self.acked, self.dealt = current, pending, acked, dealt

    def key(self):
        return self.current, self.pending, self.acked, self.dealt

    def certified(self):
        """Attempts that both acknowledged: the byzantine member always does, so the certificate exists."""
        return [k for k in ATTEMPTS if all(k in acked for acked in self.acked)]

    def change(self, who, current=None, pending=None, acked=None):
        """The same state but for one member (0 or 1)."""

        def put(row, value):
            return row if value is None else tuple(value if i == who else row[i] for i in (0, 1))

        return State(put(self.current, current), put(self.pending, pending), put(self.acked, acked), self.dealt)


def deal(state, storers, rules):
    """The next attempt; it reaches its end, storing and acknowledging, only at some members."""
    attempt = state.dealt + 1
    state = State(state.current, state.pending, state.acked, attempt)
    for who in storers:
        kept = state.pending[who] if "fresh epochs" in rules else ()  # one number for all attempts: overwritten
        state = state.change(who, pending=(*kept, attempt), acked=(*state.acked[who], attempt))
    return state


def show(state, who, attempt, rules):
    """A certificate is shown to a member."""
    if attempt not in state.pending[who]:
        return state
    if "highest wins" in rules:
        return state.change(who, current=attempt, pending=tuple(k for k in state.pending[who] if k > attempt))
    return state.change(who, current=attempt, pending=())


def events(state, rules):
    """[(name, arguments, next state)] of everything that may happen."""
    found = []
    if state.dealt < len(ATTEMPTS) and state.current[0] == state.current[1] != GONE:
        for storers in ((), (0,), (1,), (0, 1)):
            found.append(("deal", storers, deal(state, storers, rules)))
    for who in (0, 1):
        for attempt in state.certified():
            found.append(("show", (who, attempt), show(state, who, attempt, rules)))
        if "kept pendings" not in rules:
            for attempt in state.pending[who]:
                left = tuple(k for k in state.pending[who] if k != attempt)
                found.append(("forget", (who, attempt), state.change(who, pending=left)))
        if "own certificates" not in rules:
            found.append(("strangers' certificate", (who,), state.change(who, current=GONE, pending=())))
    return found


def is_fork(state, rules):
    """Whether the honest members stay apart when everything is shown to both."""
    for attempt in state.certified():
        for who in (0, 1):
            if state.current[who] < attempt:
                state = show(state, who, attempt, rules)
    return state.current[0] != state.current[1] or GONE in state.current


def explore(rules):
    """Every reachable state, each with the events that lead on."""
    seen, waiting = {}, [State()]
    while waiting:
        state = waiting.pop()
        if state.key() in seen:
            continue
        seen[state.key()] = state
        waiting.extend(after for _, _, after in events(state, rules))
    return list(seen.values())


def forks(rules):
    return sum(is_fork(state, rules) for state in explore(rules))


def test_with_the_rules_no_state_is_a_fork():
    states = explore(RULES)
    assert len(states) > 30
    assert [state.key() for state in states if is_fork(state, RULES)] == []


def test_without_the_rules_there_are_forks():
    assert forks(frozenset()) > 0


@pytest.mark.parametrize("rule", sorted(RULES))
def test_each_rule_alone_is_needed(rule):
    assert forks(RULES - {rule}) > 0


# Custody against the model: the same events on real stores, each party restarted before each of them.


def shard_of(attempt, who):
    return later_shard(1 + attempt, HONEST[who])


def happen(name, arguments, homes, dealt):
    """One event of the model at real parties; homes: (MemoryHome, MemoryHome), changed in place."""
    if name == "deal":
        attempt = dealt + 1
        for who in (0, 1):
            with open_custody(homes[who], HONEST[who]).session(GROUP_ID, UUID) as session:
                session.use_epoch(1 + attempt)
                if who in arguments:
                    session.store_pending(*shard_of(attempt, who))
        return
    who, attempt = arguments
    custody = open_custody(homes[who], HONEST[who])
    try:
        custody.activate(GROUP_ID, acks(shard_of(attempt, who)[0]))
    except DaricError as error:
        assert error.name == "certificate"


def state_of(homes):
    """(current, pending) of both, in the model's numbers, read after a restart."""
    groups = [open_custody(homes[who], HONEST[who]).group(GROUP_ID) for who in (0, 1)]
    shards = [open_custody(homes[who], HONEST[who]).store.names("shard/") for who in (0, 1)]
    for group, names in zip(groups, shards, strict=True):
        held = [epoch for epoch in [group.epoch, *group.pendings] if epoch]
        assert sorted(int(name.split("/")[2]) for name in names) == sorted(held), "shards are those of the record"
    current = tuple(group.epoch - 1 for group in groups)
    return current, tuple(tuple(epoch - 1 for epoch in group.pendings) for group in groups)


def test_custody_does_in_every_state_what_the_model_does():
    begin = tuple(with_group(MemoryHome(), index) for index in HONEST)
    seen, waiting = set(), [(State(), begin)]
    while waiting:
        state, homes = waiting.pop()
        if state.key() in seen:
            continue
        seen.add(state.key())
        for name, arguments, after in events(state, RULES):
            copies = tuple(home.copy() for home in homes)
            happen(name, arguments, copies, state.dealt)
            assert state_of(copies) == (after.current, after.pending), (name, arguments, state.key())
            waiting.append((after, copies))
    assert len(seen) == len(explore(RULES))
