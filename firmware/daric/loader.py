"""The two code slots of a board, and which of them starts.

A board starts a confirmed slot, or a new one on trial, whose starts are counted before they begin: it confirms itself
once it has served a host, else the confirmed one comes back. Nothing of the firmware is imported, because this file
lies a second time outside the slots, beside boot.py. Specification: docs/architecture.md, code slots.

    blocks 0, 1   the boot record, appended to; each record has 32 bytes at a multiple of 256: magic, u32 generation, u8
                  running, u8 starts, u8 state of either slot, 12 zero bytes, the first 8 bytes of SHA-256 of all that
    then          two slots of the same size. Block 0 of a slot: magic, u32 size, u32 length of the head, u8 form, 3
                  zero bytes, SHA-256 of the payload, 8 bytes of SHA-256 of these and the head, the signed head. Then
                  the payload from block 1 on
"""

import hashlib
import sys

ROMFS, LITTLEFS = 1, 2  # forms of a payload
EMPTY, TRIAL, CONFIRMED, FAILED = 0, 1, 2, 3  # states of a slot
STARTS = 3  # of a slot on trial: a person may pull the plug before a host came
NONE = 255
RECORD_MAGIC, SLOT_MAGIC = b"DBR1", b"DSL1"
STRIDE, RECORD, HEADER = 256, 32, 56
CHECK = 8
LITTLEFS_BLOCK = 512  # of an image that is only read
ERASES = 8  # blocks per call of begin: what a serial link waits for
EIO = 5


