"""Consistent Overhead Byte Stuffing: any bytes without a zero, so that a zero ends a frame.

Source: Cheshire and Baker, IEEE/ACM Transactions on Networking 7(2), 1999; docs/architecture.md, the serial line.
"""

from daric_protocol.errors import DaricError

RUN = 254  # the longest run of non-zero bytes one code byte announces


def encode(data: bytes) -> bytes:
    """The stuffed form of `data`: at most 1 + len/254 bytes longer, free of zeros, without the delimiter."""
    out = bytearray(len(data) + len(data) // RUN + 1)  # a list of runs takes twenty times that on a small heap
    size, start, end = 0, 0, len(data)
    while True:
        stop = data.find(b"\x00", start)
        if stop < 0:
            stop = end
        full = stop - start >= RUN
        while stop - start >= RUN:
            out[size] = RUN + 1
            out[size + 1 : size + 1 + RUN] = data[start : start + RUN]
            size += RUN + 1
            start += RUN
        if full and start == stop == end:
            break  # a full run carries no implied zero, so nothing follows it
        out[size] = stop - start + 1
        out[size + 1 : size + 1 + stop - start] = data[start:stop]
        size += 1 + stop - start
        if stop == end:
            break
        start = stop + 1
    return bytes(memoryview(out)[:size])


def decode(stuffed: bytes) -> bytes:
    """The bytes before stuffing. Raises DaricError("encoding") for a zero inside or a run cut short."""
    if stuffed.find(b"\x00") >= 0:
        raise DaricError("encoding", "a stuffed frame holds no zero byte")
    at, end = 0, len(stuffed)
    out = bytearray(end)
    size = 0
    while at < end:
        code = stuffed[at]
        following = at + code
        if following > end:
            raise DaricError("encoding", "a stuffed frame ends inside a run")
        out[size : size + code - 1] = stuffed[at + 1 : following]
        size += code - 1
        if code <= RUN and following < end:
            size += 1  # a zero, as out has it
        at = following
    return bytes(memoryview(out)[:size])
