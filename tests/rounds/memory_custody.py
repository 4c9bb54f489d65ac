"""A party's store in memory, with the rules that rounds rely on; what is durable elsewhere is a list of events here."""

from daric_protocol import certificate
from daric_protocol.errors import Abort
from daric_protocol.identity import Identity


class MemoryCustody:
    """One party of one group. `events` has every durable write in order, as (name, value)."""

    def __init__(self, identity, random, shard=None, pairs=None):
        self.identity = identity
        self._random = random
        self.shard = shard
        self.pairs = dict(pairs or {})
        self.pending = None
        self.pending_pairs = {}
        self.leaving = None
        self.issued = {}
        self.marks = {}
        self.banned = set()
        self.spent = {}
        self.epoch = shard.epoch if shard else 0
        self.events = []

    def copy(self, random):
        """The same stored state for another session."""
        return MemoryCustody(self.identity, random, self.shard, self.pairs)

    def pair(self, peer):
        if peer in self.banned or peer not in self.pairs:
            raise Abort("soft", None, "There is no usable pair set-up with this party.")
        return self.pairs[peer]

    def open_check(self, peer, sid):
        assert not self.marks, "two checks are open at once"
        self.marks[peer] = sid
        self.events.append(("open", peer))

    def close_check(self, peer):
        del self.marks[peer]
        self.events.append(("close", peer))

    def ban(self, peer, sid):
        self.banned.add(peer)
        self.pairs.pop(peer, None)
        self.marks.pop(peer, None)
        self.events.append(("ban", peer))

    def spend(self, digest, sid):
        self.spent[digest] = sid
        self.events.append(("spend", digest))

    def signed(self, digest, peers):
        assert digest in self.spent
        self.events.append(("signed", tuple(peers)))

    def use_epoch(self, epoch):
        assert epoch > self.epoch, "an epoch is used twice"
        self.epoch = epoch
        self.events.append(("epoch", epoch))

    def store_pending(self, shard, pairs):
        self.pending = (shard, dict(pairs))
        self.events.append(("pending", shard.epoch))

    def note_missing(self, indexes):
        self.events.append(("missing", indexes))

    def store_leaving(self, kind, epoch, sid, confirm, session_roster, roster):
        self.leaving = (kind, epoch, sid, confirm, session_roster, roster)
        self.events.append(("leaving", epoch))

    def issue_index(self, index, identity):
        if index in self.shard.roster.indexes() or self.issued.get(index, identity) != identity:
            raise Abort("soft", None, "This index belongs to another party.")
        self.issued[index] = identity
        self.events.append(("issue", index))

    def store_enrolled(self, shard):
        self.pending = (shard, {})
        self.events.append(("enrolled", shard.me))

    def doubt_identity(self, identity):
        self.events.append(("doubt", identity))

    def store_pending_pair(self, peer, pair, sid):
        self.pending_pairs[peer] = pair
        self.events.append(("pending pair", peer))

    def sign_identity(self, digest):
        self.events.append(("sign", digest))
        return self.identity.sign(digest, self._random)

    def activate(self, acks):
        """Make the pending shard current if everyone acknowledged it."""
        shard, pairs = self.pending
        certificate.check(shard, acks)
        self.shard, self.pairs, self.pending = shard, pairs, None

    def activate_pair(self, peer):
        self.pairs[peer] = self.pending_pairs.pop(peer)
        self.banned.discard(peer)


def identities(count):
    """Identity keys of a test group, in the order of their public keys."""
    return sorted([Identity(1000003 * (n + 1)) for n in range(count)], key=lambda identity: identity.public)
