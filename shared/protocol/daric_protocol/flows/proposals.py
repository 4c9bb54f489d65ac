"""Terms of each operation, as its initiator proposes them. Specification: docs/protocol.md, sections 1, 8 to 11."""

from daric_protocol import backingdetails, details, envelope, platform
from daric_protocol.errors import DaricError
from daric_protocol.tagged import Q
from daric_protocol.terms import Terms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from daric_protocol.custody import Custody
    from daric_protocol.roster import Roster

    Random = Callable[[int], bytes]


def create_terms(
    uuid: bytes, threshold: int, parties: int, random: "Random", name: str = "", master: bytes = b""
) -> Terms:
    """Terms of a new group with a fresh id. master: identity (33 B) of the party that alone may ask for anything
    later, or empty. Raises DaricError("parameter").
    """
    request = envelope.encode(details.CreateDetails(master)) if master else b""
    return _checked(Terms(uuid, "create", random(16), threshold, parties, [], request, name))


class Secret:
    """A key that its owner brings to an import: scalar 1..q-1; the phrase's entropy and the node's chain code if any.

    Let go of it when the session has ended: as long as it exists anywhere the key is only as safe as that place.
    Raises DaricError("parameter").
    """

    def __init__(self, scalar: int, chain_code: bytes = b"", entropy: bytes = b"") -> None:
        if not 0 < scalar < Q:
            raise DaricError("parameter", "a secret key is a number from 1 to the order of the curve less 1")
        self.scalar = scalar
        self.chain_code = chain_code
        self.entropy = entropy

    def public(self) -> bytes:
        """33 B."""
        return platform.curve.encode(platform.curve.mul_g(self.scalar))


def import_terms(
    uuid: bytes,
    threshold: int,
    parties: int,
    secret: Secret,
    dealer: bytes,
    name: str = "",
    master: bytes = b"",
) -> Terms:
    """Terms of a new group with a key that exists already. dealer: identity (33 B) of the party that brings it.

    master: identity (33 B) of the party that alone may ask for anything later, or empty.
    """
    asked = details.ImportDetails(secret.public(), secret.chain_code, len(secret.entropy), dealer, master)
    request = envelope.encode(asked)
    group_id = details.import_group(uuid, request)
    return _checked(Terms(uuid, "import", group_id, threshold, parties, [], request, name))


def export_terms(
    uuid: bytes, group_id: bytes, roster: "Roster", members: "list[int]", initiator: int, purpose: str
) -> Terms:
    """Terms of an export. members: exactly t indexes, the initiator, who will hold the key, among them."""
    request = envelope.encode(details.ExportDetails(initiator, purpose))
    return _checked(Terms(uuid, "export", group_id, roster.t, len(members), sorted(members), request, ""))


def sign_terms(uuid: bytes, group_id: bytes, roster: "Roster", signers: "list[int]", request: bytes) -> Terms:
    """Terms of a signature. signers: exactly t indexes. request: typed request (daric_protocol.evm.request)."""
    return _checked(Terms(uuid, "sign", group_id, roster.t, len(signers), sorted(signers), request, ""))


def pair_terms(uuid: bytes, group_id: bytes, roster: "Roster", first: int, second: int) -> Terms:
    """Terms of a new pair set-up between two members of a group."""
    return _checked(Terms(uuid, "pair", group_id, roster.t, 2, sorted([first, second]), b"", ""))


def refresh_terms(uuid: bytes, group_id: bytes, roster: "Roster") -> Terms:
    """Terms of a new epoch for the same members with the same threshold."""
    members = roster.indexes()
    return _checked(Terms(uuid, "refresh", group_id, roster.t, len(members), members, b"", ""))


