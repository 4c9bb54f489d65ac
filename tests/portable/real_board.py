"""The board file of a port in the real MicroPython: a whole device on fake pins, a fake display and a fake flash.

usage: real_board.py PORT FLASH, the file that its flash is kept in. Presses the right button while the display asks.
"""

import sys
import time

import framebuf

PORT, KEPT = sys.argv[1:]
BLOCKS, PAGE = {"rp2": (328, 256), "esp32": (96, 1), "stm32": (256, 1)}[PORT]
VAULT = {"rp2": 16, "esp32": 0, "stm32": 0}[PORT]  # its first block
RIGHT = {"rp2": 15, "esp32": 4, "stm32": "C1"}[PORT]
YES = "hold: <no   yes>"


class Flash:
    """rp2.Flash or esp32.Partition: whole pages only; erases only when told to."""

    TYPE_DATA = 1

    memory = bytearray(b"\xff" * 4096 * BLOCKS)

    def __init__(self, start=0, len=-1):  # noqa: A002 - the port's own name
        self.start = start
        self.size = 4096 * BLOCKS - start if len < 0 else len

    @staticmethod
    def find(_kind, label):
        return [Flash()] if label == "daric" else []

    def readblocks(self, block, buffer, offset=0):
        at = self.start + block * 4096 + offset
        buffer[:] = self.memory[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=None):
        assert offset is not None and offset % PAGE == 0 and len(buffer) % PAGE == 0
        at = self.start + block * 4096 + offset
        for number in range(len(buffer)):
            self.memory[at + number] &= buffer[number]

    def ioctl(self, operation, argument):
        if operation == 6:
            at = self.start + argument * 4096
            self.memory[at : at + 4096] = b"\xff" * 4096
        return {4: self.size // 4096, 5: 4096, 6: 0}.get(operation)


class Bus:
    shown = b""

    def __init__(self, *_, **__):
        pass

    def writeto(self, _address, data):
        if len(data) == 1025:
            Bus.shown = bytes(data[1:])


row = bytearray(128)
framebuf.FrameBuffer(row, 128, 8, framebuf.MONO_VLSB).text(YES, 0, 0)


class Pin:
    IN, OUT, PULL_UP = 0, 1, 2

    def __init__(self, name, *_, **__):
        self.name = name

    def value(self, level=None):
        if self.name == "B12":
            return self.select(level)
        asked = Bus.shown[-128:] == bytes(row)
        return 0 if self.name == RIGHT and asked and time.ticks_ms() // 100 % 30 > 8 else 1

    def select(self, level):
        """The select pin of the SPI chip: a command ends, and is carried out."""
        data = Spi.heard
        at = int.from_bytes(data[1:4], "big")
        if level and data[:1] == b"\x20":
            Flash.memory[at : at + 4096] = b"\xff" * 4096
        elif level and data[:1] == b"\x02":
            assert at % 256 + len(data) - 4 <= 256
            for number in range(len(data) - 4):
                Flash.memory[at + number] &= data[4 + number]
        Spi.heard = b""


class Spi:
    """A bus with a flash chip on it that takes no program across a page."""

    heard = b""

    def __init__(self, *_, **__):
        pass

    def write(self, data):
        Spi.heard += bytes(data)

    def read(self, count):
        return b"\xef\x40\x14" if Spi.heard == b"\x9f" else bytes(count)

    def readinto(self, buffer):
        at = int.from_bytes(Spi.heard[1:4], "big")
        buffer[:] = Flash.memory[at : at + len(buffer)]


class Machine:
    Pin, I2C, SPI = Pin, Bus, Spi


    @staticmethod
    def unique_id():
        return b"\xe6\x61\x64\x08"

    @staticmethod
    def reset():
        raise SystemExit(3)


class Module:
    """What is imported of a port."""

    Flash = Partition = Flash
    RAW, RNG = True, "adc"


sys.modules["machine"] = Machine()
for name in ("rp2", "esp32", "daric_port"):
    sys.modules[name] = Module

try:
    with open(KEPT, "rb") as file:
        Flash.memory[:] = file.read()
except OSError:
    pass

from daric.app import App  # noqa: E402
from daric.board import machineboard  # noqa: E402

machineboard.PORT_VERSIONS = (tuple(sys.implementation.version[:2]),)  # of this interpreter, not of a port

__import__("daric.board." + PORT)
app = App(sys.modules["daric.board." + PORT].board())
beside = list(range(VAULT)) + list(range(VAULT + 96, BLOCKS))
while True:
    app.step()
    if len(app.hosts):
        with open(KEPT, "wb") as file:
            file.write(Flash.memory)
        assert not [block for block in beside if Flash.memory[4096 * block] != 255]
        break
while True:
    app.step()
