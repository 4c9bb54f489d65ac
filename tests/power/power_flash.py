"""File systems for the vault's tests on CPython: real littlefs over the flash under test."""

from __future__ import annotations

from collections.abc import Iterable

import littlefs
from daric.board.flashfile import FlashFile, Partition
from daric.flash import MIN_BLOCKS, open_vault
from daric.vault import Vault
from littlefs import lfs
from littlefs.context import UserContext
from littlefs.errors import LittleFSError

BLOCKS = MIN_BLOCKS + 24
NO_ENTRY = -2


class _Context(UserContext):
    """littlefs block device over a Partition; errors are returned as littlefs wants them."""

    def __init__(self, partition: Partition) -> None:
        super().__init__(0)
        self.partition = partition

    def read(self, cfg, block: int, off: int, size: int) -> bytearray:
        data = bytearray(size)
        self.partition.readblocks(block, data, off)  # without power it reads zeros; the binding can't say more
        return data

    def prog(self, cfg, block: int, off: int, data: bytes) -> int:
        return self.partition.writeblocks(block, data, off)

    def erase(self, cfg, block: int) -> int:
        return self.partition.ioctl(6, block)

    def sync(self, cfg) -> int:
        return 0


class LittleFiles:
    """The vault's file interface over littlefs-python."""

    def __init__(self, partition: Partition, first_start: bool) -> None:
        self.fs = littlefs.LittleFS(
            _Context(partition),
            mount=False,
            block_size=partition.block_size,
            block_count=partition.blocks,
            read_size=32,
            prog_size=32,
            cache_size=128,
            lookahead_size=32,
        )
        if first_start:
            self._call(self.fs.format)
        self._call(self.fs.mount)

    def _call(self, function, *arguments):
        try:
            return function(*arguments)
        except LittleFSError as error:
            raise OSError(5, str(error)) from error

    # Files are closed once and by hand: littlefs-python's file objects close a second time after an error.
    def read(self, name: str) -> bytearray | None:
        fs = self.fs.fs
        try:
            size = self._call(lfs.stat, fs, name).size
        except OSError as error:
            if isinstance(error.__cause__, LittleFSError) and error.__cause__.code == NO_ENTRY:
                return None
            raise
        file = self._call(lfs.file_open, fs, name, "r")
        try:
            return bytearray(self._call(lfs.file_read, fs, file, size))
        finally:
            self._call(lfs.file_close, fs, file)

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        fs = self.fs.fs
        file = self._call(lfs.file_open, fs, name, "w")
        try:
            for piece in pieces:
                self._call(lfs.file_write, fs, file, piece)
        finally:
            self._call(lfs.file_close, fs, file)

    def remove(self, name: str) -> None:
        self._call(self.fs.remove, name)

    def names(self) -> list[str]:
        return self._call(self.fs.listdir, "/")


def draws(seed: int = 0):
    """A deterministic stream for tests that compares equal over runs: n -> bytes, never repeating."""
    from daric_protocol import platform

    state = [seed.to_bytes(8, "big"), 0]

    def random(count: int) -> bytes:
        out = b""
        while len(out) < count:
            state[1] += 1
            out += platform.sha256(state[0] + state[1].to_bytes(8, "big"))
        return out[:count]

    return random


def start(chip: FlashFile, random=None) -> Vault:
    """Switch the device on."""
    return open_vault(chip, random or draws(chip.operations), LittleFiles)


def memory_chip(image: bytes | None = None) -> FlashFile:
    """A chip in RAM, blank or holding `image`."""
    chip = FlashFile(None, BLOCKS)
    if image is not None:
        chip._memory[:] = image
    return chip
