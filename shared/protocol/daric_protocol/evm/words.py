"""Words of 32 bytes, as contracts take them, and numbers of that size in a request. Source: Solidity's ABI, section 4.

In a request's CBOR a number is an integer where CBOR has one (64 bits and a sign), else its word: 32 bytes, big-endian,
a negative one as two's complement. So each number has one form.
"""

from daric_protocol.errors import DaricError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

WORD = 32
CBOR_NUMBER = 1 << 64  # an integer of CBOR lies from minus this up to, not including, this


def number(value: int) -> bytes:
    """The word of a number from -2^255 to 2^256 - 1."""
    return (value if value >= 0 else value + (1 << 256)).to_bytes(WORD, "big")


def left(data: bytes) -> bytes:
    """The word of an address or another value of at most 32 bytes that is padded on the left."""
    return bytes(WORD - len(data)) + data


def right(data: bytes) -> bytes:
    """The word of a value of at most 32 bytes that is padded on the right."""
    return data + bytes(WORD - len(data))


def tail(data: bytes) -> bytes:
    """`bytes` of any length behind the words: their length, then they themselves padded to whole words."""
    return number(len(data)) + data + bytes(-len(data) % WORD)


def item(value: int, bits: int, signed: bool = False) -> "int | bytes":
    """A number of `bits` bits as it stands in a request; DaricError("request") if it is out of that range."""
    _check_range(value, bits, signed)
    return value if -CBOR_NUMBER <= value < CBOR_NUMBER else number(value)


def of_item(value: "Any", bits: int, signed: bool = False) -> int:
    """The number of `bits` bits that stands in a request; DaricError("request") for any other value or form."""
    found = value
    if isinstance(value, bytes) and len(value) == WORD:
        found = int.from_bytes(value, "big")
        if signed and found >> 255:
            found -= 1 << 256
        if -CBOR_NUMBER <= found < CBOR_NUMBER:
            raise DaricError("request", "a number that CBOR has is written as such")
    if found is True or found is False or not isinstance(found, int):
        raise DaricError("request", "a number is an integer or a word of 32 bytes")
    _check_range(found, bits, signed)
    return found


def _check_range(value: int, bits: int, signed: bool) -> None:
    lowest, highest = (-1 << bits - 1, 1 << bits - 1) if signed else (0, 1 << bits)
    if not lowest <= value < highest:
        raise DaricError("request", "a number is out of the range of its type")
