"""The code region of the virtual board: a file, mapped into the process that runs it, as flash is on a chip.

The JSON file named by DARIC_BOARD may have: code, the path of that file, and code_blocks, of 4 KB. Imports nothing of
the firmware: the loader needs it before a slot is chosen.
"""

import json
import os

BLOCKS = 512
SIZE = 4096


class CodeFile:
    """Raw flash as daric.loader.Slots wants it."""

    block_size = SIZE

    def __init__(self, path: str, blocks: int) -> None:
        self.blocks = blocks
        try:
            os.stat(path)
        except OSError:
            with open(path + ".new", "wb") as file:
                for _ in range(blocks):
                    file.write(b"\xff" * SIZE)
            os.rename(path + ".new", path)
        self._file = open(path, "r+b")

    def read(self, address: int, buffer) -> None:
        """Fill `buffer` from `address`."""
        self._file.seek(address)
        if self._file.readinto(buffer) != len(buffer):
            raise OSError(5)

    def program(self, address: int, data) -> None:
        """Clear bits: each byte becomes old AND new."""
        old = bytearray(len(data))
        self.read(address, old)
        for at in range(len(old)):
            old[at] &= data[at]
        self._put(address, old)

    def erase(self, block: int) -> None:
        """Set every bit of one block."""
        self._put(block * SIZE, b"\xff" * SIZE)

    def memory(self, address: int, length: int):
        """These bytes where they lie, None if the file is not mapped into this process."""
        place = os.getenv("DARIC_CODE")
        if not place:
            return None
        import uctypes

        return uctypes.bytearray_at(int(place.split()[0]) + address, length)

    def _put(self, address: int, data) -> None:
        self._file.seek(address)
        self._file.write(data)
        self._file.flush()


def code() -> "CodeFile | None":
    """The code region of this process's board; None if it has none."""
    path = os.getenv("DARIC_BOARD")
    if not path:
        return None
    with open(path) as file:
        settings = json.load(file)
    if not settings.get("code"):
        return None
    return CodeFile(settings["code"], settings.get("code_blocks", BLOCKS))
