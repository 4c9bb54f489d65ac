"""Lay out all that our own build of MicroPython for one board takes: docs/hardware.md, production build.

    .venv/bin/python tools/production/prepare.py --board BOARD --micropython DIR --out OUT
        --image IMAGE --public KEY      for production: no prompt, and this signed image inside; without: development

Verifies the image and the MicroPython tree, writes OUT/board (BOARD_DIR), OUT/frozen and OUT/c (USER_C_MODULES) and
OUT/SHA256SUMS, and prints the digest of that file: the same on every machine. Exit code 1 and a sentence where
something is not as it has to be.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import sys
from pathlib import Path

from daric_host.flashing import compiling, signedimage
from daric_host.flashing.signedimage import SignedImage
from daric_protocol.errors import DaricError
from daric_protocol.imagehead import PRODUCTION, ROMFS
from daric_sim.boards import BOARDS

HERE = Path(__file__).parent
VERSION = ("1", "28")  # of MicroPython: whose way to random bytes and whose boot code were read
STOCK = {"stm32f4": "NUCLEO_F439ZI", "stm32h7": "NUCLEO_H743ZI"}  # whose pins, clocks and linker script are taken
SETTINGS = {
    "rp2040": {"PICO_BOARD": "pico", "PICO_PLATFORM": "rp2040", "STORAGE": "1312"},
    "rp2350": {"PICO_BOARD": "pico2", "PICO_PLATFORM": "rp2350-arm-s", "STORAGE": "2560"},
    "rp2350-riscv": {"PICO_BOARD": "pico2", "PICO_PLATFORM": "rp2350-riscv", "STORAGE": "2560"},
    "esp32": {"TARGET": "esp32s3", "MCU": "ESP32-S3", "USB": "boards/sdkconfig.usb", "QUIET": "y"},
    "esp32c3": {"TARGET": "esp32c3", "MCU": "ESP32-C3", "USB": "", "QUIET": "n"},
}
# Frozen too: what of the port's own modules the firmware or a development board needs.
PORT_MODULES = {
    ("rp2", True): 'freeze("$(PORT_DIR)/modules", "rp2.py")',
    ("rp2", False): 'freeze("$(PORT_DIR)/modules", "rp2.py")',
    ("esp32", False): 'freeze("$(PORT_DIR)/modules", ("_boot.py", "flashbdev.py", "inisetup.py"))',
}
# What has to be in the sources, and why: (file, pattern, what it is for).
WANTED = {
    "": [
        ("py/mpconfig.h", rf"MICROPY_VERSION_MAJOR {VERSION[0]}\b", "MicroPython 1.28"),
        ("py/mpconfig.h", rf"MICROPY_VERSION_MINOR {VERSION[1]}\b", "MicroPython 1.28"),
        ("shared/runtime/pyexec.c", r"(?s)#if MICROPY_ENABLE_COMPILER\n.*pyexec_friendly_repl", "no prompt"),
    ],
    "rp2": [("ports/rp2/modos.c", r"get_rand_(32|64|128)\(", "os.urandom on pico_rand")],
    "esp32": [("ports/esp32/modos.c", r"esp_random|esp_fill_random", "os.urandom on the chip's generator")],
    "stm32": [("ports/stm32/modos.c", r"rng_get\(", "os.urandom on the processor's generator")],
}


class Unfit(Exception):
    """Something is not as a production build needs it; the text says what."""


def check_sources(micropython: Path, port: str) -> None:
    """Raises Unfit for a MicroPython tree that the firmware's promises do not hold for."""
    for name, pattern, purpose in WANTED[""] + WANTED[port]:
        path = micropython / name
        text = path.read_text() if path.is_file() else ""
        if not re.search(pattern, text):
            raise Unfit(f"{name} has not what was expected: {purpose}")


def checked_image(path: Path, board: str, public: bytes) -> SignedImage:
    """The image of this file. Raises Unfit, or DaricError as SignedImage does."""
    image = signedimage.load(path)
    image.check_signature(public)
    image.check_board(board)
    if image.manifest.kind != PRODUCTION:
        raise Unfit("the image is a development image")
    if image.manifest.form != ROMFS:
        raise Unfit("the image is no ROMFS; build it with --form romfs")
    return image


def lay_out(board: str, image: SignedImage | None, micropython: Path, out: Path) -> str:
    """Write everything to `out`, which must not exist. Returns the SHA-256 of SHA256SUMS in hex.

    image: of a production build, None for development. Raises Unfit, OSError.
    """
    port = BOARDS[board].module
    check_sources(micropython, port)
    out.mkdir(parents=True)
    _frozen(out / "frozen", board, port, image)
    _modules(out / "c", port, image)
    _board(out / "board", board, port, micropython, image is not None)
    sums = "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(out).as_posix()}\n"
        for path in sorted(out.rglob("*"))
        if path.is_file()
    )
    (out / "SHA256SUMS").write_text(sums)
    return hashlib.sha256(sums.encode()).hexdigest()


