"""A device as a party of sessions and a member of groups: its frames, certificates and changes.

Specification: docs/protocol.md, sections 1, 8 and 13; docs/sdk.md, the device's requests.
"""

from collections.abc import Callable, Sequence
from typing import Any

from daric_protocol import channel
from daric_protocol.errors import Abort, DaricError, error_name
from daric_protocol.limits import KEYGEN_TIMEOUT, LINK_PIECE_BYTES

from daric_host.deviceanswers import SessionFrame, SessionStatus, array, string
from daric_host.devicelink import Line
from daric_host.devicerequests import DeviceRequests


class DeviceSessions(DeviceRequests):
    """This part of a DeviceLink carries sessions and what groups have agreed on."""

    def __init__(self, line: Line, random: Callable[[int], bytes]) -> None:
        super().__init__(line, random)
        self._fetched = 0  # number of the last frame that arrived whole

    async def session_join(self, terms: bytes) -> bytes:
        """Begin to take part in a session: what to join with. DaricError("busy") while another one is active."""
        self._fetched = 0
        return string(await self._call("session_join", terms, self._random(32), timeout=KEYGEN_TIMEOUT))

    async def session_start(self, joins: Sequence[bytes]) -> bool:
        """Hand over the start list, in seat order. False: it came before and was dropped."""
        return bool(await self._call("session_start", list(joins), timeout=KEYGEN_TIMEOUT))

    async def session_deliver(self, seat: int, frame: bytes) -> bool:
        """A frame from another seat. False: early, offer it again after progress."""
        taken = None
        for offset in range(0, len(frame), LINK_PIECE_BYTES):
            piece = frame[offset : offset + LINK_PIECE_BYTES]
            taken = await self._call("session_deliver", seat, len(frame), offset, piece, timeout=KEYGEN_TIMEOUT)
        return bool(taken)

    async def session_fetch(self) -> SessionFrame:
        """The next frame to send, if there is one. Between rounds this is where the device computes."""
        number, seat, length, frame, state, round_ = await self._fetch(0)
        if frame is None:
            return SessionFrame(None, None, state, round_)
        while len(frame) < length:
            again, _, _, piece, _, _ = await self._fetch(len(frame))
            if again != number or not piece:
                raise DaricError("encoding", "the device changed its frame")
            frame += piece
        self._fetched = channel.ranged(number, 0, channel.MAX_COUNTER)
        return SessionFrame(seat, frame, state, round_)

    async def _fetch(self, offset: int) -> Any:
        return await self._call("session_fetch", self._fetched, offset, timeout=KEYGEN_TIMEOUT)

    async def session_state(self) -> SessionStatus:
        """Where the session stands; after its end, how it ended."""
        uuid, state, round_, code, error, result = await self._call("session_state")
        failure = None
        if error is not None:
            number, detail, blame = error
            name = error_name(number)
            aborted = name in ("soft", "spent", "blame", "ban")
            failure = Abort(name, blame, detail) if aborted else DaricError(name, detail)
        return SessionStatus(uuid, state, round_, code, failure, result)

    async def session_abort(self) -> None:
        """End the active session; nothing happens if there is none."""
        await self._call("session_abort")

    async def group_list(self) -> list[list[Any]]:
        """The device's groups, see daric.groups."""
        groups = await self._call("group_list")
        return list(groups)

    async def group_certificate(self, group: bytes) -> bytes:
        """The certificate of a group's current epoch, for a member that missed it. Errors "group" and "pending"."""
        return string(await self._call("group_certificate", group))

    async def group_adopt(self, certificate: bytes) -> bool:
        """Hand over a certificate that the device may have missed; True if a pending shard became current."""
        return bool(await self._call("group_adopt", certificate))

    async def group_changes(self, group: bytes) -> list[bytes]:
        """The changes of a group's roster since its epoch began, in order, for a member that missed them."""
        return [string(change) for change in array(await self._call("group_changes", group))]
