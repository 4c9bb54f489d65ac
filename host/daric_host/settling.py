"""Brings the certificate of a group to whoever missed it. Specification: docs/protocol.md, section 8, rule 5."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from daric_protocol.custody import Custody
from daric_protocol.errors import DaricError


class Holder(Protocol):
    """A party that is asked and told: a device, or the cloud through its client."""

    async def group_certificate(self, group: bytes) -> bytes: ...

    async def group_adopt(self, certificate: bytes) -> bool: ...


class Own:
    """This party as one of them."""

    def __init__(self, custody: Custody) -> None:
        self._custody = custody

    async def group_certificate(self, group: bytes) -> bytes:
        return self._custody.certificate(group)

    async def group_adopt(self, certificate: bytes) -> bool:
        return self._custody.adopt(certificate)


async def settle(group_id: bytes, parties: Sequence[Holder]) -> None:
    """Ask everybody who can be reached for the certificate, and hand it to everybody; who has it already ignores it."""
    for holder in parties:
        with suppress(DaricError):
            certificate = await holder.group_certificate(group_id)
            for taker in parties:
                with suppress(DaricError):
                    await taker.group_adopt(certificate)
