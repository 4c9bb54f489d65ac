"""The byte stream to a device: a serial port, or anything else that reads and writes."""

from __future__ import annotations

from typing import Protocol

import serial

BAUDRATE = 115200  # USB ignores it
POLL = 0.1  # seconds: how soon a cancelled request lets go of the port


class Transport(Protocol):
    """A byte stream to a device. Errors are OSError (serial.SerialException is one)."""

    def read(self, timeout: float) -> bytes:
        """Bytes that are there, waiting at most `timeout` seconds for the first."""
        ...

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class SerialTransport:
    """A serial port or pty. Raises OSError if it is not there or in use by another program."""

    def __init__(self, path: str) -> None:
        self._port = serial.Serial(path, BAUDRATE, timeout=POLL, write_timeout=10, exclusive=True)

    def read(self, timeout: float) -> bytes:
        if self._port.timeout != timeout:
            self._port.timeout = timeout
        first = self._port.read(1)
        return bytes(first + self._port.read(self._port.in_waiting)) if first else b""

    def write(self, data: bytes) -> None:
        self._port.write(data)

    def close(self) -> None:
        self._port.close()
