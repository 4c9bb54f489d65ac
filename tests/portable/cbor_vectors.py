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
    return SIMPLE[tree[1]] if kind == "k" else joined(tree[1])


def joined(text):
    """The text with JSON's surrogate pairs joined, which MicroPython's JSON reader leaves apart."""
    out = ""
    high = 0
    for character in text:
        code = ord(character)
        if 0xD800 <= code < 0xDC00:
            high = code
        elif 0xDC00 <= code < 0xE000:
            out += chr(0x10000 + ((high - 0xD800) << 10) + code - 0xDC00)
        else:
            out += character
    return out


def supported(tree):
    """Whether Daric's CBOR has this kind of value (no floats, tags, bignums or other simple values)."""
    kind = tree[0]
    if kind == "i":
        return -(1 << 64) <= int(tree[1]) < 1 << 64
    if kind == "a":
        return all(supported(item) for item in tree[1])
    if kind == "m":
        return all(supported(pair[0]) and pair[0][0] in "ibs" and supported(pair[1]) for pair in tree[1])
    return kind in "bs" or (kind == "k" and tree[1] in SIMPLE)


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
            assert error.name in ("encoding", "too_large"), error.name
            continue
        assert False, "taken as " + repr(value)  # noqa: B011 - asserts are how a check speaks


CHECKS = {"cbor_decode": cbor_decode, "cbor_reject": refuse, "cbor_strict": refuse}
