"""What lies where on the flash, the device secret, and the vault's opening. Specification: docs/architecture.md."""

import sys

from daric_protocol import platform
from daric_protocol.errors import DaricError

from daric.keysectors import KeySectors
from daric.vault import PathFiles, Vault

# Blocks of 4 KB from the start of the vault's flash: device secret, key sectors, then the file system.
SECRET_BLOCK = 0
KEYS_BLOCK = 1
KEYS_BLOCKS = 4  # two areas of 8 KB: room for about 120 entries
FILES_BLOCK = KEYS_BLOCK + KEYS_BLOCKS
MIN_BLOCKS = FILES_BLOCK + 32

SECRET_BYTES = 32
CHECK_BYTES = 8
IN_USE_AT = 256  # cleared bits here say that the vault was opened once: from then on nothing is formatted again
IN_USE = bytes(16)


class SecretSector:
    """The device secret: 32 random bytes in a raw block, made at the first start and never exported."""

    def __init__(self, partition) -> None:
        self._partition = partition

    def load(self, random) -> bytes:
        """The 32 bytes, drawn and written first if this device never started. Raises DaricError("storage")."""
        record = bytearray(SECRET_BYTES + CHECK_BYTES)
        self._partition.read(0, record)
        secret = bytes(record[:SECRET_BYTES])
        if self._check(secret) == bytes(record[SECRET_BYTES:]):
            return secret
        if self.in_use():
            raise DaricError("storage", "The device secret is damaged.")
        self._partition.erase(0)
        secret = random(SECRET_BYTES)
        self._partition.program(0, secret + self._check(secret))
        return secret

    def in_use(self) -> bool:
        """True once the vault has been opened for the first time."""
        flag = bytearray(len(IN_USE))
        self._partition.read(IN_USE_AT, flag)
        return bytes(flag) != b"\xff" * len(IN_USE)

    def set_in_use(self) -> None:
        """Record that the vault exists. Raises OSError."""
        self._partition.program(IN_USE_AT, IN_USE)

    def _check(self, secret: bytes) -> bytes:
        return platform.sha256(b"daric/secret" + secret)[:CHECK_BYTES]


def mount_littlefs(partition, first_start: bool) -> PathFiles:
    """Mount the file system at /vault (made anew at the first start). MicroPython only. Raises OSError."""
    import vfs

    if first_start:
        vfs.VfsLfs2.mkfs(partition)
    try:
        vfs.umount("/vault")
    except OSError:
        pass  # not mounted yet
    vfs.mount(vfs.VfsLfs2(partition), "/vault")
    return PathFiles("/vault")


def open_vault(chip, random, mount=None) -> Vault:
    """The vault on `chip` (raw flash as board.flashfile.FlashFile), made at the first start.

    mount(partition, first_start) gives the file system (read, write, remove, names); default is littlefs under
    MicroPython. random: entropy, n -> bytes. Raises DaricError("storage"); a vault that was in use is never formatted.
    """
    from daric.board.flashfile import Partition

    if chip.blocks < MIN_BLOCKS:
        raise DaricError("storage", "The vault needs %d blocks of flash." % MIN_BLOCKS)
    if mount is None:
        if sys.implementation.name != "micropython":
            raise DaricError("storage", "This board has no file system.")
        mount = mount_littlefs
    try:
        sector = SecretSector(Partition(chip, SECRET_BLOCK, 1))
        key = platform.hkdf_sha256(sector.load(random), b"", b"daric/vault", 32)
        keys = KeySectors(Partition(chip, KEYS_BLOCK, KEYS_BLOCKS), key, random)
        first_start = not sector.in_use()
        files = mount(Partition(chip, FILES_BLOCK, chip.blocks - FILES_BLOCK), first_start)
        vault = Vault(files, keys, random, first_start)
        if first_start:
            sector.set_in_use()
    except OSError:
        raise DaricError("storage", "The flash can't be read or written.")
    return vault