def _frozen(target: Path, board: str, port: str, image: SignedImage | None) -> None:
    """What starts before the image is mounted: as text, which the build compiles with its own compiler."""
    target.mkdir()
    shutil.copyfile(HERE / port / "daric_port.py", target / "daric_port.py")
    if image is None:
        if port == "rp2":
            shutil.copyfile(HERE / port / "_boot_development.py", target / "_boot.py")
        return
    if port != "stm32":  # whose boot code is in C
        shutil.copyfile(HERE / "_boot.py", target / "_boot.py")
    sources = compiling.sources(port)
    for name in (*compiling.STARTED, compiling.LOADER, compiling.CODE_FLASH):
        (target / name).write_bytes(sources[name])
    if port == "stm32":  # its slots would lie on a chip that anybody can write: the image inside is the only one
        (target / compiling.CODE_FLASH).write_text("def code():\n    return None\n")
    contents = image.contents()
    for name in compiling.STARTED:
        if contents.get(name) != sources[name]:
            raise Unfit(f"{name} of the image is not the one of these sources")


def _modules(target: Path, port: str, image: SignedImage | None) -> None:
    shutil.copytree(HERE / "c", target)
    if port == "esp32":
        shutil.copyfile(HERE / port / "esp32_random.c", target / "esp32_random.c")
    if image is None:
        (target / "daricrom.c").unlink()
        return
    rows = [image.payload[at : at + 24] for at in range(0, len(image.payload), 24)]
    (target / "daric_image.c").write_text(
        "// The payload of the signed image; its SHA-256 is " + hashlib.sha256(image.payload).hexdigest() + ".\n"
        "#include <stddef.h>\n"
        f"const size_t daric_image_length = {len(image.payload)};\n"
        "const unsigned char daric_image[] __attribute__((aligned(8))) = {\n"
        + "".join(",".join(map(str, row)) + ",\n" for row in rows)
        + "};\n"
    )


def _board(target: Path, board: str, port: str, micropython: Path, production: bool) -> None:
    if port == "stm32":
        stock = micropython / "ports" / "stm32" / "boards" / STOCK[board]
        if not stock.is_dir():
            raise Unfit(f"ports/stm32/boards/{STOCK[board]} is missing")
        shutil.copytree(stock, target)
        for name in ("mpconfigboard.h", "mpconfigboard.mk"):
            with (target / name).open("a") as file:
                file.write((HERE / port / name.replace(".", "_extra.")).read_text())
    else:
        target.mkdir()
        settings = dict(SETTINGS[board])
        if not (micropython / "ports" / port / settings.get("USB", "")).is_file():
            settings["USB"] = ""  # later trees have these settings in sdkconfig.base
        more = ["partitions.csv", "sdkconfig.board"] if port == "esp32" else []
        for name in ["mpconfigboard.h", "mpconfigboard.cmake", *more]:
            (target / name).write_text(_filled((HERE / port / name).read_text(), settings))
    if production:
        with (target / "mpconfigboard.h").open("a") as file:
            file.write((HERE / "no_prompt.h").read_text())
    more_frozen = PORT_MODULES.get((port, production), "")
    (target / "manifest.py").write_text((HERE / "manifest.py").read_text() + more_frozen + "\n" * bool(more_frozen))


def _filled(text: str, settings: dict[str, str]) -> str:
    """Put the settings in place of @NAME@; BOARD_DIR is left to the build."""
    for name, value in settings.items():
        text = text.replace(f"@{name}@", value)
    left = set(re.findall(r"@(\w+)@", text)) - {"BOARD_DIR"}
    if left:
        raise Unfit(f"no value for {sorted(left)}")
    return text


def main(arguments: list[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = [name for name, board in BOARDS.items() if board.module != "virtual"]
    parser.add_argument("--board", choices=known, required=True)
    parser.add_argument("--image", type=Path, help="signed production image of the board")
    parser.add_argument("--public", type=bytes.fromhex, default=b"", help="key that signed it, 33 bytes in hex")
    parser.add_argument("--micropython", type=Path, required=True, help="source tree of MicroPython 1.28")
    parser.add_argument("--out", type=Path, required=True, help="a directory that does not exist")
    given = parser.parse_args(arguments)
    try:
        image = checked_image(given.image, given.board, given.public) if given.image else None
        print(lay_out(given.board, image, given.micropython, given.out))
    except (Unfit, DaricError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
