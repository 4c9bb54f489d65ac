"""Resharings between test parties, which join and leave ready groups."""

from daric_protocol.identity import Identity
from daric_protocol.roster import Member, Roster
from daric_protocol.rounds.groupstart import Brought
from daric_protocol.rounds.reshare import reshare

from tests.rounds.exchange import randomness, results
from tests.rounds.groups import GROUP_ID, session
from tests.rounds.memory_custody import MemoryCustody


def stranger(index):
    """The store of a party that is new to a group and gets this index."""
    return MemoryCustody(Identity(7000003 * index), randomness(f"stranger {index}"))


def session_roster(custodies, t, new=()):
    """The stored roster with the threshold after the session and the new members."""
    stored = next(custody.shard.roster for custody in custodies.values() if custody.shard)
    added = [Member(index, custodies[index].identity.public, "device", "new") for index in new]
    return Roster(t, stored.version, stored.master, stored.members + added)


def reshares(custodies, t, dealers, receivers, name="reshare", unusable=None, brought=None, **more):
    """{index: generator}; custodies: of everyone in the session, new ones without a shard."""
    new = [index for index in receivers if custodies[index].shard is None]
    roster = session_roster(custodies, t, new)
    generators = {}
    for me in sorted(set(dealers) | set(receivers)):
        custody = custodies[me]
        known = Brought()
        if custody.shard is not None:
            known = Brought(custody.epoch, max(custody.shard.roster.indexes()), (unusable or {}).get(me, ()))
        known = (brought or {}).get(me, known)
        generators[me] = reshare(
            me, session(name), GROUP_ID, roster, dealers, receivers, custody, randomness(f"{name}/{me}"),
            custody.shard, known, **more,
        )  # fmt: skip
    return generators


def reshare_together(custodies, t, dealers, receivers, name="reshare", **more):
    """{index: shard} after a resharing that everyone acknowledged; receivers go on with it."""
    made = results(reshares(custodies, t, dealers, receivers, name, **more))
    for index in receivers:
        custodies[index].activate(made[index][1])
    return {index: shard for index, (shard, _) in made.items()}
