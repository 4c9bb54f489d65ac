"""Replay one party of a recorded protocol run and time its own work. Runs on CPython and on MicroPython.

usage: party.py TAPE REPEAT. Prints one line: milliseconds, bytes sent, SHA-256 of all it sent.
A tape is made by record.py; its records are a u32 length and CBOR each: the case, then for every round what the peers sent.
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

TICKS = hasattr(time, "ticks_us")


def now():
    """CPU time in microseconds (MicroPython: wall time; the interpreter waits for nothing here)."""
    return time.ticks_us() if TICKS else time.process_time_ns() // 1000


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
        with open(self._path + ".pair%d" % peer, "rb") as file:
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


def replay(path):
    """(microseconds of work, bytes sent, digest of what was sent)."""
    tape = Tape(path)
    seed, secret, case = tape.read()
    random = Drbg(seed)
    run = generator(case, Keeper(path, Identity(int.from_bytes(secret, "big")), random), random)
    sent, digest, spent = 0, hashlib.sha256(), 0
    received = None
    while True:
        gc.collect()
        begin = now()
        try:
            outgoing = run.send(received)
        except StopIteration:
            return spent + now() - begin, sent, digest.digest()
        received = {}
        spent += now() - begin
        for peer in sorted(outgoing.messages):
            begin = now()
            body = envelope.encode(outgoing.messages.pop(peer))
            spent += now() - begin
            sent += len(body)
            digest.update(body)
            if outgoing.streams:
                begin = now()
                for chunk in outgoing.streams.pop(peer):
                    spent += now() - begin
                    sent += len(chunk)
                    digest.update(chunk)
                    begin = now()
                spent += now() - begin
        gc.collect()
        record = tape.read()
        while record is not None:
            peer, body, chunks = record
            begin = now()
            received[peer] = envelope.decode(outgoing.expect, body)
            if outgoing.arrived:
                outgoing.arrived(peer, received[peer])
            spent += now() - begin
            for _ in range(chunks):
                chunk = tape.read()
                begin = now()
                outgoing.sinks[peer].receive(chunk)
                spent += now() - begin
            record = tape.read()
        outgoing = None


def show(path, repeat):
    """Print the best of several replays."""
    if hasattr(gc, "mem_free"):  # MicroPython; as the firmware does
        gc.threshold(8192)
    best = None
    for _ in range(repeat):
        result = replay(path)
        best = result if best is None or result[0] < best[0] else best
    print("%.3f %d %s" % (best[0] / 1000, best[1], best[2].hex()))


if __name__ == "__main__":
    show(sys.argv[1], int(sys.argv[2]))
