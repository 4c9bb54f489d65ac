"""A serial line with seeded faults between two links, driven by a counter instead of a clock."""

import random
from collections.abc import Callable

from daric_protocol.link import CRC_BYTES, Link, unwrap, wrap


def wrapped(frame: bytes) -> bytes:
    """A frame as it goes over the line."""
    return wrap(bytearray(frame + bytes(CRC_BYTES)), len(frame), bytearray(2 * len(frame) + 16))


def unwrapped(piece: bytes) -> bytes | None:
    """The frame between two zeros; None for noise."""
    frame = unwrap(piece, 0, len(piece), bytearray(len(piece)))
    return None if frame is None else bytes(frame)


class Faults:
    """Changes bytes on their way: loses, repeats, alters or invents some, at the given rate per byte."""

    def __init__(self, seed: int, rate: float) -> None:
        self.dice = random.Random(seed)
        self.rate = rate
        self.count = 0

    def __call__(self, data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            if self.dice.random() >= self.rate:
                out.append(byte)
                continue
            self.count += 1
            fault = self.dice.choice(("lose", "repeat", "alter", "invent"))
            if fault == "repeat":
                out += bytes((byte, byte))
            elif fault == "alter":
                out.append(byte ^ self.dice.randrange(1, 256))
            elif fault == "invent":
                out += bytes((byte, self.dice.randrange(256)))
        return bytes(out)


def clean(data: bytes) -> bytes:
    return data


def exchange(
    host: Link,
    device: Link,
    *,
    there: Callable[[bytes], bytes] = clean,
    back: Callable[[bytes], bytes] = clean,
    seconds: int = 600,
) -> tuple[list[bytes], list[bytes]]:
    """Run both ends until both are idle; returns (messages at the device, messages at the host)."""
    at_device: list[bytes] = []
    at_host: list[bytes] = []
    for now in range(0, seconds * 1000, 10):
        sent = host.output(now)
        at_device += device.receive(there(sent)) if sent else []
        sent = device.output(now)
        at_host += host.receive(back(sent)) if sent else []
        if host.idle and device.idle and not host.output(now) and not device.output(now):
            return at_device, at_host
    raise AssertionError("the line did not come to rest")
