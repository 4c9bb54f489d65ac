"""Serial lines of a board: the port's own (standard input and output), or a UART. Each has any, read and write."""

import select
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from machine import UART

READ_BYTES = 512


class StandardLine:
    """What the port calls standard input and output: its USB serial line, or its first UART."""

    def __init__(self) -> None:
        import micropython

        micropython.kbd_intr(-1)  # the byte 0x03 is one like any other
        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)
        self._input = sys.stdin.buffer
        self._output = sys.stdout.buffer
        self._byte = bytearray(1)

    def any(self) -> bool:
        """Whether there is something to read."""
        return bool(self._poll.poll(0))

    def read(self) -> bytes:
        """What there is, without waiting: the port's read waits for as many bytes as it is asked for."""
        out = bytearray()
        while len(out) < READ_BYTES and self.any():
            self._input.readinto(self._byte)  # type: ignore[union-attr]
            out.extend(self._byte)
        return bytes(out)

    def write(self, data: bytes) -> None:
        """All bytes as they are; the port drops what nobody takes."""
        self._output.write(data)


class UartLine:
    """A machine.UART that was given a receive buffer of at least 512 bytes."""

    def __init__(self, uart: "UART") -> None:
        self._uart = uart

    def any(self) -> bool:
        """Whether there is something to read."""
        return self._uart.any() > 0

    def read(self) -> bytes:
        """What there is, without waiting."""
        return self._uart.read(min(self._uart.any(), READ_BYTES)) or b"" if self._uart.any() else b""

    def write(self, data: bytes) -> None:
        """All bytes."""
        view = memoryview(data)
        while view:
            view = view[self._uart.write(view) or 0 :]
