"""The image that simulated devices run: every file a board gets, compiled and packed as a ROMFS, in .build/image.

Built once per state of the sources; safe when many processes build at the same time.
"""

import os
import tempfile
import time
from pathlib import Path

from daric_host.flashing import compiling, romfs
from daric_host.flashing.compiling import ARCHITECTURE, FIRMWARE, PROTOCOL

__all__ = ["ARCHITECTURE", "FIRMWARE", "PROTOCOL", "build"]

KEEP_SECONDS = 24 * 3600  # another process may still run an image of older sources


def build(architecture: str = ARCHITECTURE) -> Path:
    """The image file; its name depends on the contents. Raises RuntimeError if a source does not compile, OSError if
    nothing can be written.
    """
    files = compiling.sources(architecture=architecture)
    place = _place()
    target = place / f"{compiling.fingerprint(files, architecture)}-{romfs.LAYOUT}.romfs"
    if not target.exists():
        _remove_old(place)
        with tempfile.TemporaryDirectory(dir=place) as work:
            partial = Path(work) / "image"
            partial.write_bytes(romfs.pack(compiling.contents(files, architecture)))
            partial.replace(target)  # all of it or nothing, whoever else is building
    os.utime(target)
    return target


def _place() -> Path:
    """`.build` of the source tree; beside temporary files where the tree is read-only."""
    elsewhere = Path(tempfile.gettempdir()) / f"daric-image-{os.getuid()}"
    for place in (FIRMWARE.parent.parent / ".build" / "image", elsewhere):
        try:
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:
            continue
        if os.access(place, os.W_OK):
            return place
    raise OSError("no directory for the device image can be written")


def _remove_old(place: Path) -> None:
    for old in place.glob("*.romfs"):
        try:
            if time.time() - old.stat().st_mtime > KEEP_SECONDS:
                old.unlink()
        except OSError:
            continue  # another process removed it first
