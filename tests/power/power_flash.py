"""File systems for the vault's tests on CPython: real littlefs over the flash under test."""

from __future__ import annotations

import littlefs
from daric.board.flashfile import FlashFile, Partition
from daric.flash import MIN_BLOCKS, open_vault
from daric.vault import Vault
from littlefs.context import UserContext
from littlefs.errors import LittleFSError

BLOCKS = MIN_BLOCKS + 24


class _Context(UserContext):
    """littlefs block device over a Partition; errors are returned as littlefs wants them."""

    def __init__(self, partition: Partition) -> None:
        super().__init__(0)
        self.partition = partition

    def read(self, cfg, block: int, off: int, size: int) -> bytearray:
        data = bytearray(size)
        if self.partition.readblocks(block, data, off):
            raise OSError(5)
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
        except FileNotFoundError:
            raise
        except LittleFSError as error:
            raise OSError(5, str(error)) from error

    def read(self, name: str) -> bytes | None:
        try:
            with self._call(self.fs.open, name, "rb") as file:
                return self._call(file.read)
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        def put() -> None:
            with self.fs.open(name, "wb") as file:
                file.write(data)

        self._call(put)

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
