"""Signing: exactly t members make one ECDSA signature in three rounds. Specification: docs/protocol.md, section 6.

Towards each peer a signer is Bob of one multiplication and Alice of another; what they add up to is sound only if every
input was the one committed to, which the checks of round 3 show before anything that depends on the key leaves.

Draws, in order. Round 1: r 32, phi 32, salt 32; then for each peer in index order beta 52, pad 16. Round 2: for each
peer in index order a^ 32.
"""

from daric_protocol import platform
from daric_protocol.errors import Abort, DaricError
from daric_protocol.garbage import collect
from daric_protocol.identity import ecdsa_verify
from daric_protocol.multiply import Alice, Bob
from daric_protocol.pairstate import zero_share
from daric_protocol.polynomial import lagrange
from daric_protocol.rounds.evidence import broadcast_digest, check_signed, compare_views
from daric_protocol.rounds.outgoing import Outgoing
from daric_protocol.signmessages import SignCommitment, SignOpening, SignShare
from daric_protocol.tagged import TH, Q, id_set, random_scalar, scalar, u8, u32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from daric_protocol.rounds.outgoing import Custody, Random, Received
    from daric_protocol.shard import Shard


class Signature:
    """An ECDSA signature with low s; recid 0 or 1 is the parity of the nonce point's y for this s."""

    def __init__(self, r: int, s: int, recid: int) -> None:
        self.r = r
        self.s = s
        self.recid = recid

    def encode(self) -> bytes:
        """65 B: r, s, recid."""
        return scalar(self.r) + scalar(self.s) + u8(self.recid)


def sign(
    me: int,
    shard: "Shard",
    signers: "list[int]",
    digest: bytes,
    tweak: int,
    ctx: bytes,
    ssid: bytes,
    custody: "Custody",
    random: "Random",
) -> "Generator[Outgoing, Received, Signature]":
    """Sign a digest under pk + tweak * G with the shards of `signers`, exactly t members, this party among them.

    digest, ctx, ssid: 32 B. tweak: scalar, 0 for none. Returns a Signature that verifies. DaricError("parameter") for
    wrong inputs, before anything is drawn or read; Abort soft, blame, ban, and spent for any end after round 3 began.
    """
    _check_inputs(me, shard, signers, digest, tweak, ctx, ssid)
    curve = platform.curve
    peers = sorted([j for j in signers if j != me])
    sid = TH("dkls/sign", ssid, shard.pk, u32(shard.epoch), id_set(signers), scalar(tweak), digest, ctx)

    # Round 1: commit to the nonce point, offer each peer a multiplication with a random factor.
    r, phi, salt = random_scalar(random), random_scalar(random), random(32)
    nonce_point = curve.mul_g(r)
    commitment = _commitment(sid, me, nonce_point, salt)
    signature = custody.sign_identity(broadcast_digest(sid, 1, me, commitment))
    bobs, pids, zeta = {}, {}, 0
    messages: "dict[int, Any]" = {}
    for j in peers:
        pair = custody.pair(j)
        pids[j] = pair.pid
        zeta += zero_share(me, j, pair.z, sid)
        bobs[j] = Bob(_multiplication_id(sid, pair.pid, j, me), pair.k0, pair.k1, j, random)
        messages[j] = SignCommitment(pair.pid, sid, commitment, signature, bobs[j].message)
        bobs[j].message = b""
        del pair
        collect()
    received = yield Outgoing(sid, 1, SignCommitment, messages)
    messages = {}
    held = _check_commitments(shard, sid, pids, received)
    held[me] = (commitment, signature)
    echo = TH("dkls/secho", sid, *[held[j][0] for j in sorted(signers)])

    # Round 2: multiply the nonce and the key share by each peer's factor, open the commitment.
    key = (lagrange(signers, me) * shard.s + zeta + (tweak if me == min(signers) else 0)) % Q
    key_point = curve.mul_g(key)
    streams, sums = {}, {}
    for j in peers:
        alice = _multiply(sid, me, j, received.pop(j).extension, r, key, custody, random)
        gamma_u, gamma_v = curve.mul_g_batch(list(alice.c))
        psi = (phi - bobs[j].b) % Q
        messages[j] = SignOpening(echo, nonce_point, salt, key_point, gamma_u, gamma_v, psi)
        streams[j], sums[j] = alice.stream(), alice.c
        del alice
        collect()
    received = yield Outgoing(sid, 2, SignOpening, messages, streams, dict(bobs))
    messages, streams = {}, {}

    # Round 3: check every product against the opened points, then release the shares of the signature.
    nonce_sum, key_sum, total_phi = nonce_point, key_point, phi
    u, v = 0, 0
    for j in peers:
        theirs = received.pop(j)
        if theirs.echo != echo:
            yield from compare_views(me, shard.roster, sid, peers, held)
        if _commitment(sid, j, theirs.nonce_point, theirs.salt) != held[j][0]:
            raise Abort("blame", j, "A nonce point does not fit its commitment.")
        d_u, d_v = _finish(sid, j, bobs.pop(j), theirs, custody)
        u += sums[j][0] + d_u
        v += sums[j][1] + d_v
        nonce_sum = curve.add(nonce_sum, theirs.nonce_point)
        key_sum = curve.add(key_sum, theirs.key_point)
        total_phi += theirs.psi
        collect()
    signing_key: "Any" = curve.decode(shard.pk)
    if tweak:  # which is no secret; the way to the identity is a long one
        signing_key = curve.add(signing_key, curve.mul_g(tweak))
    if signing_key is None or not curve.equal_points(key_sum, signing_key):
        raise Abort("soft", None, "The signers' key shares do not add up to the group's key.")
    if nonce_sum is None or not 0 < curve.x_int(nonce_sum) < Q:
        raise Abort("soft", None, "The signers' nonce points add up to one that cannot be used.")
    r_x = curve.x_int(nonce_sum)
    u = (u + r * total_phi) % Q
    v = (v + key * total_phi) % Q
    w = (int.from_bytes(digest, "big") * phi + r_x * v) % Q
    r = key = phi = v = 0
    custody.spend(digest, sid)
    try:
        received = yield Outgoing(sid, 3, SignShare, dict.fromkeys(peers, SignShare(u, w)), spent=True)
    except DaricError as error:
        blame = getattr(error, "blame", None)
        raise Abort("spent", blame, "The session ended after this party's share of the signature had left.")
    for j in peers:
        u += received[j].u
        w += received[j].w
    made = _assemble(u % Q, w % Q, r_x, curve.y_is_odd(nonce_sum), signing_key, digest)
    custody.signed(digest, peers)
    return made


