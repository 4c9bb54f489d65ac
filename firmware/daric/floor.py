"""The generation below which no key table counts: outside the key sectors, so that an older copy of them alone shows.

Each commit of a table programs one cell: u32 generation, then 16 bytes of a MAC under a key of the device secret. When
a block is full the other one is erased and goes on; the highest generation that either holds is the floor.
Specification: docs/architecture.md, the vault.
"""

from daric_protocol import platform

from daric import cells

MAC = 16


class Floor:
    """value: the highest generation that was ever raised to, 0 where there is none. partition: two blocks."""

    def __init__(self, partition, key: bytes) -> None:
        """key: 32 B, from the device secret. Raises OSError."""
        self._partition = partition
        self._key = key
        self._cells = partition.block_size // cells.CELL
        self._block = 0
        self._next = 0  # cell of that block
        self.value = 0
        for block in (0, 1):
            self._look(block)

    def format(self) -> None:
        """Blank both blocks. Raises OSError."""
        for block in (0, 1):
            cells.blank(self._partition, block)
        self._block = self._next = self.value = 0

    def raise_to(self, generation: int) -> None:
        """Make it durable that tables below this generation count no more. Raises OSError."""
        if self._next == self._cells:
            other = 1 - self._block
            cells.blank(self._partition, other)
            self._block, self._next = other, 0
        address = self._block * self._partition.block_size + self._next * cells.CELL
        self._next += 1  # never programmed twice, whatever comes of it
        number = generation.to_bytes(4, "big")
        cells.program(self._partition, address, number + self._mac(number))
        self.value = generation

    def _look(self, block: int) -> None:
        """The newest good cell of a block: at most one after it was cut while it was written, unless cuts repeat."""
        start = block * self._partition.block_size
        used = cells.used(self._partition, start, self._cells)
        cell = bytearray(4 + MAC)
        for number in range(used - 1, -1, -1):
            self._partition.read(start + number * cells.CELL, cell)
            generation = bytes(cell[:4])
            if self._mac(generation) == bytes(cell[4:]):
                if int.from_bytes(generation, "big") > self.value:
                    self.value = int.from_bytes(generation, "big")
                    self._block, self._next = block, used
                return
        if used and not self.value:
            self._block, self._next = block, used

    def _mac(self, generation: bytes) -> bytes:
        return platform.hmac_sha256(self._key, generation)[:MAC]
