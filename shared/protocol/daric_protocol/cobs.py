"""Consistent Overhead Byte Stuffing: any bytes without a zero, so that a zero ends a frame.

Source: Cheshire and Baker, IEEE/ACM Transactions on Networking 7(2), 1999; docs/architecture.md, the serial line.
"""

from daric_protocol.errors import DaricError

RUN = 254  # the longest run of non-zero bytes one code byte announces


def encode(data: bytes) -> bytes:
    """The stuffed form of `data`: at most 1 + len/254 bytes longer, free of zeros, without the delimiter."""
    out = []
    runs = data.split(b"\x00")
    last = len(runs) - 1
    for number, run in enumerate(runs):
        start = 0
        while len(run) - start >= RUN:
            out.append(b"\xff")
            out.append(run[start : start + RUN])
            start += RUN
        if number == last and start and start == len(run):
            break  # a full run carries no implied zero, so nothing follows it
        out.append(bytes((len(run) - start + 1,)))
        out.append(run[start:])
    return b"".join(out)


def decode(stuffed: bytes) -> bytes:
    """The bytes before stuffing. Raises DaricError("encoding") for a zero inside or a run cut short."""
    if stuffed.find(b"\x00") >= 0:
        raise DaricError("encoding", "a stuffed frame holds no zero byte")
    out = []
    at, end = 0, len(stuffed)
    while at < end:
        code = stuffed[at]
        following = at + code
        if following > end:
            raise DaricError("encoding", "a stuffed frame ends inside a run")
        out.append(stuffed[at + 1 : following])
        if code <= RUN and following < end:
            out.append(b"\x00")
        at = following
    return b"".join(out)
