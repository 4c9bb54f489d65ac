"""A party's shards and pair states over a small store: kept, made current, banned, erased; the same at every party.

Every change of several entries is ordered so that a power cut leaves the old state or the new one; `recover` finishes
what was begun. Specification: docs/protocol.md, sections 8 (epochs and deletion), 9 (pair set-up), 13.
"""

from daric_protocol import platform
from daric_protocol.bans import Bans
from daric_protocol.custodysession import SessionCustody
from daric_protocol.errors import DaricError
from daric_protocol.group import Group, issued_name, issued_to, pair_name, replaced, shard_name
from daric_protocol.identity import Identity
from daric_protocol.journal import Journal
from daric_protocol.pairstate import ENCODED
from daric_protocol.shard import Shard, ack_digest
from daric_protocol.tagged import random_scalar, scalar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from daric_protocol.platform.entropy import Drbg
    from daric_protocol.roster import Roster

    Random = Callable[[int], bytes]

    class Store(Protocol):
        """Named values. Each change is durable and atomic: after a power cut a name has its old or its new value."""

        def read(self, name: str) -> "bytes | None":
            """The value, or None. Raises DaricError("storage") naming a damaged entry."""

        def write(self, name: str, *parts: bytes) -> None:
            """Set the value, the parts end to end; the previous one is destroyed. Raises DaricError("storage")."""

        def erase(self, name: str) -> None:
            """Destroy the value beyond recovery; nothing happens where there is none."""

        def names(self, prefix: str) -> "list[str]":
            """All names that start with a prefix."""


IDENTITY = "identity"
HEDGE = "hedge"


def load_identity(store: "Store", random: "Random") -> Identity:
    """The party's long-term key, made at the first start. Raises DaricError("storage")."""
    secret = store.read(IDENTITY)
    if secret is None:
        secret = scalar(random_scalar(random))
        store.write(IDENTITY, secret)
    return Identity(int.from_bytes(secret, "big"))


