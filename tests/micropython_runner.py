"""Run scripts in the real MicroPython, on the same compiled files that a device gets."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from daric_host.flashing import compiling

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build" / "mpy"
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
    """A directory with the packages compiled as they ship, made anew only when a source has changed."""
    packages = ("daric_protocol/", "daric/") if firmware else ("daric_protocol/",)
    sources = {inside: data for inside, data in compiling.sources().items() if inside.startswith(packages)}
    target = BUILD / compiling.fingerprint(sources)
    if not target.exists():
        _compile(sources, target)
    os.utime(target)
    return target


def _compile(sources: "dict[str, bytes]", target: Path) -> None:
    """Build beside the target and rename, so that parallel test processes see all of a build or none of it."""
    BUILD.mkdir(parents=True, exist_ok=True)
    for old in BUILD.iterdir():
        if time.time() - old.stat().st_mtime > KEEP_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(dir=BUILD, prefix="partial-"))
    for inside, data in compiling.contents(sources).items():
        (partial / inside).parent.mkdir(parents=True, exist_ok=True)
        (partial / inside).write_bytes(data)
    try:
        partial.rename(target)
    except OSError:  # another process was faster
        shutil.rmtree(partial)
    assert target.exists()
