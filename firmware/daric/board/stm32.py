"""An STM32 with a random number generator (MicroPython's stm32 port) and an SPI flash chip for vault and code.

The chip is no part of the port's storage area, so that the port's boot code neither mounts nor formats it. Pins are
below and in code_stm32.py, by the names of the processor: two buttons to ground, an SSD1306 on I2C 1, or the board's
light. Specification: docs/hardware.md, boards.
"""

import os

import machine

from daric import made
from daric.board.buttons import Buttons
from daric.board.machineboard import WATCHDOG_MS, MachineBoard, Watchdog, known_port, ticks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from daric.board.code_stm32 import SpiFlash
    from daric.board.led import Light
    from daric.board.lines import StandardLine, UartLine
    from daric.board.ssd1306 import Display

LEFT, RIGHT = "C0", "C1"
DISPLAY = "ssd1306"  # or "light"
I2C = 1
LIGHT = "B4"
LINE = "standard"  # the port's USB line, as it cannot make one of its own; or "uart"
UART, BAUD = 2, 115200


class Board(MachineBoard):
    """An STM32."""

    def unique_id(self) -> bytes:
        """What no other board answers: the number in the processor."""
        return machine.unique_id()

    def entropy(self) -> "Callable[[int], bytes] | None":
        """os.urandom, of a port version that is known and a processor with a generator; None for any other.

        Where the build leaves the generator out, the port's stand-in begins the same way each time.
        """
        if not known_port() or not hasattr(os, "urandom"):
            return None
        try:
            import pyb
        except ImportError:
            return os.urandom
        return os.urandom if hasattr(pyb, "rng") else None

    def chip(self) -> "SpiFlash":
        """The vault's part of the SPI flash chip."""
        from daric.board.code_stm32 import VAULT_BLOCKS, part

        return part(0, VAULT_BLOCKS)

    def code(self) -> "SpiFlash | None":
        """The raw flash of the code slots, as daric.loader.Slots wants it; None where there are none.

        A production image has none: anybody can write a chip that lies beside the processor.
        """
        if made.KIND == "production":
            return None
        from daric.board.code_stm32 import code

        return code()

    def start_watchdog(self) -> "Watchdog | None":
        return Watchdog(machine.WDT(timeout=WATCHDOG_MS), _every_second)


def _every_second(callback: "Callable[[object], None]") -> object:
    return machine.Timer(-1, period=1000, mode=machine.Timer.PERIODIC, callback=callback)


def _line() -> "StandardLine | UartLine":
    if LINE == "uart":
        from daric.board.lines import UartLine

        return UartLine(machine.UART(UART, BAUD, rxbuf=1024))
    from daric.board.lines import StandardLine

    return StandardLine()


def _display() -> "Display | Light":
    if DISPLAY == "light":
        from daric.board.led import Light

        return Light(machine.Pin(LIGHT, machine.Pin.OUT))
    from daric.board.ssd1306 import Display

    return Display(machine.I2C(I2C, freq=400_000))


def board() -> Board:
    """The board of this chip. Raises OSError where its display does not answer."""
    left, right = [machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_UP) for pin in (LEFT, RIGHT)]
    return Board(_line(), _display(), Buttons(left, right, ticks))
