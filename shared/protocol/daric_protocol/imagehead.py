"""The head of a firmware image: its manifest and who signed it, as a file has it and a device checks it.

Specification: docs/hardware.md, images; messages.cddl, section "Images".
"""

from daric_protocol import identity, platform
from daric_protocol.errors import DaricError
from daric_protocol.limits import IMAGE_HEAD_BYTES
from daric_protocol.tagged import TH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FORMAT = 2
TAG = "daric/image"
ROMFS, LITTLEFS = 1, 2
DEVELOPMENT, PRODUCTION = "development", "production"
NAME_CHARACTERS = 32
DIGITS = 5  # of each number of a version


class Manifest:
    """What an image says of itself.

    version, micropython: three numbers, the latter the oldest that the image is for. kind: development or production.
    form: ROMFS or LITTLEFS. files: SHA-256 of the encoded list of files. size, digest: bytes of the payload, SHA-256.
    """

    def __init__(
        self, version: str, board: str, kind: str, micropython: str, form: int, files: bytes, size: int, digest: bytes
    ) -> None:
        self.version = version
        self.board = board
        self.kind = kind
        self.micropython = micropython
        self.form = form
        self.files = files
        self.size = size
        self.digest = digest

    def encode(self) -> bytes:
        """CBOR of all fields, the format first."""
        fields = [FORMAT, self.version, self.board, self.kind, self.micropython, self.form]
        return platform.cbor_encode(fields + [self.files, self.size, self.digest])

    @staticmethod
    def decode(data: bytes) -> "Manifest":
        """Raises DaricError("encoding") for anything but the one form of a manifest."""
        fields = _decoded(data)
        if [type(field) for field in fields] != [int, str, str, str, str, int, bytes, int, bytes]:
            raise DaricError("encoding", "a manifest has nine fields")
        manifest = Manifest(*fields[1:])
        numbers(manifest.version)
        numbers(manifest.micropython)
        known = fields[0] == FORMAT and manifest.form in (ROMFS, LITTLEFS)
        if not known or manifest.kind not in (DEVELOPMENT, PRODUCTION):
            raise DaricError("encoding", "the manifest is of another format, kind or form")
        sized = len(manifest.files) == 32 and len(manifest.digest) == 32 and 0 < manifest.size < 1 << 31
        if not sized or not 0 < len(manifest.board) <= NAME_CHARACTERS:
            raise DaricError("encoding", "a field of the manifest is out of range")
        return manifest


class Head:
    """A manifest's bytes and their signature. public, signature: 33 and 64 bytes, both empty if nobody signed."""

    def __init__(self, manifest: bytes, public: bytes = b"", signature: bytes = b"") -> None:
        self.manifest = manifest
        self.public = public
        self.signature = signature

    def encode(self) -> bytes:
        """CBOR [manifest, public key, signature]."""
        return platform.cbor_encode([self.manifest, self.public, self.signature])

    @staticmethod
    def decode(data: bytes) -> "Head":
        """Raises DaricError("encoding")."""
        if len(data) > IMAGE_HEAD_BYTES:
            raise DaricError("encoding", "the head of the image is too long")
        fields = _decoded(data)
        if [type(field) for field in fields] != [bytes, bytes, bytes]:
            raise DaricError("encoding", "the head of an image is a manifest, a key and a signature")
        if (len(fields[1]), len(fields[2])) not in ((0, 0), (33, 64)):
            raise DaricError("encoding", "the key or the signature of the image has a wrong length")
        return Head(*fields)

    def digest(self) -> bytes:
        """What is signed: the tagged hash of the manifest."""
        return TH(TAG, self.manifest)

    def check(self, public: bytes) -> None:
        """Raises DaricError("signature") unless the manifest is signed by this key (33 B)."""
        if not self.signature:
            raise DaricError("signature", "the image is not signed")
        if self.public != public:
            raise DaricError("signature", "the image is signed by another key, " + self.public.hex())
        if not identity.verify(public, self.digest(), self.signature):
            raise DaricError("signature", "the signature is not one of this manifest")


def numbers(version: str) -> "list[int]":
    """The three numbers of a version, to compare. Raises DaricError("encoding")."""
    parts = version.split(".")
    for part in parts:
        plain = 0 < len(part) <= DIGITS and not [one for one in part if one not in "0123456789"]
        if not plain or (part[0] == "0" and part != "0"):
            parts = []
    if len(parts) != 3:
        raise DaricError("encoding", "a version of the manifest is not three numbers")
    return [int(part) for part in parts]


def _decoded(data: bytes) -> "list[Any]":
    try:
        fields = platform.cbor_decode(data)
    except DaricError as error:
        raise DaricError("encoding", "the image is damaged: " + error.detail)
    if not isinstance(fields, list):
        raise DaricError("encoding", "the image is damaged")
    return fields