def _check_inputs(
    me: int, shard: "Shard", signers: "list[int]", digest: bytes, tweak: int, ctx: bytes, ssid: bytes
) -> None:
    if len(signers) != shard.t or len(set(signers)) != len(signers):
        raise DaricError("parameter", "Exactly as many different members sign as the threshold says.")
    for j in signers:
        shard.roster.member(j)
    if me != shard.me or me not in signers:
        raise DaricError("parameter", "This party signs only with its own shard and among the signers.")
    if len(digest) != 32 or len(ctx) != 32 or len(ssid) != 32 or not 0 <= tweak < Q:
        raise DaricError("parameter", "Digest, context and session id have 32 bytes, the tweak is a scalar.")


def _commitment(sid: bytes, index: int, nonce_point: "Any", salt: bytes) -> bytes:
    return TH("dkls/scom", sid, u8(index), platform.curve.encode(nonce_point), salt)


def _multiplication_id(sid: bytes, pid: bytes, alice: int, bob: int) -> bytes:
    return TH("dkls/vole", sid, pid, u8(alice), u8(bob))


def _check_commitments(
    shard: "Shard", sid: bytes, pids: "dict[int, bytes]", received: "Received"
) -> "dict[int, tuple[bytes, bytes]]":
    """Everyone's session, then everyone's pair, then the signatures: all of it before any OT state is touched."""
    for j in sorted(pids):
        if received[j].sid != sid:
            raise Abort("soft", None, "A signer is in another session or signs something else.")
    for j in sorted(pids):
        if received[j].pid != pids[j]:
            raise Abort("soft", None, "The pair set-up with a signer is not the same on both sides; make a new one.")
    held = {}
    for j in sorted(pids):
        check_signed(shard.roster, sid, 1, j, received[j].commitment, received[j].signature)
        held[j] = (received[j].commitment, received[j].signature)
    return held


def _multiply(
    sid: bytes, me: int, j: int, message: bytes, r: int, key: int, custody: "Custody", random: "Random"
) -> Alice:
    """Be Alice towards j. The outcome of her check depends on the pair's secret, so a mark frames it durably."""
    pair = custody.pair(j)
    sid_v = _multiplication_id(sid, pair.pid, me, j)
    custody.open_check(j, sid)
    try:
        alice = Alice(sid_v, pair.kD, pair.delta, j, message, r, key, random)
    except Abort as abort:
        _close_failed(custody, j, sid, abort)
        raise
    custody.close_check(j)
    return alice


def _finish(sid: bytes, j: int, bob: Bob, theirs: SignOpening, custody: "Custody") -> "tuple[int, int]":
    """Check the stream of j and that its inputs were the opened nonce and key share; then (d_u, d_v)."""
    curve = platform.curve
    custody.open_check(j, sid)
    try:
        d_u, d_v = bob.finish()
        scaled = curve.mul_batch(bob.b, [theirs.nonce_point, theirs.key_point])
        shares = curve.mul_g_batch([d_u, d_v])
        expected = curve.add_batch(shares, [theirs.gamma_u, theirs.gamma_v])
        if not curve.equal_points(scaled[0], expected[0]):
            raise Abort("ban", j, "A signer multiplied another nonce than the one it committed to.")
        if not curve.equal_points(scaled[1], expected[1]):
            raise Abort("ban", j, "A signer multiplied another key share than the one it opened.")
    except Abort as abort:
        _close_failed(custody, j, sid, abort)
        raise
    custody.close_check(j)
    return d_u, d_v


def _close_failed(custody: "Custody", j: int, sid: bytes, abort: Abort) -> None:
    """Settle the mark of an open check before anyone learns how it ended."""
    if abort.name == "ban":
        custody.ban(j, sid)
    else:  # the message was malformed, which says nothing about this party's secrets
        custody.close_check(j)


def _assemble(u: int, w: int, r_x: int, odd: bool, signing_key: "Any", digest: bytes) -> Signature:
    """s = w / u with low s, verified. Abort("spent") if it is not a signature: a cheater may hold one that is."""
    s = w * platform.curve.inverse(u, Q) % Q if u else 0
    recid = 1 if odd else 0
    if s > Q >> 1:
        s = Q - s
        recid ^= 1
    if not ecdsa_verify(signing_key, digest, r_x, s):
        raise Abort("spent", None, "The signature does not verify, and another party may hold one that does.")
    return Signature(r_x, s, recid)
