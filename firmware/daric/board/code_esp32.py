"""The code slots of an ESP32: the data partition "romfs", which the port maps into memory.

Laid beside boot.py as codeflash, or frozen under that name; imports nothing of the firmware, because the loader needs
it before a slot is chosen.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    import esp32

SIZE = 4096
SEGMENT = 2  # operation of vfs.rom_ioctl


class CodeFlash:
    """Raw flash as loader.Slots wants it. mapped: a buffer of the whole partition, or None."""

    block_size = SIZE

    def __init__(self, partition: "esp32.Partition", mapped: object) -> None:
        self._partition = partition
        self._mapped = mapped
        self.blocks = partition.ioctl(4, 0)

    def read(self, address: int, buffer: bytearray) -> None:
        """Fill `buffer` from `address`."""
        self._partition.readblocks(address // SIZE, buffer, address % SIZE)

    def program(self, address: int, data: bytes) -> None:
        """Clear bits."""
        self._partition.writeblocks(address // SIZE, data, address % SIZE)

    def erase(self, block: int) -> None:
        """Set every bit of one block."""
        self._partition.ioctl(6, block)

    def memory(self, address: int, length: int) -> "memoryview | None":
        """These bytes where they lie, None where the port does not map the partition."""
        if self._mapped is None:
            return None
        return memoryview(self._mapped)[address : address + length]  # type: ignore[arg-type]


def code() -> "CodeFlash | None":
    """The code region, None where the partition table has none."""
    import esp32
    import vfs

    found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="romfs")
    if not found:
        return None
    mapped = vfs.rom_ioctl(SEGMENT, 0) if hasattr(vfs, "rom_ioctl") else None
    return CodeFlash(found[0], None if isinstance(mapped, int) else mapped)
