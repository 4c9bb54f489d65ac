"""Deterministic CBOR (RFC 8949, section 4.2.1) and nothing else. Specification: docs/encodings.md.

Values: integers of 64 bits and a sign, byte strings, text, lists, dicts with integer, byte-string or text keys,
True, False, None. No floats, tags, indefinite lengths or other simple values, in either direction. The decoder takes
exactly the bytes that the encoder would give, so every value has one encoding and every encoding one value.
"""

from daric_protocol.errors import DaricError
from daric_protocol.limits import CBOR_BYTES, CBOR_DEPTH, CBOR_ITEMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP = 0, 1, 2, 3, 4, 5
FALSE, TRUE, NULL = 0xF4, 0xF5, 0xF6


def head(major: int, argument: int) -> bytes:
    """First bytes of an item: major type 0..7 and its argument, 0 <= argument < 2^64, in the shortest form."""
    if argument < 24:
        return (major << 5 | argument).to_bytes(1, "big")
    if argument >> 64 == 0:
        code, size = (24, 1) if argument < 1 << 8 else (25, 2) if argument < 1 << 16 else (26, 4)
        if argument >> 32:
            code, size = 27, 8
        return ((major << 5 | code) << 8 * size | argument).to_bytes(1 + size, "big")
    raise DaricError("encoding", "CBOR integers have at most 64 bits")


def encode(value: "Any", depth: int = CBOR_DEPTH) -> bytes:
    """Deterministic encoding of a value; DaricError("encoding") for a type or size outside the module's list."""
    # At once: a growing buffer would hold a large value three times. MicroPython joins bytes only.
    return b"".join([part if isinstance(part, bytes) else bytes(part) for part in encode_parts(value, depth)])


def encode_parts(value: "Any", depth: int = CBOR_DEPTH) -> "list[Any]":
    """What is the encoding of a value end to end; byte strings in it are no copies."""
    parts: "list[Any]" = []
    _encode(value, parts, depth)
    return parts


def _encode(value: "Any", out: "list[Any]", depth: int) -> None:
    if value is None or value is True or value is False:
        out.append(b"\xf6" if value is None else b"\xf5" if value else b"\xf4")
    elif isinstance(value, int):
        out.append(head(UNSIGNED, value) if value >= 0 else head(NEGATIVE, -1 - value))
    elif isinstance(value, (bytes, bytearray, memoryview)):
        out.append(head(BYTES, len(value)))
        out.append(value)
    elif isinstance(value, str):
        text = utf8(value)
        out.append(head(TEXT, len(text)))
        out.append(text)
    elif isinstance(value, (list, tuple, dict)):
        check_depth(depth)
        _encode_items(value, out, depth - 1)
    else:
        raise DaricError("encoding", "not a CBOR value: " + type(value).__name__)


def _encode_items(value: "Any", out: "list[Any]", depth: int) -> None:
    """An array or a map. A function of its own: MicroPython takes a large frame from the heap, at each call."""
    if isinstance(value, dict):
        out.append(head(MAP, len(value)))
        for key, item in sorted([(encode_key(key), key) for key in value]):
            out.append(key)
            _encode(value[item], out, depth)
        return
    out.append(head(ARRAY, len(value)))
    for item in value:
        _encode(item, out, depth)


def utf8(text: str) -> bytes:
    """The UTF-8 bytes of a text; surrogates have none."""
    try:
        raw = text.encode()
    except ValueError:
        raise DaricError("encoding", "the text is not Unicode")
    if len(raw) != len(text):
        read_text(raw)
    return raw


def encode_key(key: "Any") -> bytes:
    """Encoding of a map key, by which keys are ordered; DaricError("encoding") for a type that is no key."""
    if key is True or key is False or not isinstance(key, (int, bytes, str)):
        raise DaricError("encoding", "a CBOR map key is an integer, a byte string or a text")
    return encode(key)


def check_depth(depth: int) -> None:
    """DaricError("too_large") where no further nesting is allowed."""
    if depth <= 0:
        raise DaricError("too_large", "CBOR items are nested too deeply")


