"""Import: a party brings a key, and perhaps the entropy of its phrase. Specification: docs/protocol.md, section 10.

The rounds are those of key generation. The dealer's constant term is the public key that everyone was shown, everybody
else's is the identity, so that nobody can deal another key and nobody else can add to this one. Draws: of the dealer
the fill of each part of the entropy; then those of rounds/dealing, for the key and then for each part.

An imported key is safe only once the dealer has erased what it brought: for a threshold of two even its polynomial and
its own share give the key away.
"""

from daric_protocol import entropyparts, platform
from daric_protocol.errors import DaricError
from daric_protocol.rounds.dealing import IDENTITY, Plan, acknowledge, deal
from daric_protocol.shard import EntropyShare, Shard
from daric_protocol.tagged import Q

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from daric_protocol.roster import Roster
    from daric_protocol.rounds.outgoing import Custody, Outgoing, Random, Received


def imported(
    me: int,
    ssid: bytes,
    group_id: bytes,
    roster: "Roster",
    dealer: int,
    pk: bytes,
    cc: bytes,
    entropy_length: int,
    custody: "Custody",
    random: "Random",
    secret: int = 0,
    entropy: bytes = b"",
    highest_epoch: int = 0,
) -> "Generator[Outgoing, Received, tuple[Shard, list[tuple[int, bytes]]]]":
    """Make a group whose key one party brings.

    roster: as for key generation. dealer: its index. pk: 33 B of the key that everyone was shown. cc: 32 B chain code
    of the imported node, or empty where it is derived. entropy_length: bytes of the phrase's entropy, 0 without one.
    secret, entropy: of the dealer only, which erases them after the last round. Returns the shard, which custody holds
    as pending, and the certificate that makes it current. DaricError("parameter"); Abort soft, blame, ban.
    """
    parts = _check_key(me, roster, dealer, pk, cc, entropy_length, secret, entropy)
    everyone = roster.indexes()
    peers = [j for j in everyone if j != me]

    # Round 0: which epochs are used up.
    epoch = yield from _begin(me, ssid, group_id, roster, custody, highest_epoch)

    # Rounds 1 to 3: the dealer deals the key, the others nothing but randomness; parts of the entropy beside it.
    values = [secret] + entropyparts.split(entropy, random)
    pinned = dict.fromkeys(everyone, IDENTITY)
    pinned[dealer] = pk
    plan = Plan("imp", ssid, roster.t, everyone, everyone, epoch, pk, 0, pinned, cc or None)
    dealings = [deal(me, plan, roster, values[0], peers, custody, random)]
    for n in range(1, 1 + parts):
        plan = Plan("ent", ssid, roster.t, [dealer], everyone, epoch, b"", n, None, bytes(32))
        dealings.append(deal(me, plan, roster, values[n] if me == dealer else None, [], custody, random))
    from daric_protocol.rounds.together import together

    dealt = yield from together(dealings)
    del together
    secret, entropy, values, dealings = 0, b"", [], []
    key = dealt[0]
    shard = Shard(
        group_id, "imp", epoch, me, key.s, key.pk, key.cc, roster.with_shares(key.P), key.sid, key.confirm,
        roster.hash(), [EntropyShare(part.pk, part.s, part.P) for part in dealt[1:]],
    )  # fmt: skip
    custody.store_pending(shard, key.pairs)

    # Round 4: acknowledge what is stored.
    certificate = yield from acknowledge(shard, peers, custody)
    return shard, certificate


def _begin(
    me: int, ssid: bytes, group_id: bytes, roster: "Roster", custody: "Custody", highest_epoch: int
) -> "Generator[Outgoing, Received, int]":
    """Round 0, the epoch. A generator of its own, so that a device needs its module no longer than this."""
    from daric_protocol.rounds.keygen import agree_epoch, check_inputs

    check_inputs(me, ssid, group_id, roster, highest_epoch)
    return (yield from agree_epoch(me, ssid, roster, custody, highest_epoch))


def _check_key(
    me: int, roster: "Roster", dealer: int, pk: bytes, cc: bytes, entropy_length: int, secret: int, entropy: bytes
) -> int:
    """How many parts the entropy has; DaricError("parameter") unless the dealer, and nobody else, has what it deals."""
    curve = platform.curve
    if len(cc) not in (0, 32) or dealer not in roster.indexes():
        raise DaricError("parameter", "A chain code has 32 bytes, and the dealer is a member.")
    curve.decode(pk)
    if me != dealer and (secret or entropy):
        raise DaricError("parameter", "Only the dealer has the key.")
    if me == dealer and (not 0 < secret < Q or curve.encode(curve.mul_g(secret)) != pk):
        raise DaricError("parameter", "The key is out of range, or not the one that was announced.")
    if me == dealer and len(entropy) != entropy_length:
        raise DaricError("parameter", "The phrase is not of the length that was announced.")
    return entropyparts.count(entropy_length)
