"""Changes of a roster that need no dealing, taken by a party's custody: a member more, another master.

A change counts once t members signed it; each is the next version of the one before. Specification: docs/protocol.md,
sections 8 and 9.
"""

from daric_protocol import certificate, platform
from daric_protocol.errors import Abort, DaricError
from daric_protocol.group import Group, gone_name, issued_name, issued_to, replaced, shard_name
from daric_protocol.roster import Member, Roster
from daric_protocol.rounds.rosterchange import KIND, RECOVERED, RosterChange
from daric_protocol.shard import Shard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from daric_protocol.custody import Custody
    from daric_protocol.custodysession import SessionCustody


def change_name(group_id: bytes, version: int) -> str:
    """Where a certified change of the current epoch is stored, for members that missed it."""
    return "change/" + group_id.hex() + "/" + str(version)


def base_name(group_id: bytes) -> str:
    """Where the roster of an epoch is stored as it was before its first change."""
    return "base/" + group_id.hex()


def adopt(custody: "Custody", data: bytes, session: "SessionCustody | None" = None) -> bool:
    """Take a certified change from anyone: True where it is new here.

    Raises DaricError("encoding"), ("group"), ("pending"), ("roster") where a change before this one is missing,
    ("certificate"), or ("busy").
    """
    change = RosterChange.decode(data)
    group = custody.group(change.group_id)
    own = _enrolled(custody, group, change)
    if own is not None:
        _begin(custody, group, own, change, data)
        return True
    shard = custody.shard(change.group_id)
    if change.epoch != shard.epoch or _is_known(custody, shard, change):
        return False
    custody.check_idle(change.group_id, session)
    if not change.follows(shard.roster):
        from daric_protocol import rosterfork

        return rosterfork.adopt(custody, group, shard, change, data)
    try:
        change.check(shard)
    except Abort as abort:
        raise DaricError("certificate", abort.detail)
    _check_nobody_returns(custody, change)
    if base_name(group.id) not in custody.store.names(base_name(group.id)):
        custody.store.write(base_name(group.id), platform.cbor_encode(shard.roster.to_wire()))
    change.roster = named(shard.roster, change.roster, session is not None)
    group.highest_index = max([custody.highest_index(group.id)] + change.roster.indexes())
    group.save(custody.store)
    custody.store.write(change_name(group.id, change.roster.version), data)
    _forget_replaced(custody, shard.roster, change)
    custody.store.write(shard_name(group.id, shard.epoch), change.applied(shard).encode())  # here it counts
    issued = issued_to(custody.store, group.id)
    if issued is not None and issued[2] in [member.identity for member in change.roster.members]:
        custody.store.erase(issued_name(group.id))
    return True


def _is_known(custody: "Custody", shard: Shard, change: RosterChange) -> bool:
    """Whether the change is one of those that led to this party's roster."""
    if change.roster.version > shard.roster.version:
        return False
    hashes = []
    for version in (change.roster.version, shard.roster.version):
        data = custody.store.read(change_name(change.group_id, version))
        hashes.append(b"" if data is None else RosterChange.decode(data).roster.hash())
    return hashes == [change.roster.hash(), shard.roster.hash()]


def _check_nobody_returns(custody: "Custody", change: RosterChange) -> None:
    gone = replaced(custody.store, change.group_id)
    if [member for member in change.roster.members if member.identity in gone]:
        raise DaricError("certificate", "The change brings an identity back that was replaced.")


def _forget_replaced(custody: "Custody", old: Roster, change: RosterChange) -> None:
    """Erase what is shared with an identity that a recovery replaced, in every epoch; it never comes back.

    Done before the change counts: after a cut in between the pair is merely one that has to be set up anew.
    """
    store, name = custody.store, gone_name(change.group_id)
    gone = store.read(name) or b""
    for identity in [member.identity for member in old.members]:
        if identity in [member.identity for member in change.roster.members]:
            continue
        for kind in ("pair/", "fresh/"):
            for entry in store.names(kind + change.group_id.hex() + "/"):
                if entry.split("/")[-1] == str(old.index_of(identity)):
                    store.erase(entry)
        store.write(name, gone + identity)


