"""A certificate: everyone's signed acknowledgement of one dealing. Specification: docs/protocol.md, section 8.

It is a list of (index, 64-byte signature) in index order and can be handed to a latecomer.
"""

from daric_protocol.errors import DaricError
from daric_protocol.identity import verify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from daric_protocol.roster import Roster
    from daric_protocol.shard import Shard


def check(shard: "Shard", certificate: "list[tuple[int, bytes]]") -> None:
    """Take the acks of all members of the shard's roster for exactly this shard, or DaricError("certificate").

    A share that came by a change of the roster takes its holder's and those of t other members, or of t - 1 where the
    holder was a member before and recovered it (kinds enr and rec).
    """
    signers = [ack[0] for ack in certificate]
    members = shard.roster.indexes()
    if shard.kind in ("enr", "rec"):
        least = shard.t + 1 if shard.kind == "enr" else shard.t
        if len(signers) < least or shard.me not in signers or [i for i in signers if i not in members]:
            raise DaricError("certificate", "A change of the roster is signed by its member and t others.")
        members = sorted(set(signers))
    if signers != members:
        raise DaricError("certificate", "A certificate has one acknowledgement of each member, in index order.")
    for index, signature in certificate:
        if not acknowledged(shard.roster, index, shard.ack_digest(index), signature):
            raise DaricError("certificate", "An acknowledgement does not fit this shard.")


def acknowledged(roster: "Roster", index: int, digest: bytes, signature: bytes) -> bool:
    """Whether a member of the roster signed a 32-byte digest with its identity key."""
    return verify(roster.member(index).identity, digest, signature)


def signers(shard: "Shard", certificate: "list[tuple[int, bytes]]", replaced: "list[bytes]") -> "Roster":
    """The shard's roster with the identities that signed: a recovery may have replaced one since.

    replaced: identities (33 B) that were members' once.
    """
    roster = shard.roster
    for index, signature in certificate:
        for identity in [] if acknowledged(roster, index, shard.ack_digest(index), signature) else replaced:
            if verify(identity, shard.ack_digest(index), signature):
                roster = roster.with_identity(index, identity)
    return roster
