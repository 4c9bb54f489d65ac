"""`make chip UF2=path`: a key generation 2-of-2, one 2-of-3 and a signature by a party on an emulated Pico.

usage: python -m tools.chip UF2. Specification: docs/hardware.md, an emulated Pico. Exit codes: 0 done, 2 a wrong
command line, else the number of the error.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path

from daric_protocol.errors import DaricError
from daric_protocol.garbage import OFTEN

from tools.chip import flash, peers
from tools.chip.pico import Pico

MOST_BYTES = 8 << 20  # of a UF2 file: twice what it takes to fill the flash


async def run(image: bytes, garbage: int) -> None:
    """Everything on one chip, told line by line. Raises DaricError."""
    async with Pico(image) as pico:
        await pico.connected()
        chip = peers.Party(pico, garbage)
        hello = await chip.hello()
        tell("MicroPython", hello.micropython)
        tell("arithmetic", hello.arithmetic)
        tell("heap free, party imported", f"{hello.free} bytes")
        tell("collects garbage", "as the firmware does" if garbage == OFTEN else "as the port does")
        await peers.key_generation(chip, 2, 2)
        tell("key generation 2-of-2", seconds(chip))
        keepers = await peers.key_generation(chip, 2, 3)
        tell("key generation 2-of-3", seconds(chip))
        await peers.signature(chip, keepers, [1, 2])
        tell("signature, one counterparty", seconds(chip))
        tell("emulated, waiting included", f"{pico.seconds:.1f} s")


def seconds(chip: peers.Party) -> str:
    """What the chip's clock counted for the last process, and the heap it had."""
    return f"{chip.micros / 1e6:.2f} s at 125 MHz, {chip.free} bytes of heap free after import"


def tell(what: str, value: str) -> None:
    print(f"{what:28} {value}", flush=True)


def load(path: Path) -> bytes:
    """The file. Raises DaricError("parameter")."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise DaricError("parameter", f"{path} cannot be read: {error.strerror}") from None
    if len(data) > MOST_BYTES:
        raise DaricError("parameter", f"{path} is larger than any UF2 file for a Pico")
    return data


def main(arguments: list[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="tools.chip", description="The firmware's party on an emulated Pico.")
    parser.add_argument("uf2", type=Path, help="a stock MicroPython 1.28 for the Raspberry Pi Pico")
    parser.add_argument("--garbage", type=int, default=OFTEN, help="-1: collect garbage as the port does")
    given = parser.parse_args(arguments)
    began = time.monotonic()
    try:
        asyncio.run(run(flash.image(load(given.uf2)), given.garbage))
    except DaricError as error:
        print(f"{error.name}: {error.detail}", file=sys.stderr)
        return error.number
    except ModuleNotFoundError as error:
        missing = DaricError("parameter", f"{error.name} is not installed: pip install 'daric[sim,flash,chip]'")
        print(f"{missing.name}: {missing.detail}", file=sys.stderr)
        return missing.number
    tell("on this machine", f"{time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
