"""Writes MicroPython's read-only file system (ROMFS, MicroPython 1.25 and later): code that runs where it lies.

Format: MicroPython, extmod/vfs_rom.c. A record is kind, length and payload; numbers are 7-bit groups, most significant
first, the high bit set on all but the last.
"""

HEADER = b"\xd2\xcd\x31"
VERBATIM, DIRECTORY, FILE = 2, 4, 5


def pack(files: dict[str, bytes]) -> bytes:
    """The image of a tree. files: path with "/" -> contents."""
    body = _directory(files)
    length = _number(len(body))
    if (len(HEADER) + len(length) + len(body)) % 2:
        length = b"\x80" + length  # an image has an even length; a leading zero group changes no number
    return HEADER + length + body


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
