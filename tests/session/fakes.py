"""Small round generators in place of the cryptography, and the sessions that run them."""

from daric_protocol.roster import Roster
from daric_protocol.rounds.outgoing import Outgoing
from daric_protocol.session import Session
from daric_protocol.signmessages import PairProof
from daric_protocol.tagged import TH, u8
from daric_protocol.terms import Terms

from tests.session.network import MemoryHooks, drbg, identity

UUID = bytes(range(16))
GROUP = b"group-of-a-test!"
STREAM = [b"h" * 64] + [bytes([row]) * 3072 for row in range(13)] + [b"m" * 32]


class Sink:
    """Collects a stream."""

    def __init__(self):
        self.chunks = []

    def receive(self, chunk):
        self.chunks.append(chunk)


def greet(session, rounds=3, stream_round=2):
    """Every round each party sends each peer 32 bytes bound to both; one round carries a stream. Returns what came."""
    heard = []
    peers = [index for index in session.indexes if index != session.me]
    sid = TH("test/greet", session.ssid, session.terms.request)
    for number in range(1, rounds + 1):
        messages = {peer: PairProof(TH("test", sid, u8(number), u8(session.me), u8(peer))) for peer in peers}
        streams = sinks = None
        if number == stream_round:
            streams = {peer: iter(STREAM) for peer in peers}
            sinks = {peer: Sink() for peer in peers}
        received = yield Outgoing(sid, number, PairProof, messages, streams, sinks)
        for peer in peers:
            assert received[peer].m3 == TH("test", sid, u8(number), u8(peer), u8(session.me))
            assert sinks is None or sinks[peer].chunks == STREAM
        heard.append(sorted(received))
    return heard


def create_terms(parties=3, threshold=2, uuid=UUID, **fields):
    values = {"op": "create", "group": GROUP, "members": [], "request": b"", "name": "savings"}
    values.update(fields)
    return Terms(
        uuid, values["op"], values["group"], threshold, parties, values["members"], values["request"], values["name"]
    )


def creating(parties=3, threshold=2, make=greet, unattended=(), uuid=UUID):
    """Sessions of strangers who make a group."""
    terms = create_terms(parties, threshold, uuid)
    return [
        Session(identity(n), terms, None, drbg("session", n, uuid), MemoryHooks(make, n not in unattended))
        for n in range(parties)
    ]


def stored_roster(parties=3, threshold=2):
    """A roster of identities 0..parties-1 with public shares."""
    members = Roster.create(threshold, [(identity(n).public, "phone", f"party {n}") for n in range(parties)]).members
    roster = Roster(threshold, 0, 0, members)
    return roster.with_shares({m.index: identity(("share", m.index)).public for m in members})


def people(roster, parties=3):
    """{index in the roster: test identity}."""
    return {roster.index_of(identity(n).public): identity(n) for n in range(parties)}


def signing(signers=(1, 2), parties=3, threshold=2, make=greet, uuid=UUID, rosters=None, request=b"request"):
    """Sessions of stored members, by ascending index."""
    roster = stored_roster(parties, threshold)
    keys = people(roster, parties)
    terms = create_terms(len(signers), threshold, uuid, op="sign", members=list(signers), request=request)
    rosters = rosters or {}
    return [
        Session(
            keys[index], terms, rosters.get(index, roster), drbg("session", index, uuid), MemoryHooks(make, epoch=1)
        )
        for index in signers
    ]
