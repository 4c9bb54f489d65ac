"""Enrolments between test parties."""

from daric_protocol.rounds.enrol import enrol
from daric_protocol.rounds.groupstart import Brought

from tests.rounds.exchange import results
from tests.rounds.groups import GROUP_ID, session
from tests.rounds.reshares import session_roster


def enrols(custodies, helpers, x, name="enrol", brought=None, **more):
    """{index: generator}; custodies[x] has no shard."""
    t = custodies[helpers[0]].shard.t
    roster = session_roster({j: custodies[j] for j in [*helpers, x]}, t, [x])
    generators = {}
    for me in sorted([*helpers, x]):
        custody = custodies[me]
        known = Brought()
        if custody.shard is not None:
            known = Brought(custody.epoch, max([*custody.shard.roster.indexes(), *custody.issued]))
        generators[me] = enrol(
            me, session(name), GROUP_ID, roster, helpers, x, custody, custody.shard,
            (brought or {}).get(me, known), **more,
        )  # fmt: skip
    return generators


def enrol_together(custodies, helpers, x, name="enrol", **more):
    """The change of the roster, which everyone in the group has adopted."""
    made = results(enrols(custodies, helpers, x, name, **more))
    change = made[x][1]
    for index, custody in custodies.items():
        if index == x:
            custody.activate(change.acks)
        elif custody.shard is not None:
            change.check(custody.shard)
            custody.shard = change.applied(custody.shard)
    return change
