"""A device's record of its sessions, checked: nothing changed, moved, left out or cut off.

Specification: docs/architecture.md, the device.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from daric_protocol import envelope
from daric_protocol.errors import DaricError
from daric_protocol.sessionlog import BEFORE_FIRST, LogEntry, entry_hash, first_kept

MAX_ENTRY_BYTES = 1024


@dataclass(frozen=True)
class SessionLog:
    """count: sessions ever recorded, of which the oldest are gone. head: 32 B that stand for all of them, also those
    that are gone. entries: the others, oldest first.
    """

    count: int
    head: bytes
    entries: list[LogEntry]

    @property
    def gone(self) -> int:
        """How many entries the device has dropped."""
        return self.count - len(self.entries)


def verify(count: int, head: bytes, encoded: Sequence[bytes]) -> SessionLog:
    """The record that a device gave as these bytes. Raises DaricError("storage") naming where the chain breaks."""
    number = first_kept(count)
    previous = BEFORE_FIRST
    entries: list[LogEntry] = []
    for data in encoded:
        try:
            entry: LogEntry = envelope.decode(LogEntry, data, MAX_ENTRY_BYTES)
        except DaricError:
            raise _broken(number) from None
        if entry.number != number or ((entries or number == 0) and entry.previous != previous):
            raise _broken(number)
        entries.append(entry)
        previous = entry_hash(data)
        number += 1
    if number != count or previous != head:
        raise _broken(number)
    return SessionLog(count, head, entries)


def _broken(number: int) -> DaricError:
    return DaricError("storage", f"The device's record of its sessions does not hold together at entry {number}.")
