"""New firmware over the encrypted link: a paired host brings it, this device judges it, its owner agrees.

Nothing is written before the signed head was found good; the slot that runs is never touched, and what was written does
not start before all of it was checked and the owner agreed. Loaded for each request.
Specification: docs/hardware.md, updates.
"""

import sys

from daric_protocol import channel
from daric_protocol.errors import DaricError
from daric_protocol.imagehead import PRODUCTION, Head, Manifest, numbers
from daric_protocol.limits import LINK_PIECE_BYTES

from daric import VERSION, made
from daric.loader import Slots

ROW = 12  # hexadecimal digits, in groups of four


def digest(device) -> bytes:
    """SHA-256 of the image that runs, b"" on a board without code slots."""
    return state(device, b"")[2]


def state(device, _host: bytes) -> list:
    """[version, kind, SHA-256 of the image, its slot, on trial, SHA-256 of an image that the next start tries].

    Slot -1: the board has none.
    """
    flash = device.board.code()
    if flash is None:
        return [VERSION, made.KIND, b"", -1, False, b""]
    slots = Slots(flash)
    slot = slots.running()
    return [VERSION, made.KIND, _digest(slots, slot), slot, slots.on_trial(), _digest(slots, slots.offered())]


def confirm(device) -> None:
    """The image that runs has opened its vault and served a host: it stays."""
    Slots(device.board.code()).confirm()


def begin(device, _host: bytes, head: object) -> list:
    """Judge the head of an image and make room for the rest: [offset to go on at], -1: ask again, flash is erased.

    Raises DaricError: "update" for an image that this device does not take, "storage", "busy", "encoding".
    """
    slots = _slots(device)
    manifest = judged(_bounded(head))
    running = slots.about(slots.running()) if slots.running() >= 0 else None
    if running is not None and running[0] != manifest.form:
        raise DaricError("update", "the image is of another form than this board runs")
    if manifest.size > slots.room:
        raise DaricError("storage", "the image is larger than a code slot")
    try:
        return [slots.begin(head, manifest.form, manifest.size, manifest.digest)]
    except OSError:
        raise DaricError("storage", "the code flash failed")


def piece(device, _host: bytes, offset: object, data: object) -> int:
    """Write a piece, at a multiple of 256; the same one may come again. Returns where the next one belongs.

    Raises DaricError: "update" for a piece that does not belong there, "storage".
    """
    slots = _slots(device)
    channel.ranged(offset, 0, channel.MAX_COUNTER)
    try:
        slots.put(offset, _bounded(data))
    except ValueError:
        raise DaricError("update", "this piece does not belong there; begin again")
    except OSError:
        raise DaricError("storage", "the code flash failed")
    return offset + len(data)


def end(device, _host: bytes) -> object:
    """The owner's question, once all of the image is there and good. Raises DaricError("update")."""
    from daric.errands import Question

    slots = _slots(device)
    about = slots.about(slots.spare())
    if about is None:
        raise DaricError("update", "no image was begun")
    manifest = judged(about[3])
    try:
        whole = about[2] == manifest.digest and slots.whole(slots.spare())
        if not whole:
            slots.discard()  # else the right bytes could never follow the wrong ones
    except OSError:
        raise DaricError("storage", "the code flash failed")
    if not whole:
        raise DaricError("update", "the image is not complete, or not the one that was signed")

    def install(_answer: str) -> bool:
        agreed = _slots(device)
        now = agreed.about(agreed.spare())
        if now is None or now[3] != about[3]:
            raise DaricError("update", "the image is another one than the owner saw")
        try:
            agreed.activate()  # checks all of its bytes again
        except ValueError:
            raise DaricError("update", "the image is another one than the owner saw")
        except OSError:
            raise DaricError("storage", "the code flash failed")
        device.restart()
        return True

    return Question(question(manifest), install, pin=True)


def question(manifest: "Manifest") -> "list[str]":
    """What the owner reads before new firmware is installed."""
    lines = ["Install update?", " " + manifest.version, "Now:", " " + VERSION, "Made for:", " " + manifest.kind]
    lines.append("Image:")
    text = manifest.digest.hex()
    for at in range(0, len(text), ROW):
        lines.append("".join([" " + text[part : part + 4] for part in range(at, min(at + ROW, len(text)), 4)]))
    return lines


def judged(encoded: bytes) -> "Manifest":
    """The manifest of a head, if this device takes that image. Raises DaricError: "update", "encoding"."""
    head = Head.decode(encoded)
    manifest = Manifest.decode(head.manifest)
    if not made.UPDATE_KEY:
        raise DaricError("update", "this firmware was made without a key for updates")
    if manifest.board != made.BOARD:
        raise DaricError("update", "the image is for another board")
    if made.KIND == PRODUCTION and manifest.kind != PRODUCTION:
        raise DaricError("update", "a production device takes no development image")
    if numbers(manifest.version) <= numbers(VERSION):
        raise DaricError("update", "the image is not newer than what runs")
    if list(sys.implementation.version[:3]) < numbers(manifest.micropython):
        raise DaricError("update", "the image needs a newer MicroPython")
    try:
        head.check(made.UPDATE_KEY)
    except DaricError as error:
        raise DaricError("update", error.detail)
    return manifest


def _bounded(data: object) -> bytes:
    if not isinstance(data, bytes) or not 0 < len(data) <= LINK_PIECE_BYTES:
        raise DaricError("encoding", "expected up to %d bytes" % LINK_PIECE_BYTES)
    return data


def _digest(slots: "Slots", slot: int) -> bytes:
    about = None if slot < 0 else slots.about(slot)
    return b"" if about is None else about[2]


def _slots(device) -> "Slots":
    """The code slots, where an update may be written now. Raises DaricError: "update", "busy"."""
    flash = device.board.code()
    if flash is None:
        raise DaricError("update", "this board has no code slots")
    slots = Slots(flash)
    if slots.on_trial() or device.busy:
        raise DaricError("busy", "a new image is on trial, or a session is active")
    return slots
