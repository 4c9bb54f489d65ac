"""MicroPython's cryptolib on CPython: what the MicroPython platform needs to run and be compared there."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


class Aes:
    """MicroPython's cryptolib.aes on CPython: mode 1 is ECB, 2 is CBC; an object encrypts or decrypts, not both."""

    def __init__(self, key: bytes, mode: int, iv: bytes = b"") -> None:
        cipher = Cipher(algorithms.AES(key), modes.ECB() if mode == 1 else modes.CBC(iv))  # noqa: S305 - a building block of CCM
        self._encryptor = cipher.encryptor()

    def encrypt(self, data: bytes, out: "bytearray | memoryview | None" = None) -> bytes:
        """Encrypt whole blocks, into `out` if given."""
        done = self._encryptor.update(data)
        if out is not None:
            out[: len(done)] = done
        return done
