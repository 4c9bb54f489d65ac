"""Tests of a board by itself, each with what was measured. Loaded for one request.

Specification: docs/hardware.md, self-test. A test that fails raises DaricError("internal") naming what differs.
"""

import time
from binascii import unhexlify

from daric_protocol import platform
from daric_protocol.errors import DaricError

ENTROPY_BYTES = 2048
FLASH_BYTES = 2048
FLASH_NAME = "factory/test"
ECHO_BYTES = 8192
SCALAR = 0xAA5E28D6A97A2479A65527F7290311A3624D4CC0FA1578598EE3C2613BF99522
# SHA-256 "abc" (FIPS 180-4), HMAC (RFC 4231, case 2), keccak-256 of nothing, AES-256-CCM (OpenSSL's), 3 * G, ECDSA with
# key 1 and the nonce of RFC 6979.
SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
HMAC = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
KECCAK = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
SEALED = "8344a101181fa055abff31c47c69be9b865817621efa802d9e420989ac"
POINT = "02f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9"
SIGNATURE = (
    "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8"
    "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5"
)


def run(device, _host: bytes, name: object, data: object) -> object:
    """The measured values of the test `name`; data: what "link" gives back, b"" for any other.

    Raises DaricError: "parameter" (no such test), "busy", "internal", "entropy", "storage".
    """
    tests = {
        "entropy": _entropy, "flash": _flash, "crypto": _crypto, "multiply": _multiply,
    }  # fmt: skip
    if not isinstance(data, bytes) or len(data) > ECHO_BYTES:
        raise DaricError("encoding")
    if isinstance(name, str) and name == "link":
        return data
    test = tests.get(name) if isinstance(name, str) else None
    if test is None or data:
        raise DaricError("parameter", "no such test")
    if device.busy:
        raise DaricError("busy")
    return test(device)


def panel(device, _host: bytes, name: object) -> object:
    """The question of a test that a person sees or presses: "display", "right" or "left" (to be refused)."""
    from daric.errands import Question

    lines = {
        "display": ["TEST 0123456789", "abcdefghijklmnop", "ABCDEFGHIJKLMNOP", "All readable?"],
        "right": ["TEST button", "say yes with", "the right button"],
        "left": ["TEST button", "say no with", "the left button"],
    }.get(name if isinstance(name, str) else "")
    if lines is None:
        raise DaricError("parameter", "no such test")
    return Question(lines, lambda _: True)


def _entropy(device) -> list:
    """[bytes drawn from the source, bits that are 1, most frequent byte's count, longest run, microseconds]."""
    source = device.board.entropy()
    counts = bytearray(256)
    ones = longest = length = 0
    before = -1
    started = micros()
    for _ in range(0, ENTROPY_BYTES, 32):
        for sample in source(32):
            counts[sample] = min(255, counts[sample] + 1)
            length = length + 1 if sample == before else 1
            longest = max(longest, length)
            before = sample
            for bit in range(8):
                ones += sample >> bit & 1
    device.entropy.draw(32)  # the tests that never end
    return [ENTROPY_BYTES, ones, max(counts), longest, elapsed(started)]


def _flash(device) -> list:
    """[bytes, microseconds to write, to read back, to erase] of an entry of the vault."""
    pattern = bytes(range(256)) * (FLASH_BYTES // 256)
    started = micros()
    device.vault.write(FLASH_NAME, pattern)
    written = elapsed(started)
    started = micros()
    same = device.vault.read(FLASH_NAME) == pattern
    read = elapsed(started)
    started = micros()
    device.vault.erase(FLASH_NAME)
    erased = elapsed(started)
    if not same or device.vault.read(FLASH_NAME) is not None:
        raise DaricError("storage", "the flash does not keep what is written")
    return [FLASH_BYTES, written, read, erased]


def _crypto(_device) -> list:
    """Names of the primitives whose published vectors this board reproduces."""
    from daric_protocol import cose, identity

    digest = platform.sha256(b"Satoshi Nakamoto")
    r, s = identity.sign_ecdsa(1, digest, b"")
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    curve = platform.curve
    checks = [
        ("sha256", platform.sha256(b"abc") == unhexlify(SHA256)),
        ("hmac", platform.hmac_sha256(b"Jefe", b"what do ya want for nothing?") == unhexlify(HMAC)),
        ("keccak256", platform.keccak256(b"") == unhexlify(KECCAK)),
        ("aes-ccm", cose.seal(bytes(32), bytes(13), b"vault", b"link") == unhexlify(SEALED)),
        ("curve", curve.encode(curve.mul_g(3)) == unhexlify(POINT)),
        ("ecdsa", signature == unhexlify(SIGNATURE) and identity.verify(curve.encode(curve.G), digest, signature)),
    ]
    for name, good in checks:
        if not good:
            raise DaricError("internal", "%s does not give its published value" % name)
    return [name for name, _ in checks]


def _multiply(_device) -> list:
    """Microseconds of one multiplication of any point, and of one of the generator."""
    curve = platform.curve
    point = curve.mul_g(SCALAR)
    started = micros()
    curve.mul(SCALAR, point)
    anywhere = elapsed(started)
    started = micros()
    curve.mul_g(SCALAR)
    return [anywhere, elapsed(started)]


def micros() -> int:
    """A counter of microseconds."""
    if hasattr(time, "ticks_us"):
        return time.ticks_us()
    return int(time.monotonic() * 1000000)


def elapsed(since: int) -> int:
    """Microseconds since a `micros`."""
    if hasattr(time, "ticks_diff"):
        return time.ticks_diff(time.ticks_us(), since)
    return micros() - since
