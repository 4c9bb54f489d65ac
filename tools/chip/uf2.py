"""A MicroPython for the Pico in a UF2 file: its bytes in flash. Format: github.com/microsoft/uf2.

Blocks of 512 bytes, little-endian: two magic numbers, flags, address, bytes of data, number of the block, count of
blocks, family, up to 476 bytes of data, a third magic number.
"""

import struct

from daric_protocol.errors import DaricError

BLOCK = 512
HEAD = struct.Struct("<8I")
START, SECOND, END = 0x0A324655, 0x9E5D5157, 0x0AB16F30
NOT_FLASH, HAS_FAMILY = 0x1, 0x2000  # flags
RP2040 = 0xE48BFF56
DATA_BYTES = 476
XIP = 0x10000000  # where the chip has its flash


def read(data: bytes, room: int) -> bytes:
    """The flash from its first byte on, what no block names being blank. room: bytes that the blocks may fill.

    Raises DaricError("parameter") for anything but a whole UF2 file for an RP2040 that fits.
    """
    if not data or len(data) % BLOCK:
        raise DaricError("parameter", f"a UF2 file is made of blocks of {BLOCK} bytes, this one has {len(data)} bytes")
    flash = bytearray()
    written: set[int] = set()  # pieces of 4 bytes
    count = len(data) // BLOCK
    for number in range(count):
        address, content = _block(data[BLOCK * number : BLOCK * number + BLOCK], number, count)
        end = address + len(content)
        if not 0 <= address or end > room:
            raise DaricError("parameter", f"block {number} is for {address + XIP:#x}, outside the {room} bytes of code")
        pieces = set(range(address // 4, -(-end // 4)))
        if pieces & written:
            raise DaricError("parameter", f"block {number} lies over another one, at {address + XIP:#x}")
        written |= pieces
        flash.extend(b"\xff" * (end - len(flash)))
        flash[address:end] = content
    return bytes(flash)


def _block(block: bytes, number: int, count: int) -> tuple[int, bytes]:
    """(offset in flash, data) of a block."""
    start, second, flags, address, size, told, of, family = HEAD.unpack_from(block)
    (end,) = struct.unpack_from("<I", block, BLOCK - 4)
    if (start, second, end) != (START, SECOND, END):
        raise DaricError("parameter", f"block {number} does not begin and end as one of a UF2 file")
    if not flags & HAS_FAMILY or family != RP2040:
        named = f"{family:#x}" if flags & HAS_FAMILY else "none"
        raise DaricError("parameter", f"block {number} is not for an RP2040 ({RP2040:#x}): its family is {named}")
    if flags & NOT_FLASH:
        raise DaricError("parameter", f"block {number} is not for flash")
    if (told, of) != (number, count):
        raise DaricError("parameter", f"block {number} of {count} says that it is {told} of {of}: it is cut or mixed")
    if not 0 < size <= DATA_BYTES or address % 4:
        raise DaricError("parameter", f"block {number} has {size} bytes for {address:#x}")
    return address - XIP, block[HEAD.size : HEAD.size + size]
