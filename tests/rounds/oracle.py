"""What libsecp256k1, through coincurve and none of our code, says of a signature."""

from coincurve import PublicKey
from coincurve.ecdsa import cdata_to_der, deserialize_compact

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def assert_signed(signature, digest, public):
    """The signature has a low s, verifies under the 33-byte key, and its recid recovers that key."""
    assert signature.s <= ORDER // 2
    compact = signature.encode()[:64]
    assert PublicKey(public).verify(cdata_to_der(deserialize_compact(compact)), digest, hasher=None)
    recovered = PublicKey.from_signature_and_message(signature.encode(), digest, hasher=None)
    assert recovered.format() == public


def shifted(public, tweak):
    """public + tweak * G."""
    return PublicKey(public).add(tweak.to_bytes(32, "big")).format()
