"""The code slots of a Pico: the end of the port's storage area, executed where it lies.

Laid beside boot.py as codeflash, or frozen under that name; imports nothing of the firmware, because the loader needs
it before a slot is chosen. Only a MicroPython of our own (it has the module daric_port) leaves that area alone.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    import rp2

FIRST = 16 + 96  # blocks of files and vault before it (rp2.py)
SIZE, PAGE = 4096, 256


class CodeFlash:
    """Raw flash as loader.Slots wants it."""

    block_size = SIZE

    def __init__(self, device: "rp2.Flash") -> None:
        self._device = device
        self.blocks = device.ioctl(4, 0)

    def read(self, address: int, buffer: bytearray) -> None:
        """Fill `buffer` from `address`."""
        self._device.readblocks(address // SIZE, buffer, address % SIZE)

    def program(self, address: int, data: bytes) -> None:
        """Clear bits; the port programs whole pages, and what is left of them is written as ones."""
        first = address - address % PAGE
        for page in range(first, address + len(data), PAGE):
            whole = bytearray(b"\xff" * PAGE)
            at = max(page, address)
            piece = data[at - address : page + PAGE - address]
            whole[at - page : at - page + len(piece)] = piece
            self._device.writeblocks(page // SIZE, whole, page % SIZE)

    def erase(self, block: int) -> None:
        """Set every bit of one block."""
        self._device.ioctl(6, block)

    def memory(self, address: int, length: int) -> memoryview:
        """These bytes where they lie."""
        mapped = memoryview(self._device)  # type: ignore[arg-type] # the port maps it
        return mapped[address : address + length]


def code() -> "CodeFlash | None":
    """The code region, None on a stock MicroPython."""
    try:
        import daric_port
    except ImportError:
        return None
    if not daric_port.RAW:
        return None
    import rp2

    return CodeFlash(rp2.Flash(start=FIRST * SIZE))
