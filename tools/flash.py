"""Make the image of a board, and show what is in one. Specification: docs/hardware.md, images.

    tools/flash.py build --board NAME [--key FILE] [--out FILE]
    tools/flash.py show FILE [--public KEY] [--board NAME]

Exit codes: 0 done; 2 a wrong command line; else the number of the error: 10 the file is damaged or no image, 12 a wrong
key file, file or board, 13 unsigned or signed by another key, 51 not writable, 53 a source does not compile.
"""

from __future__ import annotations

import argparse
import stat
import sys
from pathlib import Path

import daric
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from daric_host.keys import read_key
from daric_protocol.errors import DaricError
from daric_sim import boards, image, romfs, signedimage

MICROPYTHON = "1.28.0"  # the oldest that these modules and their file system were written for


def build(board: str, key: Path | None, out: Path | None) -> None:
    """Compile, pack, sign, write. The same sources, compiler and key give the same bytes."""
    architecture = boards.supported(board).architecture
    secret = None if key is None else read_secret(key)
    try:
        files = image.contents(image.sources(), architecture)
    except RuntimeError as error:
        raise DaricError("internal", str(error)) from None
    packed = romfs.pack(files)
    manifest = signedimage.Manifest.of(packed, files, daric.VERSION, board, MICROPYTHON)
    made = signedimage.SignedImage(manifest, packed)
    if secret is not None:
        made = made.sign(secret)
    path = out or Path(f"daric-{board}-{daric.VERSION}.image")
    signedimage.write_whole(path, made.encode())
    print(f"written      {path}")
    describe(made)


def show(path: Path, public: str, board: str) -> None:
    """Verify a file, then print its manifest."""
    loaded = signedimage.load(path)
    if public:
        loaded.check_signature(read_key(public, "the key"))
    if board:
        loaded.check_board(board)
    describe(loaded)
    for name, digest in loaded.manifest.files:
        print(f"{digest.hex()}  {name}")


def describe(made: signedimage.SignedImage) -> None:
    manifest = made.manifest
    print(f"board        {manifest.board}")
    print(f"version      {manifest.version}")
    print(f"micropython  {manifest.micropython} or later")
    print(f"files        {len(manifest.files)}")
    print(f"bytes        {manifest.size}")
    print(f"digest       {manifest.digest.hex()}")
    print(f"signed by    {made.public.hex() or 'nobody'}")


def read_secret(path: Path) -> int:
    """The secp256k1 key of a PEM file that only its owner can read. Raises DaricError("parameter")."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(path.stat().st_mode)
            data = file.read(1 << 16)
    except OSError as error:
        raise DaricError("parameter", f"{path} cannot be read: {error.strerror}") from None
    if mode & 0o077:
        raise DaricError("parameter", f"others can read {path}: chmod 600 it")
    try:
        key = load_pem_private_key(data, None)
    except (ValueError, TypeError):
        raise DaricError("parameter", f"{path} is no private key in PEM without a password") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256K1):
        raise DaricError("parameter", f"the key in {path} is not one of secp256k1")
    return key.private_numbers().private_value


def main(arguments: list[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="flash.py", description="Images of Daric devices.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    making = verbs.add_parser("build", help="make the image of a board")
    making.add_argument("--board", required=True, help=", ".join(boards.BOARDS))
    making.add_argument("--key", type=Path, help="sign with this secp256k1 key, PEM")
    making.add_argument("--out", type=Path, help="by default daric-BOARD-VERSION.image")
    showing = verbs.add_parser("show", help="verify an image and print its manifest")
    showing.add_argument("file", type=Path)
    showing.add_argument("--public", default="", help="refuse what this key, hex, did not sign")
    showing.add_argument("--board", default="", help="refuse what is for another board")
    given = parser.parse_args(arguments)
    try:
        if given.verb == "build":
            build(given.board, given.key, given.out)
        else:
            show(given.file, given.public, given.board)
    except DaricError as error:
        print(f"{error.name}: {error.detail}", file=sys.stderr)
        return error.number
    return 0


if __name__ == "__main__":
    sys.exit(main())
