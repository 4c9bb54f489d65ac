"""`make core`: a party's key generations and signature on MicroPython's own core for Cortex-M0+.

usage: python -m tools.chip.core [options] [2-of-2] [2-of-3] [signature]. Specification: docs/hardware.md, MicroPython's
core. Exit codes: 0 done, 2 a wrong command line, else the number of the error.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path

from daric_protocol.errors import DaricError

from tools.bench import record
from tools.chip import peers
from tools.chip.__main__ import seconds, tell
from tools.chip.core import archive, building, profile
from tools.chip.core.machine import STACK_BYTES, Machine

ABOUT = f"""\
MicroPython's core as {building.PACKAGE} {building.VERSION} packs it, compiled for a Cortex-M0+ and run by an emulator
of that processor: no silicon, no USB, no littlefs. What the package has no source of (hashlib, cryptolib, os, time,
uctypes, files) are small modules of our own. Cycles are those of the Cortex-M0+ technical reference, at 125 MHz; flash
is as fast as RAM."""
SIGNATURE = "signature"
PROCESSES = {"2-of-2": (2, 2), "2-of-3": (2, 3)}  # key generations
GARBAGE = {None: "as the firmware does", -1: "as the port does"}
CALIBRATION = Path(__file__).with_name("calibrate.py")
REFERENCE = {  # microseconds on an emulated RP2040 at 125 MHz with a stock MicroPython 1.28: rp2040py
    "sha256": ("SHA-256 of 64 bytes", 130),
    "block": ("AES-ECB of 16 bytes", 55),
    "kibibyte": ("AES-ECB of 1 KiB", 1300),
    "product": ("x * y % P of 256 bits", 210),
    "inverse": ("pow(x, P - 2, P)", 90_000),
}


async def story(machine: Machine, symbols: list[tuple[int, str]], given: argparse.Namespace) -> None:
    """The processes that were asked for, told line by line. Raises DaricError."""
    chip = peers.Party(machine) if given.garbage is None else peers.Party(machine, given.garbage)
    hello = await chip.hello()
    tell("MicroPython", f"{hello.micropython}, modules {'in place in flash' if given.in_place else 'in the heap'}")
    tell("arithmetic", hello.arithmetic)
    tell("heap free, party imported", f"{hello.free} bytes")
    tell("collects garbage", GARBAGE.get(given.garbage, f"after {given.garbage} bytes while loading"))
    keepers: list[record.Keeper] = []
    for process in given.processes:
        machine.forget_stack()
        machine.counter.tally()
        if process == SIGNATURE:
            await peers.signature(chip, keepers, [1, 2])
            tell("signature, one counterparty", seconds(chip))
        else:
            keepers = await peers.key_generation(chip, *PROCESSES[process])
            tell(f"key generation {process}", seconds(chip))
        tally = machine.counter.tally()
        allocated = f"{tally.allocations} allocations of {tally.allocated} bytes"
        stack = f"{machine.stack_used} of {STACK_BYTES} bytes of stack"
        tell("", f"{tally.collections} collections, {allocated}, {stack}")
        if given.profile:
            print(profile.table(tally, symbols), flush=True)
    tell("emulated, all of it", f"{machine.seconds:.1f} s")


def calibrated(machine: Machine) -> dict[str, float]:
    """What calibrate.py measures: name -> microseconds, and "free" -> bytes."""
    return {name: float(value) for name, value in (line.split() for line in machine.run_to_end().splitlines())}


def calibration() -> dict[str, bytes]:
    """The files of a chip that calibrates."""
    program = b"import calibrate\ncalibrate.run()\n"
    return {
        archive.BOOT: archive.compiled("boot.py", program),
        "calibrate.mpy": archive.compiled("calibrate.py", CALIBRATION.read_bytes()),
    }


def tell_calibration(found: dict[str, float]) -> None:
    tell("heap free at boot", f"{found['free']:.0f} bytes")
    for name, (what, reference) in REFERENCE.items():
        tell(what, f"{found[name]:.0f} us, on an emulated stock Pico {reference}")


def arguments(given: list[str] | None) -> argparse.Namespace:
    """The command line. Raises SystemExit(2) if it is wrong."""
    known = [*PROCESSES, SIGNATURE]
    parser = argparse.ArgumentParser(
        prog="tools.chip.core", description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("processes", nargs="*", metavar="process", help=f"in this order; all when left out: {known}")
    parser.add_argument("--garbage", type=int, help="bytes between collections while loading, -1: the port's")
    parser.add_argument("--arithmetic", choices=archive.LEFT_OUT, default="kernel", help="the fastest that is there")
    parser.add_argument("--in-place", action="store_true", help="modules are executed in flash, as from a ROMFS")
    parser.add_argument("--profile", action="store_true", help="cycles by C function, allocations by size")
    parser.add_argument("--calibrate", action="store_true", help="measure known costs instead, beside a stock Pico's")
    found = parser.parse_args(given)
    found.processes = found.processes or known
    if unknown := [name for name in found.processes if name not in known]:
        parser.error(f"{unknown[0]} is none of {', '.join(known)}")
    if found.processes[0] == SIGNATURE:
        parser.error("a signature needs a key generation before it")
    return found


def main(given: list[str] | None = None) -> int:
    """The exit code."""
    wanted = arguments(given)
    began = time.monotonic()
    try:
        built = building.build()
        print(ABOUT, flush=True)
        files = calibration() if wanted.calibrate else archive.reduced(archive.files(), wanted.arithmetic)
        machine = Machine(built, archive.pack(files, wanted.in_place))
        if wanted.calibrate:
            tell_calibration(calibrated(machine))
        else:
            asyncio.run(story(machine, built.symbols, wanted))
    except DaricError as error:
        print(f"{error.name}: {error.detail}", file=sys.stderr)
        return error.number
    tell("on this machine", f"{time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
