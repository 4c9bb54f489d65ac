"""How a request reaches a paired device, and how one that its owner decides on is repeated until the answer is there.

Specification: docs/architecture.md, the device; docs/sdk.md, the device's requests. The bytes cross in devicelink.py.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from daric_protocol.errors import DaricError
from daric_protocol.limits import APPROVAL_TIMEOUT, KEYGEN_TIMEOUT, LINK_REPLY_TIMEOUT

from daric_host.deviceanswers import array
from daric_host.devicelink import Line

POLL = 0.2
SLACK = 10  # the device counts the time of its question, and answers last

Answer = TypeVar("Answer")


async def until_answered(ask: Callable[[], Awaitable[Answer]], patience: float = APPROVAL_TIMEOUT) -> Answer:
    """The first answer that is not empty to a request that is repeated meanwhile.

    patience: seconds for which the device waits for its owner. Raises DaricError("timeout").
    """
    deadline = time.monotonic() + patience + SLACK
    while time.monotonic() < deadline:
        answer = await ask()
        if answer:
            return answer
        await asyncio.sleep(POLL)
    raise DaricError("timeout", "nobody answered on the device")


class DeviceRequests:
    """A paired device, asked by the names of its requests; every failure is a DaricError."""

    def __init__(self, line: Line, random: Callable[[int], bytes]) -> None:
        self._line = line
        self._random = random

    @property
    def sealed(self) -> bool:
        """Whether requests go on an encrypted channel."""
        return self._line.sealed

    @property
    def peer(self) -> bytes:
        """Identity of the device that the encrypted channel leads to, b"" in clear."""
        return self._line.peer

    async def _call(self, method: str, *parameters: Any, timeout: float = LINK_REPLY_TIMEOUT) -> Any:
        """The result of a request."""
        return await self._line.call(method, list(parameters), timeout)

    async def _asked(self, method: str, *parameters: Any, patience: float = APPROVAL_TIMEOUT) -> Any:
        """The result of a request that waits for the owner: [] until it is there, then [result]."""

        async def ask() -> list[Any]:
            return array(await self._call(method, *parameters, timeout=KEYGEN_TIMEOUT))

        return (await until_answered(ask, patience))[0]
