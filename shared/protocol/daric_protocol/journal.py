"""What a party remembers over restarts: counted seeds, used sessions, epochs tried, spent digests.

Each journal is one entry of bounded size and forgets its oldest line first; what is forgotten is never what safety
rests on. Specification: docs/protocol.md, sections 1 and 13.
"""

from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.limits import FORMING_GROUPS, SPENT_DIGESTS, USED_SESSIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from daric_protocol.custody import Store

COUNTER = "journal/counter"
SESSIONS = "journal/sessions"
FORMING = "journal/forming"
UUID_BYTES = 16
GROUP_BYTES = 16
DIGEST_BYTES = 16  # kept of each spent digest: enough to recognise it


class Journal:
    """The journals in a store. Every change is durable when the call returns."""

    def __init__(self, store: "Store") -> None:
        self._store = store

    def next_count(self) -> int:
        """1, 2, 3, ..: never the same twice, also after a power cut."""
        last = self._store.read(COUNTER)
        count = (0 if last is None else int.from_bytes(last, "big")) + 1
        self._store.write(COUNTER, count.to_bytes(8, "big"))
        return count

    def session_used(self, uuid: bytes) -> bool:
        """Whether a session of this id was started and is still remembered."""
        used = self._store.read(SESSIONS) or b""
        return uuid in [used[at : at + UUID_BYTES] for at in range(0, len(used), UUID_BYTES)]

    def use_session(self, uuid: bytes) -> None:
        """Remember a session id (16 B) before anything of it is computed. Raises DaricError("replayed")."""
        if len(uuid) != UUID_BYTES:
            raise DaricError("parameter", "A session id has 16 bytes.")
        if self.session_used(uuid):
            raise DaricError("replayed", "This session was started before.")
        used = (self._store.read(SESSIONS) or b"") + uuid
        self._store.write(SESSIONS, used[-USED_SESSIONS * UUID_BYTES :])

    def forming_epoch(self, group_id: bytes) -> int:
        """The highest epoch tried for a group of which nothing is stored; 0 if none is remembered."""
        highest = 0
        for known, epoch in self._forming():
            if known == group_id:
                highest = epoch
        return highest

    def set_forming_epoch(self, group_id: bytes, epoch: int) -> None:
        """Remember the epoch of an attempt to make a group; epoch 0 forgets the group."""
        kept: "list[list[Any]]" = [line for line in self._forming() if line[0] != group_id]
        if epoch:
            kept.append([group_id, epoch])
        self._store.write(FORMING, platform.cbor_encode(kept[-FORMING_GROUPS:]))

    def _forming(self) -> "list[Any]":
        data = self._store.read(FORMING)
        lines: "list[Any]" = [] if data is None else platform.cbor_decode(data)
        return lines

    def spend(self, group_id: bytes, digest: bytes) -> None:
        """From now on `digest` (32 B) counts as signed, with an unknown outcome until `resolve`."""
        _, ring = self._spent(group_id)
        self._write_spent(group_id, digest, self._added(ring, digest))

    def resolve(self, group_id: bytes, digest: bytes) -> None:
        """A valid signature of a spent digest is known."""
        unresolved, ring = self._spent(group_id)
        if unresolved == digest:
            self._write_spent(group_id, b"", ring)

    def is_spent(self, group_id: bytes, digest: bytes) -> bool:
        """Whether a signature of the digest was or may have been made."""
        ring = self._spent(group_id)[1]
        return digest[:DIGEST_BYTES] in [ring[at : at + DIGEST_BYTES] for at in range(0, len(ring), DIGEST_BYTES)]

    def unresolved(self, group_id: bytes) -> bytes:
        """The last digest that may have been signed without this party seeing the signature; empty if none."""
        return self._spent(group_id)[0]

    def _added(self, ring: bytes, digest: bytes) -> bytes:
        short = digest[:DIGEST_BYTES]
        pieces = [ring[at : at + DIGEST_BYTES] for at in range(0, len(ring), DIGEST_BYTES)]
        kept = [piece for piece in pieces if piece != short]
        kept.append(short)
        return b"".join(kept[-SPENT_DIGESTS:])

    def _spent(self, group_id: bytes) -> "tuple[bytes, bytes]":
        data = self._store.read("spent/" + group_id.hex())
        if data is None:
            return b"", b""
        unresolved, ring = platform.cbor_decode(data)
        return unresolved, ring

    def _write_spent(self, group_id: bytes, unresolved: bytes, ring: bytes) -> None:
        self._store.write("spent/" + group_id.hex(), platform.cbor_encode([unresolved, ring]))
