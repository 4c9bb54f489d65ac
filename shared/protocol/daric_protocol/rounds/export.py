"""Export: t members give their shares to the one that asks. Specification: docs/protocol.md, section 11.

Afterwards the initiator holds everything, so the wallet counts as exposed. No share leaves before all of them have said
under their identity keys that they take part in this export, for this initiator and this purpose. Nothing is drawn.
"""

from daric_protocol import entropyparts, platform
from daric_protocol.errors import Abort, DaricError
from daric_protocol.groupmessages import ExportConsent, ExportShare
from daric_protocol.polynomial import lagrange
from daric_protocol.rounds.evidence import broadcast_digest, check_signed
from daric_protocol.rounds.outgoing import Outgoing
from daric_protocol.tagged import TH, Q, id_set, u8, u32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from daric_protocol.rounds.outgoing import Custody, Received
    from daric_protocol.shard import Shard


class Exported:
    """What an export gives the initiator.

    secret: the group's key, a scalar. entropy: of the imported phrase, empty where there is none or where what was
    shared beside the key is no phrase. That the phrase belongs to the key shows only when it is derived again.
    """

    def __init__(self, secret: int, entropy: bytes) -> None:
        self.secret = secret
        self.entropy = entropy


def export(
    me: int, shard: "Shard", members: "list[int]", initiator: int, purpose: str, ssid: bytes, custody: "Custody"
) -> "Generator[Outgoing, Received, Exported | None]":
    """Give the key to the initiator, which gets an Exported; everybody else gets None.

    members: exactly t indexes, the initiator among them. purpose: what the people were shown. ssid: 32 B.
    DaricError("parameter"); Abort soft, blame.
    """
    if len(members) != shard.t or len(set(members)) != len(members) or len(ssid) != 32:
        raise DaricError("parameter", "Exactly as many different members export as the threshold says.")
    for j in members:
        shard.roster.member(j)
    if me != shard.me or me not in members or initiator not in members:
        raise DaricError("parameter", "The initiator and this party are among the members, this one with its shard.")
    peers = sorted([j for j in members if j != me])
    sid = TH("dkls/export", ssid, shard.pk, u32(shard.epoch), id_set(members), u8(initiator), purpose.encode())

    # Round 1: everyone says that it takes part.
    consent = ExportConsent(custody.sign_identity(broadcast_digest(sid, 1, me, sid)))
    received = yield Outgoing(sid, 1, ExportConsent, dict.fromkeys(peers, consent))
    for j in peers:
        check_signed(shard.roster, sid, 1, j, sid, received[j].signature)

    # Round 2: the shares, to the initiator alone; it answers with nothing.
    if me != initiator:
        share = ExportShare([shard.s] + [part.s for part in shard.entropy])
        yield Outgoing(sid, 2, ExportShare, {initiator: share})
        return None
    received = yield Outgoing(sid, 2, ExportShare, dict.fromkeys(peers, ExportShare([])))
    return _combine(shard, members, received)


def _combine(shard: "Shard", members: "list[int]", received: "Received") -> Exported:
    """The key of everyone's shares, each checked against its public share: a wrong one names its sender."""
    curve = platform.curve
    publics = [shard.P] + [part.P for part in shard.entropy]
    own = [shard.s] + [part.s for part in shard.entropy]
    values = [0] * len(publics)
    for i in members:
        shares = own if i == shard.me else received[i].shares
        if len(shares) != len(publics):
            raise Abort("blame", i, "A member sent a share too many or too few.")
        for n, share in enumerate(shares):
            if not curve.equal_points(curve.mul_g(share), curve.decode(publics[n][i])):
                raise Abort("blame", i, "A share is not the one of its public share.")
            values[n] = (values[n] + lagrange(members, i) * share) % Q
    if curve.encode(curve.mul_g(values[0])) != shard.pk:
        raise Abort("soft", None, "The shares do not give the group's key.")
    entropy = b""
    if len(values) > 1:
        try:
            entropy = entropyparts.join(values[1:])
        except DaricError:
            pass  # nobody could check what the importer shared beside the key
    return Exported(values[0], entropy)
