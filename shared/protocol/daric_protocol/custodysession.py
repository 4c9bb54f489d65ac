"""What the rounds of one session may do with a party's custody. Specification: docs/protocol.md, sections 4 and 13."""

from daric_protocol import platform
from daric_protocol.errors import Abort, DaricError
from daric_protocol.group import Group, missing_name, pair_name, shard_name
from daric_protocol.limits import MAX_EPOCH_JUMP, MAX_PARTIES, MAX_PENDINGS, STRIKES_BEFORE_DELAY
from daric_protocol.pairstate import PairState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from daric_protocol.custody import Custody
    from daric_protocol.roster import Roster
    from daric_protocol.shard import Shard


class SessionCustody:
    """One session's view of one group. Pairs that it reads are its own until `close`.

    Every write is durable on return. DaricError("storage") from any of them ends the session with nothing leaked.
    """

    def __init__(
        self, custody: "Custody", group_id: bytes, uuid: bytes, roster: "Roster | None" = None, name: str = ""
    ) -> None:
        self._custody = custody
        self._store = custody.store
        self._group_id = group_id
        self._uuid = uuid
        self._roster = roster
        self._name = name
        self._open: "dict[int, bytes]" = {}  # checks begun and not passed: {peer: sid}
        self._spent = b""

    def use_session(self, uuid: bytes) -> None:
        """Record durably that this session was started. Raises DaricError("replayed")."""
        if uuid != self._uuid:
            raise DaricError("session", "This custody belongs to another session.")
        self._custody.use_session(uuid)

    # Pair states

    def pair(self, peer: int) -> PairState:
        """The current state with a peer, used by this session alone until `close`.

        Raises Abort("soft") where there is none, the pair is banned, or another session uses it.
        """
        from daric_protocol.custody import mark_name

        key = (self._group_id, peer)
        if self._custody.owners.get(key, self) is not self:
            raise Abort("soft", None, "Another session is using the pair with party %d." % peer)
        mark = mark_name(self._group_id, peer)
        interrupted = peer not in self._open and mark in self._store.names(mark)
        group = self._custody.group(self._group_id)
        name = pair_name(self._group_id, group.epoch, peer)
        data = None if interrupted or self._banned(peer) else self._store.read(name)
        if data is None:
            raise Abort("soft", None, "The pair with party %d is banned or not set up: make a new set-up." % peer)
        self._custody.owners[key] = self
        return PairState.decode(data)

    def open_check(self, peer: int, sid: bytes) -> None:
        """Note durably that a check on the pair's state begins: whoever finds the note at a start-up bans the pair.

        sid: 32 B of the session. The pair must be this session's.
        """
        from daric_protocol.custody import mark_name

        if self._custody.owners.get((self._group_id, peer)) is not self:
            raise DaricError("internal", "A check on a pair that the session did not take.")
        self._store.write(mark_name(self._group_id, peer), sid + self._identity_of(peer))
        self._open[peer] = sid

    def close_check(self, peer: int) -> None:
        """The check passed: remove the note."""
        from daric_protocol.custody import mark_name

        self._store.erase(mark_name(self._group_id, peer))
        del self._open[peer]

    def ban(self, peer: int, sid: bytes) -> None:
        """A check failed: erase the state with the peer in every epoch, and count a strike.

        Where nothing of the group is stored yet there is nothing to erase.
        """
        if self._custody.find(self._group_id) is not None:
            self._custody.ban_pair(self._group_id, peer, self._identity_of(peer), sid, True)
        self._open.pop(peer, None)

    def store_pending_pair(self, peer: int, pair: PairState, sid: bytes) -> None:
        """Keep a new state with a peer until its acknowledgement is there; an earlier one is replaced.

        sid: 32 B sid_pair. Raises DaricError("banned") after three strikes without `Custody.allow_setup`.
        """
        from daric_protocol.custody import fresh_name

        custody = self._custody
        key = (self._group_id, peer)
        identity = self._identity_of(peer)
        if custody.bans.strikes(self._group_id, identity) >= STRIKES_BEFORE_DELAY and key not in custody.consents:
            raise DaricError("banned", "A new set-up with this party needs the owner's consent first.")
        epoch = custody.group(self._group_id).epoch
        self._store.write(fresh_name(self._group_id, peer), platform.cbor_encode([epoch, sid]), *pair.parts())
        custody.consents.discard(key)

    def activate_pair(self, peer: int, acks: "list[tuple[int, bytes]]") -> None:
        """As Custody.activate_pair, for this session's group."""
        self._custody.activate_pair(self._group_id, peer, acks, self)

    # Dealings

    def use_epoch(self, epoch: int) -> None:
        """Consume an epoch (u32) before anything of the dealing leaves: never again this one or a lower one.

        Raises Abort("soft") if it was used, jumps too far ahead (a new member takes any), or too many wait already.
        """
        group = self._custody.find(self._group_id)
        highest = self._custody.highest_epoch(self._group_id)
        if not highest < epoch <= 0xFFFFFFFF:
            raise Abort("soft", None, "Epoch %d was used before." % epoch)
        if group is None:
            self._custody.journal.set_forming_epoch(self._group_id, epoch)
            return
        if epoch > highest + MAX_EPOCH_JUMP:
            raise Abort("soft", None, "Epoch %d is too far ahead of %d." % (epoch, highest))
        if len(group.pendings) >= MAX_PENDINGS:
            raise Abort("soft", None, "%d new shards already wait for certificates." % len(group.pendings))
        group.highest_epoch = epoch
        group.save(self._store)

    def note_index(self, index: int) -> None:
        """Somebody in the session saw a higher index used: the next proposal starts above it.

        No single claim burns more indexes than a group has members.
        """
        group = self._custody.find(self._group_id)
        if group is not None and group.highest_index < index <= group.highest_index + MAX_PARTIES:
            group.highest_index = index
            group.save(self._store)

    def expose(self) -> None:
        """Remember, before shares leave for an export, that the key may be held whole from now on."""
        group = self._custody.group(self._group_id)
        group.exposed = True
        group.save(self._store)

    def store_pending(self, shard: "Shard", pairs: "dict[int, PairState]") -> None:
        """Keep a new shard, with its pair states {peer: state}, beside the current one until it is certified.

        The pair states are taken out of `pairs` one by one: a device has no second place for all of them.

        Only after this returns may the acknowledgement be signed: from then on it is never rolled back. Raises
        DaricError("internal") unless the shard's epoch was consumed just before.
        """
        custody = self._custody
        group = custody.find(self._group_id) or Group(self._group_id, self._name)
        highest = custody.highest_epoch(self._group_id)
        if shard.group_id != self._group_id or shard.epoch != highest or group.keeps_shard(shard.epoch):
            raise DaricError("internal", "A shard of an epoch that this session did not consume.")
        for peer in sorted(pairs):
            state = pairs.pop(peer)
            if not custody.bans.is_banned(self._group_id, shard.roster.member(peer).identity):
                self._store.write(pair_name(self._group_id, shard.epoch, peer), *state.parts())
        self._store.write(shard_name(self._group_id, shard.epoch), shard.encode())
        group.highest_epoch = shard.epoch
        group.highest_index = max([group.highest_index] + shard.roster.indexes())
        group.pendings = group.pendings + [shard.epoch]
        group.save(self._store)
        for name in self._store.names("pair/" + self._group_id.hex() + "/"):
            if not group.keeps_pairs(int(name.split("/")[2])):
                self._store.erase(name)  # an older pending keeps its shard; its pairs are set up anew if it ever counts

    def note_missing(self, indexes: "list[int]") -> None:
        """Remember whose acknowledgements of the new shard did not come, for the people; a full store is no matter."""
        try:
            self._store.write(missing_name(self._group_id), bytes(indexes))
        except DaricError:
            pass

    def activate(self, acks: "list[tuple[int, bytes]]") -> int:
        """As Custody.activate, for this session's group."""
        return self._custody.activate(self._group_id, acks, None, self)

    def store_leaving(
        self, kind: str, epoch: int, sid: bytes, confirm: bytes, session_roster: bytes, roster: "Roster"
    ) -> None:
        """Note, before the shares leave, that this party deals its share to a committee it is not in.

        roster: the new committee. Only a certificate of that very dealing makes this party destroy its shard.
        """
        from daric_protocol import activation

        activation.store_leaving(self._custody, self._group_id, kind, epoch, sid, confirm, session_roster, roster)

    # Enrolment

    def check_issue(self, index: int, identity: bytes) -> None:
        """Abort("soft") unless the index may go to this identity (33 B), before anything of it is sent."""
        from daric_protocol import memberchange

        memberchange.check_issue(self._custody, self._group_id, index, identity)

    def issue_index(self, index: int, identity: bytes) -> None:
        """Note durably that an index belongs to an identity (33 B) for good; Abort("soft") if it is another's."""
        from daric_protocol import memberchange

        memberchange.issue(self._custody, self._group_id, index, identity)

    def store_enrolled(self, shard: "Shard") -> None:
        """Keep a share of the group's current epoch until its change of the roster is signed; a retry replaces it."""
        from daric_protocol import memberchange

        memberchange.store_enrolled(self._custody, self._group_id, self._name, shard)

    def doubt_identity(self, identity: bytes) -> None:
        """Note, before a recovery is acknowledged, that no epoch tried so far counts with this identity any more.

        identity: 33 B. Otherwise a member that withheld its acknowledgement could come back by it once it was replaced.
        """
        from daric_protocol import activation

        activation.doubt(self._custody, self._group_id, identity)

    def adopt(self, change: bytes) -> bool:
        """As Custody.adopt, for a change of the roster that this session made."""
        from daric_protocol import memberchange

        return memberchange.adopt(self._custody, change, self)

    def sign_identity(self, digest: bytes) -> bytes:
        """64 B signature of a tagged hash (32 B) with the identity key."""
        return self._custody.sign_identity(digest)

    # Signatures

    def spend(self, digest: bytes, sid: bytes) -> None:
        """From now on the digest (32 B) counts as signed: before u and w leave. One digest per session.

        sid: 32 B, of this signature. Raises DaricError("replayed") for a second one.
        """
        if self._spent:
            raise DaricError("replayed", "This session has already signed.")
        self._custody.journal.spend(self._group_id, digest)
        self._spent = sid

    def signed(self, digest: bytes, peers: "list[int]") -> None:
        """A valid signature is there: the digest's outcome is known, and the peers did well."""
        self._custody.journal.resolve(self._group_id, digest)
        for peer in peers:
            self._custody.bans.good(self._group_id, self._identity_of(peer))

    # Ending

    def close(self) -> None:
        """End the session's hold on its pairs. A check still open is treated as a power cut: a ban, no strike."""
        try:
            for peer in list(self._open):
                sid = self._open.pop(peer)
                self._custody.ban_pair(self._group_id, peer, self._identity_of(peer), sid, False)
        finally:
            for key in list(self._custody.owners):
                if self._custody.owners[key] is self:
                    del self._custody.owners[key]

    def __enter__(self) -> "SessionCustody":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _identity_of(self, peer: int) -> bytes:
        if self._roster is None:
            group = self._custody.group(self._group_id)
            epoch = group.epoch or max(group.pendings)
            self._roster = self._custody.read_shard(self._group_id, epoch).roster
        return self._roster.member(peer).identity

    def _banned(self, peer: int) -> bool:
        return self._custody.bans.is_banned(self._group_id, self._identity_of(peer))
