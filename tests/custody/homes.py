"""Places where a party's store survives a power cut, and the parties that live there."""

from daric.board.flashfile import FlashFile
from daric_protocol.custody import Custody
from daric_protocol.errors import DaricError
from daric_protocol.group import issued_to
from daric_protocol.pairstate import PairState
from daric_protocol.shard import Shard

from tests.power.power_flash import BLOCKS, start
from tests.rounds.exchange import randomness
from tests.rounds.groups import GROUP_ID
from tests.rounds.groups import group as finished_group
from tests.rounds.memory_custody import identities

UUID = bytes(range(100, 116))
DIGEST = bytes(range(32))
SID = bytes(range(32, 64))


class PowerCut(BaseException):
    """The power is gone: no handler of the code under test may see an ordinary error."""


class MemoryStore:
    """A store in a dictionary; the k-th change from now may be the one that does not happen."""

    def __init__(self, entries=None):
        self.entries = {} if entries is None else entries
        self.changes = 0
        self.cut_at = 0

    def read(self, name):
        return self.entries.get(name)

    def write(self, name, *parts):
        self._count()
        self.entries[name] = b"".join(parts)

    def erase(self, name):
        if name in self.entries:
            self._count()
            del self.entries[name]

    def names(self, prefix=""):
        return sorted(name for name in self.entries if name.startswith(prefix))

    def _count(self):
        self.changes += 1
        if self.changes == self.cut_at:
            raise PowerCut


class MemoryHome:
    """Durable state is a dictionary."""

    torn_too = False

    def __init__(self, entries=None):
        self.entries = dict(entries or {})
        self.store = None

    def copy(self):
        return MemoryHome(self.entries)

    def switch_on(self):
        self.store = MemoryStore(self.entries)
        return self.store

    def operations(self):
        return self.store.changes

    def cut(self, after, torn):
        self.store.cut_at = self.store.changes + after


class FlashHome:
    """Durable state is a flash chip with the device's vault on it; every single flash operation may be cut."""

    torn_too = True

    def __init__(self, chip=None):
        self.chip = chip or FlashFile(None, BLOCKS)

    def copy(self):
        chip = FlashFile(None, BLOCKS)
        chip._memory[:] = self.chip.dump()
        chip.operations = self.chip.operations + 1  # so that randomness differs
        return FlashHome(chip)

    def switch_on(self):
        self.chip.restore_power()
        return start(self.chip)

    def operations(self):
        return self.chip.operations

    def cut(self, after, torn):
        self.chip.cut_power(after, torn)


def open_custody(home, index=1, members=3):
    """Switch the party's computer on."""
    return Custody(home.switch_on(), identities(members)[index - 1], randomness(f"custody/{index}"))


# Shards of later epochs without a dealing: what custody does never depends on where a share comes from.


def first_shard(index=1, n=3):
    """(Shard, {peer: PairState}) of a real 2-of-n key generation."""
    party = finished_group(2, n)[index]
    return party.shard, party.pairs


def later_shard(epoch, index=1, attempt=b""):
    """The first shard and its ratcheted pairs as a dealing of a later epoch would leave them."""
    old, pairs = first_shard(index)
    sid, confirm = (attempt + b"sid %d" % epoch).ljust(32, b"."), (attempt + b"confirm %d" % epoch).ljust(32, b".")
    shard = Shard(
        GROUP_ID, "rsh", epoch, old.me, old.s, old.pk, old.cc, old.roster, sid, confirm, old.roster.hash()
    )
    return shard, {peer: state.ratchet(confirm, index, peer) for peer, state in pairs.items()}


def acks(shard):
    """The acknowledgements of all members: the certificate of a shard."""
    return [
        (index, who.sign(shard.ack_digest(index), randomness(f"ack {index}")))
        for index, who in enumerate(identities(len(shard.roster.members)), 1)
    ]


def settle(custody, shard, pairs):
    """Take part in a dealing up to the acknowledgement."""
    with custody.session(GROUP_ID, UUID, shard.roster) as session:
        session.use_epoch(shard.epoch)
        session.store_pending(shard, pairs)


def with_group(home, index=1):
    """Store and activate the first shard; the home then holds a working group."""
    custody = open_custody(home, index)
    shard, pairs = first_shard(index)
    settle(custody, shard, pairs)
    custody.activate(GROUP_ID, acks(shard))
    return home


def other_state(label, peer=2):
    """A new pair state, as a standalone set-up leaves it."""
    old = first_shard()[1][peer]
    return PairState(old.z, label.ljust(32, b"-"), old.delta, old.kD, old.k0, old.k1)


def summary(custody):
    """All that counts about a party's group: what must be the old or the new after any cut."""
    group = custody.find(GROUP_ID)
    if group is None:
        return {"epoch": 0, "highest": custody.highest_epoch(GROUP_ID)}
    current = group.epoch
    shards = {}
    for epoch in [epoch for epoch in [current, *group.pendings] if epoch]:
        shards[epoch] = custody.read_shard(GROUP_ID, epoch).encode()
    usable = {}
    for peer in (2, 3):
        with custody.session(GROUP_ID, UUID) as session:
            try:
                usable[peer] = session.pair(peer).encode() if current else None
            except DaricError:
                usable[peer] = None
    kinds = ("shard/", "pair/", "fresh/", "mark/", "swap/")
    names = [name for name in custody.store.names("") if name.startswith(kinds)]
    strikes = {}
    if current:
        strikes = {m.index: custody.bans.strikes(GROUP_ID, m.identity) for m in custody.roster(GROUP_ID).members}
    return {
        "epoch": current,
        "highest": custody.highest_epoch(GROUP_ID),
        "pendings": group.pendings,
        "shards": shards,
        "usable": usable,
        "names": names,
        "strikes": strikes,
        "spent": custody.is_spent(GROUP_ID, DIGEST),
        "marked": [group.exposed, group.standing, issued_to(custody.store, GROUP_ID)],
        "leaving": custody.store.names("leaving/") if current else [],
    }
