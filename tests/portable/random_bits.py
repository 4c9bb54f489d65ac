"""HMAC-DRBG against published answers."""

from binascii import unhexlify

from daric_protocol.platform.entropy import Drbg


def hmac_drbg(case):
    drbg = Drbg(unhexlify(case["seed"]))
    expected = unhexlify(case["out"])
    if case["discard"]:  # a request of no bytes still turns the state
        drbg(case["discard"])
    assert drbg(len(expected)) == expected


CHECKS = {"hmac_drbg": hmac_drbg}