class Slots:
    """The code region of a board. flash: raw, with blocks, block_size, read, program, erase and memory (board/virtual).

    Every method leaves the old or the new state where the power is cut. Raises OSError where the flash fails.
    """

    def __init__(self, flash) -> None:
        self._flash = flash
        self._size = flash.block_size
        self._blocks = (flash.blocks - 2) // 2
        self.room = (self._blocks - 1) * self._size  # bytes of payload that a slot takes

    # What is there

    def running(self) -> int:
        """The slot that runs, as the loader wrote down; -1 if nothing was ever flashed."""
        slot = self._record()[1]
        return -1 if slot == NONE else slot

    def on_trial(self) -> bool:
        """Whether the running slot still has to be confirmed."""
        record = self._record()
        return record[1] != NONE and record[3 + record[1]] == TRIAL

    def offered(self) -> int:
        """The slot that the next start tries, -1 if none."""
        record = self._record()
        return self.spare() if record[3 + self.spare()] == TRIAL else -1

    def spare(self) -> int:
        """The slot that an update is written to."""
        return 1 if self.running() == 0 else 0

    def about(self, slot: int) -> "tuple[int, int, bytes, bytes] | None":
        """(form, size, SHA-256, head) of what a slot holds, None if it holds nothing. The payload is not checked."""
        header = self._get(self._at(slot) - self._size, HEADER)
        length = int.from_bytes(header[8:12], "big")
        if header[:4] != SLOT_MAGIC or length > self._size - HEADER:
            return None
        head = self._get(self._at(slot) - self._size + HEADER, length)
        if _check(header[: HEADER - CHECK] + head) != header[HEADER - CHECK :]:
            return None
        return header[12], int.from_bytes(header[4:8], "big"), header[16:48], head

    def whole(self, slot: int) -> bool:
        """Whether the payload of a slot is the one that its header tells of."""
        about = self.about(slot)
        if about is None or not 0 < about[1] <= self.room:
            return False
        digest = hashlib.sha256()
        piece = bytearray(STRIDE)
        for at in range(0, about[1], STRIDE):
            self._flash.read(self._at(slot) + at, piece)
            digest.update(piece[: about[1] - at])
        return digest.digest() == about[2]

    # Writing the spare slot

    def begin(self, head: bytes, form: int, size: int, digest: bytes) -> int:
        """Make the spare slot ready for a payload: offset to go on at, or -1: not all is erased yet, call again.

        Where an update with the same head was under way, what was written of its payload is kept. Raises ValueError for
        a payload or head without room, and while the running slot is on trial: the spare one is then all there is.
        """
        if not 0 < size <= self.room or len(head) > self._size - HEADER or self.on_trial():
            raise ValueError
        slot = self.spare()
        record = self._record()
        if record[3 + slot] != EMPTY:  # first of all: a half-written slot never starts
            record[3 + slot] = EMPTY
            self._write(record)
            self.discard()  # what was there may be damaged
        header = SLOT_MAGIC + size.to_bytes(4, "big") + len(head).to_bytes(4, "big") + bytes([form, 0, 0, 0]) + digest
        header += _check(header + head) + head
        first = self._at(slot) // self._size - 1
        if self._get(first * self._size, len(header)) == header:
            return self._resume(slot, size)
        erased = 0
        for block in range(first, first + 1 + self._count(size)):
            if not self._blank(block):
                if erased == ERASES:
                    return -1
                self._erase(block)
                erased += 1
        self._program(first * self._size, header)  # last of all: behind it all is blank or of this payload
        return 0

    def put(self, offset: int, data: bytes) -> None:
        """Write a piece of the payload, at a multiple of 256; the same piece may come again.

        Raises ValueError outside the payload, where other bytes are, or while no payload is expected.
        """
        slot = self.spare()
        about = self.about(slot)
        if about is None or self._record()[3 + slot] != EMPTY or self.on_trial():
            raise ValueError
        if offset < 0 or offset % STRIDE or offset + len(data) > about[1]:
            raise ValueError
        at = self._at(slot) + offset
        there = self._get(at, len(data))
        if there == data:
            return
        if there != b"\xff" * len(data):
            raise ValueError
        self._program(at, data)

    def discard(self) -> None:
        """Forget the payload under way, of which something is wrong: the next one begins at its start."""
        slot = self.spare()
        if self._record()[3 + slot] == EMPTY:
            self._erase(self._at(slot) // self._size - 1)

    def activate(self) -> None:
        """The spare slot is tried at the next start. Raises ValueError if its payload is not whole."""
        self._settle(TRIAL)

    def adopt(self) -> None:
        """The spare slot is the one to start from now on: a first flashing. Raises ValueError as activate."""
        self._settle(CONFIRMED)

    def confirm(self) -> None:
        """The running slot is good."""
        record = self._record()
        if self.on_trial():
            record[3 + record[1]] = CONFIRMED
            self._write(record)

    # Starting

    def choose(self) -> int:
        """The slot to start now, written down before; -1 if none is good."""
        before = self._record()
        record = list(before)
        for slot in (0, 1):
            if record[3 + slot] == TRIAL:
                if record[2] < STARTS and self.whole(slot):
                    record[1], record[2] = slot, record[2] + 1
                    self._write(record)
                    return slot
                record[3 + slot] = FAILED
        newest = record[1]
        for slot in (1, 0) if newest == 1 else (0, 1):
            if record[3 + slot] == CONFIRMED:
                if self.whole(slot):
                    record[1] = slot
                    if record != before:
                        self._write(record)
                    return slot
                record[3 + slot] = FAILED
        record[1] = NONE
        if record != before:
            self._write(record)
        return -1

    # Inside

    def _at(self, slot: int) -> int:
        """Where the payload of a slot begins."""
        return (3 + slot * self._blocks) * self._size

    def _count(self, size: int) -> int:
        return (size + self._size - 1) // self._size

    def _settle(self, state: int) -> None:
        slot = self.spare()
        record = self._record()
        if not self.whole(slot):
            raise ValueError
        record[3 + slot] = state
        record[2] = 0
        if state == CONFIRMED:
            record[1] = slot
        self._write(record)

    def _resume(self, slot: int, size: int) -> int:
        """How much of the payload is there. The last block written may be torn: it is made blank again."""
        if self.whole(slot):
            return size
        first = self._at(slot) // self._size
        for block in range(first + self._count(size) - 1, first - 1, -1):
            if not self._blank(block):
                self._erase(block)
                return (block - first) * self._size
        return 0

    def _record(self) -> list:
        """[generation, running, starts, state of slot 0, of slot 1], the newest whole one."""
        newest = [0, NONE, 0, EMPTY, EMPTY]
        for at in range(0, 2 * self._size, STRIDE):
            data = self._get(at, RECORD)
            if data[:4] == RECORD_MAGIC and _check(data[: RECORD - CHECK]) == data[RECORD - CHECK :]:
                generation = int.from_bytes(data[4:8], "big")
                if generation > newest[0]:
                    newest = [generation] + list(data[8:12])
        return newest

    def _write(self, record: list) -> None:
        """Append a record; where the block of the newest one is full, in the other one, which is erased first."""
        newest = self._record()[0]
        block, spot = 0, self._size
        for at in range(0, 2 * self._size, STRIDE):
            data = self._get(at, RECORD)
            if data[:4] == RECORD_MAGIC and int.from_bytes(data[4:8], "big") == newest:
                block = at // self._size
        for at in range(self._size - STRIDE, -1, -STRIDE):
            if self._get(block * self._size + at, RECORD) != b"\xff" * RECORD:
                break
            spot = at
        if not newest or spot == self._size:
            block, spot = (1 - block if newest else 0), 0
            if not self._blank(block):
                self._erase(block)
        data = RECORD_MAGIC + (newest + 1).to_bytes(4, "big") + bytes(record[1:]) + bytes(12)
        self._program(block * self._size + spot, data + _check(data))

    def _get(self, address: int, length: int) -> bytes:
        data = bytearray(length)
        if length:
            self._flash.read(address, data)
        return bytes(data)

    def _program(self, address: int, data: bytes) -> None:
        self._flash.program(address, data)
        if self._get(address, len(data)) != data:
            raise OSError(EIO)

    def _erase(self, block: int) -> None:
        self._flash.erase(block)
        if not self._blank(block):
            raise OSError(EIO)

    def _blank(self, block: int) -> bool:
        piece = bytearray(STRIDE)
        blank = b"\xff" * STRIDE
        for at in range(block * self._size, (block + 1) * self._size, STRIDE):
            self._flash.read(at, piece)
            if piece != blank:
                return False
        return True


def _check(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:CHECK]


class ReadOnly:
    """The payload of a slot as a block device for littlefs, on boards that cannot execute it where it lies."""

    def __init__(self, flash, address: int, size: int) -> None:
        self._flash, self._address, self._size = flash, address, size

    def readblocks(self, block: int, buffer, offset: int = 0) -> int:
        """Read into `buffer` from byte `offset` of `block`."""
        self._flash.read(self._address + block * LITTLEFS_BLOCK + offset, buffer)
        return 0

    def writeblocks(self, _block: int, _buffer, _offset: int = 0) -> int:
        """Refused: code is never written as a file."""
        return -EIO

    def ioctl(self, operation: int, _argument: int) -> "int | None":
        """Number (4) and size (5) of blocks; nothing is ever erased (6)."""
        if operation == 6:
            return -EIO
        return {4: self._size // LITTLEFS_BLOCK, 5: LITTLEFS_BLOCK}.get(operation, 0)


def start() -> bool:
    """Choose a slot, mount it at /code, or /trial, and let every later import come from there. MicroPython only.

    Without a code region or a good slot it is the image inside a MicroPython of our own; False where there is none
    either: then what else is on sys.path runs.
    """
    import gc

    import vfs
    from codeflash import code

    flash = code()
    try:
        slots = None if flash is None else Slots(flash)
        slot = -1 if flash is None else slots.choose()
        trial = slot >= 0 and slots.on_trial()
        about = None if slot < 0 else slots.about(slot)
        gc.collect()  # what stays lies at the heap's beginning
        if about is None:
            system = _inside(vfs)
        else:
            form, size, _, _ = about
            address = slots._at(slot)
            if form == ROMFS:
                system = vfs.VfsRom(flash.memory(address, size))
            else:
                system = vfs.VfsLfs2(ReadOnly(flash, address, size))
        if system is None:
            return False
        place = "/trial" if trial else "/code"  # the firmware sees by it that it has to confirm itself
        vfs.mount(system, place, readonly=True)
        sys.path[:] = [place]
        return True
    finally:
        for name in ("codeflash", "loader"):
            sys.modules.pop(name, None)


def _inside(vfs):
    """The file system of the image inside this MicroPython (tools/production), None where there is none."""
    try:
        import daricrom
    except ImportError:
        return None
    return vfs.VfsRom(daricrom.image())
