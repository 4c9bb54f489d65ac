"""Recursive Length Prefix, strict in both directions. Source: Ethereum yellow paper, appendix B.

An item is a byte string or a list of items. The decoder takes only the one encoding that the encoder would give.
"""

from daric_protocol.errors import DaricError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STRING, LIST = 0x80, 0xC0  # prefix bases
SHORT = 55  # longest payload whose length fits in the prefix
DEPTH = 8  # an access list needs 4


def encode(item: "Any") -> bytes:
    """Encoding of bytes, or of a list of items."""
    if isinstance(item, (list, tuple)):
        body = b"".join([encode(inner) for inner in item])
        return _prefix(LIST, len(body)) + body
    if len(item) == 1 and item[0] < STRING:
        return bytes(item)
    return _prefix(STRING, len(item)) + bytes(item)


def encode_number(number: int) -> bytes:
    """The bytes of an unsigned integer: big-endian, no leading zero, empty for 0. An item, not yet encoded."""
    size = 0
    while number >> 8 * size:
        size += 1
    return number.to_bytes(size, "big") if size else b""


def decode(data: bytes) -> "Any":
    """The one item that `data` encodes; DaricError("encoding") for anything else."""
    item, end = _item(data, 0, len(data), DEPTH)
    if end != len(data):
        raise DaricError("encoding", "bytes follow the RLP item")
    return item


def decode_number(item: "Any", most: int) -> int:
    """The unsigned integer of a byte-string item; DaricError("encoding") beyond `most` or with a leading zero."""
    if not isinstance(item, bytes) or item[:1] == b"\0":
        raise DaricError("encoding", "an RLP number is a byte string without leading zeros")
    number = int.from_bytes(item, "big")
    if number > most:
        raise DaricError("encoding", "an RLP number is out of range")
    return number


def _prefix(base: int, length: int) -> bytes:
    if length <= SHORT:
        return bytes([base + length])
    size = encode_number(length)
    return bytes([base + SHORT + len(size)]) + size


def _item(data: bytes, at: int, end: int, depth: int) -> "tuple[Any, int]":
    """The item that starts at `at` and the position after it, which is not beyond `end`."""
    if at >= end:
        raise _cut_short()
    first = data[at]
    if first < STRING:
        return data[at : at + 1], at + 1
    base = STRING if first < LIST else LIST
    length = first - base
    start = at + 1
    if length > SHORT:
        start += length - SHORT
        size = data[at + 1 : start]
        length = int.from_bytes(size, "big")
        if start > end:
            raise _cut_short()
        if size[0] == 0 or length <= SHORT:
            raise DaricError("encoding", "an RLP length is not in its shortest form")
    if length > end - start:
        raise _cut_short()
    after = start + length
    if base == STRING:
        if length == 1 and data[start] < STRING:
            raise DaricError("encoding", "an RLP byte is not in its shortest form")
        return data[start:after], after
    return _items(data, start, after, depth), after


def _items(data: bytes, at: int, end: int, depth: int) -> "list[Any]":
    if depth == 0:
        raise DaricError("encoding", "RLP lists are nested too deeply")
    items = []
    while at < end:
        item, at = _item(data, at, end, depth - 1)
        items.append(item)
    return items


def _cut_short() -> DaricError:
    return DaricError("encoding", "the RLP item is cut short")
