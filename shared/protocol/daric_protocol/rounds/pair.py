"""Pair set-up: base OT in both directions and the zero-share seed. Specification: docs/protocol.md, sections 3 and 9.

`PairSetup` is the work of one side with one peer, also inside a dealing; `pair` is the protocol of two members on their
own, which clears a ban or serves a member that was enrolled. Draws, in order, before round 1: secret 32, sT 32, zs 32,
r 32.
"""

from daric_protocol import certificate
from daric_protocol.errors import Abort, DaricError
from daric_protocol.messages import Acknowledgement
from daric_protocol.pairstate import PairState
from daric_protocol.platform import sha256
from daric_protocol.rounds.outgoing import Outgoing
from daric_protocol.shard import ack_digest
from daric_protocol.tagged import TH, u8
from daric_protocol.transfer import Receiver, Sender

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

    from daric_protocol.rounds.outgoing import Custody, Random, Received
    from daric_protocol.shard import Shard


class PairSetup:
    """One side of one pair: both transfers, one message each way per round."""

    def __init__(self, sid: bytes, me: int, peer: int, custody: "Custody", random: "Random") -> None:
        """sid: 32 B, of the dealing or of the pair. custody learns of a failed check before anything else does."""
        self._sid = sid
        self._me = me
        self._peer = peer
        self._custody = custody
        self._receiver = Receiver(sid, me, peer, random)
        self.zs = random(32)
        r = random(32)  # drawn here, so that the order of draws does not depend on whose message comes first
        self._sender = Sender(sid, peer, me, lambda _: r)
        self._peer_zs = b""
        self._sent = [b"", b"", b""]  # SHA-256 of this side's messages 1, 2, 3
        self._got = [b"", b"", b""]  # and of the peer's

    def first(self) -> bytearray:
        """M1, 8224 B; the same at every call."""
        m1 = self._receiver.m1()
        self._sent[0] = sha256(m1)
        return m1

    def second(self, m1: "bytes | memoryview") -> bytes:
        """M2, 2113 B, for the peer's M1; it travels with zs. Abort("blame") names the peer."""
        self._got[0] = sha256(m1)
        m2 = self._sender.respond(m1)
        self._sent[1] = sha256(self.zs + m2)
        return m2

    def third(self, zs: bytes, m2: bytes) -> bytes:
        """M3, 32 B, for the peer's zs and M2. Abort("blame") or ("ban") names the peer."""
        self._peer_zs = zs
        self._got[1] = sha256(zs + m2)
        m3: bytes = self._or_ban(self._receiver.finish, m2)
        self._sent[2] = sha256(m3)
        return m3

    def finish(self, m3: bytes) -> PairState:
        """The pair's state, once the peer's M3 passed. Abort("ban") names the peer."""
        self._or_ban(self._sender.finish, m3)
        self._got[2] = sha256(m3)
        low, high = (self._sent, self._got) if self._me < self._peer else (self._got, self._sent)
        zs_low, zs_high = (self.zs, self._peer_zs) if self._me < self._peer else (self._peer_zs, self.zs)
        ends = (u8(min(self._me, self._peer)), u8(max(self._me, self._peer)))
        z = TH("dkls/zs", self._sid, *ends, zs_low, zs_high)
        pid = TH("dkls/pid", self._sid, *low, *high)
        return PairState(z, pid, self._receiver.delta, self._receiver.kD, self._sender.k0, self._sender.k1)

    def _or_ban(self, check: "Callable[[bytes], Any]", message: bytes) -> "Any":
        try:
            return check(message)
        except Abort as abort:
            if abort.name == "ban":
                self._custody.ban(self._peer, self._sid)
            raise


def pair(
    me: int, peer: int, shard: "Shard", ssid: bytes, custody: "Custody", random: "Random"
) -> "Generator[Outgoing, Received, tuple[PairState, list[tuple[int, bytes]]]]":
    """Make new OT state with one member of the group.

    me, peer: indexes. shard: the current one. ssid: 32 B. Returns the state, which custody already holds as pending,
    and both acknowledgements [(index, 64 B)], which make it current. DaricError("parameter"); Abort soft, blame, ban.
    """
    from daric_protocol.signmessages import (  # late: a dealing has no room for them
        PairAnswer,
        PairCommitment,
        PairProof,
    )

    if me != shard.me or peer == me or len(ssid) != 32:
        raise DaricError("parameter", "A pair set-up needs this member's shard, another member and a session.")
    shard.roster.member(peer)
    sid = TH("dkls/pair", ssid, shard.group_id, shard.pk, u8(min(me, peer)), u8(max(me, peer)))
    setup = PairSetup(sid, me, peer, custody, random)

    # Round 1: choose a secret Delta and commit the choice.
    received = yield Outgoing(sid, 1, PairCommitment, {peer: PairCommitment(setup.first())})

    # Round 2: answer the peer's choice, send half of the zero-share seed.
    m2 = setup.second(received.pop(peer).m1)
    received = yield Outgoing(sid, 2, PairAnswer, {peer: PairAnswer(setup.zs, m2)})

    # Round 3: open the chosen pads and prove it.
    answer = received.pop(peer)
    m3 = setup.third(answer.zs, answer.m2)
    received = yield Outgoing(sid, 3, PairProof, {peer: PairProof(m3)})
    state = setup.finish(received.pop(peer).m3)
    custody.store_pending_pair(peer, state, sid)

    # Round 4: acknowledge what is stored.
    roster_hash = shard.roster.hash()
    acks = {me: custody.sign_identity(_ack(shard, sid, state.pid, roster_hash, me))}
    received = yield Outgoing(sid, 4, Acknowledgement, {peer: Acknowledgement(acks[me])})
    acks[peer] = received[peer].signature
    if not certificate.acknowledged(shard.roster, peer, _ack(shard, sid, state.pid, roster_hash, peer), acks[peer]):
        raise Abort("blame", peer, "The acknowledgement of the pair set-up does not verify.")
    return state, [(index, acks[index]) for index in sorted(acks)]


def _ack(shard: "Shard", sid: bytes, pid: bytes, roster_hash: bytes, index: int) -> bytes:
    return ack_digest(shard.group_id, sid, "pair", shard.epoch, pid, roster_hash, index)
