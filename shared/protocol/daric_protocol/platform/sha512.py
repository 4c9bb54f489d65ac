"""SHA-512 and HMAC-SHA-512 of the runtime: hashlib's on CPython, our own elsewhere. Loaded only where BIP32 is."""

from daric_protocol.platform import NATIVE

if NATIVE:
    import hashlib
    import hmac

    def sha512(data: bytes) -> bytes:
        """SHA-512 of the data, 64 bytes."""
        return hashlib.sha512(data).digest()

    def hmac_sha512(key: bytes, data: bytes) -> bytes:
        """HMAC-SHA-512, 64 bytes."""
        return hmac.digest(key, data, "sha512")

else:
    from daric_protocol.sha512 import hmac_sha512, sha512

__all__ = ["hmac_sha512", "sha512"]
