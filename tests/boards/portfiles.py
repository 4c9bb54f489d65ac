"""MicroPython's vfs on littlefs-python, and what each port does with its flash before boot.py, told anew."""

from __future__ import annotations

import types

import littlefs
from littlefs.context import UserContext
from littlefs.errors import LittleFSError


class _Blocks(UserContext):
    def __init__(self, device) -> None:
        super().__init__(0)
        self.device = device

    def read(self, cfg, block: int, off: int, size: int) -> bytearray:
        data = bytearray(size)
        self.device.readblocks(block, data, off)
        return data

    def prog(self, cfg, block: int, off: int, data: bytes) -> int:
        self.device.writeblocks(block, bytes(data), off)
        return 0

    def erase(self, cfg, block: int) -> int:
        self.device.ioctl(6, block)
        return 0

    def sync(self, cfg) -> int:
        return 0


class VfsLfs2:
    """vfs.VfsLfs2: mounting a device that holds no file system of its size is an OSError."""

    def __init__(self, device, progsize: int = 32, make: bool = False) -> None:
        self.fs = littlefs.LittleFS(
            _Blocks(device),
            mount=False,
            block_size=device.ioctl(5, 0),
            block_count=device.ioctl(4, 0),
            read_size=32,
            prog_size=progsize,
            cache_size=max(128, progsize),
            lookahead_size=32,
        )
        try:
            if make:
                self.fs.format()
            self.fs.mount()
        except LittleFSError as error:
            raise OSError(19, str(error)) from error

    @staticmethod
    def mkfs(device, progsize: int = 32) -> None:
        VfsLfs2(device, progsize, make=True)

    def write(self, name: str, data: bytes) -> None:
        with self.fs.open(name, "wb") as file:
            file.write(data)

    def read(self, name: str) -> bytes:
        with self.fs.open(name, "rb") as file:
            return bytes(file.read())


class Vfs(types.ModuleType):
    """The module vfs. mounted: place -> file system."""

    def __init__(self) -> None:
        super().__init__("vfs")
        self.mounted: dict[str, VfsLfs2] = {}
        self.VfsLfs2 = VfsLfs2

    def mount(self, system: VfsLfs2, place: str) -> None:
        self.mounted[place] = system


def stock_rp2(vfs: Vfs, storage) -> None:
    """ports/rp2/modules/_boot.py of MicroPython 1.28: the whole area is one file system, made anew on any error."""
    try:
        system = VfsLfs2(storage, 256)
    except Exception:  # noqa: BLE001 - as the port's own
        VfsLfs2.mkfs(storage, 256)
        system = VfsLfs2(storage, 256)
    vfs.mount(system, "/")


class Corrupted(Exception):
    """The port stops with a message."""


def esp32(vfs: Vfs, partitions: dict[str, object]) -> None:
    """What runs on an ESP32: the settings partition is made anew where it is full or of an older form; a partition
    "vfs" or "ffat" is mounted, formatted only where its first block is blank, and no other is looked at."""
    nvs = partitions["nvs"]
    for block in range(nvs.ioctl(4, 0)):
        nvs.ioctl(6, block)
    device = partitions.get("vfs") or partitions.get("ffat")
    if device is None:
        return
    try:
        system = VfsLfs2(device)
    except OSError:
        first = bytearray(device.ioctl(5, 0))
        device.readblocks(0, first, 0)
        if set(first) != {0xFF}:
            raise Corrupted from None
        VfsLfs2.mkfs(device)
        system = VfsLfs2(device)
        system.write("boot.py", b"# This file is executed on every boot\n")
    vfs.mount(system, "/")


def stm32(vfs: Vfs, storage, factory_reset: bool) -> None:
    """What runs on an STM32: the storage area is mounted, or made anew where it holds no file system or the user button
    asked for it; no other flash is touched."""
    try:
        if factory_reset:
            raise OSError
        system = VfsLfs2(storage)
    except OSError:
        VfsLfs2.mkfs(storage)
        system = VfsLfs2(storage)
        system.write("main.py", b"# main.py -- put your code here!\r\n")
    vfs.mount(system, "/flash")
