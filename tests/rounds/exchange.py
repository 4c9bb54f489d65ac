"""Runs the generators of several parties against each other in memory, with a relay in between that may be hostile.

Every message crosses as CBOR and is checked against messages.cddl. What a session driver does about a bad message, a
lost one or a peer that gave up is done here in a few lines.
"""

import hashlib

from daric_protocol import platform
from daric_protocol.errors import Abort, DaricError

from tests import cddl


def randomness(seed):
    """A repeatable random source: n -> n bytes, from a seed text."""
    counter = [0]

    def random(length):
        out = b""
        while len(out) < length:
            counter[0] += 1
            out += hashlib.sha256(f"{seed}/{counter[0]}".encode()).digest()
        return out[:length]

    return random


class Relay:
    """An honest relay. A hostile one overrides what it carries; None means that it is lost."""

    def message(self, number, sender, receiver, fields):
        return fields

    def stream(self, sender, receiver, chunks):
        return chunks


class Party:
    """One running generator and how it ended."""

    def __init__(self, generator):
        self.generator = generator
        self.outgoing = None
        self.result = None
        self.error = None
        self.running = True
        self.step(lambda: next(generator))

    def step(self, advance):
        """Run to the next round, the result or the error."""
        self.outgoing = None
        try:
            self.outgoing = advance()
        except StopIteration as end:
            self.result, self.running = end.value, False
        except DaricError as error:
            self.error, self.running = error, False

    def fail(self, error):
        self.step(lambda: self.generator.throw(error))
        assert not self.running, "a generator went on after its session had ended"


def run(generators, relay=None):
    """{index: Party} after all of them ended; generators: {index: generator}."""
    relay = relay or Relay()
    parties = {index: Party(generator) for index, generator in generators.items()}
    while all(party.running for party in parties.values()):
        outgoing = {index: party.outgoing for index, party in parties.items()}
        wire = {index: _encode(outgoing[index]) for index in outgoing}
        for index, party in parties.items():
            try:
                received = _receive(index, outgoing, wire, relay)
            except DaricError as error:
                party.fail(error)
            else:
                party.step(lambda party=party, received=received: party.generator.send(received))
    for party in parties.values():
        if party.running:
            party.fail(Abort("soft", None, "Another party ended the session."))
    return parties


def results(generators, relay=None):
    """{index: result}; fails if any party aborted."""
    parties = run(generators, relay)
    for index, party in parties.items():
        assert party.error is None, (index, party.error.name, party.error.detail)
    return {index: party.result for index, party in parties.items()}


def _encode(outgoing):
    """{receiver: CBOR bytes} of one party's round."""
    encoded = {}
    for receiver, message in outgoing.messages.items():
        encoded[receiver] = platform.cbor_encode(message.to_wire())
        cddl.check(type(message).__name__, encoded[receiver])
    return encoded


def _receive(me, outgoing, wire, relay):
    """What one party gets in this round, bodies before streams."""
    mine = outgoing[me]
    received = {}
    for sender in sorted(mine.messages):
        theirs = outgoing[sender]
        if theirs.sid[:8] != mine.sid[:8]:
            raise Abort("soft", None, "The frame belongs to another session.")
        if theirs.round != mine.round:
            raise Abort("soft", None, "The time is up.")
        fields = relay.message(mine.round, sender, me, platform.cbor_decode(wire[sender][me]))
        if fields is None:
            raise Abort("soft", None, "The time is up.")
        try:
            received[sender] = mine.expect.from_wire(platform.cbor_decode(platform.cbor_encode(fields)))
        except DaricError as error:
            raise Abort("blame", sender, error.detail) from error
        if mine.arrived is not None:
            mine.arrived(sender, received[sender])
    for sender in sorted(mine.sinks or {}):
        chunks = relay.stream(sender, me, list(outgoing[sender].streams[me]))
        for chunk in chunks:
            mine.sinks[sender].receive(chunk)
        if len(chunks) < 15:
            raise Abort("soft", None, "The stream ended early.")
    return received
