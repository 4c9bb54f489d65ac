"""The lock record and the count of PIN tries: two alternating raw blocks outside the file system.

A block: the record at its beginning, one cell per try from TRIES_AT on. A try is counted by programming its cell before
anything is compared; only a new record in the other block, written after a success, begins with none. Nothing that a
power cut leaves behind takes a try back. Specification: docs/architecture.md, the PIN.
"""

from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.limits import PIN_TRIES

from daric import cells

MAGIC = b"DLK1"
HEAD = 8  # magic, u32 sequence; then the body, then a MAC over both
MAC = 16
TRIES_AT = 1024
TRY = b"\x5a\xa5" * (cells.CELL // 2)  # each byte beside its complement


class LockSectors:
    """partition: two blocks. key: 32 B, from the device secret. size: bytes of the body, which is opaque here.

    body: of the record that counts, None where there is none. sequence: how many records were ever written.
    """

    def __init__(self, partition, key: bytes, size: int) -> None:
        self._partition = partition
        self._key = key
        self._size = size
        self._block = 0
        self.sequence = 0
        self.body = None

    def format(self) -> None:
        """Blank both blocks: no record. Raises OSError."""
        for block in (0, 1):
            cells.blank(self._partition, block)
        self._block = self.sequence = 0
        self.body = None

    def load(self) -> None:
        """Find the record that counts and erase the other block. Raises DaricError("storage"), OSError."""
        for block in (0, 1):
            found = self._read(block)
            if found is not None and found[0] > self.sequence:
                self._block = block
                self.sequence, self.body = found
        if self.body is None:
            raise DaricError("storage", "The lock record is damaged.")
        cells.blank(self._partition, 1 - self._block)

    def tries(self) -> int:
        """How many tries were begun since the last success. Raises OSError."""
        start = self._block * self._partition.block_size + TRIES_AT
        # Read twice, and the larger counts: a disturbed reading is to find no tries that are free.
        return max([cells.used(self._partition, start, PIN_TRIES) for _ in (0, 1)])

    def begin_try(self) -> None:
        """Count a try, durably and read back. Raises DaricError("pin") after the last one, OSError."""
        used = self.tries()
        if used >= PIN_TRIES:
            raise DaricError("pin")
        cells.program(self._partition, self._block * self._partition.block_size + TRIES_AT + used * cells.CELL, TRY)
        if self.tries() != used + 1:
            raise OSError(5)

    def write(self, body: bytes) -> None:
        """A new record, without tries; the old one is erased. A power cut leaves the old or the new one. OSError."""
        head = MAGIC + (self.sequence + 1).to_bytes(4, "big") + body
        block = 1 - self._block
        cells.blank(self._partition, block)
        cells.program(self._partition, block * self._partition.block_size, head + self._mac(head))
        old, self._block = self._block, block
        self.sequence += 1
        self.body = body
        cells.blank(self._partition, old)

    def _read(self, block: int):
        record = bytearray(HEAD + self._size + MAC)
        self._partition.read(block * self._partition.block_size, record)
        head = bytes(record[:-MAC])
        if head[:4] != MAGIC or not platform.equal(self._mac(head), bytes(record[-MAC:])):
            return None
        return int.from_bytes(head[4:8], "big"), head[HEAD:]

    def _mac(self, head: bytes) -> bytes:
        return platform.hmac_sha256(self._key, head)[:MAC]
