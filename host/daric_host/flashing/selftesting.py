"""The self-test of a board: what the device measures, what that has to be, and what only a person sees.

Specification: docs/hardware.md, self-test.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from daric_protocol.errors import DaricError

from daric_host.device import DeviceLink
from daric_host.flashing import factory, trial

BY_ITSELF = ("entropy", "flash", "crypto", "multiply")
SIGMAS = 6  # a good source fails once in half a billion
MOST_FREQUENT = 40  # of 2048 bytes, the count of one value: 8 on average
LONGEST_RUN = 5
ECHOES = 20
ECHO = bytes(range(256)) * 16
SMALL = bytes(range(1, 6)) * 8  # what a prompt would take as commands

Step = Callable[[str], Any]
Look = Callable[[str], None]


async def board(link: DeviceLink, step: Step) -> dict[str, Any]:
    """The tests that need no person: name -> measured. Raises DaricError("internal", "entropy", "storage" ..)."""
    found: dict[str, Any] = {}
    for name in BY_ITSELF:
        step(f"self-test {name}")
        found[name] = READERS[name](await factory.selftest(link, name))
    step("self-test link")
    found["link"] = await line(link)
    return found


async def line(link: DeviceLink) -> dict[str, Any]:
    """Echoes on the serial line: milliseconds of a short one, bytes a second of a long one both ways."""
    started = time.monotonic()
    for _ in range(ECHOES):
        await _echo(link, SMALL)
    short = (time.monotonic() - started) / ECHOES
    started = time.monotonic()
    await _echo(link, ECHO)
    return {"round_trip_ms": round(short * 1000, 2), "bytes_per_s": round(2 * len(ECHO) / (time.monotonic() - started))}


async def _echo(link: DeviceLink, data: bytes) -> None:
    if await factory.selftest(link, "link", data) != data:
        raise DaricError("internal", "the device gives other bytes back than it was sent")


async def person(link: DeviceLink, look: Look) -> dict[str, Any]:
    """The tests that a person answers at the device. Raises DaricError("internal") if one fails, "timeout"."""
    for name, wanted, what in (
        ("display", True, "say yes if every character on the display is whole"),
        ("right", True, "say yes with the right button"),
        ("left", False, "say no with the left button"),
    ):
        look(what)
        if await factory.panel(link, name) is not wanted:
            raise DaricError("internal", f"the test of the {name} {'button ' if name != 'display' else ''}failed")
    return {"panel": "display and both buttons"}


async def processes(link: DeviceLink, step: Step) -> dict[str, Any]:
    """A key generation and a signature, in seconds; link: connected."""
    done = await trial.run(link, step)
    return {"keygen_s": done.keygen, "sign_s": done.sign}


def _numbers(value: Any, count: int) -> list[int]:
    if not isinstance(value, list) or len(value) != count or not all(type(one) is int for one in value):
        raise DaricError("encoding", f"the device measured something else than {count} numbers")
    return value


def _entropy(value: Any) -> dict[str, Any]:
    count, ones, frequent, longest, micros = _numbers(value, 5)
    found = {"bytes": count, "ones": ones, "most_frequent": frequent, "longest_run": longest, "us": micros}
    if (ones - 4 * count) ** 2 > SIGMAS**2 * 2 * count or frequent > MOST_FREQUENT or longest > LONGEST_RUN:
        raise DaricError("entropy", f"the entropy source leans: {found}")
    return found


def _flash(value: Any) -> dict[str, Any]:
    count, write, read, erase = _numbers(value, 4)
    return {"bytes": count, "write_us": write, "read_us": read, "erase_us": erase}


def _crypto(value: Any) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        raise DaricError("encoding", "the device names the vectors that it reproduced")
    return value


def _multiply(value: Any) -> dict[str, Any]:
    anywhere, generator = _numbers(value, 2)
    return {"any_point_us": anywhere, "generator_us": generator}


READERS: dict[str, Callable[[Any], Any]] = {
    "entropy": _entropy, "flash": _flash, "crypto": _crypto, "multiply": _multiply,
}  # fmt: skip
