"""The flash of a Pico: a stock MicroPython, and behind it a littlefs with the party's part of the firmware.

A stock MicroPython for the Pico executes modules from RAM alone, so they lie in the file system of its storage area; it
has no room for the whole firmware, of which the rest (link, screens, vault) is not here.
"""

from pathlib import Path

from daric_host.flashing import build, compiling
from daric_sim import boards

from tools.chip import uf2

BOARD = "rp2040"
FLASH_BYTES = 2 << 20
STORAGE_BYTES = 1408 * 1024  # at the end of it (MicroPython, ports/rp2/mpconfigport.h)
STORAGE_AT = FLASH_BYTES - STORAGE_BYTES
BLOCK, PROGRAM = 4096, 256
MAIN = b"import party\nparty.serve()\n"
PARTY = Path(__file__).with_name("party.py")


def image(file: bytes) -> bytes:
    """All of the flash. file: a UF2. Raises DaricError("parameter") as uf2.read, "internal" as build.make."""
    code = uf2.read(file, STORAGE_AT)
    return code + b"\xff" * (STORAGE_AT - len(code)) + storage(modules())


def modules() -> dict[str, bytes]:
    """What lies in the file system, path -> contents: the protocol as in the image of this board, and the party."""
    wanted = build.make(BOARD).contents()
    found = {path: data for path, data in wanted.items() if path.startswith("daric_protocol/")}
    architecture = boards.supported(BOARD).architecture
    return {**found, "party.mpy": compiling.compiled("party.py", PARTY.read_bytes(), architecture), "main.py": MAIN}


def storage(files: dict[str, bytes]) -> bytes:
    """The storage area with these files, as the port formats it."""
    from littlefs import LittleFS

    system = LittleFS(
        block_size=BLOCK, block_count=STORAGE_BYTES // BLOCK, read_size=32, prog_size=PROGRAM, cache_size=PROGRAM,
        lookahead_size=32, disk_version=0x00020000,
    )  # fmt: skip
    for path in sorted(files):
        folder = path.rpartition("/")[0]
        if folder:
            system.makedirs(folder, exist_ok=True)
        with system.open(path, "wb") as file:
            file.write(files[path])
    return bytes(system.context.buffer)