def reshare_terms(
    uuid: bytes,
    custody: "Custody",
    group_id: bytes,
    threshold: int,
    newcomers: int = 0,
    leaving: "list[int] | None" = None,
    dealing: "list[int] | None" = None,
) -> Terms:
    """Terms of a new epoch with other members or another threshold, proposed by a party that stores the group.

    threshold: the new one. newcomers: how many join. leaving: indexes of those who are no members afterwards. dealing:
    of these, who takes part once more because the others are too few to hand the key on.
    """
    facts = group_facts(custody, group_id)
    gone = sorted(leaving or [])
    members = [index for index in facts.roster.indexes() if index not in gone or index in (dealing or [])]
    request = envelope.encode(details.ReshareDetails(gone, facts))
    name = custody.group(group_id).name
    return _checked(Terms(uuid, "reshare", group_id, threshold, len(members) + newcomers, members, request, name))


def enrol_terms(uuid: bytes, custody: "Custody", group_id: bytes, helpers: "list[int]") -> Terms:
    """Terms of one member more while every other share stays. helpers: exactly t indexes.

    An enrolment that broke off is repeated with the same party, under the index that it was given.
    """
    from daric_protocol.group import issued_to

    facts = group_facts(custody, group_id)
    issued = issued_to(custody.store, group_id)
    if issued is not None and issued[0] == facts.epoch:
        facts.highest = issued[1] - 1
    name = custody.group(group_id).name
    members = sorted(helpers)
    return _checked(
        Terms(uuid, "enrol", group_id, facts.roster.t, len(members) + 1, members, envelope.encode(facts), name)
    )


def master_terms(uuid: bytes, group_id: bytes, roster: "Roster", master: int) -> Terms:
    """Terms of another master (an index), or of none (0). All members take part."""
    request = envelope.encode(details.MasterDetails(master))
    members = roster.indexes()
    return _checked(Terms(uuid, "enrol", group_id, roster.t, len(members), members, request, ""))


def backup_terms(
    uuid: bytes,
    custody: "Custody",
    group_id: bytes,
    backup_id: bytes,
    threshold: int,
    device: int,
    holders: "list[int]",
    phone: int,
    cloud: int = 0,
) -> Terms:
    """Terms of a backup of member `device`. threshold: pieces that give its share back. holders: indexes.

    phone: the holder that carries the pieces. cloud: the unattended holder, 0 where none is one.
    """
    request = envelope.encode(backingdetails.BackupDetails(backup_id, threshold, device, phone, cloud))
    return _stored(uuid, "backup", custody, group_id, [device] + list(holders), request)


def verify_terms(
    uuid: bytes, custody: "Custody", group_id: bytes, backup_id: bytes, sheet_hash: bytes, holders: "list[int]"
) -> Terms:
    """Terms of a backup's test, in which the share is not rebuilt. sheet_hash: 32 B. holders: two or more indexes."""
    request = envelope.encode(backingdetails.VerifyDetails(backup_id, sheet_hash))
    return _stored(uuid, "verify", custody, group_id, holders, request)


def recover_terms(
    uuid: bytes,
    custody: "Custody",
    group_id: bytes,
    index: int,
    members: "list[int]",
    phone: int,
    cloud: int = 0,
    backup_id: bytes = b"",
) -> Terms:
    """Terms of a recovery of member `index` under a new identity. members: who takes part beside it.

    phone: the member that carries the pieces. cloud: the unattended one, 0 where it takes no part. backup_id: empty
    where the recovering party brings its share with it.
    """
    facts = group_facts(custody, group_id)
    request = envelope.encode(backingdetails.RecoverDetails(backup_id, index, phone, cloud, facts))
    name = custody.group(group_id).name
    return _checked(
        Terms(uuid, "recover", group_id, facts.roster.t, len(members) + 1, sorted(members), request, name)
    )


def _stored(uuid: bytes, op: str, custody: "Custody", group_id: bytes, members: "list[int]", request: bytes) -> Terms:
    """Terms of a session of stored members that changes nothing of the group."""
    t = custody.roster(group_id).t
    return _checked(Terms(uuid, op, group_id, t, len(members), sorted(members), request, ""))


def group_facts(custody: "Custody", group_id: bytes) -> "details.Facts":
    """What a stored group is, for those who are new to it. Raises DaricError("group") or ("pending")."""
    shard = custody.shard(group_id)
    return details.Facts(shard.pk, shard.epoch, custody.highest_index(group_id), shard.roster)


def _checked(terms: Terms) -> Terms:
    terms.check()
    return terms
