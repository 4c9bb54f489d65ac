"""Asks the cloud party to join a session. Its control endpoint takes a token of the auth service, nothing else."""

from __future__ import annotations

import uuid as uuid_module
from typing import Any

import aiohttp
from daric_protocol.errors import DaricError

from daric_host.hop_client import refusal
from daric_host.relay import RelayClient

AUDIENCE = "daric/cloud"
TIMEOUT = aiohttp.ClientTimeout(total=30)


class CloudClient:
    """The cloud party at a URL, for the party that a relay client is logged in as."""

    def __init__(self, url: str, relay: RelayClient) -> None:
        self._url = url
        self._relay = relay

    async def join(self, session: bytes) -> None:
        """Let the cloud join a session (16 B); done when it has its seat.

        Raises DaricError: unauthorised (another account's group), unknown_session, busy, group, service.
        """
        await self._post("/v1/join", {"session": str(uuid_module.UUID(bytes=session))})

    async def group_certificate(self, group: bytes) -> bytes:
        """The certificate of a group (16 B) of this account, for a member that missed it."""
        return bytes.fromhex((await self._post("/v1/certificate", {"group": group.hex()}))["certificate"])

    async def group_adopt(self, certificate: bytes) -> bool:
        """Hand over a certificate that the cloud may have missed; True if a pending shard became current."""
        return bool((await self._post("/v1/adopt", {"certificate": certificate.hex()}))["current"])

    async def _post(self, path: str, body: dict[str, str]) -> dict[str, Any]:
        headers = {"Authorization": "Bearer " + await self._relay.token(AUDIENCE)}
        try:
            async with (
                aiohttp.ClientSession(timeout=TIMEOUT, trust_env=False) as http,
                http.post(self._url + path, json=body, headers=headers) as response,
            ):
                answer = await response.json(content_type=None)
                if response.status >= 300:
                    raise refusal(response.status, answer)
                return dict(answer)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise DaricError("service", "the cloud party does not answer") from error
