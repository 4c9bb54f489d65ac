"""Deterministic CBOR: what it gives, takes and refuses. Both the platform's codec and the portable one."""

from binascii import unhexlify

from daric_protocol import cbor, platform
from daric_protocol.errors import DaricError
from primitives import refused

SIMPLE = {"true": True, "false": False, "null": None}


def build(tree):
    """The value that a vector's typed tree describes."""
    kind = tree[0]
    if kind == "i":
        return int(tree[1])
    if kind == "b":
        return unhexlify(tree[1])
    if kind == "a":
        return [build(item) for item in tree[1]]
    if kind == "m":
        return {build(pair[0]): build(pair[1]) for pair in tree[1]}
    return SIMPLE[tree[1]] if kind == "k" else tree[1]


def supported(tree):
    """Whether Daric's CBOR has this kind of value (no floats, tags, or other simple values)."""
    kind = tree[0]
    if kind == "a":
        return all([supported(item) for item in tree[1]])
    if kind == "m":
        return all([supported(pair[0]) and pair[0][0] in "ibs" and supported(pair[1]) for pair in tree[1]])
    return kind in "ibs" or (kind == "k" and tree[1] in SIMPLE)


def cbor_decode(case):
    encoded = unhexlify(case["hex"])
    if supported(case["value"]) and case["det"]:
        value = build(case["value"])
        for codec_encode, codec_decode in ((platform.cbor_encode, platform.cbor_decode), (cbor.encode, cbor.decode)):
            assert codec_decode(encoded) == value
            assert codec_encode(value) == encoded
    else:
        assert case["cls"] != ["core"] or not case["det"], "a core case was left out"
        assert refused(platform.cbor_decode, encoded)
        assert refused(cbor.decode, encoded)


def refuse(case):
    for decode in (platform.cbor_decode, cbor.decode):
        try:
            value = decode(unhexlify(case["hex"]))
        except DaricError as error:
            assert error.name == "encoding", error.name
            continue
        assert False, "taken as " + repr(value)  # noqa: B011 - asserts are how a check speaks


CHECKS = {"cbor_decode": cbor_decode, "cbor_reject": refuse, "cbor_strict": refuse}
