"""Key generation: a group whose key no party ever holds. Specification: docs/protocol.md, sections 2 and 8.

Round 0 agrees on a fresh epoch, rounds 1 to 3 are a dealing in which everyone deals to everyone, round 4 exchanges the
acknowledgements that make the new shard current. Draws: those of rounds/dealing.
"""

from daric_protocol.errors import Abort, DaricError
from daric_protocol.limits import MAX_EPOCH_JUMP
from daric_protocol.messages import DealingStart
from daric_protocol.rounds.dealing import Plan, acknowledge, deal
from daric_protocol.rounds.evidence import broadcast_digest, check_signed
from daric_protocol.rounds.outgoing import Outgoing
from daric_protocol.shard import Shard
from daric_protocol.tagged import TH, id_set, u8, u32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from daric_protocol.roster import Roster
    from daric_protocol.rounds.outgoing import Custody, Random, Received


def keygen(
    me: int,
    ssid: bytes,
    group_id: bytes,
    roster: "Roster",
    custody: "Custody",
    random: "Random",
    highest_epoch: int = 0,
) -> "Generator[Outgoing, Received, tuple[Shard, list[tuple[int, bytes]]]]":
    """Make a new group.

    me: own index. ssid: 32 B. group_id: 16 B. roster: all parties, indexes 1..n in identity order, no public shares.
    highest_epoch: the highest that this party ever used with this group id. Returns the shard, which custody already
    holds as pending, and the certificate that makes it current. DaricError("parameter"); Abort soft, blame, ban.
    """
    check_inputs(me, ssid, group_id, roster, highest_epoch)
    peers = [j for j in roster.indexes() if j != me]

    # Round 0: which epochs are used up.
    epoch = yield from agree_epoch(me, ssid, roster, custody, highest_epoch)

    # Rounds 1 to 3: everyone deals to everyone.
    everyone = roster.indexes()
    plan = Plan("dkg", ssid, roster.t, everyone, everyone, epoch)
    dealt = yield from deal(me, plan, roster, None, peers, custody, random)
    shard = Shard(
        group_id, "dkg", epoch, me, dealt.s, dealt.pk, dealt.cc, roster.with_shares(dealt.P),
        dealt.sid, dealt.confirm, roster.hash(),
    )
    custody.store_pending(shard, dealt.pairs)

    # Round 4: acknowledge what is stored.
    certificate = yield from acknowledge(shard, peers, custody)
    return shard, certificate


def agree_epoch(
    me: int, ssid: bytes, roster: "Roster", custody: "Custody", highest_epoch: int
) -> "Generator[Outgoing, Received, int]":
    """Round 0 of a dealing that makes a group: its epoch, which custody has consumed. Abort soft, blame."""
    peers = [j for j in roster.indexes() if j != me]
    signature = custody.sign_identity(broadcast_digest(ssid, 0, me, start_digest(highest_epoch, 0, [])))
    start = DealingStart(highest_epoch, 0, [], signature)
    received = yield Outgoing(ssid, 0, DealingStart, dict.fromkeys(peers, start))
    highest = highest_epoch
    for j in peers:
        theirs = received[j]
        check_signed(roster, ssid, 0, j, start_digest(theirs.epoch, theirs.index, theirs.unusable), theirs.signature)
        if theirs.index or theirs.unusable:
            raise Abort("soft", None, "The group is not new to every member.")
        highest = max(highest, theirs.epoch)
    epoch = next_epoch(highest_epoch, highest)
    custody.use_epoch(epoch)
    return epoch


def start_digest(epoch: int, index: int, unusable: "list[int]") -> bytes:
    """32 B over what a party says in round 0."""
    return TH("dkls/start", u32(epoch), u8(index), id_set(unusable))


def next_epoch(own: int, highest: int) -> int:
    """The epoch of a new attempt, where `own` is the highest this party used and `highest` that of all members."""
    if highest > own + MAX_EPOCH_JUMP or highest >= 0xFFFFFFFF:
        raise Abort("soft", None, "A member's epoch is too far ahead of this party's.")
    return highest + 1


def check_inputs(me: int, ssid: bytes, group_id: bytes, roster: "Roster", highest_epoch: int) -> None:
    """What every party of a new group must be given: DaricError("parameter")."""
    if len(ssid) != 32 or len(group_id) != 16 or not 0 <= highest_epoch <= 0xFFFFFFFF:
        raise DaricError("parameter", "A session id has 32 bytes, a group id 16, an epoch is a u32.")
    identities = [member.identity for member in roster.members]
    if roster.indexes() != list(range(1, len(identities) + 1)) or identities != sorted(identities):
        raise DaricError("parameter", "The members of a new group have indexes 1..n in the order of their identities.")
    if roster.version or [m for m in roster.members if m.public_share]:
        raise DaricError("parameter", "A new group has roster version 0 and no public shares.")
    if me not in roster.indexes():
        raise DaricError("parameter", "This party is not in the roster.")
