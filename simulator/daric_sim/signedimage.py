"""The image file of a board: a manifest, its signature, the ROMFS. Specification: docs/hardware.md, images.

    8 B   "DARICIMG"
    4 B   length of the head, big-endian
    head  CBOR [manifest, public key 33 B, signature 64 B], the last two empty in an unsigned image; manifest: the bytes
          of CBOR [format, version, board, minimum MicroPython, [[path, SHA-256]], length of the ROMFS, its SHA-256]
    rest  the ROMFS
"""

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daric_protocol import identity, platform
from daric_protocol.errors import DaricError
from daric_protocol.tagged import TH

from daric_sim import romfs

MAGIC = b"DARICIMG"
FORMAT = 1
TAG = "daric/image"
HEAD_AT = len(MAGIC) + 4
MAX_BYTES = 16 << 20  # more than any board's flash
VERSION = re.compile(r"(0|[1-9]\d{0,4})(\.(0|[1-9]\d{0,4})){2}", re.ASCII)
FIELDS = (int, str, str, str, list, int, bytes)


@dataclass(frozen=True)
class Manifest:
    """What an image says of itself. files: (path inside, SHA-256), sorted. digest: SHA-256 of the ROMFS of `size` B."""

    version: str
    board: str
    micropython: str
    files: tuple[tuple[str, bytes], ...]
    size: int
    digest: bytes

    @classmethod
    def of(cls, packed: bytes, files: dict[str, bytes], version: str, board: str, micropython: str) -> "Manifest":
        """The manifest of a ROMFS and the files in it."""
        hashes = tuple((path, hashlib.sha256(files[path]).digest()) for path in sorted(files))
        return cls(version, board, micropython, hashes, len(packed), hashlib.sha256(packed).digest())

    def encode(self) -> bytes:
        files = [list(file) for file in self.files]
        return platform.cbor_encode([FORMAT, self.version, self.board, self.micropython, files, self.size, self.digest])

    @classmethod
    def decode(cls, data: bytes) -> "Manifest":
        """Raises DaricError("encoding") for anything but the one form of a manifest."""
        value = _decode(data)
        if not _is_list(value, FIELDS) or value[0] != FORMAT:
            raise DaricError("encoding", f"the manifest is not of format {FORMAT}")
        if not all(_is_list(file, (str, bytes)) for file in value[4]):
            raise DaricError("encoding", "a file of the manifest is not a path and a SHA-256")
        if not VERSION.fullmatch(value[1]) or not VERSION.fullmatch(value[3]):
            raise DaricError("encoding", "a version of the manifest is not three numbers")
        files = tuple((path, digest) for path, digest in value[4])
        return cls(value[1], value[2], value[3], files, value[5], value[6])


@dataclass(frozen=True)
class SignedImage:
    """An image whose bytes are what its manifest says. public, signature: empty if it is not signed."""

    manifest: Manifest
    romfs: bytes
    public: bytes = b""
    signature: bytes = b""

    def encode(self) -> bytes:
        head = platform.cbor_encode([self.manifest.encode(), self.public, self.signature])
        return MAGIC + len(head).to_bytes(4, "big") + head + self.romfs

    def sign(self, secret: int) -> "SignedImage":
        """The same image signed; the nonce is the one of RFC 6979 alone, so that two builds have the same bytes."""
        digest = TH(TAG, self.manifest.encode())
        r, s = identity.sign_ecdsa(secret, digest, b"")
        public = identity.Identity(secret).public
        signed = SignedImage(self.manifest, self.romfs, public, r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        signed.check_signature(public)  # a nonce that nothing random is mixed into: a slip here would tell the key
        return signed

    def check_signature(self, public: bytes) -> None:
        """Raises DaricError("signature") unless the image is signed by this key (33 B)."""
        if not self.signature:
            raise DaricError("signature", "the image is not signed")
        if self.public != public:
            raise DaricError("signature", f"the image is signed by another key, {self.public.hex()}")
        if not identity.verify(public, TH(TAG, self.manifest.encode()), self.signature):
            raise DaricError("signature", "the signature is not one of this manifest")

    def check_board(self, name: str) -> None:
        """Raises DaricError("parameter") if the image is for another board."""
        if self.manifest.board != name:
            raise DaricError("parameter", f"the image is for the board {self.manifest.board}, not {name}")


def parse(data: bytes) -> SignedImage:
    """An image file's bytes, verified against their manifest, and the manifest against its signature if there is one.

    Whose key that is, is for the caller to check. Raises DaricError: "encoding" for bytes that are cut, damaged or no
    image, "signature" for a signature that does not verify.
    """
    if not data.startswith(MAGIC):
        raise DaricError("encoding", "this is no image of a Daric device")
    end = HEAD_AT + int.from_bytes(data[len(MAGIC) : HEAD_AT], "big")
    if len(data) < HEAD_AT or len(data) < end:
        raise DaricError("encoding", "the image is cut short")
    head = _decode(data[HEAD_AT:end])
    if not _is_list(head, (bytes, bytes, bytes)) or (len(head[1]), len(head[2])) not in ((0, 0), (33, 64)):
        raise DaricError("encoding", "the head of the image is not a manifest, a key and a signature")
    image = SignedImage(Manifest.decode(head[0]), data[end:], head[1], head[2])
    if image.signature:
        image.check_signature(image.public)
    _check_contents(image)
    return image


def load(path: Path) -> SignedImage:
    """The image in a file, verified as by `parse`. Raises DaricError("parameter") too, if it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DaricError("parameter", f"{path} cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise DaricError("encoding", f"no image has more than {MAX_BYTES} bytes")
    return parse(data)


def write_whole(path: Path, data: bytes) -> None:
    """All bytes under this name or none. Raises DaricError("storage")."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as partial:
            try:
                partial.write(data)
                partial.flush()
                os.fchmod(partial.fileno(), 0o644)
                os.replace(partial.name, path)
            except OSError:
                os.unlink(partial.name)
                raise
    except OSError as error:
        raise DaricError("storage", f"{path} cannot be written: {error.strerror}") from None


def _check_contents(image: SignedImage) -> None:
    manifest, packed = image.manifest, image.romfs
    if len(packed) != manifest.size:
        raise DaricError("encoding", f"the manifest tells of {manifest.size} bytes, here are {len(packed)}")
    if hashlib.sha256(packed).digest() != manifest.digest:
        raise DaricError("encoding", "the image does not hash to the digest of its manifest")
    try:
        files = romfs.unpack(packed)
    except ValueError as error:
        raise DaricError("encoding", str(error)) from None
    if Manifest.of(packed, files, manifest.version, manifest.board, manifest.micropython) != manifest:
        raise DaricError("encoding", "the files of the image are not those of its manifest")


def _decode(data: bytes) -> Any:
    """One CBOR value; its limits are those of every message."""
    try:
        return platform.cbor_decode(data)
    except DaricError as error:
        raise DaricError("encoding", f"the image is damaged: {error.detail}") from None


def _is_list(value: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, list) and [type(one) for one in value] == list(kinds)
