"""An in-memory relay between sessions: honest, or evil by a seeded schedule. For tests of every layer above rounds.

network = Network([session_a, session_b, session_c], EvilRelay(reorder=True, seed=7))
network.start().confirm().run()
assert network.states() == ["done"] * 3
"""

import dataclasses
import random

from daric_protocol import envelope
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_protocol.platform.entropy import Drbg
from daric_protocol.pump import Pump
from daric_protocol.session import Hooks
from daric_protocol.tagged import random_scalar


@dataclasses.dataclass
class Parcel:
    """One frame on its way from seat to seat."""

    origin: int
    to: int
    frame: bytes

    @property
    def envelope(self):
        """The decoded head of a sealed frame; None for an opening or noise."""
        try:
            return envelope.Envelope.decode(self.frame)
        except DaricError:
            return None

    @property
    def is_opening(self):
        return self.frame[:1] == b"\x83"

    @property
    def is_notice(self):
        return self.envelope is not None and self.envelope.stream == envelope.NOTICE_STREAM

    @property
    def round(self):
        """The round of a sealed frame, -1 for an opening."""
        return -1 if self.envelope is None else self.envelope.stream // 2

    @property
    def is_stream(self):
        return self.envelope is not None and self.envelope.stream % 2 == 1 and not self.is_notice


def never(_parcel):
    return None


class EvilRelay:
    """A relay that does what a relay can do. Every argument is a function of a Parcel.

    drop, delay, repeat -> truth: lost; held back until nothing else moves; delivered twice. tamper -> other bytes, or
    None. redirect -> other seat, or None. lists: function of (seat, joins) -> the start list shown to that seat (a
    split view). inject: parcels put in when the session starts (a replay). reorder: deliver in seeded random order.
    """

    def __init__(
        self, *, drop=never, delay=never, repeat=never, tamper=never, redirect=never, lists=None, inject=(),
        reorder=False, seed=0,
    ):  # fmt: skip
        self.drop = drop
        self.delay = delay
        self.repeat = repeat
        self.tamper = tamper
        self.redirect = redirect
        self.lists = lists or (lambda _seat, joins: joins)
        self.inject = list(inject)
        self.reorder = reorder
        self.dice = random.Random(seed)
        self.delayed = []

    def pass_on(self, parcel):
        """The parcels that one parcel becomes."""
        if self.drop(parcel):
            return []
        if self.delay(parcel):
            self.delayed.append(parcel)
            return []
        frame = self.tamper(parcel)
        to = self.redirect(parcel)
        out = Parcel(parcel.origin, parcel.to if to is None else to, parcel.frame if frame is None else frame)
        return [out, out] if self.repeat(parcel) else [out]

    def next_of(self, pending):
        """The index of the parcel to deliver now."""
        return self.dice.randrange(len(pending)) if self.reorder else 0


class Network:
    """Sessions by seat and the relay between them."""

    def __init__(self, sessions, relay=None):
        self.sessions = sessions
        self.pumps = [Pump(session) for session in sessions]
        self.relay = relay or EvilRelay()
        self.log = []  # every parcel as it was sent
        self.joins = []

    def start(self):
        """Collect the joins and hand every party its start list."""
        self.joins = [session.join() for session in self.sessions]
        for seat, session in enumerate(self.sessions):
            session.start(list(self.relay.lists(seat, self.joins)))
        self.pending = list(self.relay.inject)
        return self.run()

    def confirm(self):
        """Every human who is asked agrees."""
        for session in self.sessions:
            if session.needs_confirmation:
                session.confirm()
        return self

    def run(self, until=never):
        """Deliver until nothing moves, or until a parcel is about to be delivered for which `until` holds."""
        while True:
            for seat, pump in enumerate(self.pumps):
                for to, frame in pump.run():
                    self.log.append(Parcel(seat, to, frame))
                    self.pending.extend(self.relay.pass_on(self.log[-1]))
            if not self.pending and self.relay.delayed:
                self.pending, self.relay.delayed = self.relay.delayed, []
            if not self.pending:
                return self
            at = self.relay.next_of(self.pending)
            if until(self.pending[at]):
                return self
            parcel = self.pending.pop(at)
            self.pumps[parcel.to].offer(parcel.origin, parcel.frame)

    def expire(self):
        """Everybody's patience ends."""
        for session in self.sessions:
            session.expire()
        return self

    def states(self):
        return [session.state for session in self.sessions]

    def errors(self):
        """The error name of every party, None where there is none."""
        return [session.error and session.error.name for session in self.sessions]

    def bytes_sent(self, seat, to):
        return sum(len(parcel.frame) for parcel in self.log if (parcel.origin, parcel.to) == (seat, to))


def evil(rounds, change):
    """A round generator whose Outgoing passes through `change` first: an EvilParty is an honest one plus this."""
    received = None
    try:
        while True:
            try:
                outgoing = rounds.send(received)
            except StopIteration as end:
                return end.value
            received = yield change(outgoing) or outgoing
    finally:
        rounds.close()  # whatever ends the session, the honest party's hold on its pairs ends too


def flip_streams(session):
    """Its RVOLE streams are wrong in one bit: every peer that checks one bans this party."""
    rounds = session.hooks.rounds

    def flipped(stream):
        for number, chunk in enumerate(stream):
            yield bytes([chunk[0] ^ 1]) + chunk[1:] if number == 1 else chunk

    def change(outgoing):
        if outgoing.streams:
            outgoing.streams = {peer: flipped(stream) for peer, stream in outgoing.streams.items()}

    session.hooks.rounds = lambda current: evil(rounds(current), change)


def drbg(*seed):
    """A deterministic random source for tests."""
    return Drbg(repr(seed).encode().ljust(48, b"."))


def identity(number):
    """The same identity for the same number."""
    return Identity(random_scalar(drbg("identity", number)))


class MemoryHooks(Hooks):
    """Hooks with a journal in memory; `make` is the factory of rounds."""

    def __init__(self, make, attended=True, epoch=0, journal=None):
        self.make = make
        self.attended = attended
        self.epoch = epoch
        self.journal = set() if journal is None else journal

    def use_session(self, uuid):
        if uuid in self.journal:
            raise DaricError("replayed")
        self.journal.add(uuid)

    def rounds(self, session):
        return self.make(session)

    def describe(self, identity):
        return "phone", "party " + identity.hex()[:6]
