"""Compare the machine-code twins with the plain ones where both exist, and print what every runtime must agree on."""

import sys

from daric_protocol import platform
from daric_protocol.platform import ccm, plain
from daric_protocol.platform.entropy import Drbg

random = Drbg(b"the same bytes on every runtime..")


def keccak_functions():
    functions = [platform.keccak256, plain.keccak256]
    if sys.implementation.name == "micropython":
        from daric_protocol.platform import viper

        assert platform.keccak256 is viper.keccak256
        functions.append(viper.keccak256)
    return functions


def transpositions():
    functions = [platform.transpose_byte, plain.transpose_byte]
    if sys.implementation.name == "micropython":
        from daric_protocol.platform import viper

        assert platform.transpose_byte is viper.transpose_byte
        functions.append(viper.transpose_byte)
    return functions


def ciphers():
    twins = [plain]
    if sys.implementation.name == "micropython":
        from daric_protocol.platform import viper

        assert ccm.count is viper.count and ccm.xor is viper.xor
        assert platform.stuff is viper.stuff and platform.unstuff is viper.unstuff
        twins.append(viper)
    return twins


def noise(size, kind):
    """Random bytes: any; many zeros; none at all; short runs, as if stuffed."""
    data = random(size)
    if kind == 1:
        return bytes([byte if byte > 127 else 0 for byte in data])
    if kind == 2:
        return bytes([byte or 1 for byte in data])
    return bytes([byte % 6 or 1 for byte in data]) if kind == 3 else data


for size in (0, 1, 7, 8, 64, 134, 135, 136, 137, 271, 272, 273, 1000):
    data = random(size)
    answers = [function(data) for function in keccak_functions()]
    assert answers == [answers[0]] * len(answers), size
    print("keccak", size, answers[0].hex())

for width in (1, 2, 15, 16, 17, 52, 66, 68):
    columns = random(128 * width)
    answers = [[bytes(function(columns, byte)) for byte in range(width)] for function in transpositions()]
    assert answers == [answers[0]] * len(answers), width
    print("transpose", width, platform.sha256(b"".join(answers[0])).hex())

for width, first, size in ((2, 1, 512), (2, 0xFFE0, 512), (3, 0x10000, 16), (4, 0xFFFFFF, 48), (4, 1, 0)):
    blocks = random(512)
    answers = [bytearray(blocks) for _ in ciphers()]
    for twin, numbered in zip(ciphers(), answers):  # noqa: B905 - MicroPython's zip is not strict
        twin.count(numbered, width, first, size)
        assert numbered[size:] == blocks[size:]
        for at in range(0, size, 16):
            expected = blocks[at : at + 16 - width] + (first + at // 16).to_bytes(width, "big")
            assert numbered[at : at + 16] == expected, (width, first, at)
    print("count", width, platform.sha256(answers[0]).hex())

for at, size in ((0, 0), (0, 1), (3, 16), (7, 511), (0, 512)):
    source, mask = random(600), random(512)
    for twin in ciphers():
        target, place = bytearray(600), bytearray(source)
        twin.xor(target, source, at, mask, size)
        twin.xor(place, place, at, mask, size)
        expected = bytes([source[at + i] ^ mask[i] for i in range(size)])
        assert target == bytes(at) + expected + bytes(600 - at - size)
        assert place == source[:at] + expected + source[at + size :]
    print("xor", at, size, platform.sha256(place).hex())

UNTOUCHED = b"\xee" * 8  # behind the room that a line or a frame is given
for size in (0, 1, 2, 3, 9, 30, 200, 202, 203, 252, 253, 254, 255, 256, 507, 508, 509, 600):
    for kind in range(4):
        data, cut = noise(size, kind), random(1)[0] % 7
        room, seen = size + size // 254 + 3, []
        for twin in ciphers():
            line = bytearray(bytes(room) + UNTOUCHED)
            length = twin.stuff(data + b"more", size, line)
            assert length <= room and line[room:] == UNTOUCHED
            assert line[0] == line[length - 1] == 0 and length > 2 and 0 not in bytes(line[1 : length - 1])
            back, start, end = bytearray(bytes(length - 2) + UNTOUCHED), 4, 2 + length
            assert twin.unstuff(b"..." + bytes(line), start, end, back) == size
            assert back[:size] == data and back[length - 2 :] == UNTOUCHED
            strange = bytearray(bytes(size) + UNTOUCHED)
            found = twin.unstuff(data + b"\1\2\3", min(cut, size), size, strange)
            assert strange[size - min(cut, size) :] == bytes(min(cut, size)) + UNTOUCHED
            seen.append((bytes(line[:length]), found, bytes(strange[: max(found, 0)])))
        assert seen == [seen[0]] * len(seen), (size, kind)
        print("stuff", size, kind, seen[0][1], platform.sha256(seen[0][0] + seen[0][2]).hex())

for size in (0, 1, 15, 16, 17, 511, 512, 513, 1024, 8192, 16384):
    key, nonce, data, aad = random(32), random(13), random(size), random(size // 3)
    sealed = platform.ccm_seal(key, nonce, data, aad)
    assert sealed == ccm.seal(key, nonce, data, aad)
    assert platform.ccm_open(key, nonce, sealed, aad) == data
    print("ccm", size, platform.sha256(sealed).hex())

for size in (0, 1, 31, 32, 33, 63, 64, 65, 200):
    print("hmac", size, platform.hmac_sha256(random(size), random(size)).hex())
    print("hkdf", size, platform.hkdf_sha256(random(size), random(size), random(size), 1 + size).hex())
