"""Certificates: which epoch counts. Specification: docs/protocol.md, section 8, the five rules.

A certificate as it travels is the CBOR array [group id, kind, epoch, sid, confirm, session roster hash,
[[index, identity, signature], ..]] with all members of the new committee in index order.
"""

from daric_protocol import certificate, platform
from daric_protocol.errors import DaricError
from daric_protocol.group import LEFT, LEFT_BEHIND, Group, issued_name, replaced
from daric_protocol.identity import verify
from daric_protocol.limits import MAX_PARTIES
from daric_protocol.shard import ack_digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from daric_protocol.custody import Custody
    from daric_protocol.custodysession import SessionCustody
    from daric_protocol.roster import Roster
    from daric_protocol.shard import Shard

LENGTHS = (16, None, None, 32, 32, 32, None)


def activate(
    custody: "Custody",
    group_id: bytes,
    acks: "list[tuple[int, bytes]]",
    epoch: "int | None",
    session: "SessionCustody | None",
) -> int:
    """Make the pending shard current that the acks of all its members certify, and destroy what is lower."""
    group = custody.group(group_id)
    acks = [(index, signature) for index, signature in acks]
    for candidate in sorted([group.epoch] + group.pendings, reverse=True):
        if candidate == 0 or epoch not in (None, candidate):
            continue
        shard = custody.read_shard(group_id, candidate)
        try:
            certificate.check(shard, acks)
        except DaricError:
            continue
        if candidate > group.epoch:
            _check_not_replaced(custody, shard)
            custody.check_idle(group_id, session)
            make_current(custody, group, shard, acks)
        return candidate
    raise DaricError("certificate", "These acknowledgements fit no shard that this party stored and acknowledged.")


def make_current(custody: "Custody", group: Group, shard: "Shard", acks: "list[tuple[int, bytes]]") -> None:
    """The record's writing is the change; what it no longer names is destroyed after it, or by the next start."""
    forming = group.epoch == 0
    group.highest_index = custody.highest_index(group.id)
    group.epoch = shard.epoch
    group.pendings = [epoch for epoch in group.pendings if epoch > shard.epoch]
    group.certificate = [[index, signature] for index, signature in acks]
    group.standing = 0
    group.save(custody.store)
    custody.store.erase(issued_name(group.id))  # what it gave away is of an old epoch
    for name in custody.store.names("change/" + group.id.hex() + "/"):
        if int(name.split("/")[2]) != shard.roster.version or shard.kind not in ("enr", "rec"):
            custody.store.erase(name)
    for kind in ("base/", "rival/", "doubt/", "missing/"):
        for name in custody.store.names(kind + group.id.hex()):
            custody.store.erase(name)
    if forming:
        custody.journal.set_forming_epoch(group.id, 0)
    for name in custody.store.names("leaving/" + group.id.hex() + "/"):
        custody.store.erase(name)
    custody.store.erase(left_name(group.id))
    custody.recover_group(group)


def left_name(group_id: bytes) -> str:
    """Where a party that dealt its share away keeps the certificate of those it dealt to."""
    return "left/" + group_id.hex()


def encode(shard: "Shard", acks: "list[Any]") -> bytes:
    """The certificate of a shard for those who do not have it. acks: [[index, signature]] of all members."""
    signed = [[index, shard.roster.member(index).identity, signature] for index, signature in acks]
    fields = [shard.group_id, shard.kind, shard.epoch, shard.sid, shard.confirm, shard.session_roster, signed]
    return platform.cbor_encode(fields)


def adopt(custody: "Custody", data: bytes) -> bool:
    """Rules 3 to 5: roll forward with what this party acknowledged, leave what it dealt away, else only take note."""
    group_id, kind, epoch, sid, confirm, session_roster, signed = _decode(data)
    group = custody.group(group_id)
    if epoch <= group.epoch:
        return False
    custody.check_idle(group_id, None)
    if epoch in group.pendings:
        shard = custody.read_shard(group_id, epoch)
        if [shard.kind, shard.sid, shard.confirm] == [kind, sid, confirm]:
            _make_current_from(custody, group, shard, signed)
            return True
    for index, identity, signature in signed:
        digest = ack_digest(group_id, sid, kind, epoch, confirm, session_roster, index)
        if not verify(identity, digest, signature):
            raise DaricError("certificate", "An acknowledgement does not verify.")
    committee = [[index, identity] for index, identity, _ in signed]
    if _leaving(custody, group_id, epoch) == [kind, sid, confirm, session_roster, committee]:
        custody.store.write(left_name(group_id), data)  # others may lack it, and their shares count by it
        _leave(custody, group, epoch)
    elif group.epoch and _old_members(custody.roster(group_id), committee) >= custody.roster(group_id).t:
        group.standing = LEFT_BEHIND
        group.save(custody.store)
    return False


