"""Dealing a secret that nobody holds to its receivers, in three rounds. Specification: docs/protocol.md, section 2.

The same rounds make a key (dkg), take one in (imp), hand it on to a new epoch (rsh) and share entropy (ent): a Plan
says who deals, who receives, which constant terms are known beforehand and what must come out.

Draws, in order, all before round 1: a dealer's coefficients from the free constant upwards, cc 32, salt 32, the proof's
nonce 32; then for each new pair in index order secret 32, sT 32, zs 32, r 32.
"""

from daric_protocol import certificate, platform, proofs
from daric_protocol.errors import Abort, DaricError
from daric_protocol.garbage import collect
from daric_protocol.messages import (
    Acknowledgement,
    DealingCommitment,
    DealingConfirmation,
    DealingOpening,
)
from daric_protocol.polynomial import Polynomial, evaluate
from daric_protocol.rounds.evidence import broadcast_digest, check_signed, compare_views
from daric_protocol.rounds.outgoing import Outgoing
from daric_protocol.tagged import TH, Q, id_set, random_scalar, read_scalar, scalar, u8, u32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from daric_protocol.pairstate import PairState
    from daric_protocol.roster import Roster
    from daric_protocol.rounds.evidence import Signed
    from daric_protocol.rounds.outgoing import Custody, Random, Received
    from daric_protocol.rounds.pair import PairSetup
    from daric_protocol.shard import Shard

IDENTITY = bytes(33)  # the constant term of a party that adds nothing to an imported key


class Plan:
    """What all parties of a dealing know before it begins.

    kind: dkg, imp, rsh or ent. ssid: 32 B. t: the new threshold. dealers, receivers: indexes. epoch: the new one.
    pk: 33 B that must come out, or empty. part: 0, or 1 and 2 for entropy. pinned: {dealer: constant term as 33 B},
    33 zero bytes for the identity. chain_code: 32 B, or None where it is derived from everyone's contribution.
    """

    def __init__(
        self,
        kind: str,
        ssid: bytes,
        t: int,
        dealers: "list[int]",
        receivers: "list[int]",
        epoch: int,
        pk: bytes = b"",
        part: int = 0,
        pinned: "dict[int, bytes] | None" = None,
        chain_code: "bytes | None" = None,
    ) -> None:
        if len(ssid) != 32 or not 2 <= t <= len(receivers) or not dealers:
            raise DaricError("parameter", "A dealing has a session, dealers, and a threshold from 2 to its receivers.")
        self.kind = kind
        self.ssid = ssid
        self.t = t
        self.dealers = sorted(dealers)
        self.receivers = sorted(receivers)
        self.parties = sorted(set(dealers) | set(receivers))
        self.epoch = epoch
        self.pk = pk
        self.part = part
        self.pinned = pinned or {}
        self.chain_code = chain_code

    def sid(self) -> bytes:
        """32 B that name this dealing."""
        return TH(
            "dkls/deal", self.kind.encode(), self.ssid, id_set(self.dealers), id_set(self.receivers),
            u8(self.t), u32(self.epoch), self.pk, u8(self.part),
        )

    def proves(self, dealer: int) -> bool:
        """Whether a dealer proves that it knows its constant term; the identity has nothing to prove."""
        return self.pinned.get(dealer) != IDENTITY


class Dealt:
    """What a dealing gave this party.

    sid, confirm, cc: 32 B. pk: 33 B. s: its share, 0 for a party that only deals. P: {receiver: 33 B}. pairs: the new
    pair states by peer.
    """

    def __init__(self, sid: bytes, s: int, pk: bytes, cc: bytes, P: "dict[int, bytes]", confirm: bytes) -> None:
        self.sid = sid
        self.s = s
        self.pk = pk
        self.cc = cc
        self.P = P
        self.confirm = confirm
        self.pairs: "dict[int, PairState]" = {}


