"""`tools/flash.py build` and `show`: make the image of a board, say what is in one. Specification: docs/hardware.md.

The same sources, compiler, options and key give the same bytes, whatever the machine, directory, times or locale.
"""

import argparse
import stat
from collections.abc import Callable
from pathlib import Path

import daric
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from daric_protocol.errors import DaricError
from daric_protocol.imagehead import DEVELOPMENT, LITTLEFS, PRODUCTION, ROMFS
from daric_sim import boards

from daric_host.flashing import compiling, hsm, signedimage
from daric_host.flashing.signedimage import SignedImage, Signer
from daric_host.keys import read_key

MICROPYTHON = "1.28.0"  # the oldest that these modules and their file system were written for
FORMS = {"romfs": ROMFS, "littlefs": LITTLEFS}
KINDS = (DEVELOPMENT, PRODUCTION)


def make(
    board: str,
    kind: str = DEVELOPMENT,
    update_key: bytes = b"",
    factory_key: bytes = b"",
    sign: Signer | None = None,
    *,
    form: int = 0,
    version: str = "",
    changed: dict[str, bytes] | None = None,
) -> SignedImage:
    """The image of a board. update_key, factory_key: 33 B that the device will trust, b"" for none.

    form: 0 for the board's own. version: of the firmware, where another one than these sources have is wanted.
    changed: sources to put in place of these, path inside -> text. Raises DaricError: "parameter", "internal" if a
    source does not compile.
    """
    wanted = boards.supported(board)
    sources = compiling.sources(wanted.module, wanted.architecture)
    if (board, kind, update_key, factory_key) != (compiling.VIRTUAL, DEVELOPMENT, b"", b""):
        sources[compiling.MADE] = compiling.made(board, kind, update_key, factory_key)
    if version:
        text = sources["daric/__init__.py"].decode()
        sources["daric/__init__.py"] = text.replace(f'"{daric.VERSION}"', f'"{version}"').encode()
    sources.update(changed or {})
    try:
        contents = compiling.contents(sources, wanted.architecture)
        image = SignedImage.make(
            contents,
            form or FORMS[wanted.form],
            version=version or daric.VERSION,
            board=board,
            kind=kind,
            micropython=MICROPYTHON,
        )
    except (RuntimeError, ValueError) as error:
        raise DaricError("internal", str(error)) from None
    return image if sign is None else image.sign(sign)


def add_verbs(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command lines of build and show."""
    making = verbs.add_parser("build", help="make the image of a board")
    making.add_argument("--board", required=True, help=", ".join(boards.BOARDS))
    making.add_argument("--kind", choices=KINDS, default=DEVELOPMENT, help="production: for a MicroPython of our own")
    making.add_argument("--form", choices=tuple(FORMS), help="by default the board's")
    making.add_argument("--update-key", default="", help="hex; the device takes updates that this key signed")
    making.add_argument("--factory-key", default="", help="hex; the device takes certificates that this key signed")
    making.add_argument("--key", type=Path, help="sign with this secp256k1 key, PEM")
    making.add_argument("--pkcs11", type=Path, help="sign with a key in this PKCS#11 module")
    making.add_argument("--token", default="", help="label of its token")
    making.add_argument("--key-label", default="", help="label of the key on it")
    making.add_argument("--pin-file", type=Path, help="file with the token's PIN")
    making.add_argument("--out", type=Path, help="by default daric-BOARD-VERSION.image")
    showing = verbs.add_parser("show", help="verify an image and print its manifest")
    showing.add_argument("file", type=Path)
    showing.add_argument("--public", default="", help="refuse what this key, hex, did not sign")
    showing.add_argument("--board", default="", help="refuse what is for another board")


def run(given: argparse.Namespace, say: Callable[[str], None] = print) -> None:
    """What add_verbs read. say: gets each line of what there is to tell. Raises DaricError."""
    if given.verb == "build":
        build(given, say)
    else:
        show(given.file, given.public, given.board, say)


def build(given: argparse.Namespace, say: Callable[[str], None]) -> None:
    """Compile, pack, sign, write."""
    boards.supported(given.board)
    path = given.out or Path(f"daric-{given.board}-{daric.VERSION}.image")
    if not path.parent.is_dir():
        raise DaricError("storage", f"{path.parent} is no directory")
    sign = signer(given)
    update = read_key(given.update_key, "the update key") if given.update_key else b""
    factory = read_key(given.factory_key, "the factory key") if given.factory_key else b""
    image = make(given.board, given.kind, update, factory, sign, form=FORMS.get(given.form or "", 0))
    signedimage.write_whole(path, image.encode())
    say(f"written      {path}")
    describe(image, say)


def signer(given: argparse.Namespace) -> Signer | None:
    """Who signs, by the options --key or --pkcs11. Raises DaricError("parameter")."""
    if given.key is not None and given.pkcs11 is not None:
        raise DaricError("parameter", "a key comes from a file or from a PKCS#11 token, not from both")
    if given.key is not None:
        return signedimage.by_key(read_secret(given.key))
    if given.pkcs11 is not None:
        return hsm.signer(given.pkcs11, given.token, given.key_label, given.pin_file)
    return None


def show(path: Path, public: str, board: str, say: Callable[[str], None]) -> None:
    """Verify a file, then print its manifest."""
    loaded = signedimage.load(path)
    if public:
        loaded.check_signature(read_key(public, "the key"))
    if board:
        loaded.check_board(board)
    describe(loaded, say)
    for name, digest in loaded.files:
        say(f"{digest.hex()}  {name}")


def describe(image: SignedImage, say: Callable[[str], None]) -> None:
    """The manifest, line by line."""
    manifest = image.manifest
    form = {number: name for name, number in FORMS.items()}[manifest.form]
    say(f"board        {manifest.board}")
    say(f"kind         {manifest.kind}")
    say(f"version      {manifest.version}")
    say(f"micropython  {manifest.micropython} or later")
    say(f"form         {form}")
    say(f"arithmetic   {', '.join(compiling.arithmetic([path for path, _ in image.files])) or 'none'}")
    say(f"files        {len(image.files)}")
    say(f"bytes        {manifest.size}")
    say(f"digest       {manifest.digest.hex()}")
    say(f"signed by    {image.public.hex() or 'nobody'}")


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