def _enrolled(custody: "Custody", group: Group, change: RosterChange) -> "Shard | None":
    """The share that this party got by an enrolment of the change's epoch and that waits for its certificate."""
    if change.epoch not in group.pendings:
        return None
    shard = custody.read_shard(group.id, change.epoch)
    return shard if shard.kind in (KIND, RECOVERED) and shard.me == change.about else None


def _begin(custody: "Custody", group: Group, shard: Shard, change: RosterChange, data: bytes) -> None:
    """The change makes this party a member. A repeated enrolment gave the same share under another session's id."""
    from daric_protocol import activation

    if shard.roster.hash() != change.roster.hash():
        raise DaricError("certificate", "The change leads to another roster than this party's share.")
    shard.sid, shard.confirm = change.sid, change.confirm
    certificate.check(shard, change.acks)
    custody.store.write(shard_name(group.id, shard.epoch), shard.encode())
    custody.store.write(change_name(group.id, change.roster.version), data)
    activation.make_current(custody, group, shard, change.acks)


def named(old: Roster, new: Roster, own: bool = False) -> Roster:
    """The new roster; known members keep the names that this party has for them.

    own: it comes of this party's own session. Otherwise whoever carried it chose the other names, which nobody signs.
    """
    members = []
    for member in new.members:
        known = [one for one in old.members if one.index == member.index]
        kind, name = (known[0].kind, known[0].name) if known else (member.kind, member.name) if own else ("", "")
        members.append(Member(member.index, member.identity, kind, name, member.public_share))
    return Roster(new.t, new.version, new.master, members)


# Indexes given away


def check_issue(custody: "Custody", group_id: bytes, index: int, identity: bytes) -> bool:
    """Whether an index was given to an identity (33 B) already and may be again; False if it would be the first time.

    The same index goes to the same identity only, and no second party gets one before the first is a member or a new
    epoch makes what it got useless. Raises Abort("soft").
    """
    roster = custody.roster(group_id)
    issued = issued_to(custody.store, group_id)
    if issued is not None and issued[0] == custody.group(group_id).epoch:
        if issued[1:] == [index, identity]:
            return True
        raise Abort("soft", None, "Another enrolment was begun: finish it with its party, or deal a new epoch.")
    if identity in [member.identity for member in roster.members]:
        raise Abort("soft", None, "This party is a member already.")
    if index <= custody.highest_index(group_id):
        raise Abort("soft", None, "The index %d was used before." % index)
    return False


def issue(custody: "Custody", group_id: bytes, index: int, identity: bytes) -> None:
    """Note durably, before a part of its share leaves, that an index belongs to an identity. Raises Abort("soft")."""
    if not check_issue(custody, group_id, index, identity):
        fields = [custody.group(group_id).epoch, index, identity]
        custody.store.write(issued_name(group_id), platform.cbor_encode(fields))


def store_enrolled(custody: "Custody", group_id: bytes, name: str, shard: Shard) -> None:
    """Keep a share of the group's current epoch until its change is certified; a repeated enrolment replaces it.

    Raises Abort("soft") where this party has a share of that epoch or a later one.
    """
    group = custody.find(group_id) or Group(group_id, name)
    waiting = shard.epoch in group.pendings
    if shard.group_id != group_id or shard.kind not in (KIND, RECOVERED):
        raise DaricError("internal", "A share that no enrolment gave.")
    if group.epoch >= shard.epoch or (waiting and custody.read_shard(group_id, shard.epoch).kind != shard.kind):
        raise Abort("soft", None, "This party has a share of this epoch.")
    custody.store.write(shard_name(group_id, shard.epoch), shard.encode())
    group.highest_epoch = max(group.highest_epoch, shard.epoch)
    group.highest_index = max([group.highest_index] + shard.roster.indexes())
    if not waiting:
        group.pendings = sorted(group.pendings + [shard.epoch])
    group.save(custody.store)
