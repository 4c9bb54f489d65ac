"""Vectors of the serial link."""

from binascii import unhexlify

from daric_protocol import cobs
from daric_protocol.errors import DaricError


def stuffing(case):
    data, encoded = unhexlify(case["data"]), unhexlify(case["encoded"])
    assert cobs.encode(data) == b"\0" + encoded + b"\0"
    assert cobs.decode(encoded) == data
    assert cobs.decode(b"\1\0" + encoded + b"\0\1", 2, 2 + len(encoded)) == data


def refused_stuffing(case):
    try:
        cobs.decode(unhexlify(case["encoded"]))
    except DaricError as error:
        assert error.name == "encoding"
        return
    raise AssertionError("taken")


CHECKS = {"cobs": stuffing, "cobs_reject": refused_stuffing}
