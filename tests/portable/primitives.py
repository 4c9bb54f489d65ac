"""Hashes, key derivation, AES-CCM, sealed messages."""

from binascii import unhexlify

from daric_protocol import cose, platform
from daric_protocol.errors import DaricError


def refused(function, *args):
    """Whether the call ends in one of our errors; anything else it raises is a failure."""
    try:
        function(*args)
    except DaricError:
        return True
    return False


def sha256(case):
    message = unhexlify(case["msg"])
    assert platform.sha256(message) == unhexlify(case["digest"])
    hasher = platform.Sha256()
    for at in range(0, len(message), 100):
        hasher.update(message[at : at + 100])
    assert hasher.digest() == unhexlify(case["digest"])


def hmac_sha256(case):
    tag = unhexlify(case["tag"])
    computed = platform.hmac_sha256(unhexlify(case["key"]), unhexlify(case["msg"]))[: len(tag)]
    assert platform.equal(computed, tag) == (case["result"] == "valid")


def hkdf_sha256(case):
    inputs = unhexlify(case["ikm"]), unhexlify(case["salt"]), unhexlify(case["info"]), case["size"]
    if case["result"] == "valid":
        assert platform.hkdf_sha256(*inputs) == unhexlify(case["okm"])
    else:
        assert refused(platform.hkdf_sha256, *inputs)


def keccak256(case):
    assert platform.keccak256(unhexlify(case["msg"])) == unhexlify(case["digest"])


def aes_ccm(case):
    if case.get("optional"):  # AES-192, which MicroPython's AES has not
        assert refused(platform.ccm_seal, unhexlify(case["key"]), bytes(13), b"", b"")
        return
    key, nonce, aad = unhexlify(case["key"]), unhexlify(case["nonce"]), unhexlify(case["aad"])
    plaintext, sealed, tag_length = unhexlify(case["pt"]), unhexlify(case["ct"]), case["taglen"]
    if case["result"] == "valid":
        assert platform.ccm_seal(key, nonce, plaintext, aad, tag_length) == sealed
        assert platform.ccm_open(key, nonce, sealed, aad, tag_length) == plaintext
    else:
        assert refused(platform.ccm_open, key, nonce, sealed, aad, tag_length)


def cose_encrypt0(case):
    key, message, aad = unhexlify(case["key"]), unhexlify(case["cbor"]), unhexlify(case["external_aad"])
    if case["result"] == "valid":
        assert cose.open_any(key, message, aad) == unhexlify(case["pt"])
        assert cose.open_any(key, message[1:], aad) == unhexlify(case["pt"])
        protected = platform.cbor_decode(message[1:])[0]
        assert cose.enc_structure(protected, aad) == unhexlify(case["enc_structure"])
    else:
        assert refused(cose.open_any, key, message, aad)
    # Daric's own messages carry no nonce, so none of these is one of them.
    assert refused(cose.open, key + bytes(32 - len(key)), bytes(13), message[1:], aad)


CHECKS = {
    "sha256": sha256,
    "hmac_sha256": hmac_sha256,
    "hkdf_sha256": hkdf_sha256,
    "keccak256": keccak256,
    "aes_ccm": aes_ccm,
    "cose_encrypt0": cose_encrypt0,
}
