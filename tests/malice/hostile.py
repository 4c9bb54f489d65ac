"""Hostile relays and parties, and what must hold after any of them."""

from unittest import mock

from daric_protocol import platform

from tests.rounds.exchange import Relay, randomness
from tests.rounds.groups import DIGEST, sign_together
from tests.rounds.oracle import assert_signed

ORDER = platform.curve.Q
POINT = platform.curve.encode(platform.curve.mul_g(0xDA51C))
OFF_CURVE = b"\x02" + bytes(31) + b"\x05"
IDENTITY = bytes(33)
CHUNKS = 15


class Tamper(Relay):
    """Changes one message of one round from one party to another: change(fields) gives other fields, or None."""

    def __init__(self, number, sender, receiver, change):
        self.place = (number, sender, receiver)
        self.change = change

    def message(self, number, sender, receiver, fields):
        return self.change(list(fields)) if (number, sender, receiver) == self.place else fields


class TamperStream(Relay):
    """Changes the stream of one party to another: change(chunks) gives other chunks."""

    def __init__(self, sender, receiver, change):
        self.place = (sender, receiver)
        self.change = change

    def stream(self, sender, receiver, chunks):
        return self.change(list(chunks)) if (sender, receiver) == self.place else chunks


class Record(Relay):
    """Keeps what it carried: messages[number, sender, receiver] and streams[sender, receiver]."""

    def __init__(self):
        self.messages = {}
        self.streams = {}

    def message(self, number, sender, receiver, fields):
        self.messages[number, sender, receiver] = list(fields)
        return fields

    def stream(self, sender, receiver, chunks):
        self.streams[sender, receiver] = list(chunks)
        return chunks


def field(n, change):
    """A change of one field: change(old value) gives the new one."""

    def apply(fields):
        fields[n] = change(fields[n])
        return fields

    return apply


def put(value):
    return lambda _: value


def flip(offset, xor=1):
    """Change bits of one byte."""

    def apply(data):
        changed = bytearray(data)
        changed[offset] ^= xor
        return bytes(changed)

    return apply


def splice(offset, value):
    """Put bytes into a byte string."""
    return lambda data: data[:offset] + value + data[offset + len(value) :]


noise = randomness("noise")


def other(data):
    """As many other bytes."""
    return noise(len(data))


def possessed(generator, *patches):
    """A party that runs other code: patches (target, name, replacement) hold during its own steps only."""

    def step(advance):
        stack = [mock.patch.object(*patch) for patch in patches]
        for patch in stack:
            patch.start()
        try:
            return advance()
        finally:
            for patch in stack:
                patch.stop()

    try:
        outgoing = step(lambda: next(generator))
        while True:
            received = yield outgoing
            outgoing = step(lambda received=received: generator.send(received))
    except StopIteration as end:
        return end.value


def verdict(party):
    """(class, culprit) of how a party ended; ("done", None) without an error."""
    return ("done", None) if party.error is None else (party.error.name, party.error.blame)


def assert_nobody_honest_is_accused(parties, liar):
    for index, party in parties.items():
        if index != liar:
            assert verdict(party)[1] in (None, liar)


def assert_nothing_lost(before, custodies, banned=()):
    """Shards are what they were, no check is open, pair states are gone exactly where a check failed."""
    for index, custody in custodies.items():
        assert custody.shard is before[index].shard
        assert custody.marks == {}
        for peer in before[index].pairs:
            if (index, peer) in banned:
                assert peer not in custody.pairs and peer in custody.banned
            else:
                assert custody.pairs[peer] is before[index].pairs[peer]


def assert_signs(custodies, signers):
    """The next honest session of these signers works."""
    signature = sign_together(custodies, list(signers), "the next session")
    assert_signed(signature, DIGEST, custodies[signers[0]].shard.pk)
