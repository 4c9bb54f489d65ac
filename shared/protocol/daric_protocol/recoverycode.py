"""The recovery code: 80 bits that the owner keeps on paper, against which an unattended holder gives its piece back.

It is shown and typed on the device alone. The holder gets a value that follows from it, and each request to release a
piece carries a code of authentication made with that value, good for one session, one new identity and one backup.
Specification: docs/protocol.md, section 12; docs/encodings.md, section 7.
"""

from daric_protocol import platform
from daric_protocol.errors import DaricError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # RFC 4648, section 6: no 0, 1, 8 or 9 to mistake for letters
CODE_BYTES = 10
CODE_CHARACTERS = 16


def new_code(random: "Callable[[int], bytes]") -> str:
    """A fresh code, 16 characters. random: n -> bytes; draws 10."""
    number = int.from_bytes(random(CODE_BYTES), "big")
    return "".join([ALPHABET[(number >> shift) & 31] for shift in range(75, -1, -5)])


def read_code(text: str) -> str:
    """The code as its owner typed it: in any case, with blanks or hyphens between. DaricError("backup")."""
    code = "".join([character for character in text.upper() if character not in " \t\r\n-"])
    if len(code) != CODE_CHARACTERS or [character for character in code if character not in ALPHABET]:
        raise DaricError("backup", "A recovery code has 16 characters, letters and the digits 2 to 7.")
    return code


def shown(code: str) -> str:
    """The code in groups of four, as it is written down."""
    return "-".join([code[at : at + 4] for at in range(0, len(code), 4)])


def check_value(code: str, backup_id: bytes) -> bytes:
    """32 B that the unattended holder keeps beside its piece. backup_id: 16 B. DaricError("backup") for no code."""
    return platform.hkdf_sha256(read_code(code).encode(), backup_id, b"daric/recovery-code", 32)


def release_mac(check: bytes, uuid: bytes, identity: bytes, backup_id: bytes) -> bytes:
    """32 B that ask for the piece in one session (16 B), for one new identity (33 B), of one backup (16 B).

    check: 32 B of check_value.
    """
    if [len(check), len(uuid), len(identity), len(backup_id)] != [32, 16, 33, 16]:
        raise DaricError("parameter", "A request to release a piece names a session, an identity and a backup.")
    return platform.hmac_sha256(check, uuid + identity + backup_id)