class Custody:
    """All that a party keeps. One object per store; make it before any session and keep it.

    store: Store. identity: own Identity. random: n -> bytes. Construction finishes or undoes whatever a power cut or
    crash interrupted.
    """

    def __init__(self, store: "Store", identity: Identity, random: "Random") -> None:
        self.store = store
        self.identity = identity
        self.random = random
        self.journal = Journal(store)
        self.bans = Bans(store)
        self.owners: "dict[tuple[bytes, int], SessionCustody]" = {}  # pairs in use, by group and peer
        self.consents: "set[tuple[bytes, int]]" = set()  # set-ups granted after repeated bans, until used
        self.recover()

    # Groups

    def groups(self) -> "list[bytes]":
        """Ids (16 B) of all stored groups."""
        return [bytes.fromhex(name[6:]) for name in self.store.names("group/")]

    def find(self, group_id: bytes) -> "Group | None":
        """The record of a group, or None where nothing of it is stored."""
        return Group.load(self.store, group_id)

    def group(self, group_id: bytes) -> Group:
        """The record of a stored group. Raises DaricError("group")."""
        group = self.find(group_id)
        if group is None:
            raise DaricError("group")
        return group

    def shard(self, group_id: bytes) -> Shard:
        """The current shard. Raises DaricError("group"), or ("pending") before the first certificate."""
        group = self.group(group_id)
        if group.epoch == 0:
            raise DaricError("pending" if group.pendings else "group")
        return self.read_shard(group_id, group.epoch)

    def read_shard(self, group_id: bytes, epoch: int) -> Shard:
        """The shard of a current or pending epoch. Raises DaricError("storage") where it is missing."""
        data = self.store.read(shard_name(group_id, epoch))
        if data is None:
            raise DaricError("storage", "The shard of epoch %d is missing." % epoch)
        return Shard.decode(data)

    def roster(self, group_id: bytes) -> "Roster":
        """The roster of the current shard. Raises as `shard`."""
        return self.shard(group_id).roster

    def highest_epoch(self, group_id: bytes) -> int:
        """The highest epoch this party ever tried in a group, failed attempts included; 0 if none."""
        group = self.find(group_id)
        return self.journal.forming_epoch(group_id) if group is None else group.highest_epoch

    def highest_index(self, group_id: bytes) -> int:
        """The highest index that this party ever saw or gave away in a group; 0 if none."""
        group = self.find(group_id)
        issued = issued_to(self.store, group_id)
        return max(0 if group is None else group.highest_index, 0 if issued is None else issued[1])

    def unusable(self, group_id: bytes) -> "list[int]":
        """Members of the current roster with whom no usable pair state is held."""
        shard = self.shard(group_id)
        held = self.store.names("pair/" + group_id.hex() + "/")
        found = []
        for member in shard.roster.members:
            there = pair_name(group_id, shard.epoch, member.index) in held
            if member.index != shard.me and (not there or self.bans.is_banned(group_id, member.identity)):
                found.append(member.index)
        return found

    # Sessions

    def session(
        self, group_id: bytes, uuid: bytes, roster: "Roster | None" = None, name: str = ""
    ) -> SessionCustody:
        """What the rounds of one session use; close it when the session ends.

        roster: the session's roster where it is not the stored one (a new group, new members). name: of a new group.
        """
        return SessionCustody(self, group_id, uuid, roster, name)

    def use_session(self, uuid: bytes) -> None:
        """Record durably that a session id was started. Raises DaricError("replayed")."""
        self.journal.use_session(uuid)

    def session_random(self, uuid: bytes, epoch: int, entropy: "Random") -> "Drbg":
        """The generator of one session: even a source that repeats itself repeats no nonce.

        entropy: n -> fresh bytes of the entropy door. Draws 32 bytes, and 32 more for the hedge key at first use.
        """
        from daric_protocol.platform.entropy import Drbg, session_seed

        hedge = self.store.read(HEDGE)
        if hedge is None:
            hedge = entropy(32)
            self.store.write(HEDGE, hedge)
        count = self.journal.next_count()
        return Drbg(session_seed(hedge, entropy(32), uuid, epoch, count))

    def sign_identity(self, digest: bytes) -> bytes:
        """64 B signature of a tagged hash (32 B) with the identity key."""
        return self.identity.sign(digest, self.random)

    # Spent digests

    def is_spent(self, group_id: bytes, digest: bytes) -> bool:
        """Whether a signature of the digest was, or may have been, made by this group."""
        return self.journal.is_spent(group_id, digest)

    def check_digest(self, group_id: bytes, digest: bytes, confirmed: bool = False) -> None:
        """Whether a digest may be signed now, before its session starts.

        A digest whose signing ended unseen may be tried again as it is. Signing another one meanwhile, or one that was
        signed before, needs the owner's explicit confirmation: DaricError("spent") or ("replayed").
        """
        unresolved = self.journal.unresolved(group_id)
        if confirmed or unresolved == digest:
            return
        if unresolved:
            raise DaricError("spent", "An earlier request may have been signed: repeat it, or confirm another one.")
        if self.is_spent(group_id, digest):
            raise DaricError("replayed", "This request was signed before.")

    # Certificates

    def activate(
        self,
        group_id: bytes,
        acks: "list[tuple[int, bytes]]",
        epoch: "int | None" = None,
        session: "SessionCustody | None" = None,
    ) -> int:
        """Make the pending shard current that these acks of all its members certify; returns its epoch.

        acks: [(index, signature 64)] in index order. epoch: which pending, where it is known. session: the one that
        asks, whose own pairs do not count as in use. Raises DaricError("certificate") if they fit no shard that this
        party stored, or ("busy") while another session uses a pair of the group; then nothing changed.
        """
        from daric_protocol import activation

        return activation.activate(self, group_id, acks, epoch, session)

    def check_idle(self, group_id: bytes, session: "SessionCustody | None") -> None:
        """No other session uses a pair of the group, or DaricError("busy")."""
        for key, owner in self.owners.items():
            if key[0] == group_id and owner is not session:
                raise DaricError("busy", "A session is using a pair of this group.")

    def certificate(self, group_id: bytes) -> bytes:
        """The certificate of the current epoch, for latecomers; or of the epoch that this party dealt its share to.

        Raises DaricError("group") or ("pending").
        """
        from daric_protocol import activation, certificate

        left = self.store.read(activation.left_name(group_id))
        if left is not None and self.group(group_id).epoch == 0:
            return left
        shard, acks = self.shard(group_id), self.group(group_id).certificate
        gone = replaced(self.store, group_id)
        if gone:
            shard.roster = certificate.signers(shard, acks, gone)
        return activation.encode(shard, acks)

    def adopt(self, certificate: bytes) -> bool:
        """Act on a certificate or a certified change of the roster from anyone, as far as this party's own acts allow.

        True if an epoch or a roster became current. Raises DaricError("encoding"), ("group"), ("pending"), ("roster")
        where a change before this one is missing, ("certificate") or ("busy").
        """
        from daric_protocol import activation, memberchange

        if b"" < certificate[18:19] < b"\x20":  # behind the group id a number and not a text: a change of the roster
            return memberchange.adopt(self, certificate)
        return activation.adopt(self, certificate)

    def changes(self, group_id: bytes) -> "list[bytes]":
        """The changes of the roster since the current epoch began, in order, for members that missed them."""
        from daric_protocol.memberchange import change_name

        names = self.store.names(change_name(group_id, 0)[:-1])
        versions = sorted([int(name.split("/")[2]) for name in names])
        return [self.store.read(change_name(group_id, version)) or b"" for version in versions]

    # Pair set-ups

    def allow_setup(self, group_id: bytes, peer: int, now: int, confirmed: bool = False) -> None:
        """Ask before a standalone pair set-up. now: the caller's clock, seconds. confirmed: the owner insisted.

        After three strikes it takes that and a day. Raises DaricError("banned").
        """
        member = self.roster(group_id).member(peer)
        self.bans.check_setup(group_id, member.identity, now, confirmed)
        self.consents.add((group_id, peer))

    def activate_pair(
        self,
        group_id: bytes,
        peer: int,
        acks: "list[tuple[int, bytes]]",
        session: "SessionCustody | None" = None,
    ) -> None:
        """Make the pending state with a peer current: both acknowledged it. A ban of the pair ends here.

        acks: [(index, signature 64)]. Raises DaricError("certificate") or ("busy"); then nothing changed.
        """
        from daric_protocol.certificate import acknowledged

        self.check_idle(group_id, session)
        shard = self.shard(group_id)
        epoch, sid, state = self._fresh(group_id, peer)
        if epoch != shard.epoch or sorted(index for index, _ in acks) != sorted([shard.me, peer]):
            raise DaricError("certificate", "No pair set-up with this member waits for these acknowledgements.")
        for index, signature in acks:
            digest = ack_digest(group_id, sid, "pair", epoch, state[32:64], shard.roster.hash(), index)
            if not acknowledged(shard.roster, index, digest, signature):
                raise DaricError("certificate", "An acknowledgement of the pair set-up does not verify.")
        self.store.write(_swap_name(group_id, peer), b"")
        self._finish_swap(group_id, peer)

    def _fresh(self, group_id: bytes, peer: int) -> "tuple[int, bytes, bytes]":
        try:
            data = self.store.read(fresh_name(group_id, peer))
        except DaricError:
            data = None  # a set-up that can't be read is made again
        if data is None:
            return 0, b"", b""
        epoch, sid = platform.cbor_decode(data[:-ENCODED])
        return epoch, sid, data[-ENCODED:]

    def _finish_swap(self, group_id: bytes, peer: int) -> None:
        """After the swap was noted: replace the state, end the ban, tidy up. May be repeated."""
        epoch, _, state = self._fresh(group_id, peer)
        group = self.find(group_id)
        if state and group is not None and epoch == group.epoch:
            self.store.write(pair_name(group_id, epoch, peer), state)
            self.bans.clear(group_id, self.roster(group_id).member(peer).identity)
        self.store.erase(fresh_name(group_id, peer))
        self.store.erase(_swap_name(group_id, peer))

    # Bans

    def ban_pair(self, group_id: bytes, peer: int, identity: bytes, sid: bytes, strike: bool) -> None:
        """Erase every pair state with a peer and remember the ban. May be repeated after a cut: the mark goes last."""
        name = mark_name(group_id, peer)
        if name not in self.store.names(name):
            self.store.write(name, sid + identity)
        for pair in self.store.names("pair/" + group_id.hex() + "/"):
            if pair.split("/")[3] == str(peer):
                self.store.erase(pair)
        self.store.erase(_swap_name(group_id, peer))
        self.store.erase(fresh_name(group_id, peer))
        self.bans.add(group_id, identity, strike)
        self.store.erase(name)

    # Start-up

    def recover(self) -> None:
        """Finish or undo what a power cut interrupted: a mark is a ban without strike; leftovers are erased."""
        for name in self.store.names("mark/"):
            group_id, peer = _parse(name)
            self.ban_pair(group_id, peer, self._marked_identity(name), b"", False)
        for name in self.store.names("swap/"):
            self._finish_swap(*_parse(name))
        seen = set()
        for kind in ("shard/", "pair/", "fresh/"):
            for name in self.store.names(kind):
                seen.add(name.split("/")[1])
        for gid in seen:
            group_id = bytes.fromhex(gid)
            try:
                group = self.find(group_id) or Group(group_id)
            except DaricError:
                continue  # a record that can't be read keeps all that belongs to it
            self.recover_group(group)
        for name in self.store.names("issued/"):
            self._forget_issued(bytes.fromhex(name[7:]))

    def _forget_issued(self, group_id: bytes) -> None:
        """An index that was given to somebody who is a member by now is no longer on the way."""
        try:
            issued = issued_to(self.store, group_id)
            members = self.roster(group_id).members
        except DaricError:
            return
        if issued is not None and issued[2] in [member.identity for member in members]:
            self.store.erase(issued_name(group_id))

    def _marked_identity(self, name: str) -> bytes:
        """Whom a mark is about: it says so itself; if it is damaged the roster knows, and else nobody."""
        group_id, peer = _parse(name)
        try:
            mark = self.store.read(name) or b""
            return mark[32:]
        except DaricError:
            pass
        try:
            return self.roster(group_id).member(peer).identity
        except DaricError:
            return b""

    def recover_group(self, group: Group) -> None:
        """Erase every shard and pair state that the record of a group does not name."""
        for kind in ("shard/", "pair/", "fresh/"):
            for name in self.store.names(kind + group.id.hex() + "/"):
                if self._is_leftover(name, group):
                    self.store.erase(name)

    def _is_leftover(self, name: str, group: Group) -> bool:
        parts = name.split("/")
        if parts[0] == "fresh":
            return self._fresh(group.id, int(parts[2]))[0] != group.epoch
        epoch = int(parts[2])
        return not (group.keeps_shard(epoch) if parts[0] == "shard" else group.keeps_pairs(epoch))


def mark_name(group_id: bytes, peer: int) -> str:
    """Where an open check is noted."""
    return "mark/" + group_id.hex() + "/" + str(peer)


def fresh_name(group_id: bytes, peer: int) -> str:
    """Where a new pair state waits for the peer's acknowledgement."""
    return "fresh/" + group_id.hex() + "/" + str(peer)


def _swap_name(group_id: bytes, peer: int) -> str:
    return "swap/" + group_id.hex() + "/" + str(peer)


def _parse(name: str) -> "tuple[bytes, int]":
    parts = name.split("/")
    return bytes.fromhex(parts[1]), int(parts[2])
