"""SHA-512 and HMAC-SHA-512 in Python, for runtimes whose hashlib has no SHA-512 (FIPS 180-4, RFC 2104).

Used for BIP32 only, where one derivation level is four blocks; daric_protocol.platform.sha512 picks this or hashlib.
"""

from binascii import unhexlify

MASK = 0xFFFFFFFFFFFFFFFF
BLOCK = 128  # bytes
# The first 64 bits of the fractional parts of the square roots of the first 8 primes ..
INITIAL = unhexlify(
    "6a09e667f3bcc908bb67ae8584caa73b3c6ef372fe94f82ba54ff53a5f1d36f1510e527fade682d19b05688c2b3e6c1f"
    "1f83d9abfb41bd6b5be0cd19137e2179"
)
# .. and of the cube roots of the first 80 primes: one per round.
ROUNDS = unhexlify(
    "428a2f98d728ae227137449123ef65cdb5c0fbcfec4d3b2fe9b5dba58189dbbc3956c25bf348b53859f111f1b605d019"
    "923f82a4af194f9bab1c5ed5da6d8118d807aa98a303024212835b0145706fbe243185be4ee4b28c550c7dc3d5ffb4e2"
    "72be5d74f27b896f80deb1fe3b1696b19bdc06a725c71235c19bf174cf692694e49b69c19ef14ad2efbe4786384f25e3"
    "0fc19dc68b8cd5b5240ca1cc77ac9c652de92c6f592b02754a7484aa6ea6e4835cb0a9dcbd41fbd476f988da831153b5"
    "983e5152ee66dfaba831c66d2db43210b00327c898fb213fbf597fc7beef0ee4c6e00bf33da88fc2d5a79147930aa725"
    "06ca6351e003826f142929670a0e6e7027b70a8546d22ffc2e1b21385c26c9264d2c6dfc5ac42aed53380d139d95b3df"
    "650a73548baf63de766a0abb3c77b2a881c2c92e47edaee692722c851482353ba2bfe8a14cf10364a81a664bbc423001"
    "c24b8b70d0f89791c76c51a30654be30d192e819d6ef5218d69906245565a910f40e35855771202a106aa07032bbd1b8"
    "19a4c116b8d2d0c81e376c085141ab532748774cdf8eeb9934b0bcb5e19b48a8391c0cb3c5c95a634ed8aa4ae3418acb"
    "5b9cca4f7763e373682e6ff3d6b2b8a3748f82ee5defb2fc78a5636f43172f6084c87814a1f0ab728cc702081a6439ec"
    "90befffa23631e28a4506cebde82bde9bef9a3f7b2c67915c67178f2e372532bca273eceea26619cd186b8c721c0c207"
    "eada7dd6cde0eb1ef57d4f7fee6ed17806f067aa72176fba0a637dc5a2c898a6113f9804bef90dae1b710b35131c471b"
    "28db77f523047d8432caab7b40c724933c9ebe0a15c9bebc431d67c49c100d4c4cc5d4becb3e42b6597f299cfc657e2a"
    "5fcb6fab3ad6faec6c44198c4a475817"
)


def sha512(data: bytes) -> bytes:
    """SHA-512 of the data, 64 bytes."""
    return _pad_and_finish(_words(INITIAL), data, 0)


def hmac_sha512(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA-512, 64 bytes."""
    if len(key) > BLOCK:
        key = sha512(key)
    padded = int.from_bytes(key, "big") << 8 * (BLOCK - len(key))
    inner = _words(INITIAL)
    _compress(inner, _pad(padded, 0x36), 0)
    digest = _pad_and_finish(inner, data, BLOCK)
    outer = _words(INITIAL)
    _compress(outer, _pad(padded, 0x5C), 0)
    return _pad_and_finish(outer, digest, BLOCK)


def _pad(key: int, byte: int) -> bytes:
    return (key ^ int.from_bytes(bytes([byte]) * BLOCK, "big")).to_bytes(BLOCK, "big")


def _pad_and_finish(state: "list[int]", data: bytes, before: int) -> bytes:
    """Hash the rest of a message of which `before` bytes, whole blocks, are in the state already."""
    whole = len(data) - len(data) % BLOCK
    for at in range(0, whole, BLOCK):
        _compress(state, data, at)
    tail = data[whole:] + b"\x80"
    tail += bytes((BLOCK - 16 - len(tail)) % BLOCK) + (8 * (before + len(data))).to_bytes(16, "big")
    for at in range(0, len(tail), BLOCK):
        _compress(state, tail, at)
    return b"".join([word.to_bytes(8, "big") for word in state])


def _words(data: bytes) -> "list[int]":
    return [int.from_bytes(data[at : at + 8], "big") for at in range(0, len(data), 8)]


def _compress(state: "list[int]", data: bytes, start: int) -> None:
    """Mix one block of 128 bytes, data[start:], into the eight words of the state.

    A rotation by r is a shift of the word doubled: x * (2**64 + 1) >> r.
    """
    w = _words(data[start : start + BLOCK])
    a, b, c, d, e, f, g, h = state
    for i in range(80):
        if i >= 16:
            x = w[(i + 1) & 15]
            y = w[(i + 14) & 15]
            xx = x << 64 | x
            yy = y << 64 | y
            x = (xx >> 1 ^ xx >> 8 ^ x >> 7) & MASK
            y = (yy >> 19 ^ yy >> 61 ^ y >> 6) & MASK
            w[i & 15] = (w[i & 15] + w[(i + 9) & 15] + x + y) & MASK
        ee = e << 64 | e
        t = h + ((ee >> 14 ^ ee >> 18 ^ ee >> 41) & MASK) + (g ^ e & (f ^ g)) + w[i & 15]
        t += int.from_bytes(ROUNDS[8 * i : 8 * i + 8], "big")
        aa = a << 64 | a
        u = ((aa >> 28 ^ aa >> 34 ^ aa >> 39) & MASK) + (a & b | c & (a | b))
        h, g, f, e, d, c, b, a = g, f, e, (d + t) & MASK, c, b, a, (t + u) & MASK
    mixed = (a, b, c, d, e, f, g, h)
    for i in range(8):
        state[i] = (state[i] + mixed[i]) & MASK
