"""Erasable keys: a sealed table in one of two raw flash areas outside the file system.

Writing the table into the blank area and erasing the other is what makes a change happen, and what makes an erased
key unrecoverable: littlefs copies on write and keeps old bytes, an erased sector does not. Specification:
docs/architecture.md, the vault.
"""

from daric_protocol import atrest
from daric_protocol.errors import DaricError

from daric import cells

MAGIC = b"DKS1"
HEADER = 12  # magic 4, generation u32, length of the sealed table u32
PURPOSE = b"daric/keys"


class KeySectors:
    """The table of keys in `partition` (an even number of blocks), sealed under `key` (32 B, daric.tablekey).

    generation: u32, +1 with each commit; 0 before the first. floor: a daric.floor.Floor, which follows it, so that an
    older copy of these sectors does not count. The table itself is opaque bytes here.
    """

    def __init__(self, partition, key: bytes, random, floor) -> None:
        self._partition = partition
        self._random = random
        self.floor = floor
        self.key = key
        self._area = (partition.blocks // 2) * partition.block_size
        self._active = 0
        self.generation = 0
        self.capacity = self._area - HEADER - atrest.OVERHEAD  # bytes of table

    def format(self) -> None:
        """Blank both areas: the state before the first commit. Raises OSError."""
        self.floor.format()
        for area in (0, 1):
            self._blank(area)
        self._active = 0
        self.generation = 0

    def load(self) -> bytes:
        """The newest table that opens; all else in the areas is erased. Raises DaricError("storage"), OSError."""
        newest, table = 0, b""
        for area in (0, 1):
            found = self._read(area)
            if found is not None and found[0] > newest:
                newest, table = found
                self._active = area
        if newest == 0:
            raise DaricError("storage", "No key sector opens: the flash is damaged or belongs to another device.")
        if newest < self.floor.value or not self.floor.value:
            raise DaricError("storage", "The key sectors are an older copy.")
        if newest > self.floor.value:  # cut between the table and the floor
            self.floor.raise_to(newest)
        self.generation = newest
        self._blank(1 - self._active)
        return table

    def sealed(self, table: bytes) -> bytes:
        """What `commit` writes: nothing has changed where no memory is left for it. Raises DaricError("storage")."""
        if len(table) > self.capacity:
            raise DaricError("storage", "The key sectors are full.")
        generation = self.generation + 1
        parts = [MAGIC, generation.to_bytes(4, "big"), (len(table) + atrest.OVERHEAD).to_bytes(4, "big")]
        salt = self._random(atrest.SALT_BYTES)
        parts.extend(atrest.seal_parts(self.key, PURPOSE, "keys", generation, (table,), salt))
        return b"".join(parts)

    def commit(self, image: bytes) -> None:
        """Make the table that was `sealed` the one that counts: write and read back, then erase its predecessor and
        read that back.

        Raises DaricError("storage") when the flash fails: old or new counts.
        """
        generation = self.generation + 1
        area = 1 - self._active
        try:
            self._blank(area)
            self._program(area, image)
            self.floor.raise_to(generation)
            self._blank(self._active)
        except OSError:
            raise DaricError("storage", "The key sectors can't be written.")
        self._active = area
        self.generation = generation

    def _read(self, area: int):
        header = bytearray(HEADER)
        self._partition.read(area * self._area, header)
        length = int.from_bytes(header[8:12], "big")
        if bytes(header[:4]) != MAGIC or length > self._area - HEADER:
            return None
        generation = int.from_bytes(header[4:8], "big")
        sealed = bytearray(length)
        self._partition.read(area * self._area + HEADER, sealed)
        try:
            return generation, atrest.open_in_place(self.key, PURPOSE, "keys", generation, sealed)
        except DaricError:
            return None  # cut while it was written or erased; the other area counts

    def _program(self, area: int, image: bytes) -> None:
        size = self._partition.block_size
        for start in range(0, len(image), size):
            self._partition.program(area * self._area + start, image[start : start + size])
        if not cells.holds(self._partition, area * self._area, image):
            raise DaricError("storage", "The key sectors do not hold what was written.")

    def _blank(self, area: int) -> None:
        first = area * (self._partition.blocks // 2)
        for block in range(first, first + self._partition.blocks // 2):
            cells.blank(self._partition, block)
