"""A machine module for CPython: pins, I2C, SPI flash, USB device, UART and time that pass when a test says so."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Clock:
    """Milliseconds since the test began; `every` runs at each step."""

    def __init__(self) -> None:
        self.now = 1000
        self.every: list[Callable[[], object]] = []

    def ticks(self) -> int:
        return self.now & ((1 << 30) - 1)

    def pass_(self, milliseconds: int) -> None:
        for _ in range(milliseconds):
            self.now += 1
            for call in self.every:
                call()


class Pin:
    """value(): 1 at rest, as a pin with pull-up. written: what the program put on it, with the time."""

    IN, OUT, PULL_UP = 0, 1, 2
    clock = Clock()

    def __init__(self, name: object = 0, mode: int = 0, pull: int = -1, value: int = 1) -> None:
        self.name = name
        self.level = value
        self.written: list[tuple[int, int]] = []

    def value(self, level: int | None = None) -> int:
        if level is not None:
            self.level = level
            self.written.append((self.clock.now, level))
        return self.level


class I2C:
    """A bus with a display on it, or with nothing."""

    def __init__(self, *_: object, present: bool = True, **__: object) -> None:
        self.present = present
        self.writes: list[tuple[int, bytes]] = []

    def writeto(self, address: int, data: bytes) -> int:
        if not self.present:
            raise OSError(19)
        self.writes.append((address, bytes(data)))
        return len(data)


class FrameBuffer:
    """MicroPython's framebuf in one layout; a character is drawn as its code in each of its eight columns."""

    def __init__(self, buffer: memoryview, width: int, height: int, layout: int) -> None:
        assert (len(buffer), layout) == (width * height // 8, 0)
        self.buffer, self.width = buffer, width

    def fill(self, colour: int) -> None:
        self.buffer[:] = bytes([255 * colour]) * len(self.buffer)

    def text(self, text: str, x: int, y: int) -> None:
        assert y % 8 == 0
        for at, character in enumerate(text):
            start = y // 8 * self.width + x + 8 * at
            self.buffer[start : start + 8] = bytes([ord(character)]) * 8


class SpiChip:
    """An SPI flash chip of `size` bytes, and its bus: machine.SPI and the Pin of its select are both this."""

    def __init__(self, size: int = 1 << 20, identity: bytes | None = None) -> None:
        self.memory = bytearray(b"\xff" * size)
        self.identity = b"\xef\x40" + bytes([size.bit_length() - 1]) if identity is None else identity
        self.selected = False
        self.enabled = False
        self.busy = 0
        self.erased: list[int] = []
        self.heard = b""
        self.hangs = False

    def value(self, level: int) -> None:
        if self.selected and level:
            self._execute(self.heard)
        self.selected, self.heard = not level, b""

    def write(self, data: bytes) -> None:
        assert self.selected
        self.heard += bytes(data)

    def read(self, count: int) -> bytes:
        assert self.selected
        if self.heard == b"\x9f":
            return self.identity[:count]
        if self.heard == b"\x05":
            self.busy = max(0, self.busy - 1)
            return bytes([1 if self.busy or self.hangs else 0]) * count
        assert self.heard[0] == 3
        at = int.from_bytes(self.heard[1:4], "big")
        return bytes(self.memory[at : at + count])

    def readinto(self, buffer: bytearray) -> None:
        buffer[:] = self.read(len(buffer))

    def _execute(self, command: bytes) -> None:
        if command[:1] == b"\x06":
            self.enabled = True
        elif command[:1] in (b"\x02", b"\x20"):
            assert self.enabled and not self.busy, "a chip takes a write only when it was allowed and is not busy"
            self.enabled, self.busy = False, 3
            at = int.from_bytes(command[1:4], "big")
            if command[:1] == b"\x20":
                assert at % 4096 == 0
                self.erased.append(at)
                self.memory[at : at + 4096] = b"\xff" * 4096
            else:
                page = at - at % 256
                for number, byte in enumerate(command[4:]):
                    self.memory[page + (at - page + number) % 256] &= byte  # beyond the page a chip begins it anew


class PortDevice:
    """The block device of a port, over a bytearray, with the page size that the port insists on."""

    def __init__(self, blocks: int, page: int = 1, memory: bytearray | None = None, start: int = 0) -> None:
        self.page = page
        self.memory = bytearray(b"\xff" * 4096 * blocks) if memory is None else memory
        self.start, self.blocks = start, blocks
        self.erased: list[int] = []

    def readblocks(self, block: int, buffer: bytearray, offset: int = 0) -> None:
        at = self.start + block * 4096 + offset
        buffer[:] = self.memory[at : at + len(buffer)]

    def writeblocks(self, block: int, buffer: bytes, offset: int | None = None) -> None:
        at = self.start + block * 4096 + (offset or 0)
        if offset is None:
            self.memory[at : at + len(buffer)] = b"\xff" * len(buffer)
        assert (at % self.page, len(buffer) % self.page) == (0, 0)
        both = int.from_bytes(self.memory[at : at + len(buffer)], "big") & int.from_bytes(buffer, "big")
        self.memory[at : at + len(buffer)] = both.to_bytes(len(buffer), "big")

    def ioctl(self, operation: int, argument: int) -> int | None:
        if operation == 6:
            self.erased.append(argument)
            at = self.start + argument * 4096
            self.memory[at : at + 4096] = b"\xff" * 4096
        return {4: self.blocks, 5: 4096, 6: 0}.get(operation)

    def info(self) -> tuple[int, int, int, int, str, bool]:
        return (1, 0, self.start, 4096 * self.blocks, "", False)


class Builtin:
    desc_dev = bytes([18, 1, 0, 2, 0xEF, 2, 1, 64, 0x8A, 0x2E, 5, 0, 0, 1, 1, 2, 3, 1])


class UsbDevice:
    """machine.USBDevice with a host on the other end that the test plays."""

    BUILTIN_DEFAULT, BUILTIN_NONE = Builtin(), None

    def __init__(self) -> None:
        self.builtin_driver: object = self.BUILTIN_DEFAULT
        self.is_active = True
        self.pending: dict[int, object] = {}

    def active(self, value: bool | None = None) -> bool:
        if value is not None:
            self.is_active = value
        return self.is_active

    def config(self, device, configuration, strings, opened, reset, control, done) -> None:
        assert not self.is_active, "a device is set up while it is off"
        self.device, self.configuration, self.strings = bytes(device), bytes(configuration), strings
        self.opened, self.reset, self.control, self.done = opened, reset, control, done

    def submit_xfer(self, endpoint: int, buffer: object) -> bool:
        assert self.is_active
        if endpoint in self.pending:
            return False
        self.pending[endpoint] = buffer
        return True

    # The host

    def plug(self) -> None:
        self.pending.clear()
        self.opened(memoryview(self.configuration)[17:])  # as the port does: from the first interface on

    def give(self, data: bytes) -> None:
        buffer = self.pending.pop(2)
        assert len(data) <= len(buffer)  # type: ignore[arg-type]
        buffer[: len(data)] = data  # type: ignore[index]
        assert self.done(2, 0, len(data))

    def take(self) -> bytes:
        data = bytes(self.pending.pop(0x82))  # type: ignore[call-overload]
        assert self.done(0x82, 0, len(data))
        return data


class Uart:
    def __init__(self, *_: object, **__: object) -> None:
        self.arrived, self.sent = b"", b""

    def any(self) -> int:
        return len(self.arrived)

    def read(self, count: int) -> bytes | None:
        data, self.arrived = self.arrived[:count], self.arrived[count:]
        return data or None

    def write(self, data: bytes) -> int:
        self.sent += bytes(data[:7])  # a few at a time
        return min(7, len(data))


class Wdt:
    last: Wdt

    def __init__(self, timeout: int = 0) -> None:
        assert timeout <= 8388, "the RP2040 can wait no longer"
        self.fed: list[int] = []
        Wdt.last = self

    def feed(self) -> None:
        self.fed.append(Pin.clock.now)


class Timer:
    PERIODIC = 1
    last: Timer

    def __init__(self, *_: object, **options: object) -> None:
        Timer.last = self
        self.init(**options)

    def init(self, **options: object) -> None:
        self.options = options


def machine(**more: object) -> types.ModuleType:
    """The module."""
    module = types.ModuleType("machine")
    named = {"Pin": Pin, "I2C": I2C, "UART": Uart, "USBDevice": UsbDevice, "WDT": Wdt, "Timer": Timer}
    for name, value in {**named, "unique_id": lambda: b"\xe6\x61\x64\x08", "reset": _reset, **more}.items():
        setattr(module, name, value)
    return module


class Reset(BaseException):
    """machine.reset does not return."""


def _reset() -> None:
    raise Reset


@contextmanager
def installed(clock: Clock, **modules: object) -> Iterator[None]:
    """`import machine` and the like find these; time.sleep_ms and the rest of MicroPython's time follow the clock."""
    import time

    Pin.clock = clock
    framebuf = types.ModuleType("framebuf")
    framebuf.FrameBuffer, framebuf.MONO_VLSB = FrameBuffer, 0  # type: ignore[attr-defined]
    modules = {"machine": machine(), "framebuf": framebuf, **modules}
    kept = dict(sys.modules)
    sys.modules.update({name: value for name, value in modules.items() if isinstance(value, types.ModuleType)})
    sys.modules.update({name: None for name, value in modules.items() if value is None})  # type: ignore[arg-type]
    time.ticks_ms, time.ticks_us = clock.ticks, lambda: clock.now * 1000  # type: ignore[attr-defined]
    time.ticks_diff, time.sleep_ms = lambda a, b: a - b, clock.pass_  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for name in ("ticks_ms", "ticks_us", "ticks_diff", "sleep_ms"):
            delattr(time, name)
        for name in list(sys.modules):
            if name not in kept and (name in modules or name.startswith("daric.board.")):
                del sys.modules[name]
        sys.modules.update({name: kept[name] for name in modules if name in kept})
