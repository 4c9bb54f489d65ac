"""Random traffic at the device on a serial port: .venv/bin/python -m tests.link.fuzz_port PORT SECONDS [SEED]

Start it before the board is plugged in: it waits for the port and floods it with control bytes first of all. It ends
with an error as soon as anything but a frame of the protocol comes, or the device does not answer hello at the end.
"""

import asyncio
import sys
import time

from daric_host.device import DeviceLink
from daric_host.transport import SerialTransport
from daric_protocol.identity import Identity

from tests.link.fuzz import Fuzz
from tests.link.line import unwrapped

CONTROL = bytes(range(1, 6)) * 20
LONGEST = 4096  # bytes of one frame and more: a device that says so much without an end speaks no protocol


def opened(path: str, patience: float = 60) -> SerialTransport:
    """The port, as soon as it is there."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return SerialTransport(path)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.001)  # nothing tells that a port has come


def throw(path: str, seconds: float, seed: int) -> int:
    """Throw noise and frames at a device for so long; how many bytes of frames came back. AssertionError otherwise."""
    fuzz, port = Fuzz(seed), opened(path)
    rest, count = b"", 0
    try:
        deadline = time.monotonic() + seconds
        sent = CONTROL
        while time.monotonic() < deadline:
            port.write(sent)
            *pieces, rest = (rest + port.read(0.02)).split(b"\0")
            strange = [piece for piece in pieces if piece and unwrapped(piece) is None]
            assert not strange and len(rest) < LONGEST, f"no frames: {[*strange, rest]}"
            count += sum(map(len, pieces))
            sent = fuzz.noise() if fuzz.dice.random() < 0.5 else fuzz.frame()
    finally:
        port.close()
    return count


async def hello(path: str) -> int:
    async with await DeviceLink.open(path, Identity(4711)) as link:
        return await link.hello()


if __name__ == "__main__":
    path, seconds, *seed = sys.argv[1:]
    count = throw(path, float(seconds), int(*seed or [1]))
    print(count, "bytes of frames; the device speaks version", asyncio.run(hello(path)))
