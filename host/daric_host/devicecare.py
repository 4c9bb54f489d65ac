"""The state of a device: its record, its store and flash, its firmware, whether it is genuine.

Specification: docs/architecture.md, the device; docs/hardware.md, provisioning and updates.
"""

from typing import Any

from daric_protocol import channel
from daric_protocol.errors import DaricError
from daric_protocol.genuine import Attestation
from daric_protocol.limits import KEYGEN_TIMEOUT, LINK_REPLY_TIMEOUT
from daric_protocol.sessionlog import MOST, first_kept

from daric_host.deviceanswers import array, string
from daric_host.devicelink import only
from daric_host.devicerequests import DeviceRequests
from daric_host.sessionlog import SessionLog, verify


class DeviceCare(DeviceRequests):
    """This part of a DeviceLink looks after the device itself."""

    async def log(self) -> SessionLog:
        """The device's record of the sessions it took part in, verified. DaricError("storage") if it is broken."""
        entries: list[bytes] = []
        first = 0
        while True:
            page = await self._call("log", first)
            if not isinstance(page, list) or len(page) != 3:
                raise DaricError("encoding", "a page of the record is a count, a hash and entries")
            count = channel.ranged(page[0], 0, MOST)
            head = channel.sized(page[1], 32)
            got = [string(entry) for entry in array(page[2])]
            entries.extend(got)
            first = max(first, first_kept(count)) + len(got)
            if not got or first >= count:
                return verify(count, head, entries)

    async def damaged(self) -> list[str]:
        """Names of the entries of the device's store that can't be read; everything else works without them."""
        return [str(name) for name in array(await self._call("damaged", timeout=KEYGEN_TIMEOUT))]

    async def wear(self) -> dict[str, int]:
        """How often each block of the device's raw flash areas was erased since the first start or the last wipe."""
        return {str(area): channel.ranged(count, 0, channel.MAX_COUNTER) for area, count in await self._call("wear")}

    # New firmware; daric_host.flashing.updating takes all of these steps

    async def update_state(self) -> list[Any]:
        """What the device runs: as UpdateState of daric_host.flashing.updating."""
        return list(array(await self._call("update_state")))

    async def update_begin(self, head: bytes) -> int:
        """Offer an image by its head: the offset to go on at, -1: ask again. Raises DaricError("update")."""
        offset = array(await self._call("update_begin", head))
        return channel.ranged(only(offset), -1, channel.MAX_COUNTER)

    async def update_piece(self, offset: int, piece: bytes) -> int:
        """Write at most 2048 bytes of the image's payload; where the next ones belong."""
        return channel.ranged(await self._call("update_piece", offset, piece), 0, channel.MAX_COUNTER)

    async def update_end(self) -> None:
        """Install the image, if the owner agrees on the screen; the device restarts. Raises DaricError("update")."""
        await self._asked("update_end")

    # The factory

    async def genuine(self, factory: bytes) -> Attestation:
        """What the paired device says of itself, its board and its image, proved with its identity and its certificate.

        factory: 33 B key that has to have signed the certificate; b"" proves the identity alone. Raises
        DaricError("genuine"), also for another device's proof that this one passes on.
        """
        challenge = self._random(32)
        answer = Attestation.from_wire(await self._call("factory_attest", challenge))
        answer.check(challenge, factory, self.peer)
        return answer

    async def factory(self, method: str, *parameters: Any, timeout: float = LINK_REPLY_TIMEOUT) -> Any:
        """A request of the factory, see docs/hardware.md: sealed after connect(), else in clear, which a device answers
        only while no host is paired with it.
        """
        if self._line.sealed:
            name = f"factory_{method}"
            return await self._call(name, *parameters, timeout=timeout)
        return only(await self._line.ask(channel.FACTORY, [method, *parameters], timeout))
