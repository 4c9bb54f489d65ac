"""The image file of a board: head, list of files, payload. Specification: docs/hardware.md, images.

8 B      "DARICIMG"
4 B, 4 B lengths of the head and of the list, big-endian
head     CBOR [manifest, public key 33 B, signature 64 B], as daric_protocol.imagehead; all that a device needs to
         judge an image
list     CBOR [[path, SHA-256]], sorted; the manifest has its SHA-256
payload  a ROMFS, or a littlefs image for boards that cannot execute code where it lies
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from daric_protocol import identity, platform
from daric_protocol.errors import DaricError
from daric_protocol.imagehead import LITTLEFS, ROMFS, Head, Manifest

from daric_host.flashing import littlefsimage, romfs

MAGIC = b"DARICIMG"
HEAD_AT = len(MAGIC) + 8
MAX_BYTES = 16 << 20  # more than any board's flash
Signer = Callable[[bytes], tuple[bytes, bytes]]  # SHA-256 -> (public key 33 B, signature 64 B, low s)


@dataclass(frozen=True)
class SignedImage:
    """An image whose bytes are what its manifest says. public, signature: empty if it is not signed."""

    manifest: Manifest
    files: tuple[tuple[str, bytes], ...]
    payload: bytes
    public: bytes = b""
    signature: bytes = b""

    @classmethod
    def make(
        cls, contents: dict[str, bytes], form: int, *, version: str, board: str, kind: str, micropython: str
    ) -> "SignedImage":
        """Pack files: path inside -> bytes. Not signed yet. Raises ValueError for files that the form cannot hold."""
        payload = pack(form, contents)
        files = listed(contents)
        named = hashlib.sha256(encode_files(files)).digest()
        digest = hashlib.sha256(payload).digest()
        return cls(Manifest(version, board, kind, micropython, form, named, len(payload), digest), files, payload)

    @property
    def head(self) -> bytes:
        """What a device is sent first."""
        return Head(self.manifest.encode(), self.public, self.signature).encode()

    def encode(self) -> bytes:
        files = encode_files(self.files)
        sizes = len(self.head).to_bytes(4, "big") + len(files).to_bytes(4, "big")
        return MAGIC + sizes + self.head + files + self.payload

    def sign(self, signer: Signer) -> "SignedImage":
        """The same image signed."""
        head = Head(self.manifest.encode())
        public, signature = signer(head.digest())
        Head(head.manifest, public, signature).check(public)  # a slip in a signature may tell the key
        return SignedImage(self.manifest, self.files, self.payload, public, signature)

    def check_signature(self, public: bytes) -> None:
        """Raises DaricError("signature") unless the image is signed by this key (33 B)."""
        Head(self.manifest.encode(), self.public, self.signature).check(public)

    def check_board(self, name: str) -> None:
        """Raises DaricError("parameter") if the image is for another board."""
        if self.manifest.board != name:
            raise DaricError("parameter", f"the image is for the board {self.manifest.board}, not {name}")

    def contents(self) -> dict[str, bytes]:
        """Path inside -> bytes."""
        return unpack(self.manifest.form, self.payload)


def by_key(secret: int) -> Signer:
    """Signs with a secp256k1 key; the nonce is the one of RFC 6979 alone, so that two builds have the same bytes."""

    def sign(digest: bytes) -> tuple[bytes, bytes]:
        r, s = identity.sign_ecdsa(secret, digest, b"")
        return identity.Identity(secret).public, r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return sign


def pack(form: int, contents: dict[str, bytes]) -> bytes:
    """The payload of these files."""
    return romfs.pack(contents) if form == ROMFS else littlefsimage.pack(contents)


def unpack(form: int, payload: bytes) -> dict[str, bytes]:
    """The files of a payload that `pack` made. Raises ValueError for any other bytes."""
    return littlefsimage.unpack(payload) if form == LITTLEFS else romfs.unpack(payload)


def listed(contents: dict[str, bytes]) -> tuple[tuple[str, bytes], ...]:
    """(path, SHA-256) of each file, sorted."""
    return tuple((path, hashlib.sha256(contents[path]).digest()) for path in sorted(contents))


def encode_files(files: tuple[tuple[str, bytes], ...]) -> bytes:
    return platform.cbor_encode([list(file) for file in files])


def parse(data: bytes) -> SignedImage:
    """An image file's bytes, verified against their manifest, and the manifest against its signature if there is one.

    Whose key that is, is for the caller to check. Raises DaricError: "encoding" for bytes that are cut, damaged or no
    image, "signature" for a signature that does not verify.
    """
    if not data.startswith(MAGIC):
        raise DaricError("encoding", "this is no image of a Daric device")
    files_at = HEAD_AT + int.from_bytes(data[len(MAGIC) : len(MAGIC) + 4], "big")
    payload_at = files_at + int.from_bytes(data[len(MAGIC) + 4 : HEAD_AT], "big")
    if len(data) < HEAD_AT or len(data) < payload_at:
        raise DaricError("encoding", "the image is cut short")
    head = Head.decode(data[HEAD_AT:files_at])
    manifest = Manifest.decode(head.manifest)
    if head.signature:
        head.check(head.public)
    files = _files(data[files_at:payload_at], manifest)
    image = SignedImage(manifest, files, data[payload_at:], head.public, head.signature)
    _check_payload(image)
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


def _files(data: bytes, manifest: Manifest) -> tuple[tuple[str, bytes], ...]:
    if hashlib.sha256(data).digest() != manifest.files:
        raise DaricError("encoding", "the list of files is not the one of the manifest")
    try:
        rows = platform.cbor_decode(data)
    except DaricError as error:
        raise DaricError("encoding", f"the image is damaged: {error.detail}") from None
    wanted = [str, bytes]
    if not isinstance(rows, list) or not all(isinstance(row, list) and list(map(type, row)) == wanted for row in rows):
        raise DaricError("encoding", "a file of the image is not a path and a SHA-256")
    return tuple((path, digest) for path, digest in rows)


def _check_payload(image: SignedImage) -> None:
    manifest = image.manifest
    if len(image.payload) != manifest.size:
        raise DaricError("encoding", f"the manifest tells of {manifest.size} bytes, here are {len(image.payload)}")
    if hashlib.sha256(image.payload).digest() != manifest.digest:
        raise DaricError("encoding", "the image does not hash to the digest of its manifest")
    try:
        contents = image.contents()
    except ValueError as error:
        raise DaricError("encoding", str(error)) from None
    if listed(contents) != image.files:
        raise DaricError("encoding", "the files of the image are not those of its manifest")
