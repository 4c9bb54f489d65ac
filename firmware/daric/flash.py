"""What lies where on the flash, the device secret, the vault's opening and wiping. Specification: docs/architecture.md.

Loaded at the start, and when the lock or the owner needs the flash itself.
"""

import sys

from daric_protocol import platform
from daric_protocol.errors import DaricError

from daric import cells
from daric.floor import Floor
from daric.keysectors import KeySectors
from daric.tablekey import TableKey
from daric.vault import PathFiles, Vault

# Blocks of 4 KB from the start of the vault's flash; the file system has the rest.
SECRET_BLOCK = 0
KEYS_BLOCK = 1
KEYS_BLOCKS = 4  # two areas of 8 KB: room for about 120 entries
LOCK_BLOCK = KEYS_BLOCK + KEYS_BLOCKS
FLOOR_BLOCK = LOCK_BLOCK + 2
STARTS_BLOCK = FLOOR_BLOCK + 2
FILES_BLOCK = STARTS_BLOCK + 1
MIN_BLOCKS = FILES_BLOCK + 32

SECRET_BYTES = 32
CHECK_BYTES = 8
IN_USE_AT = 256  # cleared bits here say that the vault was opened once: from then on nothing is formatted again
IN_USE = bytes(16)
# A begun wipe, at both ends of the secret's block: whichever half of it a cut erasure leaves, the next start goes on.
WIPE_AT = (128, 4096 - 256)
WIPE = b"\xa5\x5a" * 16


class SecretSector:
    """The device secret: 32 random bytes in a raw block, made at the first start and never exported."""

    def __init__(self, partition) -> None:
        self._partition = partition

    def load(self, random=None) -> bytes:
        """The 32 bytes, drawn and written first if this device never started. Raises DaricError("storage"), OSError."""
        record = bytearray(SECRET_BYTES + CHECK_BYTES)
        self._partition.read(0, record)
        secret = bytes(record[:SECRET_BYTES])
        if self._check(secret) == bytes(record[SECRET_BYTES:]):
            return secret
        if random is None or self.in_use():
            raise DaricError("storage", "The device secret is damaged.")
        cells.blank(self._partition, 0)
        secret = random(SECRET_BYTES)
        cells.program(self._partition, 0, secret + self._check(secret))
        return secret

    def in_use(self) -> bool:
        """True once the vault has been opened for the first time."""
        flag = bytearray(len(IN_USE))
        self._partition.read(IN_USE_AT, flag)
        return bytes(flag) != b"\xff" * len(IN_USE)

    def set_in_use(self) -> None:
        """Record that the vault exists. Raises OSError."""
        self._partition.program(IN_USE_AT, IN_USE)

    def begin_wipe(self) -> None:
        """From here on every start goes on wiping until nothing is left. Raises OSError."""
        for at in WIPE_AT:
            if not cells.holds(self._partition, at, WIPE):
                cells.program(self._partition, at, WIPE)

    def wiping(self) -> bool:
        """Whether a wipe was begun. Raises OSError."""
        return bool([at for at in WIPE_AT if cells.holds(self._partition, at, WIPE)])

    def damaged(self) -> bool:
        """Whether there was a secret and it is not whole. Raises OSError."""
        record = bytearray(SECRET_BYTES + CHECK_BYTES)
        self._partition.read(0, record)
        return self.in_use() and self._check(bytes(record[:SECRET_BYTES])) != bytes(record[SECRET_BYTES:])

    def _check(self, secret: bytes) -> bytes:
        return platform.sha256(b"daric/secret" + secret)[:CHECK_BYTES]


class Locked:
    """What `open_vault` gives of a device with a PIN: nothing of the vault is open yet."""

    locked = True

    def __init__(self, chip, random, mount) -> None:
        self.chip = chip
        self._random = random
        self._mount = mount

    def open(self, key: bytes) -> Vault:
        """The vault, by the key that the PIN opened. Raises DaricError("storage")."""
        try:
            return _opened(self.chip, self._random, self._mount, key, False)
        except OSError:
            raise DaricError("storage", "The flash can't be read or written.")


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


