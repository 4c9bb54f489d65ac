"""NOR flash in a file: erase sets bits, programming clears them, and the power can be cut at any operation.

The virtual boards keep their flash in one; tests cut it. The block-device methods are those of MicroPython's
`vfs.AbstractBlockDev`, extended form. Specification: docs/architecture.md, the vault.
"""

import os

EIO = 5
PIECE = 256  # bytes moved at a time: the flash is not to need a device's memory
COUNT, SIZE, ERASE = 4, 5, 6  # ioctl operations of AbstractBlockDev that have an answer


def _exists(path: str) -> bool:
    try:
        os.stat(path)
    except OSError:
        return False
    return True


class FlashFile:
    """`blocks` erase blocks of `block_size` bytes in the file at `path`, or in RAM when `path` is None.

    operations counts erases and programs. After `cut_power(k)` the k-th further operation (from 1) is cut: with
    torn=True its first half is done, else nothing of it; every later access raises OSError(EIO), as from a chip
    without power. Open the file again to switch the power back on (`restore_power` for flash in RAM).
    """

    def __init__(self, path: "str | None", blocks: int, block_size: int = 4096) -> None:
        self.path = path
        self.blocks = blocks
        self.block_size = block_size
        self.operations = 0
        # u32 per block: wear; of flash in RAM alone, since a board has no memory for it.
        self.erases = bytearray(4 * blocks if path is None else 0)
        self._cut = 0
        self._torn = False
        self._dead = False
        self._memory = bytearray(b"\xff" * (blocks * block_size)) if path is None else None
        self._file = None if path is None else self._open(path)

    def _open(self, path: str):
        if not _exists(path):
            # A new chip is blank. The name appears only when all of it is there.
            with open(path + ".new", "wb") as file:
                blank = b"\xff" * PIECE
                for _ in range(self.blocks * self.block_size // PIECE):
                    file.write(blank)
            os.rename(path + ".new", path)
        return open(path, "r+b")

    def close(self) -> None:
        """Give the file back; the contents stay."""
        if self._file is not None:
            self._file.close()
        self._dead = True

    def cut_power(self, after: int, torn: bool = False) -> None:
        """Cut the power at the `after`-th operation from now (1 = the next one)."""
        self._cut = self.operations + after
        self._torn = torn

    def restore_power(self) -> None:
        """Let a cut chip work again with what it holds."""
        self._cut = 0
        self._dead = False

    def read(self, address: int, buffer) -> None:
        """Fill `buffer` (bytearray or memoryview) from `address`."""
        self._settle()
        self._get(address, buffer)

    def program(self, address: int, data) -> None:
        """Clear bits: each byte becomes old AND new, as on a chip that was not erased first."""
        view = memoryview(data)
        length = self._operation(len(view))
        old = bytearray(PIECE)
        for at in range(0, length, PIECE):
            size = min(PIECE, length - at)
            self._get(address + at, memoryview(old)[:size])
            merged = int.from_bytes(old[:size], "little") & int.from_bytes(bytes(view[at : at + size]), "little")
            self._put(address + at, merged.to_bytes(size, "little"))
        self._settle()

    def erase(self, block: int) -> None:
        """Set every bit of one block."""
        length = self._operation(self.block_size)
        if self.erases:
            count = int.from_bytes(self.erases[4 * block : 4 * block + 4], "little") + 1
            self.erases[4 * block : 4 * block + 4] = count.to_bytes(4, "little")
        blank = b"\xff" * PIECE
        for at in range(0, length, PIECE):
            self._put(block * self.block_size + at, blank[: length - at])
        self._settle()

    def _operation(self, length: int) -> int:
        """Count an operation on `length` bytes; how many of them are still done before the power is gone."""
        if self._dead:
            raise OSError(EIO)
        self.operations += 1
        if self._cut != self.operations:
            return length
        self._dead = True
        return length // 2 if self._torn else 0

    def _settle(self) -> None:
        if self._dead:
            raise OSError(EIO)

    def _get(self, address: int, buffer) -> None:
        length = len(buffer)
        if self._memory is not None:
            buffer[:] = self._memory[address : address + length]
            return
        self._file.seek(address)
        if self._file.readinto(buffer) != length:
            raise OSError(EIO)

    def _put(self, address: int, data: bytes) -> None:
        if self._memory is not None:
            self._memory[address : address + len(data)] = data
            return
        self._file.seek(address)
        self._file.write(data)
        self._file.flush()

    def dump(self) -> bytes:
        """Everything on the chip, as one who desoldered it sees it."""
        if self._memory is not None:
            return bytes(self._memory)
        with open(self.path, "rb") as file:
            return file.read()


class Partition:
    """Blocks `first` .. `first + blocks - 1` of a flash chip: raw access, and a block device for littlefs."""

    def __init__(self, flash, first: int, blocks: int) -> None:
        self.flash = flash
        self.first = first
        self.blocks = blocks
        self.block_size = flash.block_size

    def read(self, address: int, buffer) -> None:
        """As FlashFile.read, counted from the start of the partition."""
        self.flash.read(self.first * self.block_size + address, buffer)

    def program(self, address: int, data) -> None:
        """As FlashFile.program, counted from the start of the partition."""
        self.flash.program(self.first * self.block_size + address, data)

    def erase(self, block: int) -> None:
        """As FlashFile.erase, counted from the start of the partition."""
        self.flash.erase(self.first + block)

    def memory(self, _address: int, _length: int) -> None:
        """A file does not lie where code can be executed."""

    # MicroPython's block device. Errors are returned, not raised: littlefs is C and unwinds its own stack.
    def readblocks(self, block: int, buffer, offset: int = 0) -> int:
        """Read into `buffer` from byte `offset` of `block`; 0 or a negative errno."""
        try:
            self.read(block * self.block_size + offset, buffer)
        except OSError:
            return -EIO
        return 0

    def writeblocks(self, block: int, buffer, offset: "int | None" = None) -> int:
        """Program; without `offset` the blocks are erased first (the simple form). 0 or a negative errno."""
        try:
            if offset is None:
                for number in range((len(buffer) + self.block_size - 1) // self.block_size):
                    self.erase(block + number)
            self.program(block * self.block_size + (offset or 0), buffer)
        except OSError:
            return -EIO
        return 0

    def ioctl(self, operation: int, argument: int) -> int:
        """Count and size of blocks, erase; every other operation has nothing to do."""
        if operation == COUNT:
            return self.blocks
        if operation == SIZE:
            return self.block_size
        if operation == ERASE:
            try:
                self.erase(argument)
            except OSError:
                return -EIO
        return 0
