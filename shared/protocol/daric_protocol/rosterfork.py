"""Changes of a roster that rule each other out, and which of them counts. Specification: docs/protocol.md, section 8.

Members that have not heard of each other, or that one of them tells different things, can certify two changes of the
same version. Each is kept. The branch counts in which more members recovered, then the longer one, then the one with
more members, then that of the lowest hash: who knows the same changes has the same roster.
"""

from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.group import LEFT_BEHIND, MEMBER, Group, gone_name, replaced, shard_name
from daric_protocol.memberchange import base_name, change_name, named
from daric_protocol.roster import Roster
from daric_protocol.rounds.rosterchange import KIND, RosterChange, share_at
from daric_protocol.shard import EntropyShare, Shard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from daric_protocol.custody import Custody


class Branch:
    """A roster, and the changes that lead to it from the one that was dealt: [(change, its bytes)]."""

    def __init__(self, roster: Roster, path: "list[tuple[RosterChange, bytes]]", replaced: "list[bytes]") -> None:
        self.roster = roster
        self.path = path
        self.replaced = replaced  # identities that a recovery on the way replaced

    def grown(self, change: RosterChange, data: bytes) -> "Branch":
        """The branch that one more change makes of it."""
        old = [m.identity for m in self.roster.members if m.index == change.about]
        new = change.roster.member(change.about).identity if change.about else b""
        gone = self.replaced + [identity for identity in old if identity != new]
        return Branch(change.roster, self.path + [(change, data)], gone)

    def beats(self, other: "Branch") -> bool:
        """Whether this one counts rather than the other."""
        mine = (len(self.replaced), self.roster.version, len(self.roster.members))
        theirs = (len(other.replaced), other.roster.version, len(other.roster.members))
        return mine > theirs or (mine == theirs and self.roster.hash() < other.roster.hash())


def rival_name(change: RosterChange) -> str:
    """Where a change is stored that may not count."""
    return "rival/%s/%d/%s" % (change.group_id.hex(), change.roster.version, change.roster.hash()[:8].hex())


def adopt(custody: "Custody", group: Group, shard: Shard, change: RosterChange, data: bytes) -> bool:
    """A certified change that does not follow this party's roster. True where another branch counts from now on.

    Raises DaricError("roster") where a change before this one is missing, or ("certificate").
    """
    branches = _branches(custody, shard)
    if [branch for branch in branches if branch.roster.hash() == change.roster.hash()]:
        return _follow(custody, group, shard, branches)
    failure = DaricError("roster", "A change of the roster before this one is not known here.")
    if change.roster.version == shard.roster.version + 1:
        failure = DaricError("certificate", "The change does not follow the roster that it is shown to.")
    for branch in [one for one in branches if one.roster.version + 1 == change.roster.version]:
        try:
            change.check(_with_roster(shard, branch.roster))
        except DaricError as error:
            failure = DaricError("certificate", error.detail)
            continue
        custody.store.write(rival_name(change), data)
        return _follow(custody, group, shard, branches + [branch.grown(change, data)])
    if change.roster.version <= shard.roster.version:
        return False
    raise failure


def _branches(custody: "Custody", shard: Shard) -> "list[Branch]":
    """Every roster that the stored changes lead to. They were checked when they were stored."""
    names = []
    for kind in ("change/", "rival/"):
        names += custody.store.names(kind + shard.group_id.hex() + "/")
    stored = sorted([(int(name.split("/")[2]), name) for name in names])
    changes = []
    for _, name in stored:
        data = custody.store.read(name) or b""
        changes.append((RosterChange.decode(data), data))
    base = _base(custody, shard, [change for change, _ in changes])
    branches = [] if base is None else [Branch(base, [], [])]
    for change, data in changes:
        if [branch for branch in branches if branch.roster.hash() == change.roster.hash()]:
            continue
        for branch in branches:
            if branch.roster.version + 1 == change.roster.version and change.follows(branch.roster):
                branches.append(branch.grown(change, data))
                break
    return branches


def _base(custody: "Custody", shard: Shard, changes: "list[RosterChange]") -> "Roster | None":
    """The roster before the first change; a member that was added knows it from the change that added it."""
    data = custody.store.read(base_name(shard.group_id))
    if data is not None:
        return Roster.from_wire(platform.cbor_decode(data))
    if shard.kind == KIND:
        for change in changes:
            if change.about == shard.me:
                new = change.roster
                members = [member for member in new.members if member.index != shard.me]
                return Roster(new.t, new.version - 1, new.master, members)
    return None


def _follow(custody: "Custody", group: Group, shard: Shard, branches: "list[Branch]") -> bool:
    """Take the branch that counts, whichever it is. What it lacks is kept aside."""
    gone = replaced(custody.store, group.id)
    best = None
    for branch in branches:
        back = [member for member in branch.roster.members if member.identity in gone]
        if not back and (best is None or branch.beats(best)):
            best = branch
    if best is None or best.roster.hash() == shard.roster.hash():
        return False
    if shard.me not in best.roster.indexes() or best.roster.member(shard.me).identity != custody.identity.public:
        group.standing = LEFT_BEHIND
        group.save(custody.store)
        return False
    _switch(custody, group, shard, best)
    return True


def _switch(custody: "Custody", group: Group, shard: Shard, branch: Branch) -> None:
    """Everything stays stored until the shard, which makes it count, is; a cut leaves a change to be shown again."""
    store = custody.store
    for name in store.names("change/" + group.id.hex() + "/"):
        data = store.read(name) or b""
        store.write(rival_name(RosterChange.decode(data)), data)
    group.highest_index = max([custody.highest_index(group.id)] + branch.roster.indexes())
    group.standing = MEMBER
    group.save(store)
    for member in shard.roster.members:
        if [member.index, member.identity] not in [[m.index, m.identity] for m in branch.roster.members]:
            for kind in ("pair/", "fresh/"):
                for name in store.names(kind + group.id.hex() + "/"):
                    if name.split("/")[-1] == str(member.index):
                        store.erase(name)
    gone = replaced(custody.store, group.id)
    store.write(gone_name(group.id), b"".join(gone + [one for one in branch.replaced if one not in gone]))
    for change, data in branch.path:
        store.write(change_name(group.id, change.roster.version), data)
        store.erase(rival_name(change))
    for name in store.names("change/" + group.id.hex() + "/"):
        if int(name.split("/")[2]) > branch.roster.version:
            store.erase(name)
    store.write(shard_name(group.id, shard.epoch), _with_roster(shard, named(shard.roster, branch.roster)).encode())


def _with_roster(shard: Shard, roster: Roster) -> Shard:
    """The same share under another roster of its epoch."""
    entropy = []
    for part in shard.entropy:
        P = {}
        for index in roster.indexes():
            P[index] = part.P[index] if index in part.P else share_at(part.P, shard.t, index)
        entropy.append(EntropyShare(part.pk, part.s, P))
    return Shard(
        shard.group_id, shard.kind, shard.epoch, shard.me, shard.s, shard.pk, shard.cc, roster, shard.sid,
        shard.confirm, shard.session_roster, entropy,
    )  # fmt: skip