def decode(
    data: "bytes | memoryview",
    max_bytes: int = CBOR_BYTES,
    depth: int = CBOR_DEPTH,
    items: int = CBOR_ITEMS,
    view: "int | None" = None,
) -> "Any":
    """The one value that `data` encodes.

    max_bytes, depth, items: limits on the size, the nesting of arrays and maps, and the number of items. view: byte
    strings of so many bytes or more, if given, are memoryviews of `data` and no copies.
    DaricError("encoding") for anything but one deterministic item, "too_large" beyond a limit.
    """
    if len(data) > max_bytes:
        raise DaricError("too_large", "CBOR of %d bytes, at most %d are taken" % (len(data), max_bytes))
    reader = Reader(data, items, view)
    value = reader.item(depth)
    if reader.at != len(data):
        raise DaricError("encoding", "bytes follow the CBOR item")
    return value


class Reader:
    """A position in `data` and the number of items that may still be read; longer byte strings stay where they are."""

    def __init__(self, data: "bytes | memoryview", items: int, view: "int | None") -> None:
        self.data = memoryview(data)  # a slice of it is no copy
        self.items = items
        self.view = view
        self.at = 0

    def take(self, count: int) -> bytes:
        return bytes(self.slice(count))

    def slice(self, count: int) -> "Any":
        end = self.at + count
        if end > len(self.data):
            raise DaricError("encoding", "the CBOR item is cut short")
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def head(self) -> "tuple[int, int]":
        """Major type and argument of the next item; simple values other than the three known ones are refused."""
        first = self.take(1)[0]
        major, argument = first >> 5, first & 31
        if major > MAP:
            if first not in (FALSE, TRUE, NULL):
                raise DaricError("encoding", "CBOR tags, floats and other simple values are not taken")
            return major, first
        if argument > 27:
            raise DaricError("encoding", "reserved or indefinite CBOR length")
        if argument >= 24:
            size = 1 << (argument - 24)
            argument = int.from_bytes(self.take(size), "big")
            # The shortest form: above 23 for one byte, else more than half the bytes can hold.
            if argument < 24 or (size > 1 and argument >> 4 * size == 0):
                raise DaricError("encoding", "a CBOR integer is not in its shortest form")
        return major, argument

    def item(self, depth: int) -> "Any":
        """The next item, arrays and maps at most `depth` deep."""
        self.items -= 1
        if self.items < 0:
            raise DaricError("too_large", "too many CBOR items")
        major, argument = self.head()
        if major == UNSIGNED:
            return argument
        if major == NEGATIVE:
            return -1 - argument
        if major == BYTES:
            copied = self.view is None or argument < self.view
            return self.take(argument) if copied else self.slice(argument)
        if major == TEXT:
            return read_text(self.take(argument))
        if major in (ARRAY, MAP):
            check_depth(depth)
            # Each item takes a byte, each pair two: a length that cannot be true costs nothing.
            if argument > (len(self.data) - self.at) >> (major == MAP):
                raise DaricError("encoding", "the CBOR item is cut short")
            if argument > self.items:
                raise DaricError("too_large", "too many CBOR items")
            return self.array(argument, depth - 1) if major == ARRAY else self.map(argument, depth - 1)
        return None if argument == NULL else argument == TRUE

    def array(self, count: int, depth: int) -> "list[Any]":
        values: list[Any] = [None] * count
        for i in range(count):
            values[i] = self.item(depth)
        return values

    def map(self, count: int, depth: int) -> "dict[Any, Any]":
        values: dict[Any, Any] = {}
        previous = b""
        for _ in range(count):
            start = self.at
            if start < len(self.data) and self.data[start] >> 5 > TEXT:
                raise DaricError("encoding", "a CBOR map key is an integer, a byte string or a text")
            key = self.item(0)
            encoded = bytes(self.data[start : self.at])
            if encoded <= previous:
                raise DaricError("encoding", "CBOR map keys are out of order or repeated")
            previous = encoded
            values[key] = self.item(depth)
        return values


def read_text(raw: bytes) -> str:
    """UTF-8 text; overlong forms and surrogates are refused here, because MicroPython's own check lets them pass."""
    try:
        text = str(raw, "utf-8")
    except ValueError:
        raise DaricError("encoding", "CBOR text is not UTF-8")
    if len(text) != len(raw):
        size = 0
        for character in text:
            code = ord(character)
            if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
                raise DaricError("encoding", "CBOR text is not UTF-8")
            size += 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4
        if size != len(raw):
            raise DaricError("encoding", "CBOR text is not UTF-8")
    return text
