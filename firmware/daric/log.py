"""The record of the sessions this device took part in: chained by hashes, bounded, without secrets.

A few entries share a page of the vault, so that a session's end costs one small write; a page is the old or the new one
after a power cut. Loaded when a session ends or a host asks. Specification: docs/architecture.md, the device.
"""

from daric_protocol import channel, envelope, platform
from daric_protocol.errors import DaricError
from daric_protocol.limits import LOG_ENTRIES_PER_PAGE, LOG_PAGES
from daric_protocol.sessionlog import BEFORE_FIRST, LogEntry, entry_hash, first_kept, page_of

PREFIX = "log/"


def record(vault, session, own: bytes, missed: int) -> None:
    """Write down a session that ended. own: this device's identity. Raises DaricError("storage")."""
    terms = session.terms
    outcome = "done" if session.error is None else session.error.name
    append(vault, missed, terms.uuid, terms.op, terms.group, peers(session, own), session.hooks.digest, outcome)


def peers(session, own: bytes) -> "list[bytes]":
    """Identities of the others; of a session that ended before all were known, those that the terms name."""
    roster = session.roster
    if roster is None:
        return []
    indexes = session.indexes or session.terms.members
    return [member.identity for member in roster.members if member.index in indexes and member.identity != own]


def append(vault, missed: int, *fields) -> None:
    """Add an entry: session .. outcome as in LogEntry. Raises DaricError("storage"); then nothing was added."""
    pages = _pages(vault)
    count, head, entries = _end(vault, pages)
    if count % LOG_ENTRIES_PER_PAGE == 0:
        entries = []
    entries.append(envelope.encode(LogEntry(count, head, missed, *fields)))
    newest = page_of(count)
    vault.write(_name(newest), platform.cbor_encode(entries))
    try:
        for page in pages:
            if page <= newest - LOG_PAGES:
                vault.erase(_name(page))
    except DaricError:
        pass  # the entry is there; the next one tries again


def read_log(device, _host: bytes, first: object) -> list:
    """A paired host reads the record: as `read`."""
    return read(device.vault, first)


def read(vault, first: object) -> list:
    """[count, head, entries]: how many were ever written, the hash of the last one, and one page from `first` on.

    Raises DaricError("storage") where that page is damaged.
    """
    first = channel.ranged(first, 0, channel.MAX_COUNTER)
    pages = _pages(vault)
    count, head, entries = _end(vault, pages)
    first = max(first, first_kept(count))
    if first >= count:
        return [count, head, []]
    page = page_of(first)
    if page != page_of(count - 1):
        entries = _load(vault, page)
    return [count, head, entries[first - page * LOG_ENTRIES_PER_PAGE :]]


def _name(page: int) -> str:
    return PREFIX + "%08x" % page


def _pages(vault) -> "list[int]":
    return [int(name[len(PREFIX) :], 16) for name in vault.names(PREFIX)]


def _load(vault, page: int) -> "list[bytes]":
    data = vault.read(_name(page))
    return [] if data is None else platform.cbor_decode(data)


def _end(vault, pages: "list[int]") -> tuple:
    """(count, head, entries of the last page). After a damaged page the chain begins anew, which its reader sees."""
    if not pages:
        return 0, BEFORE_FIRST, []
    try:
        entries = _load(vault, pages[-1])
    except DaricError:
        return (pages[-1] + 1) * LOG_ENTRIES_PER_PAGE, BEFORE_FIRST, []
    return pages[-1] * LOG_ENTRIES_PER_PAGE + len(entries), entry_hash(entries[-1]), entries
