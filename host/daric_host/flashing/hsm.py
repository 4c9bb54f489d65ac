"""Signing an image with a key that never leaves its PKCS#11 token. Needs python-pkcs11 (`pip install 'daric[hsm]'`)."""

from pathlib import Path
from typing import Any

from daric_protocol import platform
from daric_protocol.errors import DaricError

from daric_host.flashing.signedimage import Signer

SECP256K1 = bytes.fromhex("06052b8104000a")  # object identifier, in DER


def signer(module: Path, token: str, label: str, pin_file: Path | None) -> Signer:
    """Signs with the secp256k1 key `label` on a token. pin_file: holds the token's PIN.

    A token draws its own nonce, so that two builds differ in the signature. Raises DaricError("parameter").
    """
    try:
        pin = None if pin_file is None else pin_file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise DaricError("parameter", f"the PIN in {pin_file} cannot be read") from None

    def sign(digest: bytes) -> tuple[bytes, bytes]:
        return _sign(module, token, label, pin, digest)

    _sign(module, token, label, pin, bytes(32))  # a wrong token or PIN shows before minutes of compiling
    return sign


def _sign(module: Path, token: str, label: str, pin: str | None, digest: bytes) -> tuple[bytes, bytes]:
    try:
        import pkcs11
    except ImportError:
        raise DaricError("parameter", "signing by PKCS#11 needs python-pkcs11: pip install 'daric[hsm]'") from None
    try:
        library = pkcs11.lib(str(module))
        with library.get_token(token_label=token).open(user_pin=pin) as session:
            wanted: dict[str, Any] = {"key_type": pkcs11.KeyType.EC, "label": label}
            private: Any = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, **wanted)
            public = _public(session.get_key(object_class=pkcs11.ObjectClass.PUBLIC_KEY, **wanted), pkcs11)
            signature = bytes(private.sign(digest, mechanism=pkcs11.Mechanism.ECDSA))
    except (pkcs11.PKCS11Error, RuntimeError) as error:
        reason = str(error) or type(error).__name__
        raise DaricError("parameter", f"the PKCS#11 token does not sign: {reason}") from None
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    s = min(s, platform.curve.Q - s)
    return public, r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _public(key: Any, pkcs11: Any) -> bytes:
    """The compressed public key (33 B)."""
    if bytes(key[pkcs11.Attribute.EC_PARAMS]) != SECP256K1:
        raise DaricError("parameter", "the key on the token is not one of secp256k1")
    point = bytes(key[pkcs11.Attribute.EC_POINT])  # a DER octet string around the uncompressed point
    if point[:2] == b"\x04\x41":
        point = point[2:]
    if len(point) != 65 or point[0] != 4:
        raise DaricError("parameter", "the token's public key is not an uncompressed point")
    return bytes(platform.curve.encode(platform.curve.decode_xy(point[1:])))
