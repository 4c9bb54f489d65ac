"""SHA-512, HMAC-SHA-512 and BIP32 below a shared key, on either runtime."""

from binascii import unhexlify

from daric_protocol import bip32, platform
from daric_protocol.platform.sha512 import hmac_sha512, sha512
from daric_protocol.tagged import Q, scalar

curve = platform.curve


def check_sha512(case):
    assert sha512(unhexlify(case["msg"])) == unhexlify(case["digest"])


def check_hmac_sha512(case):
    tag = unhexlify(case["tag"])
    computed = hmac_sha512(unhexlify(case["key"]), unhexlify(case["msg"]))[: len(tag)]
    assert (computed == tag) == (case["result"] == "valid")


def step(secret, cc, index):
    """One private level of BIP32, as a wallet with the whole key takes it."""
    public = curve.encode(curve.mul_g(secret))
    start = b"\x00" + scalar(secret) if index >= bip32.HARDENED else public
    digest = hmac_sha512(cc, start + index.to_bytes(4, "big"))
    return (secret + int.from_bytes(digest[:32], "big")) % Q, digest[32:]


def check_bip32(case):
    """Hardened levels by a wallet's way, everything after the last of them by ours."""
    path = []
    for level in case["path"].split("/")[1:]:
        path.append(int(level[:-1]) + bip32.HARDENED if level.endswith("'") else int(level))
    hardened = 0
    for n, index in enumerate(path):
        if index >= bip32.HARDENED:
            hardened = n + 1
    digest = hmac_sha512(b"Bitcoin seed", unhexlify(case["seed"]))
    secret, cc = int.from_bytes(digest[:32], "big"), digest[32:]
    for index in path[:hardened]:
        secret, cc = step(secret, cc, index)
    total, pk, child_cc = bip32.tweak(curve.encode(curve.mul_g(secret)), cc, path[hardened:])
    assert scalar((secret + total) % Q) == unhexlify(case["priv"])
    assert pk == curve.encode(curve.mul_g(int(case["priv"], 16)))
    if "chaincode" in case:
        assert child_cc == unhexlify(case["chaincode"])


def check_tweak(case):
    given, answers = case["in"], case["out"]
    total, pk, cc = bip32.tweak(unhexlify(given["pk"]), unhexlify(given["cc"]), given["path"])
    assert scalar(total) == unhexlify(answers["T"])
    assert pk == unhexlify(answers["pk"]) and cc == unhexlify(answers["cc"])


CHECKS = {
    "sha512": check_sha512,
    "hmac_sha512": check_hmac_sha512,
    "bip32": check_bip32,
    "protocol/bip32_tweak": check_tweak,
}
