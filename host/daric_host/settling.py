"""Brings certificates and changes of the roster to whoever missed them.

Specification: docs/protocol.md, section 8, rule 5 and the changes of a roster.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from daric_protocol.custody import Custody
from daric_protocol.errors import DaricError


class Holder(Protocol):
    """A party that is asked and told: a device, or the cloud through its client."""

    async def group_certificate(self, group: bytes) -> bytes: ...

    async def group_changes(self, group: bytes) -> list[bytes]: ...

    async def group_adopt(self, certificate: bytes) -> bool: ...


class Own:
    """This party as one of them."""

    def __init__(self, custody: Custody) -> None:
        self._custody = custody

    async def group_certificate(self, group: bytes) -> bytes:
        return self._custody.certificate(group)

    async def group_changes(self, group: bytes) -> list[bytes]:
        return self._custody.changes(group)

    async def group_adopt(self, certificate: bytes) -> bool:
        return self._custody.adopt(certificate)


async def settle(group_id: bytes, parties: Sequence[Holder]) -> None:
    """Ask everybody who can be reached, and hand it to everybody; who has it already ignores it.

    Certificates go first: a change of the roster is one of an epoch.
    """
    for holder in parties:
        with suppress(DaricError):
            await _tell(parties, await holder.group_certificate(group_id))
    for holder in parties:
        with suppress(DaricError):
            for change in await holder.group_changes(group_id):
                await _tell(parties, change)


async def _tell(parties: Sequence[Holder], news: bytes) -> None:
    for taker in parties:
        with suppress(DaricError):
            await taker.group_adopt(news)