def open_vault(chip, random, mount=None):
    """The vault on `chip` (raw flash as board.flashfile.FlashFile), made at the first start; a Locked with a PIN.

    mount(partition, first_start) gives the file system (read, write, remove, names); default is littlefs under
    MicroPython. random: entropy, n -> bytes. A wipe that was begun, or that the last wrong PIN earned, is finished
    first. Raises DaricError("storage"); a vault that was in use is never formatted but by a wipe.
    """
    if chip.blocks < MIN_BLOCKS:
        raise DaricError("storage", "The vault needs %d blocks of flash." % MIN_BLOCKS)
    if mount is None:
        if sys.implementation.name != "micropython":
            raise DaricError("storage", "This board has no file system.")
        mount = mount_littlefs
    try:
        sector = SecretSector(_part(chip, SECRET_BLOCK, 1))
        if sector.wiping() or _wiped_but_for(sector, chip):
            wipe(chip)
        first_start = not sector.in_use()
        lock = TableKey(_part(chip, LOCK_BLOCK, 2), sector.load(random), random)
        if first_start:
            vault = _opened(chip, random, mount, lock.make(), True)
            sector.set_in_use()
            return vault
        lock.load()
        if not lock.left:
            wipe(chip)
            return open_vault(chip, random, mount)
        if lock.has_pin:
            return Locked(chip, random, mount)
        return _opened(chip, random, mount, lock.open_without_pin(), False)
    except OSError:
        raise DaricError("storage", "The flash can't be read or written.")


def _wiped_but_for(sector: SecretSector, chip) -> bool:
    """Whether a power cut left a wipe's last block, the secret's, with any of its bits erased: the others are blank."""
    if not sector.damaged():
        return False
    return not [block for block in range(KEYS_BLOCK, STARTS_BLOCK) if not cells.is_blank(_part(chip, block, 1), 0)]


def _opened(chip, random, mount, key: bytes, first_start: bool) -> Vault:
    secret = SecretSector(_part(chip, SECRET_BLOCK, 1)).load()
    floor = Floor(_part(chip, FLOOR_BLOCK, 2), platform.hkdf_sha256(secret, b"", b"daric/floor", 32))
    keys = KeySectors(_part(chip, KEYS_BLOCK, KEYS_BLOCKS), key, random, floor)
    files = mount(_part(chip, FILES_BLOCK, chip.blocks - FILES_BLOCK), first_start)
    vault = Vault(files, keys, random, first_start)
    vault.chip = chip
    return vault


def table_key(chip, random) -> TableKey:
    """The lock of a vault in use. Raises DaricError("storage")."""
    try:
        lock = TableKey(_part(chip, LOCK_BLOCK, 2), SecretSector(_part(chip, SECRET_BLOCK, 1)).load(), random)
        lock.load()
    except OSError:
        raise DaricError("storage", "The flash can't be read or written.")
    return lock


def wipe(chip, watch=None) -> None:
    """Erase everything: first what opens the rest, last the device secret. The next start is the first one.

    Only the record of the entropy's starts stays, which holds no secret: a seeded generator shows after a wipe too.

    A power cut leaves the device as it was or a wipe that its next start finishes. watch: called between blocks.
    Raises OSError.
    """
    secret = _part(chip, SECRET_BLOCK, 1)
    SecretSector(secret).begin_wipe()
    for block in list(range(KEYS_BLOCK, STARTS_BLOCK)) + list(range(FILES_BLOCK, chip.blocks)) + [SECRET_BLOCK]:
        cells.blank(_part(chip, block, 1), 0)
        if watch is not None:
            watch()


def check_start(chip, start: bytes) -> None:
    """Refuse an entropy source that began the same way before. start: of daric_protocol.platform.entropy.Entropy.

    Raises DaricError("entropy"), DaricError("storage").
    """
    from daric.starts import check

    check(_part(chip, STARTS_BLOCK, 1), start)


def wear(device, _host: bytes = b"") -> "list[list]":
    """A request of a host: [area, erasures of each of its blocks since the first start], from what is stored there.

    The file system spreads its own.
    """
    chip, changes = device.vault.chip, device.vault.keys.generation
    lock = table_key(chip, device.entropy.draw)
    turns = changes * cells.CELL // chip.block_size
    return [["keys", changes // 2], ["floor", turns // 2], ["lock", lock.sectors.sequence // 2]]


def damaged(device, _host: bytes = b"") -> "list[str]":
    """A request of a host: names of the vault's entries that can't be read."""
    return device.vault.damaged()


def _part(chip, first: int, blocks: int):
    from daric.board.flashfile import Partition

    return Partition(chip, first, blocks)
