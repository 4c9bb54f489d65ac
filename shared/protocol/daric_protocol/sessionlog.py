"""One entry of the record that a device keeps of its sessions, and how entries hang together.

Nothing in it is secret: who, what, when in order, how it ended. Specification: docs/architecture.md, the device.
"""

from daric_protocol.limits import LOG_ENTRIES_PER_PAGE, LOG_PAGES, MAX_PARTIES
from daric_protocol.messages import DIGEST, POINT_BYTES, ListOf, Message, Number, Octets, Text
from daric_protocol.tagged import TH

BEFORE_FIRST = b"\0" * 32  # stands where there is no entry before
MOST = 0xFFFFFFFF


class LogEntry(Message):
    """A session that ended. number: from 0. previous: entry_hash of the entry before.

    missed: sessions before this one that could not be recorded. session, group: bytes 16. op: as in the terms. peers:
    identities, 33 B each, as far as they were known. digest: 32 B that were signed or to be signed, else empty.
    outcome: "done" or the name of the error.
    """

    NAMES = ("number", "previous", "missed", "session", "op", "group", "peers", "digest", "outcome")
    FIELDS = (
        Number(0, MOST), DIGEST, Number(0, MOST), Octets(16), Text(16), Octets(16),
        ListOf((POINT_BYTES,), MAX_PARTIES), Octets(0, 32), Text(24),
    )  # fmt: skip
    number: int
    previous: bytes
    missed: int
    session: bytes
    op: str
    group: bytes
    peers: "list[bytes]"
    digest: bytes
    outcome: str


def entry_hash(encoded: bytes) -> bytes:
    """What the next entry names as the one before it, 32 B. encoded: the deterministic CBOR of a LogEntry."""
    return TH("daric/log", encoded)


def page_of(number: int) -> int:
    """The page that holds the entry of this number."""
    return number // LOG_ENTRIES_PER_PAGE


def first_kept(count: int) -> int:
    """Number of the oldest entry that is still there when `count` entries were written: whole pages go."""
    if count == 0:
        return 0
    return max(0, page_of(count - 1) - LOG_PAGES + 1) * LOG_ENTRIES_PER_PAGE
