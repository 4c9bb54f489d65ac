"""MicroPython's read-only file system (ROMFS, MicroPython 1.25 and later): code that runs where it lies.

Format: MicroPython, extmod/vfs_rom.c. A record is kind, length and payload; numbers are 7-bit groups, most significant
first, the high bit set on all but the last. Leading groups of zeros change no number: the length of a record that holds
others has always GROUPS, so that its payload's place is known before its size is. Tables begin at a multiple of WORD
bytes, behind a record of padding: machines read them by words where they lie.
"""

LAYOUT = 2  # of the images of `pack`: what keeps some tells older ones by it
HEADER = b"\xd2\xcd\x31"
GROUPS = 4  # 28 bits
MOST_GROUPS = 6  # of a number that is read
PADDING, VERBATIM, DIRECTORY, FILE = 1, 2, 4, 5
WORD = 4
TABLE = ".bin"


def pack(files: dict[str, bytes]) -> bytes:
    """The image of a tree. files: path with "/" -> contents. Raises ValueError for more than an image can hold."""
    image = bytearray(HEADER)
    start = _begin(image)
    _write_directory(image, files)
    _pad(image, 0, 2)  # an image has an even length
    _end(image, start)
    return bytes(image)


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


def _write_directory(image: bytearray, files: dict[str, bytes]) -> None:
    below: dict[str, dict[str, bytes]] = {}
    for path in sorted(files):
        name, slash, rest = path.partition("/")
        if slash:
            below.setdefault(name, {})[rest] = files[path]
        else:
            _write_file(image, name, files[path])
    for name, inside in below.items():
        image += _number(DIRECTORY)
        start = _begin(image)
        image += _name(name)
        _write_directory(image, inside)
        _end(image, start)


def _write_file(image: bytearray, name: str, data: bytes) -> None:
    image += _number(FILE)
    start = _begin(image)
    image += _name(name)
    head = _number(VERBATIM) + _number(len(data))
    if name.endswith(TABLE):
        _pad(image, len(head), WORD)
    image += head + data
    _end(image, start)


def _begin(image: bytearray) -> int:
    """Leave room for the length of what follows; returns where that begins."""
    image += bytes(GROUPS)
    return len(image)


def _end(image: bytearray, start: int) -> None:
    """Write the length of what begins at `start`."""
    length = _number(len(image) - start)
    if len(length) > GROUPS:
        raise ValueError(f"a ROMFS has at most {(1 << 7 * GROUPS) - 1} bytes")
    image[start - GROUPS : start] = b"\x80" * (GROUPS - len(length)) + length


def _pad(image: bytearray, ahead: int, unit: int) -> None:
    """Let what comes `ahead` bytes later begin at a multiple of `unit`."""
    missing = -(len(image) + ahead) % unit
    if missing == 1:
        missing += unit  # the smallest record has two bytes
    if missing:
        image += _number(PADDING) + _number(missing - 2) + bytes(missing - 2)


def _name(name: str) -> bytes:
    return _number(len(name)) + name.encode("ascii")


def _number(value: int) -> bytes:
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.insert(0, 0x80 | value & 0x7F)
    return bytes(groups)


def _read_directory(image: bytes, at: int, end: int, above: str, files: dict[str, bytes]) -> None:
    while at < end:
        kind, at, following = _read_record(image, at)
        if kind != PADDING:
            size, at = _read_number(image, at)
            name = above + image[at : at + size].decode("ascii")
            at += size
            if kind == DIRECTORY:
                _read_directory(image, at, following, name + "/", files)
            else:
                files[name] = _read_file(image, at)
        at = following


def _read_file(image: bytes, at: int) -> bytes:
    while True:
        kind, at, following = _read_record(image, at)
        if kind != PADDING:
            return image[at:following]
        at = following


def _read_record(image: bytes, at: int) -> tuple[int, int, int]:
    """(kind, where its payload begins, where that ends)."""
    kind, at = _read_number(image, at)
    length, at = _read_number(image, at)
    return kind, at, at + length


def _read_number(image: bytes, at: int) -> tuple[int, int]:
    """(number, where it ends). Raises IndexError at the end of the image, ValueError for a number without end."""
    value = 0
    for place in range(at, at + MOST_GROUPS):
        value = value << 7 | image[place] & 0x7F
        if not image[place] & 0x80:
            return value, place + 1
    raise ValueError("a number in the ROMFS has no end")
