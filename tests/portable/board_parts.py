"""The parts of real boards, on whichever runtime: prints what both have to agree on."""

import sys
import time

from daric_protocol import platform

if sys.implementation.name != "micropython":
    time.sleep_ms, time.ticks_ms = lambda ms: None, lambda: 0
    time.ticks_diff = lambda a, b: a - b


def digest(data):
    return platform.sha256(bytes(data))[:8].hex()


class Pin:
    def __init__(self, level=1):
        self.level = level
        self.written = []

    def value(self, level=None):
        if level is not None:
            self.written.append(level)
            self.level = level
        return self.level


# Buttons

from daric.board.buttons import Buttons  # noqa: E402

now = [0]
left, right = Pin(), Pin()
buttons = Buttons(left, right, lambda: now[0])
for side, milliseconds in ((left, 100), (right, 1500), (left, 10), (right, 60), (left, 1300)):
    side.level = 0
    for _ in range(milliseconds):
        now[0] += 1
        buttons.sample()
    side.level = 1
    for _ in range(40):
        now[0] += 1
        buttons.sample()
    print("pressed", buttons.take(), buttons.take())

# The light

from daric.board.led import Light  # noqa: E402

pin = Pin()
light = Light(pin)
light.rows(["Same code there?", "120 987"], True)
for at in range(0, 40000, 5):
    light.tick(at)
print("light", len(pin.written), digest(pin.written))

# The USB line

from daric.board.usbcdc import UsbLine, configuration, device_descriptor  # noqa: E402

print("descriptors", device_descriptor(0x2E8A, 5).hex(), configuration().hex(), configuration(2, 3).hex())


class Usb:
    BUILTIN_NONE = None
    builtin_driver = 1

    class BUILTIN_DEFAULT:
        desc_dev = device_descriptor(0x2E8A, 5)

    def __init__(self):
        self.pending = {}

    def active(self, *value):
        return True

    def config(self, *given):
        self.opened, self.reset, self.control, self.done = given[3:]

    def submit_xfer(self, endpoint, buffer):
        self.pending[endpoint] = buffer
        if endpoint == 0x82:
            print("packet", bytes(buffer).hex())
            self.done(endpoint, 0, len(buffer))
        return True


usb = Usb()
line = UsbLine(usb, "1")
usb.opened(memoryview(configuration())[17:])
for piece in (b"hello", b"x" * 64, b""):
    usb.pending[2][: len(piece)] = piece
    usb.done(2, 0, len(piece))
print("line", line.any(), digest(line.read()), line.any(), line.read())
line.write(bytes(range(130)))
line.write(bytes(64))
print("control", bytes(usb.control(1, memoryview(b"\xa1\x21\0\0\0\0\7\0"))))
print("control", usb.control(1, memoryview(b"\x21\x99" + bytes(6))))

# Raw flash

from daric.board.code_stm32 import SpiFlash  # noqa: E402
from daric.board.rawflash import PortFlash  # noqa: E402


class Device:
    """A port's block device that takes whole pages only."""

    def __init__(self):
        self.memory = bytearray(b"\xff" * 5 * 4096)

    def readblocks(self, block, buffer, offset):
        at = block * 4096 + offset
        buffer[:] = self.memory[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset):
        at = block * 4096 + offset
        assert at % 256 == 0 and len(buffer) % 256 == 0
        for number in range(len(buffer)):
            self.memory[at + number] &= buffer[number]

    def ioctl(self, operation, argument):
        if operation == 6:
            self.memory[argument * 4096 : argument * 4096 + 4096] = b"\xff" * 4096
        return {4: 5, 5: 4096}.get(operation, 0)


class Chip(Pin):
    """An SPI chip of 64 KB with its bus and its select pin."""

    def __init__(self):
        self.memory = bytearray(b"\xff" * 65536)
        self.heard = b""

    def value(self, level=None):
        if level:
            at = int.from_bytes(self.heard[1:4], "big")
            if self.heard[:1] == b"\x02":
                for number in range(len(self.heard) - 4):
                    self.memory[at + number] &= self.heard[4 + number]
            elif self.heard[:1] == b"\x20":
                self.memory[at : at + 4096] = b"\xff" * 4096
        self.heard = b""

    def write(self, data):
        self.heard += bytes(data)

    def read(self, count):
        return b"\xef\x40\x10" if self.heard == b"\x9f" else bytes(count)

    def readinto(self, buffer):
        at = int.from_bytes(self.heard[1:4], "big")
        buffer[:] = self.memory[at : at + len(buffer)]


chip = Chip()
for flash in (PortFlash(Device(), 1, 3, 256), SpiFlash(chip, chip, 2, 3)):
    flash.program(250, bytes(range(20)))
    flash.program(4090, b"across a block")
    flash.program(260, b"\xf0" * 4)
    flash.erase(2)
    whole = bytearray(3 * 4096)
    flash.read(0, whole)
    print("flash", flash.blocks, digest(whole), bytes(whole[248:272]).hex())
    for act, given in ((flash.erase, (3,)), (flash.program, (12287, b"ab")), (flash.read, (-1, bytearray(1)))):
        try:
            act(*given)
        except OSError as error:
            print("refused", error.args[0])
