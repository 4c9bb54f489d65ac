"""Keccak-256, bit-matrix transposition, and what cipher and serial line do with every byte, in machine code.

For MicroPython with the native emitter only.

The plain twins are in plain.py. Every value stays below 2^32 where it is shifted right, because viper integers have
32 bits on the boards and 64 on a desktop; constants stay below 2^30, because small integers have 31 bits on the boards.
"""

from array import array

import micropython

RATE = 136  # bytes absorbed per permutation, of 200

# Round constants as 64-bit little-endian words, read as pairs of 32-bit halves (low half first).
ROUND_CONSTANTS = array(
    "I",
    b"\x01\x00\x00\x00\x00\x00\x00\x00\x82\x80\x00\x00\x00\x00\x00\x00\x8a\x80\x00\x00\x00\x00\x00\x80"
    b"\x00\x80\x00\x80\x00\x00\x00\x80\x8b\x80\x00\x00\x00\x00\x00\x00\x01\x00\x00\x80\x00\x00\x00\x00"
    b"\x81\x80\x00\x80\x00\x00\x00\x80\x09\x80\x00\x00\x00\x00\x00\x80\x8a\x00\x00\x00\x00\x00\x00\x00"
    b"\x88\x00\x00\x00\x00\x00\x00\x00\x09\x80\x00\x80\x00\x00\x00\x00\x0a\x00\x00\x80\x00\x00\x00\x00"
    b"\x8b\x80\x00\x80\x00\x00\x00\x00\x8b\x00\x00\x00\x00\x00\x00\x80\x89\x80\x00\x00\x00\x00\x00\x80"
    b"\x03\x80\x00\x00\x00\x00\x00\x80\x02\x80\x00\x00\x00\x00\x00\x80\x80\x00\x00\x00\x00\x00\x00\x80"
    b"\x0a\x80\x00\x00\x00\x00\x00\x00\x0a\x00\x00\x80\x00\x00\x00\x80\x81\x80\x00\x80\x00\x00\x00\x80"
    b"\x80\x80\x00\x00\x00\x00\x00\x80\x01\x00\x00\x80\x00\x00\x00\x00\x08\x80\x00\x80\x00\x00\x00\x80",
)
# The walk of rho and pi: lane 1 moves to LANES[0], turned by TURNS[0]; what was there to LANES[1], and so on.
TURNS = b"\x01\x03\x06\x0a\x0f\x15\x1c\x24\x2d\x37\x02\x0e\x1b\x29\x38\x08\x19\x2b\x3e\x12\x27\x3d\x14\x2c"
LANES = b"\x0a\x07\x0b\x11\x12\x03\x05\x10\x08\x15\x18\x04\x0f\x17\x13\x0d\x0c\x02\x14\x0e\x16\x09\x06\x01"


@micropython.viper
def _permute(state, spare, constants, turns, lanes):
    """Keccak-f[1600] in place. state: 50 words of 32 bits, low halves first; spare: 10 words."""
    a = ptr32(state)  # noqa: F821
    c = ptr32(spare)  # noqa: F821
    rc = ptr32(constants)  # noqa: F821
    turn_of = ptr8(turns)  # noqa: F821
    lane_of = ptr8(lanes)  # noqa: F821
    r = 0
    while r < 48:
        # theta
        x = 0
        while x < 10:
            c[x] = a[x] ^ a[x + 10] ^ a[x + 20] ^ a[x + 30] ^ a[x + 40]
            x += 1
        x = 0
        while x < 10:
            left = x + 8
            if left >= 10:
                left -= 10
            right = x + 2
            if right >= 10:
                right -= 10
            low = uint(c[right])  # noqa: F821
            high = uint(c[right + 1])  # noqa: F821
            mixed_low = uint(c[left]) ^ (low << 1) ^ (high >> 31)  # noqa: F821
            mixed_high = uint(c[left + 1]) ^ (high << 1) ^ (low >> 31)  # noqa: F821
            y = x
            while y < 50:
                a[y] = int(uint(a[y]) ^ mixed_low)  # noqa: F821
                a[y + 1] = int(uint(a[y + 1]) ^ mixed_high)  # noqa: F821
                y += 10
            x += 2
        # rho and pi
        low = uint(a[2])  # noqa: F821
        high = uint(a[3])  # noqa: F821
        i = 0
        while i < 24:
            at = int(lane_of[i]) << 1
            turn = int(turn_of[i])
            next_low = uint(a[at])  # noqa: F821
            next_high = uint(a[at + 1])  # noqa: F821
            if turn >= 32:
                turn -= 32
                swap = low
                low = high
                high = swap
            if turn:
                a[at] = int((low << turn) | (high >> (32 - turn)))
                a[at + 1] = int((high << turn) | (low >> (32 - turn)))
            else:
                a[at] = int(low)
                a[at + 1] = int(high)
            low = next_low
            high = next_high
            i += 1
        # chi
        y = 0
        while y < 50:
            x = 0
            while x < 10:
                c[x] = a[y + x]
                x += 1
            x = 0
            while x < 10:
                one = x + 2
                if one >= 10:
                    one -= 10
                two = x + 4
                if two >= 10:
                    two -= 10
                a[y + x] = c[x] ^ ((c[one] ^ -1) & c[two])
                x += 1
            y += 10
        # iota
        a[0] = a[0] ^ rc[r]
        a[1] = a[1] ^ rc[r + 1]
        r += 2


