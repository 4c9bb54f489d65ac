"""MicroPython's read-only file system (ROMFS, MicroPython 1.25 and later): code that runs where it lies.

Format: MicroPython, extmod/vfs_rom.c. A record is kind, length and payload; numbers are 7-bit groups, most significant
first, the high bit set on all but the last.
"""

HEADER = b"\xd2\xcd\x31"
GROUPS = 6  # of a number, at most
VERBATIM, DIRECTORY, FILE = 2, 4, 5


def pack(files: dict[str, bytes]) -> bytes:
    """The image of a tree. files: path with "/" -> contents."""
    body = _directory(files)
    length = _number(len(body))
    if (len(HEADER) + len(length) + len(body)) % 2:
        length = b"\x80" + length  # an image has an even length; a leading zero group changes no number
    return HEADER + length + body


def unpack(image: bytes) -> dict[str, bytes]:
    """The files of an image that `pack` made. Raises ValueError for any other bytes."""
    try:
        if not image.startswith(HEADER):
            raise ValueError("no ROMFS begins like this")
        length, start = _read_number(image, len(HEADER))
        files: dict[str, bytes] = {}
        if start + length == len(image):
            _read_directory(image, start, len(image), "", files)
    except (IndexError, RecursionError):
        raise ValueError("the ROMFS is cut short") from None
    if pack(files) != image:  # one form only: nothing hidden, nothing twice, nothing left over
        raise ValueError("the ROMFS is damaged")
    return files


def _directory(files: dict[str, bytes]) -> bytes:
    out = bytearray()
    below: dict[str, dict[str, bytes]] = {}
    for path in sorted(files):
        name, slash, rest = path.partition("/")
        if slash:
            below.setdefault(name, {})[rest] = files[path]
        else:
            out += _record(FILE, _name(name) + _record(VERBATIM, files[path]))
    for name, inside in below.items():
        out += _record(DIRECTORY, _name(name) + _directory(inside))
    return bytes(out)


def _record(kind: int, payload: bytes) -> bytes:
    return _number(kind) + _number(len(payload)) + payload


def _name(name: str) -> bytes:
    return _number(len(name)) + name.encode("ascii")


def _number(value: int) -> bytes:
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.insert(0, 0x80 | value & 0x7F)
    return bytes(groups)


def _read_directory(image: bytes, at: int, end: int, above: str, files: dict[str, bytes]) -> None:
    while at < end:
        kind, at = _read_number(image, at)
        length, at = _read_number(image, at)
        following = at + length
        size, at = _read_number(image, at)
        name = above + image[at : at + size].decode("ascii")
        at += size
        if kind == DIRECTORY:
            _read_directory(image, at, following, name + "/", files)
        else:
            _, at = _read_number(image, at)
            size, at = _read_number(image, at)
            files[name] = image[at : at + size]
        at = following


def _read_number(image: bytes, at: int) -> tuple[int, int]:
    """(number, where it ends). Raises IndexError at the end of the image, ValueError for a number without end."""
    value = 0
    for place in range(at, at + GROUPS):
        value = value << 7 | image[place] & 0x7F
        if not image[place] & 0x80:
            return value, place + 1
    raise ValueError("a number in the ROMFS has no end")