def _make_current_from(custody: "Custody", group: Group, shard: "Shard", signed: "list[Any]") -> None:
    acks = [(index, signature) for index, _, signature in signed]
    certificate.check(shard, acks)
    _check_not_replaced(custody, shard)
    make_current(custody, group, shard, acks)


def doubt(custody: "Custody", group_id: bytes, identity: bytes) -> None:
    """Note that no epoch tried so far counts any more with an identity (33 B) that a recovery replaces."""
    name = _doubt_name(group_id)
    kept, rest = custody.store.read(name) or b"", b""
    for at in range(0, len(kept), 37):
        if kept[at : at + 33] != identity:
            rest += kept[at : at + 37]
    custody.store.write(name, rest + identity + custody.highest_epoch(group_id).to_bytes(4, "big"))


def _doubt_name(group_id: bytes) -> str:
    return "doubt/" + group_id.hex()


def _check_not_replaced(custody: "Custody", shard: "Shard") -> None:
    """No member of a new epoch has an identity that was replaced since its dealing, or DaricError("certificate")."""
    members = [member.identity for member in shard.roster.members]
    gone = replaced(custody.store, shard.group_id)
    doubted = custody.store.read(_doubt_name(shard.group_id)) or b""
    for at in range(0, len(doubted), 37):
        if shard.epoch <= int.from_bytes(doubted[at + 33 : at + 37], "big"):
            gone.append(doubted[at : at + 33])
    if [identity for identity in gone if identity in members]:
        raise DaricError("certificate", "The new epoch has a member under an identity that was replaced.")


def _old_members(roster: "Roster", committee: "list[Any]") -> int:
    """How many members of a roster are in a committee under the same index."""
    return sum(1 for member in roster.members if [member.index, member.identity] in committee)


def store_leaving(
    custody: "Custody",
    group_id: bytes,
    kind: str,
    epoch: int,
    sid: bytes,
    confirm: bytes,
    session_roster: bytes,
    roster: "Roster",
) -> None:
    """Remember what certificate ends this party's membership: that of the dealing it takes part in now."""
    committee = [[member.index, member.identity] for member in roster.members]
    fields = platform.cbor_encode([kind, sid, confirm, session_roster, committee])
    custody.store.write("leaving/" + group_id.hex() + "/" + str(epoch), fields)


def _leaving(custody: "Custody", group_id: bytes, epoch: int) -> "list[Any] | None":
    data = custody.store.read("leaving/" + group_id.hex() + "/" + str(epoch))
    fields: "list[Any] | None" = None if data is None else platform.cbor_decode(data)
    return fields


def _leave(custody: "Custody", group: Group, epoch: int) -> None:
    """The committee this party dealt to is certified: its shard and lower pendings have no use but misuse."""
    group.epoch = 0
    group.pendings = [pending for pending in group.pendings if pending > epoch]
    group.certificate = []
    group.standing = LEFT
    group.save(custody.store)
    for name in custody.store.names("leaving/" + group.id.hex() + "/"):
        custody.store.erase(name)
    custody.recover_group(group)


def _decode(data: bytes) -> "list[Any]":
    fields: Any = platform.cbor_decode(data)
    if not isinstance(fields, list) or len(fields) != len(LENGTHS):
        raise DaricError("encoding", "A certificate has seven fields.")
    for value, length in zip(fields, LENGTHS):
        if length is not None and (not isinstance(value, bytes) or len(value) != length):
            raise DaricError("encoding", "A field of a certificate has a wrong length.")
    if not isinstance(fields[1], str) or not _is_number(fields[2], 0xFFFFFFFF) or not isinstance(fields[6], list):
        raise DaricError("encoding", "A field of a certificate has a wrong type.")
    last = 0
    for ack in fields[6]:
        if not isinstance(ack, list) or len(ack) != 3 or not _is_number(ack[0], 255) or ack[0] <= last:
            raise DaricError("encoding", "Acknowledgements are in index order.")
        if not isinstance(ack[1], bytes) or len(ack[1]) != 33 or not isinstance(ack[2], bytes) or len(ack[2]) != 64:
            raise DaricError("encoding", "An acknowledgement is an index, an identity and a signature.")
        last = ack[0]
    if not 2 <= len(fields[6]) <= MAX_PARTIES:
        raise DaricError("encoding", "A certificate has 2 to 16 acknowledgements.")
    return fields


def _is_number(value: "Any", most: int) -> bool:
    return isinstance(value, int) and value is not True and value is not False and 0 < value <= most
