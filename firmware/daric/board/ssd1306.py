"""SSD1306 display, 128x64, over I2C: eight rows of sixteen characters.

Source: Solomon Systech, SSD1306 data sheet, sections 8 to 10. A display that does not answer raises OSError, and the
device resets: what a person cannot read is not asked.
"""

import framebuf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from machine import I2C

ADDRESS = 0x3C
WIDTH, HEIGHT = 128, 64
COMMANDS, DATA = 0x00, 0x40  # control bytes: what follows
START = bytes([
    0xAE,  # off while it is set up
    0xD5, 0x80,  # clock
    0xA8, HEIGHT - 1,  # rows driven
    0xD3, 0,  # no offset
    0x40,  # first line
    0x8D, 0x14,  # charge pump on
    0x20, 0,  # addresses run along a row, then to the next
    0xA1, 0xC8,  # upper left is first
    0xDA, 0x12,  # wiring of a panel of 64 rows
    0x81, 0xCF,  # contrast
    0xD9, 0xF1, 0xDB, 0x40,  # precharge, level of the common pins
    0xA4, 0xA6,  # show memory, lit pixels are ones
    0x2E,  # no scrolling
    0xAF,  # on
])  # fmt: skip
WHOLE = bytes([0x21, 0, WIDTH - 1, 0x22, 0, HEIGHT // 8 - 1])  # all columns, all pages


class Display:
    """i2c: machine.I2C. Raises OSError where no display answers."""

    def __init__(self, i2c: "I2C", address: int = ADDRESS) -> None:
        self._i2c = i2c
        self._address = address
        self._bytes = bytearray(1 + WIDTH * HEIGHT // 8)
        self._bytes[0] = DATA
        self._frame = framebuf.FrameBuffer(memoryview(self._bytes)[1:], WIDTH, HEIGHT, framebuf.MONO_VLSB)
        self._send(START)

    def rows(self, rows: "list[str]", _ask: bool = False) -> None:
        """Draw at most eight rows of at most sixteen characters; what is not ASCII is a question mark."""
        self._frame.fill(0)
        for number in range(min(len(rows), HEIGHT // 8)):
            self._frame.text("".join([c if " " <= c <= "~" else "?" for c in rows[number]]), 0, 8 * number)
        self._send(WHOLE)
        self._i2c.writeto(self._address, self._bytes)

    def tick(self, now: int) -> None:
        """Nothing moves."""

    def _send(self, commands: bytes) -> None:
        self._i2c.writeto(self._address, bytes([COMMANDS]) + commands)
