"""Whoever is at the line without a pairing: raw link messages, and a party between a host and its device."""

import os

from daric_protocol import platform
from daric_protocol.link import Link

from tests.firmware.board import Wired


def raw(app, message) -> bytes:
    """Send one link message (or any bytes) and return the bytes of the answer."""
    link, wire = Link(os.urandom(4)), Wired(app)
    link.send(message if isinstance(message, bytes) else platform.cbor_encode(message))
    for now in range(1000):
        wire.write(link.output(now))
        for answer in link.receive(wire.read(0)):
            wire.write(link.output(now))
            app.step(0)
            return answer
    raise AssertionError("no answer")


def ask(app, message) -> list:
    return platform.cbor_decode(raw(app, message))


class Between:
    """A transport that somebody sits on: every message is taken, perhaps changed, passed on, and so is its answer.

    there, back: message -> message, as CBOR values. answer: instead of the device, message -> answer.
    """

    def __init__(self, app, there=lambda message: message, back=lambda message: message, answer=None) -> None:
        self.seen: list[tuple[list, list]] = []
        self._app = app
        self._there, self._back = there, back
        self._answer = answer or (lambda message: ask(app, message))
        self._link = Link(os.urandom(4), answering=True)
        self._out = b""
        self._now = 0

    def write(self, data: bytes) -> None:
        for request in self._link.receive(data):
            message = platform.cbor_decode(request)
            answer = self._answer(self._there(message))
            self.seen.append((message, answer))
            self._link.send(platform.cbor_encode(self._back(answer)))

    def read(self, timeout: float) -> bytes:
        self._now += 1
        return self._link.output(self._now)

    def close(self) -> None:
        self._out = b""
