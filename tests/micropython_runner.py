"""Run scripts in the real MicroPython, on the same compiled files that a device gets."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from daric_sim import image

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
    sources = {inside: path for inside, path in image.sources().items() if inside.startswith(packages)}
    target = BUILD / image.fingerprint(sources)
    if not target.exists():
        _compile(sources, target)
    os.utime(target)
    return target


def _compile(sources: "dict[str, Path]", target: Path) -> None:
    """Build beside the target and rename, so that parallel test processes see all of a build or none of it."""
    BUILD.mkdir(parents=True, exist_ok=True)
    for old in BUILD.iterdir():
        if time.time() - old.stat().st_mtime > KEEP_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(dir=BUILD, prefix="partial-"))
    for inside, path in sources.items():
        copy = partial / inside
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".py":
            image.compile_file(inside, path, copy.with_suffix(".mpy"))
        else:
            shutil.copyfile(path, copy)
    try:
        partial.rename(target)
    except OSError:  # another process was faster
        shutil.rmtree(partial)
    assert target.exists()
