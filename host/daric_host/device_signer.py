"""A device's identity at the services: it signs, its host speaks."""

from __future__ import annotations

from typing import Any

from daric_host.device import DeviceLink


class DeviceSigner:
    """The signer of a device's RelayClient. identity: 33 B."""

    def __init__(self, identity: bytes, device: DeviceLink) -> None:
        self.public = identity
        self._device = device

    async def sign_auth(self, fields: list[Any]) -> bytes:
        """64 B over the fields of daric_protocol.auth."""
        return await self._device.auth(fields)
