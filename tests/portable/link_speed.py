"""Carries 49 KB both ways between two links, in the runtime this is started in, and prints the milliseconds."""

import time

from daric_protocol.link import Link

MESSAGE = bytes(range(256)) * 196


def milliseconds() -> int:
    return time.ticks_ms() if hasattr(time, "ticks_ms") else int(time.monotonic() * 1000)


def run() -> int:
    host, device = Link(b"host", limit=65536), Link(b"devi", True, 65536)
    started = milliseconds()
    for sender, receiver in ((host, device), (device, host)):
        sender.send(MESSAGE)
        received = []
        while not received:
            received = receiver.receive(sender.output(0))
            sender.receive(receiver.output(0))
        assert received[0] == MESSAGE
        assert sender.idle
    return milliseconds() - started


if __name__ == "__main__":
    print(run())
