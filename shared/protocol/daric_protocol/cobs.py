"""Consistent Overhead Byte Stuffing: any bytes without a zero, so that a zero ends a frame.

Source: Cheshire and Baker, IEEE/ACM Transactions on Networking 7(2), 1999; docs/architecture.md, the serial line.
"""

from daric_protocol.errors import DaricError

RUN = 254  # the longest run of non-zero bytes one code byte announces


def encode(data: bytes) -> bytes:
    """The stuffed form of `data`, free of zeros, at most 1 + len/254 bytes longer, between two delimiters."""
    out = bytearray(len(data) + len(data) // RUN + 3)  # a list of runs takes twenty times that on a small heap
    view = memoryview(data)  # a slice of it is no copy
    size, start, end = 1, 0, len(data)
    while True:
        stop = data.find(b"\x00", start)
        if stop < 0:
            stop = end
        full = stop - start >= RUN
        while stop - start >= RUN:
            out[size] = RUN + 1
            out[size + 1 : size + 1 + RUN] = view[start : start + RUN]
            size += RUN + 1
            start += RUN
        if full and start == stop == end:
            break  # a full run carries no implied zero, so nothing follows it
        out[size] = stop - start + 1
        if stop > start:
            out[size + 1 : size + 1 + stop - start] = view[start:stop]
        size += 1 + stop - start
        if stop == end:
            break
        start = stop + 1
    return bytes(out) if size + 1 == len(out) else bytes(memoryview(out)[: size + 1])


def decode(line: bytes, start: int = 0, end: "int | None" = None) -> memoryview:
    """The bytes before stuffing of what lies between two delimiters on a line, from `start` to `end`.

    Raises DaricError("encoding") for a zero inside or a run cut short.
    """
    end = len(line) if end is None else end
    if line.find(b"\x00", start, end) >= 0:
        raise DaricError("encoding", "a stuffed frame holds no zero byte")
    out = bytearray(end - start)
    view = memoryview(line)
    at, size = start, 0
    while at < end:
        code = line[at]
        following = at + code
        if following > end:
            raise DaricError("encoding", "a stuffed frame ends inside a run")
        if code > 1:
            out[size : size + code - 1] = view[at + 1 : following]
        size += code - 1
        if code <= RUN and following < end:
            size += 1  # a zero, as out has it
        at = following
    return memoryview(out)[:size]
