"""New firmware for a paired device over its encrypted link: the device judges it, its owner agrees, and it is tried.

An update that was interrupted goes on where it stopped when it is asked for again.
Specification: docs/hardware.md, updates.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from daric_protocol.errors import DaricError
from daric_protocol.limits import APPROVAL_TIMEOUT, LINK_PIECE_BYTES

from daric_host.device import DeviceLink
from daric_host.flashing.signedimage import SignedImage

POLL = 0.5
NOT_YET = ("link", "timeout", "locked", "sealed")  # what a device that restarts, or waits for its PIN, answers


@dataclass(frozen=True)
class UpdateState:
    """What a device runs. digest, offered: SHA-256 of its image and of one that the next start tries, b"" for none.

    slot: -1 on a board without code slots. on_trial: the image is not confirmed yet, and may be taken back.
    """

    version: str
    kind: str
    digest: bytes
    slot: int
    on_trial: bool
    offered: bytes


async def state(link: DeviceLink) -> UpdateState:
    """What the device runs. An image on trial is confirmed by having answered this."""
    fields = await link.update_state()
    if [type(field) for field in fields] != [str, str, bytes, int, bool, bytes]:
        raise DaricError("encoding", "the state of an update has six fields")
    return UpdateState(*fields)


async def update(
    link: DeviceLink,
    image: SignedImage,
    progress: Callable[[int, int], None] = lambda done, total: None,
    patience: float = APPROVAL_TIMEOUT,
) -> None:
    """Bring an image onto a paired device and wait until it runs and stays. Returns at once where it runs already.

    progress: called with bytes written and bytes in all. patience: seconds for the restart, and for the owner to
    unlock the device then. Raises DaricError: "update" for an image that the device does not take or went back from,
    "refused", "timeout", "busy", "storage", "link" and "locked".
    """
    manifest = image.manifest
    now = await state(link)
    if now.digest == manifest.digest:
        return
    await send(link, image, progress)
    await link.update_end()
    await _settled(link, manifest.digest, patience)


async def send(
    link: DeviceLink, image: SignedImage, progress: Callable[[int, int], None] = lambda done, total: None
) -> None:
    """Write an image to the device's spare code slot, or the rest of one; nothing of it starts yet."""
    size = image.manifest.size
    offset = -1
    while offset < 0:
        offset = await link.update_begin(image.head)
    if offset > size:
        raise DaricError("encoding", "an update goes on within its image")
    progress(offset, size)
    while offset < size:
        piece = image.payload[offset : offset + LINK_PIECE_BYTES]
        following = await link.update_piece(offset, piece)
        if following != offset + len(piece):
            raise DaricError("encoding", "the device wants another piece than the next one")
        offset = following
        progress(offset, size)


async def _settled(link: DeviceLink, digest: bytes, patience: float) -> None:
    """Wait until the device has restarted and the image that it runs is confirmed."""
    deadline = time.monotonic() + patience
    while True:
        try:
            now = await state(link)
            if now.digest == digest and not now.on_trial:
                return
            if digest not in (now.digest, now.offered):
                raise DaricError("update", f"the new image did not work; the device runs version {now.version} again")
        except DaricError as error:
            if error.name not in NOT_YET or time.monotonic() > deadline:
                raise
        if time.monotonic() > deadline:
            raise DaricError("timeout", "the device has not confirmed the new image yet")
        await asyncio.sleep(POLL)