@micropython.viper
def _absorb(state, data, start: int, count: int):
    """Add `count` bytes of data from `start` to the first bytes of the state."""
    a = ptr8(state)  # noqa: F821
    p = ptr8(data)  # noqa: F821
    i = 0
    while i < count:
        a[i] = a[i] ^ p[start + i]
        i += 1


def keccak256(data: bytes) -> bytes:
    """Keccak-256 of the data, 32 bytes (not SHA3-256)."""
    state = array("I", bytes(200))
    spare = array("I", bytes(40))
    start = 0
    while len(data) - start >= RATE:
        _absorb(state, data, start, RATE)
        _permute(state, spare, ROUND_CONSTANTS, TURNS, LANES)
        start += RATE
    _absorb(state, data, start, len(data) - start)
    last = bytearray(RATE)
    last[len(data) - start] = 0x01
    last[RATE - 1] |= 0x80
    _absorb(state, last, 0, RATE)
    _permute(state, spare, ROUND_CONSTANTS, TURNS, LANES)
    return bytes(state)[:32]


@micropython.viper
def _transpose_byte(columns, rows, step: int, byte: int):
    """8 x 8 bits at a time, as two words of four bytes each (three rounds of swapping ever larger squares)."""
    source = ptr8(columns)  # noqa: F821
    target = ptr8(rows)  # noqa: F821
    k = 0
    while k < 16:
        at = k * 8 * step + byte
        x = int(source[at]) | (int(source[at + step]) << 8)
        x |= (int(source[at + 2 * step]) << 16) | (int(source[at + 3 * step]) << 24)
        at += 4 * step
        y = int(source[at]) | (int(source[at + step]) << 8)
        y |= (int(source[at + 2 * step]) << 16) | (int(source[at + 3 * step]) << 24)
        t = (x ^ (x >> 7)) & 0x00AA00AA
        x = x ^ t ^ (t << 7)
        t = (y ^ (y >> 7)) & 0x00AA00AA
        y = y ^ t ^ (t << 7)
        t = (x ^ (x >> 14)) & 0x0000CCCC
        x = x ^ t ^ (t << 14)
        t = (y ^ (y >> 14)) & 0x0000CCCC
        y = y ^ t ^ (t << 14)
        t = ((x >> 4) ^ y) & 0x0F0F0F0F
        y = y ^ t
        x = x ^ (t << 4)
        target[k] = x
        target[k + 16] = x >> 8
        target[k + 32] = x >> 16
        target[k + 48] = x >> 24
        target[k + 64] = y
        target[k + 80] = y >> 8
        target[k + 96] = y >> 16
        target[k + 112] = y >> 24
        k += 1


def transpose_byte(columns: "bytes | bytearray | memoryview", byte: int) -> "bytes | bytearray":
    """Rows 8 * byte .. 8 * byte + 7 of a bit matrix, 16 bytes each: bit k of row j is bit j of column k, of 128."""
    rows = bytearray(128)
    _transpose_byte(columns, rows, len(columns) // 128, byte)
    return rows


@micropython.viper
def count(blocks, width: int, first: int, size: int):
    """Number the blocks of 16 bytes, as far as `size`: `first`, first + 1, .. in the last `width` bytes, big-endian."""
    to = ptr8(blocks)  # noqa: F821
    at = 15
    while at < size:
        number = first
        last = at - width
        while at > last:
            to[at] = number
            number >>= 8
            at -= 1
        at += width + 16
        first += 1


@micropython.viper
def xor(target, source, at: int, stream, size: int):
    """target = source xor stream, `size` bytes: from `at` in target and source, from 0 in the stream."""
    to = ptr8(target)  # noqa: F821
    given = ptr8(source)  # noqa: F821
    mask = ptr8(stream)  # noqa: F821
    i = 0
    while i < size:
        to[at + i] = given[at + i] ^ mask[i]
        i += 1


@micropython.viper
def stuff(data, size: int, out) -> int:
    """Write the first `size` bytes of the data to `out` without zeros, between two delimiters; how many bytes that is.

    out: at least size + size // 254 + 3 bytes.
    """
    given = ptr8(data)  # noqa: F821
    put = ptr8(out)  # noqa: F821
    put[0] = 0
    code = 1
    to = 2
    i = 0
    while i < size:
        byte = given[i]
        i += 1
        if byte:
            put[to] = byte
            to += 1
        if byte == 0 or (to - code == 255 and i < size):
            put[code] = to - code
            code = to
            to += 1
    put[code] = to - code
    put[to] = 0
    return to + 1


@micropython.viper
def unstuff(line, start: int, end: int, out) -> int:
    """Write to `out` what `stuff` made line[start:end] of, without delimiters; how many bytes that is, or -1.

    -1 for a zero inside or a run cut short. out: at least as large.
    """
    given = ptr8(line)  # noqa: F821
    put = ptr8(out)  # noqa: F821
    at = start
    to = 0
    while at < end:
        code = int(given[at])
        after = at + code
        if code == 0 or after > end:
            return -1
        at += 1
        while at < after:
            byte = given[at]
            if byte == 0:
                return -1
            put[to] = byte
            to += 1
            at += 1
        if code < 255 and after < end:
            put[to] = 0
            to += 1
    return to