def deal(
    me: int,
    plan: Plan,
    roster: "Roster",
    constant: "int | None",
    new_pairs: "list[int]",
    custody: "Custody",
    random: "Random",
) -> "Generator[Outgoing, Received, Dealt]":
    """Rounds 1 to 3 of a dealing.

    me: own index. roster: the session's, for the identities. constant: what this dealer deals, None for a random value.
    new_pairs: peers with which a pair set-up runs in the same rounds. Returns Dealt; Abort soft, blame, ban.
    """
    if me not in plan.parties:
        raise DaricError("parameter", "This party takes no part in the dealing.")
    sid = plan.sid()
    peers = [j for j in plan.parties if j != me]

    from daric_protocol.rounds.pair import PairSetup  # late: its code is let go of with the last set-up

    # Round 1: commit to the opening, begin the pair set-ups.
    polynomial = _polynomial(me, plan, constant, random)
    body = _body(me, plan, sid, polynomial, random)
    commitment = TH("dkls/com", sid, u8(me), body)
    signature = custody.sign_identity(broadcast_digest(sid, 1, me, commitment))
    setups = {j: PairSetup(sid, me, j, custody, random) for j in sorted(new_pairs)}
    messages: "dict[int, Any]" = {}
    for j in peers:
        messages[j] = DealingCommitment(commitment, signature, setups[j].first if j in setups else b"")
    held = {me: (commitment, signature)}
    answers: "dict[int, bytes]" = {}

    def take(j: int, theirs: DealingCommitment) -> None:
        """Check a commitment as it comes, and turn its 8 KB of transfer into the answer to it."""
        check_signed(roster, sid, 1, j, theirs.commitment, theirs.signature)
        _expect(j, theirs.m1, j in setups)
        held[j] = (theirs.commitment, theirs.signature)
        if j in setups:
            answers[j] = setups[j].second(theirs.m1)
            theirs.m1 = b""
            collect()

    yield Outgoing(sid, 1, DealingCommitment, messages, arrived=take)
    messages = {}
    echo = TH("dkls/echo", sid, *[held[j][0] for j in plan.parties])

    # Round 2: open the commitment, deal the shares, answer the pair set-ups.
    for j in peers:
        share = scalar(polynomial.at(j)) if polynomial is not None and j in plan.receivers else b""
        zs = setups[j].zs if j in setups else b""
        messages[j] = DealingOpening(body, echo, share, zs, answers.pop(j, b""))
    received = yield Outgoing(sid, 2, DealingOpening, messages)
    messages = {}
    if [j for j in peers if received[j].echo != echo]:
        # Say so to everyone in round 3: a confirmation of zeros agrees with none.
        refusals = {j: DealingConfirmation(bytes(32), bytes(32) if j in setups else b"") for j in peers}
        yield Outgoing(sid, 3, DealingConfirmation, refusals)
        yield from compare_views(me, roster, sid, peers, held)
    dealt = _check_openings(me, plan, sid, body, polynomial, received, held, setups)
    polynomial = None

    # Round 3: confirm the result, finish the pair set-ups.
    for j in peers:
        opening = received.pop(j)
        m3 = setups[j].third(opening.zs, opening.m2) if j in setups else b""
        messages[j] = DealingConfirmation(dealt.confirm, m3)
        collect()
    received = yield Outgoing(sid, 3, DealingConfirmation, messages)
    if [j for j in peers if received[j].confirm != dealt.confirm]:
        yield from compare_views(me, roster, sid, peers, held)
    for j in peers:
        _expect(j, received[j].m3, j in setups)
        if j in setups:
            dealt.pairs[j] = setups.pop(j).finish(received[j].m3)
    return dealt


def acknowledge(
    shard: "Shard", peers: "list[int]", custody: "Custody", roster: "Roster | None" = None
) -> "Generator[Outgoing, Received, list[tuple[int, bytes]]]":
    """Round 4 of a dealing: exchange signed acknowledgements of a shard that is stored as pending.

    roster: the session's, where peers leave the group: they acknowledge too, and the certificate does without them.
    Returns the certificate [(index, 64 B)]. Abort("blame") for a wrong acknowledgement; the pending shard stays.
    """
    acks = {shard.me: custody.sign_identity(shard.ack_digest(shard.me))}
    mine = Acknowledgement(acks[shard.me])
    missing = list(peers)
    try:
        received = yield Outgoing(
            shard.sid, 4, Acknowledgement, dict.fromkeys(peers, mine), arrived=lambda j, _: missing.remove(j)
        )
    except DaricError:
        custody.note_missing(missing)
        raise
    for j in peers:
        acks[j] = received[j].signature
        if not certificate.acknowledged(roster or shard.roster, j, shard.ack_digest(j), acks[j]):
            raise Abort("blame", j, "The acknowledgement of the new shard does not verify.")
    return [(index, acks[index]) for index in shard.roster.indexes()]


def _polynomial(me: int, plan: Plan, constant: "int | None", random: "Random") -> "Polynomial | None":
    """This dealer's polynomial; None for a party that only receives."""
    if me not in plan.dealers:
        return None
    if not plan.proves(me):
        constant = 0
    elif constant is None:
        constant = random_scalar(random)
    return Polynomial.random(plan.t - 1, constant, random)


