"""The SPI flash chip of an STM32: first the vault, then the code slots, which the loader reads as files.

Laid beside boot.py as codeflash too; imports nothing of the firmware, because the loader needs it before a slot is
chosen. The port knows nothing of this chip. Source: JEDEC JESD216, the commands that all such chips have in common.
"""

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from machine import SPI, Pin

SPI_BUS, SELECT, BAUD = 2, "B12", 20_000_000
VAULT_BLOCKS = 96
BLOCK, PAGE = 4096, 256  # bytes that an erasure blanks; that one command programs, at a multiple of it
ERASE_MS, PROGRAM_MS = 1000, 20  # no chip takes longer
EIO = 5


class SpiFlash:
    """Blocks `first` .. `first + blocks - 1` of an SPI flash chip of 4 KB blocks and at most 16 MB.

    spi: machine.SPI. select: machine.Pin of its chip select, 0 while it is spoken to. Raises OSError where no chip
    answers, or one of an unknown or too small size.
    """

    block_size = BLOCK

    def __init__(self, spi: "SPI", select: "Pin", first: int = 0, blocks: int = 0) -> None:
        self._spi = spi
        self._select = select
        self._start = first * BLOCK
        select.value(1)
        self._command(b"\xab")  # out of its sleep
        time.sleep_ms(1)
        answer = self._command(b"\x9f", 3)  # maker, kind, size as a power of two
        if answer[0] in (0, 0xFF) or not 16 <= answer[2] <= 24:
            raise OSError(EIO)
        there = (1 << answer[2]) // BLOCK
        if not 0 <= first < first + (blocks or 1) <= there:
            raise OSError(EIO)
        self.blocks = blocks or there - first

    def read(self, address: int, buffer: "bytearray | memoryview") -> None:
        """Fill `buffer` from `address`."""
        place = self._place(address, len(buffer))
        self._select.value(0)
        try:
            self._spi.write(b"\x03" + place)
            self._spi.readinto(buffer)
        finally:
            self._select.value(1)

    def program(self, address: int, data: "bytes | bytearray") -> None:
        """Clear bits, page by page."""
        self._place(address, len(data))
        view = memoryview(data)
        while view:
            count = min(len(view), PAGE - address % PAGE)
            self._command(b"\x06")  # allow one write
            self._command(b"\x02" + self._place(address, count) + bytes(view[:count]))
            self._wait(PROGRAM_MS)
            address += count
            view = view[count:]

    def erase(self, block: int) -> None:
        """Set every bit of one block."""
        place = self._place(block * BLOCK, BLOCK)
        self._command(b"\x06")
        self._command(b"\x20" + place)
        self._wait(ERASE_MS)

    def memory(self, _address: int, _length: int) -> None:
        """Nothing of such a chip lies in the processor's memory."""

    def _place(self, address: int, length: int) -> bytes:
        if not 0 <= address <= address + length <= self.blocks * BLOCK:
            raise OSError(EIO)
        return (self._start + address).to_bytes(3, "big")

    def _command(self, data: bytes, answer: int = 0) -> bytes:
        self._select.value(0)
        try:
            self._spi.write(data)
            return self._spi.read(answer) if answer else b""
        finally:
            self._select.value(1)

    def _wait(self, limit: int) -> None:
        """Until the chip is no longer busy."""
        begun = time.ticks_ms()
        while self._command(b"\x05", 1)[0] & 1:
            if time.ticks_diff(time.ticks_ms(), begun) > limit:
                raise OSError(EIO)


def part(first: int, blocks: int = 0) -> SpiFlash:
    """Some blocks of this board's chip. Raises OSError."""
    import machine

    spi = machine.SPI(SPI_BUS, baudrate=BAUD, polarity=0, phase=0)
    return SpiFlash(spi, machine.Pin(SELECT, machine.Pin.OUT, value=1), first, blocks)


def code() -> "SpiFlash | None":
    """The code region; None where the chip does not answer or has no room for one."""
    try:
        return part(VAULT_BLOCKS)
    except OSError:
        return None
