"""The key of the vault's table: random, wrapped under the device secret and the PIN; tries of the PIN; the wipe code.

Wrapping key = HKDF(device secret || stretched PIN); without a PIN, of the device secret alone. A new PIN wraps
the same key anew. Loaded at the start, and while a PIN is typed. Specification: docs/architecture.md, the PIN.
"""

from daric_protocol import atrest, platform
from daric_protocol.errors import DaricError
from daric_protocol.limits import PIN_TRIES

from daric.locksectors import LockSectors

KEY_BYTES = 32
SALT_BYTES = 16
TAG_BYTES = 16
BODY = 1 + 4 + SALT_BYTES + KEY_BYTES + atrest.OVERHEAD + TAG_BYTES  # PIN set, iterations, salt, wrapped key, wipe tag
OPEN, WRONG, WIPE = 0, 1, 2  # outcomes of a try


class TableKey:
    """partition: the two lock blocks. secret: 32 B of the device. random: n -> bytes. Then load() or make()."""

    def __init__(self, partition, secret: bytes, random) -> None:
        self._secret = secret
        self._random = random
        self.sectors = LockSectors(partition, platform.hkdf_sha256(secret, b"", b"daric/lock", 32), BODY)

    def make(self) -> bytes:
        """The first start: a new key, without a PIN. Raises OSError."""
        self.sectors.format()
        key = self._random(KEY_BYTES)
        self._write(key, b"", bytes(4 + SALT_BYTES), self._random(TAG_BYTES))
        return key

    def load(self) -> None:
        """Find what is stored. Raises DaricError("storage"), OSError."""
        self.sectors.load()

    @property
    def has_pin(self) -> bool:
        return self.sectors.body[0] == 1

    @property
    def left(self) -> int:
        """Tries that are left before the wipe. Raises OSError."""
        return PIN_TRIES - self.sectors.tries()

    def delay(self) -> int:
        """Seconds to pass before the next try, at a start also. Raises OSError."""
        tries = self.sectors.tries()
        return 1 << tries if tries else 0

    def open_without_pin(self) -> bytes:
        """The key, where no PIN is set. Raises DaricError("storage")."""
        key = self._unwrap(b"")
        if key is None:
            raise DaricError("storage", "The lock record is damaged.")
        return key

    def attempt(self, pin: bytes, board) -> "tuple[int, bytes | None]":
        """Try a PIN: counted first, forgiven on success. (OPEN, key), (WRONG, None) or (WIPE, None): wipe now.

        Raises DaricError("pin") without a try left, OSError; then nothing was compared.
        """
        self.sectors.begin_try()
        stretched = self._stretch(pin, board)
        key = self._unwrap(stretched)
        if key is not None:
            self.sectors.write(self.sectors.body)
            return OPEN, key
        wipe = platform.equal(self._tag(stretched), self.sectors.body[-TAG_BYTES:])
        return (WIPE if wipe or not self.left else WRONG), None

    def set_pin(self, key: bytes, pin: bytes, board) -> None:
        """Wrap the key under another PIN, b"" for none: old or new after a power cut. The wipe code goes with the PIN.

        Raises DaricError("parameter") where the PIN is the wipe code, OSError.
        """
        body = self.sectors.body
        parameters, tag, stretched = body[1 : 5 + SALT_BYTES], body[-TAG_BYTES:], b""
        if not pin:
            parameters, tag = bytes(4 + SALT_BYTES), self._random(TAG_BYTES)
        else:
            if not self.has_pin:
                from daric.stretch import calibrated

                # Kept while there is a PIN: the wipe code is compared under them too.
                parameters = calibrated(board).to_bytes(4, "big") + self._random(SALT_BYTES)
            stretched = self._stretch(pin, board, parameters)
            if platform.equal(self._tag(stretched), tag):
                raise DaricError("parameter", "This is the wipe code.")
        self._write(key, stretched, parameters, tag)

    def set_wipe_code(self, pin: bytes, board) -> None:
        """What wipes the device when it is typed as the PIN; b"" for none. Old or new after a power cut.

        Raises DaricError("parameter") where it is the PIN, ("pin") where none is set, OSError.
        """
        if not self.has_pin:
            raise DaricError("pin")
        tag = self._random(TAG_BYTES)  # of no code, and nobody sees that it is none
        if pin:
            stretched = self._stretch(pin, board)
            if self._unwrap(stretched) is not None:
                raise DaricError("parameter", "This is the PIN.")
            tag = self._tag(stretched)
        self.sectors.write(self.sectors.body[:-TAG_BYTES] + tag)

    def _stretch(self, pin: bytes, board, parameters: "bytes | None" = None) -> bytes:
        from daric.stretch import stretch

        if parameters is None:
            parameters = self.sectors.body[1 : 5 + SALT_BYTES]
        return stretch(pin, parameters[4:], int.from_bytes(parameters[:4], "big"), board.watch)

    def _write(self, key: bytes, stretched: bytes, parameters: bytes, tag: bytes) -> None:
        salt = self._random(atrest.SALT_BYTES)
        wrapped = atrest.seal_entry(self._wrapping(stretched), b"daric/lock", "table", 0, key, salt)
        self.sectors.write(bytes([1 if stretched else 0]) + parameters + wrapped + tag)

    def _unwrap(self, stretched: bytes) -> "bytes | None":
        wrapped = self.sectors.body[5 + SALT_BYTES : -TAG_BYTES]
        try:
            return atrest.open_entry(self._wrapping(stretched), b"daric/lock", "table", 0, wrapped)
        except DaricError as error:
            if error.name != "sealed":
                raise
            return None

    def _wrapping(self, stretched: bytes) -> bytes:
        return platform.hkdf_sha256(self._secret + stretched, b"", b"daric/lock/wrap", 32)

    def _tag(self, stretched: bytes) -> bytes:
        return platform.hkdf_sha256(self._secret + stretched, b"", b"daric/lock/wipe", TAG_BYTES)
