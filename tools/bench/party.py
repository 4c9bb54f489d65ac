"""Replay one party of a recorded protocol run and time its work. Runs on CPython and on MicroPython.

usage: party.py TAPE REPEAT. Prints one line: milliseconds, bytes sent, SHA-256 of all it sent.
A tape is made by record.py; its records are a u32 length and CBOR each: the case, then what the peers sent by round.
"""

import gc
import hashlib
import sys
import time

from daric_protocol import envelope, platform
from daric_protocol.identity import Identity
from daric_protocol.pairstate import PairState
from daric_protocol.platform.entropy import Drbg
from daric_protocol.roster import Roster
from daric_protocol.shard import Shard

ROUNDS = {"keygen": 5, "sign": 3}
CLOCK = getattr(time, "clock", None)  # the unix port's CPU time; CPython has process_time


def now():
    """CPU time of this process in microseconds."""
    return int(CLOCK() * 1000000) if CLOCK else time.process_time_ns() // 1000


class Tape:
    """The records of a file, one at a time, so that a small heap holds one message."""

    def __init__(self, path):
        self._file = open(path, "rb")

    def read(self):
        size = int.from_bytes(self._file.read(4), "big")
        return platform.cbor_decode(self._file.read(size)) if size else None

    def close(self):
        self._file.close()


class Keeper:
    """Custody for a replay: pair states come from files as they come from flash, nothing is written."""

    def __init__(self, path, identity, random):
        self._path = path
        self._identity = identity
        self._random = random

    def pair(self, peer):
        with open(self._path + ".pair" + str(peer), "rb") as file:
            return PairState.decode(file.read())

    def sign_identity(self, digest):
        return self._identity.sign(digest, self._random)

    def _nothing(self, *values):
        """A durable write, which is not what is measured."""

    open_check = close_check = ban = spend = signed = use_epoch = store_pending = _nothing


def generator(case, keeper, random):
    kind, me, ssid, group, roster, shard, signers, digest = case
    if kind == "keygen":
        from daric_protocol.rounds.keygen import keygen

        return keygen(me, ssid, group, Roster.from_wire(roster), keeper, random)
    from daric_protocol.rounds.sign import sign

    return sign(me, Shard.decode(shard), signers, digest, 0, digest, ssid, keeper, random)


def replay(path, collect):
    """(bytes sent, digest of what was sent) of one run. collect: called where the session driver collects garbage."""
    tape = Tape(path)
    seed, secret, case = tape.read()
    random = Drbg(seed)
    run = generator(case, Keeper(path, Identity(int.from_bytes(secret, "big")), random), random)
    sent, digest = 0, hashlib.sha256()
    received = None
    while True:
        collect()
        try:
            outgoing = run.send(received)
        except StopIteration:
            tape.close()
            return sent, digest.digest()
        for peer in sorted(outgoing.messages):
            body = envelope.encode(outgoing.messages.pop(peer))
            sent += len(body)
            digest.update(body)
            for chunk in outgoing.streams.pop(peer) if outgoing.streams else ():
                sent += len(chunk)
                digest.update(chunk)
        collect()
        received = {}
        record = tape.read()
        while record is not None:
            peer, body, chunks = record
            received[peer] = envelope.decode(outgoing.expect, body)
            if outgoing.arrived:
                outgoing.arrived(peer, received[peer])
            for _ in range(chunks):
                outgoing.sinks[peer].receive(tape.read())
            record = tape.read()
        outgoing = record = body = None


def skim(path):
    """Read a tape and do nothing with it: what replaying costs beside the work."""
    tape = Tape(path)
    records = (tape.read()[2][0] == "keygen" and 5) or 3  # rounds, each of which ends with an empty record
    while records:
        if tape.read() is None:
            records -= 1
    tape.close()


def show(path, repeat):
    """Print milliseconds of CPU for one run, the mean of `repeat` in a row, best of three; bytes sent; their digest."""
    best = None
    for _ in range(3):
        begin = now()
        for _ in range(repeat):
            result = replay(path, nothing)
        middle = now()
        for _ in range(repeat):
            skim(path)
        spent = (middle - begin) - (now() - middle)
        best = spent if best is None or spent < best else best
    print(best / repeat / 1000, result[0], result[1].hex())


def fit(path, garbage):
    """Replay once where memory is scarce. garbage: bytes between collections, as the firmware sets it."""
    gc.threshold(garbage)
    replay(path, gc.collect)


def nothing():
    """Where memory is plenty nobody collects."""


if __name__ == "__main__":
    show(sys.argv[1], int(sys.argv[2]))
