"""Parties that die at one message of a session or lose some of its messages, come back and meet again.

Only the arithmetic of the base transfers is stood in for, because a death is not about it and hundreds are tried.
"""

import contextlib
import copy
import hashlib
import itertools
from unittest import mock

from daric_protocol import flows, platform
from daric_protocol.errors import DaricError
from daric_protocol.group import LEFT, Group, shard_name
from daric_protocol.rounds import pair
from daric_protocol.shard import Shard
from daric_protocol.transfer import M1_BYTES, M2_BYTES

from tests.session.network import Network
from tests.session.parties import MemoryStore, Party, Wallet, message


def _seeds(sid, receiver, sender, choice):
    fields = b"%s %d %d %d" % (sid, receiver, sender, choice)
    return hashlib.shake_256(fields).digest(2048)


class QuickReceiver:
    """The outcome of the transfers without their work: both sides derive the seeds from what is public."""

    def __init__(self, sid, receiver, sender, random):
        self.delta = hashlib.sha256(random(32) + random(32)).digest()[:16]
        columns = [_seeds(sid, receiver, sender, choice) for choice in (0, 1)]
        bits = [self.delta[k >> 3] >> (k & 7) & 1 for k in range(128)]
        self.kD = b"".join(columns[bit][16 * k : 16 * k + 16] for k, bit in enumerate(bits))

    def m1(self):
        return bytes(M1_BYTES)

    def finish(self, _m2):
        return bytes(32)


class QuickSender:
    """The other side of QuickReceiver."""

    def __init__(self, sid, receiver, sender, _random):
        self.k0, self.k1 = (_seeds(sid, receiver, sender, choice) for choice in (0, 1))

    def respond(self, _m1):
        return bytes(M2_BYTES)

    def finish(self, _m3):
        return None


def quick_transfers():
    """While this holds, pairs are set up in no time."""
    return mock.patch.multiple(pair, Receiver=QuickReceiver, Sender=QuickSender)


class WatchedStore(MemoryStore):
    """After every change of it the watch looks at the stores of all parties."""

    watch = None

    def write(self, name, *parts):
        super().write(name, *parts)
        self._changed(name)

    def erase(self, name):
        super().erase(name)
        self._changed(name)

    def _changed(self, name):
        if self.watch is not None and name.startswith(("group/", "shard/")):
            self.watch.check()


class Watch:
    """At every durable change: of some epoch that is in force at least as many shards exist as have to sign.

    An epoch is in force if some party can show its certificate; who holds its shard as pending takes it then.
    """

    def __init__(self, group_id, parties):
        self.group_id = group_id
        self.parties = parties
        for party in parties:
            party.store.watch = self
        self.check()

    def check(self):
        held, in_force = {}, set()
        for party in self.parties:
            group = Group.load(party.store, self.group_id)
            if group is None:
                continue
            in_force.add(group.epoch)
            if group.standing == LEFT:
                in_force.add(platform.cbor_decode(party.custody.certificate(self.group_id))[2])
            for epoch in {group.epoch, *group.pendings} - {0}:
                shard = Shard.decode(party.store.read(shard_name(self.group_id, epoch)))
                held.setdefault((epoch, shard.t), set()).add(shard.me)
        assert any(len(members) >= t for (epoch, t), members in held.items() if epoch in in_force), (held, in_force)


class Dead:
    """The seat of a party that died."""

    def __init__(self, session):
        self.session = session

    def run(self):
        return []

    def offer(self, _seat, _frame):
        return None


class MortalNetwork(Network):
    """One seat dies at its k-th message: as it is about to send it, or as it has just received it."""

    def mortal(self, seat, at):
        self.victim, self.at, self.died = seat, at, False
        pump = self.pumps[seat]
        run, offer = pump.run, pump.offer

        def mortal_run():
            for outgoing in run():
                if self._one_less():
                    return
                yield outgoing

        def mortal_offer(origin, frame):
            offer(origin, frame)
            self._one_less()

        pump.run, pump.offer = mortal_run, mortal_offer
        return self

    def _one_less(self):
        self.at -= 1
        if self.at == 0:
            self.died = True
            self.pumps[self.victim] = Dead(self.sessions[self.victim])
            self.sessions[self.victim].confirm = self.sessions[self.victim].expire = lambda: None
        return self.died


def watched(wallet, name):
    """The same group with stores of its own that a Watch can look at."""
    mine = copy.copy(wallet)
    mine.parties = {
        index: Party(f"{party.name} {name}", WatchedStore(party.store)) for index, party in wallet.parties.items()
    }
    return mine


def meet_again(parties, group_id):
    """Everyone shows everyone what it has, until nobody learns anything new."""
    learnt = True
    while learnt:
        learnt = False
        for teller, listener in itertools.permutations(parties, 2):
            if teller.custody.find(group_id) is None:
                continue
            told = []
            with contextlib.suppress(DaricError):  # nothing certified yet
                told.append(teller.custody.certificate(group_id))
            for change in [*told, *teller.custody.changes(group_id)]:
                try:
                    learnt = listener.custody.adopt(change) or learnt
                except DaricError as error:
                    assert error.name in ("group", "pending", "roster", "certificate"), error


def epochs(parties, group_id):
    return [party.custody.group(group_id).epoch if party.custody.find(group_id) else None for party in parties]


def signs(parties, group_id, text="after"):
    """The lowest members of one epoch that are enough sign; a master is among them and asks."""
    wallet = Wallet(parties, group_id)
    signers = sorted(wallet.parties)[: wallet.roster.t]
    uuid = hashlib.sha256(text.encode()).digest()[:16]
    terms = flows.sign_terms(uuid, group_id, wallet.roster, signers, message(text))
    if wallet.roster.master:
        terms = wallet.parties[wallet.roster.master].asks(terms)
    network = Network([wallet.parties[index].open(terms, confirmed=True) for index in signers])
    return network.start().confirm().run().states() == ["done"] * len(signers)
