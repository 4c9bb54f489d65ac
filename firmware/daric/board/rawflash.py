"""Raw flash of real boards, with the attributes and methods that daric.board.flashfile.FlashFile has.

blocks, block_size, read, program, erase; errors are OSError. Programming clears bits; nothing is erased in passing.

Source: MicroPython's documentation of vfs.AbstractBlockDev (extended form). The SPI chip of an STM32: code_stm32.py.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Device(Protocol):
        """The extended block device of a port."""

        def readblocks(self, __block: int, __buffer: "Any", __offset: int) -> object: ...
        def writeblocks(self, __block: int, __buffer: bytearray, __offset: int) -> object: ...
        def ioctl(self, __operation: int, __argument: int) -> "Any": ...

COUNT, SIZE, ERASE = 4, 5, 6  # operations of a block device
EIO = 5
PAGE = 256  # bytes that one command programs, at a multiple of it
BLOCK = 4096


class PortFlash:
    """Blocks `first` .. `first + blocks - 1` of a block device of the port (rp2.Flash, esp32.Partition).

    page: bytes that the port programs at once; what is left of them is written as ones, which change nothing.
    """

    def __init__(self, device: "Device", first: int = 0, blocks: int = 0, page: int = 1) -> None:
        self._device = device
        self._first = first
        self._page = page
        self.block_size = device.ioctl(SIZE, 0)
        there = device.ioctl(COUNT, 0)
        if not 0 <= first < first + (blocks or 1) <= there:
            raise OSError(EIO)
        self.blocks = blocks or there - first

    def read(self, address: int, buffer: "bytearray | memoryview") -> None:
        """Fill `buffer` from `address`."""
        block, offset = self._place(address, len(buffer))
        _checked(self._device.readblocks(block, buffer, offset))

    def program(self, address: int, data: "bytes | bytearray") -> None:
        """Clear bits, page by page."""
        self._place(address, len(data))
        view = memoryview(data)
        while view:
            before = address % self._page
            count = min(len(view), PAGE - address % PAGE)
            whole = bytearray(b"\xff" * (-(-(before + count) // self._page) * self._page))
            whole[before : before + count] = view[:count]
            block, offset = self._place(address - before, 0)
            _checked(self._device.writeblocks(block, whole, offset))
            address += count
            view = view[count:]

    def erase(self, block: int) -> None:
        """Set every bit of one block."""
        if not 0 <= block < self.blocks:
            raise OSError(EIO)
        _checked(self._device.ioctl(ERASE, self._first + block))

    def _place(self, address: int, length: int) -> "tuple[int, int]":
        if not 0 <= address <= address + length <= self.blocks * self.block_size:
            raise OSError(EIO)
        return self._first + address // self.block_size, address % self.block_size


def _checked(result: object) -> None:
    """A port returns nothing, 0 or a negative errno."""
    if isinstance(result, int) and result < 0:
        raise OSError(EIO)


class FileFlash:
    """Raw flash made of one file per block, for development on a stock board, which has no raw area.

    Erasing is weaker: the file system below copies on write, and old bytes stay until it needs their place.
    """

    block_size = BLOCK

    def __init__(self, folder: str, blocks: int) -> None:
        import os

        self._folder = folder
        self.blocks = blocks
        self._os = os
        try:
            os.mkdir(folder)
        except OSError:
            pass  # there already, or the first write tells

    def read(self, address: int, buffer: "bytearray | memoryview") -> None:
        """Fill `buffer` from `address`."""
        self._inside(address, len(buffer))
        view = memoryview(buffer)
        while view:
            count = min(len(view), BLOCK - address % BLOCK)
            at = address % BLOCK
            view[:count] = self._get(address // BLOCK)[at : at + count]
            address += count
            view = view[count:]

    def program(self, address: int, data: "bytes | bytearray") -> None:
        """Clear bits."""
        self._inside(address, len(data))
        view = memoryview(data)
        while view:
            count = min(len(view), BLOCK - address % BLOCK)
            block = self._get(address // BLOCK)
            for at in range(count):
                block[address % BLOCK + at] &= view[at]
            with open(self._path(address // BLOCK), "wb") as file:
                file.write(block)
            address += count
            view = view[count:]

    def erase(self, block: int) -> None:
        """Set every bit of one block: no file is a blank one."""
        self._inside(block * BLOCK, BLOCK)
        try:
            self._os.remove(self._path(block))
        except OSError as error:
            if error.args[0] != 2:
                raise

    def _get(self, block: int) -> bytearray:
        try:
            with open(self._path(block), "rb") as file:
                data = file.read()
        except OSError as error:
            if error.args[0] != 2:
                raise
            data = b""
        return bytearray(data + b"\xff" * (BLOCK - len(data)))

    def _inside(self, address: int, length: int) -> None:
        if not 0 <= address <= address + length <= self.blocks * BLOCK:
            raise OSError(EIO)

    def _path(self, block: int) -> str:
        return "%s/%03x" % (self._folder, block)
