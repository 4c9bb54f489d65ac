"""Raspberry Pi Pico and Pico 2 (MicroPython's rp2 port), with a MicroPython of our own: docs/hardware.md, boards.

Pins are below: two buttons to ground, an SSD1306 on I2C 0, or the board's light where there is no display.
"""

import os

import machine

from daric import made
from daric.board.buttons import Buttons
from daric.board.machineboard import WATCHDOG_MS, MachineBoard, Watchdog, known_port, ticks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from daric.board.code_rp2 import CodeFlash
    from daric.board.led import Light
    from daric.board.lines import StandardLine, UartLine
    from daric.board.rawflash import FileFlash, PortFlash
    from daric.board.ssd1306 import Display
    from daric.board.usbcdc import UsbLine

LEFT, RIGHT = 14, 15
DISPLAY = "ssd1306"  # or "light"
SDA, SCL, I2C = 4, 5, 0
LIGHT = 25
LINE = "usb" if made.KIND == "production" else "standard"  # or "uart": a development image keeps its prompt's line
UART, TX, RX, BAUD = 0, 0, 1, 115200
# The port's storage area, in blocks of 4 KB: files of a development image, the vault, code slots (code_rp2.py).
FILES_BLOCKS, VAULT_BLOCKS = 16, 96
PAGE = 256  # the port programs whole pages


class Board(MachineBoard):
    """A Pico."""

    def unique_id(self) -> bytes:
        """What no other board answers: the number of its flash chip (Pico) or of the processor (Pico 2)."""
        return machine.unique_id()

    def entropy(self) -> "Callable[[int], bytes] | None":
        """os.urandom, of a port version that is known; None for any other."""
        return os.urandom if known_port() else None

    def chip(self) -> "FileFlash | PortFlash":
        """The vault's part of the storage area; one file per block on a stock MicroPython, whose area is all files."""
        import rp2

        from daric.board.rawflash import FileFlash, PortFlash

        if self.weak_erase:
            return FileFlash("/flash", VAULT_BLOCKS)
        return PortFlash(rp2.Flash(), FILES_BLOCKS, VAULT_BLOCKS, PAGE)

    @property
    def weak_erase(self) -> bool:
        """Whether this is a stock MicroPython: our own has the module daric_port."""
        try:
            import daric_port
        except ImportError:
            return True
        return not daric_port.RAW

    def code(self) -> "CodeFlash | None":
        """The raw flash of the code slots, as daric.loader.Slots wants it; None where there are none."""
        from daric.board.code_rp2 import code

        return code()

    def start_watchdog(self) -> "Watchdog | None":
        return Watchdog(machine.WDT(timeout=WATCHDOG_MS), _every_second)


def _every_second(callback: "Callable[[object], None]") -> object:
    return machine.Timer(-1, period=1000, mode=machine.Timer.PERIODIC, callback=callback)


def _line() -> "StandardLine | UartLine | UsbLine":
    if LINE == "usb":
        from daric.board.usbcdc import UsbLine

        return UsbLine(machine.USBDevice(), machine.unique_id().hex())
    if LINE == "uart":
        from daric.board.lines import UartLine

        return UartLine(machine.UART(UART, BAUD, tx=machine.Pin(TX), rx=machine.Pin(RX), rxbuf=1024))
    from daric.board.lines import StandardLine

    return StandardLine()


def _display() -> "Display | Light":
    if DISPLAY == "light":
        from daric.board.led import Light

        return Light(machine.Pin(LIGHT, machine.Pin.OUT))
    from daric.board.ssd1306 import Display

    return Display(machine.I2C(I2C, sda=machine.Pin(SDA), scl=machine.Pin(SCL), freq=400_000))


def board() -> Board:
    """The board of this chip. Raises OSError where its display does not answer."""
    left, right = [machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_UP) for pin in (LEFT, RIGHT)]
    return Board(_line(), _display(), Buttons(left, right, ticks))
