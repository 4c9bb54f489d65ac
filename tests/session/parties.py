"""Parties with real custody over a store in memory, and the sessions between them. For flow and malice tests.

wallet = Wallet.create(2, 3)
signature = wallet.sign([1, 3], message("pay")).sessions[0].result
"""

import copy

from daric_protocol import flows, platform
from daric_protocol.custody import Custody, load_identity
from daric_protocol.evm import request

from tests.session.network import Network, drbg


class MemoryStore(dict):
    """The store interface over a dict: names to values."""

    def read(self, name):
        return self.get(name)

    def write(self, name, *parts):
        self[name] = b"".join(parts)

    def erase(self, name):
        self.pop(name, None)

    def names(self, prefix):
        return [name for name in self if name.startswith(prefix)]


class Party:
    """A party and its store; restart() keeps the store and nothing else."""

    def __init__(self, name, store=None):
        self.name = name
        self.store = MemoryStore() if store is None else store
        self.starts = 0
        self.restart()

    def restart(self):
        self.starts += 1
        self.entropy = drbg(self.name, self.starts)
        self.custody = Custody(self.store, load_identity(self.store, self.entropy), self.entropy)
        return self

    def asks(self, terms):
        """The same terms with this party's signature."""
        return terms.signed(self.custody.identity.public, self.custody.sign_identity)

    def open(self, terms, **options):
        return flows.open_session(terms, self.custody, self.entropy, describe=lambda _: ("phone", "someone"), **options)


class Wallet:
    """Parties that hold a group, by index."""

    def __init__(self, parties, group_id):
        self.group_id = group_id
        self.sessions = 0
        self.roster = parties[0].custody.roster(group_id)
        indexes = {self.roster.index_of(party.custody.identity.public): party for party in parties}
        self.parties = {index: indexes[index] for index in sorted(indexes)}

    @classmethod
    def create(cls, threshold, parties, relay=None, seed=""):
        parties = [Party(f"party {number} {seed}") for number in range(parties)]
        network, terms = creation(parties, threshold, relay)
        network.start().confirm().run()
        assert network.states() == ["done"] * len(parties), network.errors()
        return cls(parties, terms.group)

    def copy(self):
        """The same group with stores of its own, for a test that changes them."""
        mine = copy.copy(self)
        mine.parties = {
            index: Party(f"{party.name} again", MemoryStore(party.store)) for index, party in self.parties.items()
        }
        return mine

    @property
    def pk(self):
        return next(iter(self.parties.values())).custody.shard(self.group_id).pk

    def uuid(self):
        self.sessions += 1
        return platform.sha256(b"session %d" % self.sessions)[:16]

    def network(self, signers, request, relay=None, **options):
        """The sessions of a signature, not started."""
        terms = flows.sign_terms(self.uuid(), self.group_id, self.roster, signers, request)
        return Network([self.parties[index].open(terms, **options) for index in sorted(signers)], relay)

    def sign(self, signers, request, relay=None, **options):
        return self.network(signers, request, relay, **options).start().confirm().run()

    def pair_up(self, first, second, relay=None, **options):
        terms = flows.pair_terms(self.uuid(), self.group_id, self.roster, first, second)
        sessions = [self.parties[index].open(terms, **options) for index in sorted((first, second))]
        return Network(sessions, relay).start().confirm().run()

    def change(self, terms, newcomers=(), relay=None, **options):
        """The sessions of a change of the group: its members among the terms, then new parties; not started."""
        members = [self.parties[index].open(terms, **options) for index in terms.members]
        return Network(members + [party.open(terms) for party in newcomers], relay)

    def reshare_terms(self, threshold, newcomers=0, leaving=(), dealing=()):
        """Terms that the lowest member proposes."""
        initiator = next(self.parties[index] for index in self.parties if index not in leaving)
        return flows.reshare_terms(
            self.uuid(), initiator.custody, self.group_id, threshold, newcomers, list(leaving), list(dealing)
        )

    def after(self, parties):
        """The same group as these parties hold it now."""
        wallet = Wallet(parties, self.group_id)
        wallet.sessions = self.sessions
        return wallet

    def restart(self):
        for party in self.parties.values():
            party.restart()


def message(text):
    """A typed request to sign a message."""
    return request.Request(request.MESSAGE, text.encode()).encode()


def creation(parties, threshold, relay=None, uuid=bytes(16), name="savings"):
    """(network, terms) of a creation, not started."""
    terms = flows.create_terms(uuid, threshold, len(parties), drbg("group", len(parties), uuid), name)
    return Network([party.open(terms) for party in parties], relay), terms
