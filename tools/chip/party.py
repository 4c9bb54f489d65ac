"""One party of a key generation or a signature, on a chip: a host drives it over the console, its own clock times it.

A frame, both ways, is a kind (one character), a length (u32) and as many bytes of CBOR. The answer to a request has its
kind; "!" and a text where it failed. What counts as time is the party's work, not the waiting for the host and not the
files that take the place of a device's vault. Runs on MicroPython alone; what a real device does around it (encryption
of frames, screens, vault) is not here.
"""

import gc
import sys
import time

FILES = "state."


class Watch:
    """Microseconds of work, as the chip counts them."""

    def __init__(self):
        self.spent = 0
        self._since = 0

    def on(self):
        self._since = time.ticks_us()

    def off(self):
        self.spent += time.ticks_diff(time.ticks_us(), self._since)


class Keeper:
    """A party's custody for a run: what a key generation makes is kept in files, from which a signature takes it."""

    def __init__(self, identity, random, watch):
        self._identity = identity
        self._random = random
        self._watch = watch

    def sign_identity(self, digest):
        return self._identity.sign(digest, self._random)

    def store_pending(self, shard, pairs):
        self._watch.off()
        _write("shard", shard.encode())
        for peer in sorted(pairs):
            _write(str(peer), pairs.pop(peer).encode())
        self._watch.on()

    def pair(self, peer):
        from daric_protocol.pairstate import PairState

        return PairState.decode(_read(str(peer)))

    def _nothing(self, *values):
        """A durable write, which is not what is timed."""

    open_check = close_check = ban = spend = signed = use_epoch = _nothing


def _write(name, data):
    with open(FILES + name, "wb") as file:
        file.write(data)


def _read(name):
    with open(FILES + name, "rb") as file:
        return file.read()


class Party:
    """Answers requests; each method gets the decoded data and returns what is answered."""

    def __init__(self):
        self._watch = Watch()
        self._run = self._outgoing = self._chunks = None
        self._received = {}
        self._kept = set()

    def hello(self, _data):
        """Import what a device always has: [MicroPython, arithmetic, bytes of heap that are free then]."""
        from daric_protocol.garbage import often

        often()
        from daric_protocol import identity
        from daric_protocol.platform import entropy, points

        identity.Identity(1), entropy
        self._kept = set(sys.modules)
        gc.collect()
        return [".".join([str(part) for part in sys.implementation.version[:3]]), points.NAME, gc.mem_free()]

    def begin(self, data):
        """Import a process, instead of the one before, and make it ready: bytes of heap that are free then.

        data: [garbage, seed, identity's secret, keygen or sign, its arguments]. garbage: bytes between two collections
        while it imports (daric_protocol.garbage); -1 leaves all of them to the port.
        """
        from daric_protocol.garbage import collect
        from daric_protocol.identity import Identity
        from daric_protocol.platform.entropy import Drbg

        self._run = self._outgoing = self._chunks = None
        if not self._kept:
            self.hello(None)
        _make_room(self._kept)
        garbage, seed, secret, process, arguments = data
        gc.threshold(garbage)
        random = Drbg(seed)
        keeper = Keeper(Identity(int.from_bytes(secret, "big")), random, self._watch)
        self._watch.spent = 0
        self._run = _generator(process, arguments, keeper, random)
        collect()
        return gc.mem_free()

    def proceed(self, _data):
        """The first or the next round: [] while there is one, else [result, microseconds]."""
        from daric_protocol.garbage import collect

        received, self._received = self._received or None, {}
        collect()
        self._watch.on()
        try:
            self._outgoing = self._run.send(received)
        except StopIteration as end:
            self._watch.off()
            self._run = self._outgoing = None
            return [_result(end.value), self._watch.spent]
        self._watch.off()
        return []

    def take(self, _data):
        """The message for the next peer: [peer, body, whether a stream follows], [] after the last one."""
        from daric_protocol import envelope

        messages, streams = self._outgoing.messages, self._outgoing.streams or {}
        if not messages:
            return []
        peer = min(messages)
        self._watch.on()
        body = envelope.encode(messages.pop(peer))
        self._watch.off()
        self._chunks = iter(streams.pop(peer)) if peer in streams else None
        return [peer, body, self._chunks is not None]

    def chunk(self, _data):
        """The next chunk of that stream, b"" after the last one."""
        self._watch.on()
        chunk = next(self._chunks, b"")
        self._watch.off()
        return chunk

    def give(self, data):
        """A peer's message: [peer, body]."""
        from daric_protocol import envelope

        peer, body = data
        self._watch.on()
        message = envelope.decode(self._outgoing.expect, body)
        if self._outgoing.arrived:
            self._outgoing.arrived(peer, message)
        self._watch.off()
        self._received[peer] = message

    def sink(self, data):
        """A chunk of a peer's stream: [peer, chunk]."""
        self._watch.on()
        self._outgoing.sinks[data[0]].receive(data[1])
        self._watch.off()


def _make_room(kept):
    """Unload an earlier process and collect where no frame refers to it any more: the next one takes its place."""
    _forget(kept)
    gc.collect()


def _forget(kept):
    """Unload the modules of an earlier process, as a device does (daric.modules)."""
    for name in [name for name in sys.modules if name not in kept and name.startswith("daric_protocol.")]:
        package, _, last = name.rpartition(".")
        module = sys.modules.pop(name)
        package = sys.modules.get(package)
        if package is not None and package.__dict__.get(last) is module:
            del package.__dict__[last]


def _generator(process, arguments, keeper, random):
    if process == "keygen":
        from daric_protocol.roster import Roster
        from daric_protocol.rounds.keygen import keygen

        me, session, group, roster = arguments
        return keygen(me, session, group, Roster.from_wire(roster), keeper, random)
    from daric_protocol.rounds.sign import sign
    from daric_protocol.shard import Shard

    me, session, signers, digest = arguments
    return sign(me, Shard.decode(_read("shard")), signers, digest, 0, digest, session, keeper, random)


def _result(value):
    """The wallet's key (33 B), or r || s (64 B)."""
    if isinstance(value, tuple):
        return value[0].pk
    return value.r.to_bytes(32, "big") + value.s.to_bytes(32, "big")


def serve():
    """Answer the host for ever."""
    import micropython

    micropython.kbd_intr(-1)  # the byte 0x03 is one like any other
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    party = Party()
    requests = {
        b"h": party.hello, b"b": party.begin, b"p": party.proceed, b"t": party.take, b"c": party.chunk,
        b"g": party.give, b"s": party.sink,
    }  # fmt: skip
    from daric_protocol import cbor

    while True:
        head = source.read(5)
        if not head:
            return
        data = source.read(int.from_bytes(head[1:], "big"))
        kind = head[:1]
        try:
            answer = cbor.encode(requests[kind](cbor.decode(data)))
        except Exception as error:  # noqa: BLE001 - whatever it is, the host tells it
            kind, answer = b"!", cbor.encode(f"{type(error).__name__}: {error}")
        data = None
        sink.write(kind + len(answer).to_bytes(4, "big"))
        sink.write(answer)
