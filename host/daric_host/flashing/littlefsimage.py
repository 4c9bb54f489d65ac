"""A littlefs image of a board's code, for ports that cannot execute it where it lies. Made by littlefs-python.

One block size and a fixed order of writing, so that the same files give the same bytes.
"""

BLOCK = 512  # it is only read, so blocks need not be those of the flash; small ones waste little
SPARE_BLOCKS = 4  # littlefs needs room to write
METADATA = 2  # blocks of a directory
MAX_BLOCKS = 16384


def pack(files: dict[str, bytes]) -> bytes:
    """The image of a tree. files: path with "/" -> contents. Raises ValueError if they do not fit any board."""
    folders = sorted({folder for path in files for folder in _above(path)})
    data = sum(-(-len(content) // (BLOCK - 8)) + 1 for content in files.values())
    blocks = data + METADATA * (len(folders) + 1 + len(files) // 16) + SPARE_BLOCKS
    image = _written(files, folders, blocks)
    used = _used(image)
    return _written(files, folders, used + SPARE_BLOCKS)


def unpack(image: bytes) -> dict[str, bytes]:
    """The files of an image that `pack` made. Raises ValueError for any other bytes."""
    from littlefs import LittleFSError

    try:
        system = _mounted(image)
        found = {}
        for folder, _, names in system.walk("/"):
            for name in names:
                path = f"{folder.rstrip('/')}/{name}"
                with system.open(path, "rb") as file:
                    found[path.lstrip("/")] = file.read()
        same = pack(found) == image  # one form only: nothing hidden, nothing left over
    except (LittleFSError, OSError, UnicodeDecodeError, RecursionError):
        raise ValueError("the littlefs image is damaged") from None
    if not same:
        raise ValueError("the littlefs image is damaged")
    return found


def _above(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def _written(files: dict[str, bytes], folders: list[str], blocks: int) -> bytes:
    from littlefs import LittleFS, LittleFSError

    if blocks > MAX_BLOCKS:
        raise ValueError("the files do not fit a board")
    try:
        system = LittleFS(block_size=BLOCK, block_count=blocks, disk_version=0x00020000)
        for folder in folders:
            system.mkdir(folder)
        for path in sorted(files):
            with system.open(path, "wb") as file:
                file.write(files[path])
    except LittleFSError as error:
        raise ValueError(f"the files do not fit a littlefs image: {error}") from None
    return bytes(system.context.buffer)


def _mounted(image: bytes):  # type: ignore[no-untyped-def]
    from littlefs import LittleFS

    if not image or len(image) % BLOCK or len(image) > MAX_BLOCKS * BLOCK:
        raise ValueError("the littlefs image is cut short")
    system = LittleFS(block_size=BLOCK, block_count=len(image) // BLOCK, mount=False, disk_version=0x00020000)
    system.context.buffer = bytearray(image)
    system.mount()
    return system


def _used(image: bytes) -> int:
    return int(_mounted(image).used_block_count)
