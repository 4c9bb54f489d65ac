"""A phrase's entropy as scalars that can be shared like a key. Specification: docs/protocol.md, section 10.

A scalar is u8 length, the part, and random bytes up to 32: commitments to a bare 16-byte value could be searched.
"""

from daric_protocol.errors import DaricError
from daric_protocol.tagged import scalar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PART_BYTES = 16
LENGTHS = (16, 20, 24, 28, 32)  # bytes of entropy behind 12 to 24 words


def count(length: int) -> int:
    """How many parts an entropy of this many bytes has; 0 for 0. Raises DaricError("parameter")."""
    if length and length not in LENGTHS:
        raise DaricError("parameter", "The entropy of a phrase has 16, 20, 24, 28 or 32 bytes.")
    return (length + PART_BYTES - 1) // PART_BYTES


def split(entropy: bytes, random: "Callable[[int], bytes]") -> "list[int]":
    """One scalar per part; draws 31 bytes less its length for each. Raises DaricError("parameter")."""
    scalars = []
    for n in range(count(len(entropy))):
        part = entropy[PART_BYTES * n : PART_BYTES * (n + 1)]
        scalars.append(int.from_bytes(bytes([len(part)]) + part + random(31 - len(part)), "big"))
    return scalars


def join(scalars: "list[int]") -> bytes:
    """The entropy of its scalars. Raises DaricError("encoding") where they hold none."""
    entropy = b""
    for n, value in enumerate(scalars):
        data = scalar(value)
        length = data[0]
        if not 0 < length <= PART_BYTES or (length < PART_BYTES and n != len(scalars) - 1):
            raise DaricError("encoding", "The shared values are no phrase.")
        entropy += data[1 : 1 + length]
    if len(entropy) not in LENGTHS or count(len(entropy)) != len(scalars):
        raise DaricError("encoding", "The shared values are no phrase.")
    return entropy
