"""Three sessions of small rounds in one process; prints what must be the same on every platform."""

from daric_protocol.identity import Identity
from daric_protocol.platform import sha256
from daric_protocol.platform.entropy import Drbg
from daric_protocol.pump import Pump
from daric_protocol.rounds.outgoing import Outgoing
from daric_protocol.session import Hooks, Session
from daric_protocol.signmessages import PairProof
from daric_protocol.terms import Terms

STREAM = [b"h" * 64] + [b"r" * 3072] * 13 + [b"m" * 32]


class Sink:
    def __init__(self):
        self.size = 0

    def receive(self, chunk):
        self.size += len(chunk)


def greet(session):
    peers = [index for index in session.indexes if index != session.me]
    for number in (1, 2, 3):
        messages = {peer: PairProof(bytes([number] * 32)) for peer in peers}
        streams = {peer: iter(STREAM) for peer in peers} if number == 2 else None
        sinks = {peer: Sink() for peer in peers} if number == 2 else None
        received = yield Outgoing(session.ssid, number, PairProof, messages, streams, sinks)
        for peer in peers:
            assert received[peer].m3 == bytes([number] * 32)
            assert sinks is None or sinks[peer].size == 40032
    return "done"


class GreetHooks(Hooks):
    def use_session(self, uuid):
        pass

    def rounds(self, session):
        return greet(session)


def sessions():
    terms = Terms(bytes(16), "create", bytes(16), 2, 3, [], b"", "savings").encode()
    return [
        Session(Identity(1000 + n), Terms.decode(terms), None, Drbg(sha256(bytes([n])) + bytes(16)), GreetHooks())
        for n in range(3)
    ]


def run(pumps, log):
    pending = []
    while True:
        for seat, pump in enumerate(pumps):
            for to, frame in pump.run():
                log.append(sha256(frame))
                pending.append((seat, to, frame))
        if not pending:
            return
        seat, to, frame = pending.pop()
        pumps[to].offer(seat, frame)


def play(refuse):
    parties = sessions()
    joins = [session.join() for session in parties]
    pumps = [Pump(session) for session in parties]
    log = []
    for session in parties:
        session.start(joins)
    run(pumps, log)
    for session in parties:
        session.confirm()
    if refuse:
        parties[0].refuse()
    run(pumps, log)
    for session in parties:
        name = session.error.name if session.error else ""
        print(session.code, session.me, session.state, session.result, name)
    print(len(log), sha256(b"".join(log)).hex())


play(False)
play(True)