def _body(me: int, plan: Plan, sid: bytes, polynomial: "Polynomial | None", random: "Random") -> bytes:
    """The opening: cc, salt, commitments to the coefficients, proof of knowledge of the constant."""
    parts = [random(32), random(32)]
    if polynomial is not None:
        points: "list[Any]" = polynomial.commitments()
        for point in points:
            parts.append(IDENTITY if point is None else platform.curve.encode(point))
        if plan.proves(me):
            parts.append(proofs.prove(sid, me, polynomial.coefficients[0], points[0], random))
    return b"".join(parts)


def _check_openings(
    me: int,
    plan: Plan,
    sid: bytes,
    body: bytes,
    polynomial: "Polynomial | None",
    received: "Received",
    held: "Signed",
    setups: "dict[int, PairSetup]",
) -> Dealt:
    """Check what every party opened and dealt, in index order, and add it up, this party's own part included."""
    total: "list[Any]" = [None] * plan.t
    s = 0
    contributions, digests = [], []
    for j in plan.parties:
        opened = body if j == me else received[j].body
        if j != me and TH("dkls/com", sid, u8(j), opened) != held[j][0]:
            raise Abort("blame", j, "An opening does not fit its commitment.")
        points = _open(plan, sid, j, opened, j == me)
        if j != me:
            _expect(j, received[j].share, j in plan.dealers and me in plan.receivers)
            _expect(j, received[j].zs, j in setups)
            _expect(j, received[j].m2, j in setups)
        if j in plan.dealers:
            if me not in plan.receivers:
                pass
            elif j == me and polynomial is not None:
                s += polynomial.at(me)
            else:
                s += _share(j, received[j].share, points, me)
            total = platform.curve.add_batch(total, points)
        contributions.append(opened[:32])
        digests.append(platform.sha256(opened))
    return _result(me, plan, sid, s % Q, total, contributions, digests)


def _open(plan: Plan, sid: bytes, j: int, body: bytes, own: bool) -> "list[Any]":
    """The commitments of a dealer's opening, none of a party that only receives. Abort("blame") for any flaw."""
    deals, proves = j in plan.dealers, plan.proves(j)
    # A longer body would raise the threshold, a shorter one lower it.
    if len(body) != (64 + 33 * plan.t + (proofs.PROOF_BYTES if proves else 0) if deals else 64):
        raise Abort("blame", j, "An opening has the wrong length for its threshold.")
    if not deals:
        return []
    if body[64:97] != plan.pinned.get(j, body[64:97]):
        raise Abort("blame", j, "A dealer's constant term is not the known one.")
    try:
        points = [None if not (k or proves) else _coefficient(body, k) for k in range(plan.t)]
    except DaricError:
        raise Abort("blame", j, "A commitment to a coefficient is no point.")
    if proves and not own and not proofs.verify(sid, j, points[0], body[64 + 33 * plan.t :]):
        raise Abort("blame", j, "A dealer's proof of knowledge does not verify.")
    return points


def _coefficient(body: bytes, k: int) -> "Any":
    return platform.curve.decode(body[64 + 33 * k : 97 + 33 * k])


def _share(j: int, data: bytes, points: "list[Any]", me: int) -> int:
    """The share that dealer j sent, checked against its commitments."""
    try:
        share = read_scalar(data)
    except DaricError:
        raise Abort("blame", j, "A share is out of range.")
    if not platform.curve.equal_points(platform.curve.mul_g(share), evaluate(points, me)):
        raise Abort("blame", j, "A share does not fit the dealer's commitments.")
    return share


def _result(
    me: int, plan: Plan, sid: bytes, s: int, total: "list[Any]", contributions: "list[bytes]", digests: "list[bytes]"
) -> Dealt:
    """Add up: group key, public shares, chain code, confirmation. Abort("soft") where the sum cannot be used."""
    curve = platform.curve
    if total[0] is None or total[-1] is None:
        raise Abort("soft", None, "The sum of the polynomials lost its degree or its constant.")
    pk = curve.encode(total[0])
    if plan.pk and pk != plan.pk:
        raise Abort("soft", None, "The dealing does not give the expected key.")
    points = {k: evaluate(total, k) for k in plan.receivers}
    if [k for k in points if points[k] is None]:
        raise Abort("soft", None, "A share of the sum is zero.")
    if me in points and not curve.equal_points(curve.mul_g(s), points[me]):
        raise Abort("soft", None, "This party's share of the sum does not fit its public share.")
    P = {k: curve.encode(points[k]) for k in points}
    cc = TH("dkls/cc", sid, *contributions) if plan.chain_code is None else plan.chain_code
    return Dealt(sid, s, pk, cc, P, TH("dkls/confirm", sid, pk, cc, *digests))


def _expect(j: int, field: bytes, present: bool) -> None:
    """A field that only some sessions have is there exactly when this one has it."""
    if bool(field) != present:
        raise Abort("blame", j, "A message has a field too many or too few for this session.")
