"""ESP32-S3 and ESP32-C3 (MicroPython's esp32 port), with a partition table of our own: docs/hardware.md, boards.

Pins are below: two buttons to ground, an SSD1306 on I2C 0, or a light where there is no display.
"""

import os

import machine

from daric import made
from daric.board.buttons import Buttons
from daric.board.machineboard import WATCHDOG_MS, MachineBoard, Watchdog, known_port, ticks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    import esp32

    from daric.board.code_esp32 import CodeFlash
    from daric.board.led import Light
    from daric.board.lines import StandardLine, UartLine
    from daric.board.rawflash import FileFlash, PortFlash
    from daric.board.ssd1306 import Display
    from daric.board.usbcdc import UsbLine

S3 = made.BOARD == "esp32"
LEFT, RIGHT = (4, 5) if S3 else (3, 4)
DISPLAY = "ssd1306"  # or "light"
SDA, SCL, I2C = (8, 9, 0) if S3 else (6, 7, 0)
LIGHT = 2
# An S3 with a production image has a USB line of its own. A C3 has only the port's; "uart" is a third way.
LINE = "usb" if S3 and made.KIND == "production" else "standard"
UART, TX, RX, BAUD = 1, 17, 18, 115200
PARTITION = "daric"
VAULT_BLOCKS = 96  # of the file flash that stands in for a missing partition


class Board(MachineBoard):
    """An ESP32."""

    def unique_id(self) -> bytes:
        """What no other board answers: the chip's MAC address."""
        return machine.unique_id()

    def entropy(self) -> "Callable[[int], bytes] | None":
        """os.urandom, of a port version that is known, with a physical source behind it; None for any other.

        The chip's generator is one only while a radio or the converter's noise feeds it. Our own MicroPython turns the
        converter's on before anything runs; elsewhere the radio is switched on here, and connects to nothing.
        """
        if not known_port():
            return None
        try:
            import daric_port

            fed = daric_port.RNG == "adc"
        except ImportError:
            fed = False
        if not fed:
            import network

            network.WLAN(network.STA_IF).active(True)
        return os.urandom

    def chip(self) -> "FileFlash | PortFlash":
        """The vault's own data partition; one file per block where the partition table has none."""
        from daric.board.rawflash import FileFlash, PortFlash

        found = self._partitions()
        return PortFlash(found[0]) if found else FileFlash("/flash", VAULT_BLOCKS)

    @property
    def weak_erase(self) -> bool:
        """Whether the partition table has no place for the vault."""
        return not self._partitions()

    def _partitions(self) -> "list[esp32.Partition]":
        import esp32

        return esp32.Partition.find(esp32.Partition.TYPE_DATA, label=PARTITION)

    def code(self) -> "CodeFlash | None":
        """The raw flash of the code slots, as daric.loader.Slots wants it; None where there are none."""
        from daric.board.code_esp32 import code

        return code()

    def start_watchdog(self) -> "Watchdog | None":
        return Watchdog(machine.WDT(timeout=WATCHDOG_MS), _every_second)


def _every_second(callback: "Callable[[object], None]") -> object:
    timer = machine.Timer(0)
    timer.init(period=1000, mode=machine.Timer.PERIODIC, callback=callback)
    return timer


def _line() -> "StandardLine | UartLine | UsbLine":
    if LINE == "usb":
        from daric.board.usbcdc import UsbLine

        usb = machine.USBDevice()  # type: ignore[attr-defined] # the stubs are of a chip without
        return UsbLine(usb, machine.unique_id().hex())
    if LINE == "uart":
        from daric.board.lines import UartLine

        return UartLine(machine.UART(UART, BAUD, tx=TX, rx=RX, rxbuf=1024))
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
