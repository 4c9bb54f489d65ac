"""Vectors of the serial link."""

from binascii import unhexlify

from daric_protocol import platform
from daric_protocol.platform import plain

TWINS = [(platform.stuff, platform.unstuff), (plain.stuff, plain.unstuff)]


def stuffing(case):
    data, encoded = unhexlify(case["data"]), unhexlify(case["encoded"])
    for stuff, unstuff in TWINS:
        line, back = bytearray(len(encoded) + 2), bytearray(len(encoded))
        assert stuff(data, len(data), line) == len(line)
        assert line == b"\0" + encoded + b"\0"
        assert back[: unstuff(bytes(line), 1, 1 + len(encoded), back)] == data


def refused_stuffing(case):
    encoded = unhexlify(case["encoded"])
    for _, unstuff in TWINS:
        assert unstuff(encoded, 0, len(encoded), bytearray(len(encoded))) == -1


CHECKS = {"cobs": stuffing, "cobs_reject": refused_stuffing}
