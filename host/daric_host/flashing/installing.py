"""Putting an image onto a bare board through MicroPython's prompt: what would change, and the change itself.

The image goes into a code slot, the four files that start it into the board's own file system; the ones that turn the
prompt off come last, so that a board whose flashing was interrupted can be flashed again. Specification:
docs/hardware.md, flashing.
"""

from __future__ import annotations

import hashlib
from binascii import b2a_base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from daric_protocol.errors import DaricError
from daric_protocol.imagehead import PRODUCTION, numbers

from daric_host.flashing.rawboard import BoardFacts, RawBoard, runs_on
from daric_host.flashing.signedimage import SignedImage

LOADER = ("loader.mpy", "codeflash.mpy")
STARTERS = ("boot.py", "main.py")  # in this order: with both there is no prompt any more
PIECE = 2048  # of the payload in one statement; a multiple of 256
SPARE, RUNNING = "_s.spare()", "_s.running()"
WRITE, KEEP, RESUME = "write", "keep", "resume"
OPEN_SLOTS = """
import sys
for _n in ("loader", "codeflash"):
    sys.modules.pop(_n, None)
from binascii import a2b_base64 as _b
from loader import Slots
from codeflash import code
_s = Slots(code())
"""

Bar = Callable[[int, int], None]
Step = Callable[[str], Bar]


@dataclass(frozen=True)
class Change:
    """One thing that flashing would do. what: write, keep or resume. size: bytes."""

    name: str
    what: str
    size: int


def check_fits(image: SignedImage, facts: BoardFacts, architecture: str) -> None:
    """Raises DaricError("parameter") where this MicroPython cannot run the image. architecture: of its machine code."""
    manifest = image.manifest
    if manifest.kind == PRODUCTION:
        raise DaricError("parameter", "a production image is for a MicroPython without a prompt, and this one has one")
    if list(facts.version) < numbers(manifest.micropython):
        has = ".".join(map(str, facts.version))
        raise DaricError("parameter", f"the board has MicroPython {has}, the image needs {manifest.micropython}")
    if not runs_on(architecture, facts.architecture):
        has = facts.architecture or "no machine code"
        raise DaricError("parameter", f"the image is for {manifest.board} ({architecture}), the board runs {has}")


def base_files(image: SignedImage) -> dict[str, bytes]:
    """The four files that start the image. Raises DaricError("parameter") for an image without them."""
    contents = image.contents()
    missing = [name for name in LOADER + STARTERS if name not in contents]
    if missing:
        raise DaricError("parameter", f"the image has no {missing[0]}, so no bare board starts from it")
    return {name: contents[name] for name in LOADER + STARTERS}


def plan(board: RawBoard, image: SignedImage) -> list[Change]:
    """What `install` would do to this board; nothing is written."""
    changes = []
    files = base_files(image)
    for name, data in files.items():
        same = board.digest(name) == hashlib.sha256(data).digest()
        changes.append(Change(name, KEEP if same else WRITE, len(data)))
    what = WRITE
    if all(change.what == KEEP for change in changes[: len(LOADER)]):
        board.run(OPEN_SLOTS)
        if _holds(board, image, RUNNING):
            what = KEEP
        elif _holds(board, image, SPARE):
            what = RESUME
    return [*changes[: len(LOADER)], Change("code slot", what, image.manifest.size), *changes[len(LOADER) :]]


def install(board: RawBoard, image: SignedImage, step: Step) -> int:
    """Make the board one that starts this image at its next start; the number of bytes that crossed the line.

    Interrupted anywhere, it is repeated and goes on. step: called with the name of each step. Raises DaricError:
    "storage" (no room, or the flash does not hold what was written), "link", "internal".
    """
    files = base_files(image)
    sent = sum(_put(board, name, files[name], step) for name in LOADER)
    sent += _fill_slot(board, image, step)
    return sent + sum(_put(board, name, files[name], step) for name in STARTERS)


def _put(board: RawBoard, name: str, data: bytes, step: Step) -> int:
    bar = step(f"write {name}")
    if board.digest(name) == hashlib.sha256(data).digest():
        bar(1, 1)
        return 0
    board.put(name, data, bar)
    bar(1, 1)
    return len(data)


def _fill_slot(board: RawBoard, image: SignedImage, step: Step) -> int:
    manifest = image.manifest
    bar = step("write the code slot")
    board.run(OPEN_SLOTS)
    room = int(board.value("_s.room"))
    if manifest.size > room:
        raise DaricError("storage", f"the image has {manifest.size} bytes, a code slot of this board takes {room}")
    if _holds(board, image, RUNNING) and board.value(f"_s.whole({RUNNING})"):
        bar(1, 1)
        return 0  # only what starts it was missing
    begin = f"_s.begin({image.head!r}, {manifest.form}, {manifest.size}, {manifest.digest!r})"
    offset = -1
    while offset < 0:
        offset = int(board.value(begin))
    first = offset
    while offset < manifest.size:
        bar(offset, manifest.size)
        piece = image.payload[offset : offset + PIECE]
        board.run(f"_s.put({offset}, _b({b2a_base64(piece, newline=False)!r}))")
        offset += len(piece)
    bar(1, 1)
    checking = step("verify the code slot")
    if board.value(f"_s.whole({SPARE})") is not True:
        board.run("_s.discard()")
        raise DaricError("storage", "the board's flash does not hash to the image's digest: flash it again")
    board.run("_s.adopt()")
    checking(1, 1)
    return manifest.size - first


def _holds(board: RawBoard, image: SignedImage, slot: str) -> bool:
    """Whether a slot begins with this image's head; how much of its payload is there is another question."""
    about: Any = board.value(f"_s.about({slot}) if {slot} >= 0 else None")
    return about is not None and about[3] == image.head
