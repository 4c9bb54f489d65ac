"""MicroPython only: the byte work on rows and columns in machine code against the plain one. Prints `same`."""

from hashlib import sha256

from daric_protocol.platform import rows, rows_viper
from daric_protocol.tagged import Q

EDGES = (0, 1, (1 << 256) - Q, Q - 1, Q, Q + 1, (1 << 256) - 2, (1 << 256) - 1)


def noise(label, length):
    return b"".join([sha256(label + bytes([n & 255, n >> 8])).digest() for n in range(length // 32 + 1)])[:length]


def compare_offsets():
    for a in EDGES:
        for b in EDGES:
            for c in (0, 1, Q - 1):
                numbers = [n.to_bytes(32, "big") for n in (a, b, c)]
                offsets = b"".join([n.to_bytes(32, "big") for n in (c, Q - 1, a % Q)])
                arguments = (numbers, [numbers[1], numbers[0], numbers[1]], offsets)
                assert rows.offset_rows(*arguments) == rows_viper.offset_rows(*arguments)
    for n in range(50):
        one, other = noise(b"one%d" % n, 768), noise(b"other%d" % n, 768)
        one, other = [[data[at : at + 32] for at in range(0, 768, 32)] for data in (one, other)]
        offsets = b"".join([(int.from_bytes(m, "big") % Q).to_bytes(32, "big") for m in (one[3], other[4], one[5])])
        assert rows.offset_rows(one, other, offsets) == rows_viper.offset_rows(one, other, offsets)


def compare_columns():
    for width, stride in ((68, 68), (68, 0), (16, 0), (5, 7)):
        for selected in (bytes(16), b"\xff" * 16, noise(b"bits", 16)):
            before, source = noise(b"before", 128 * width), noise(b"source", 128 * 70)
            one, other = bytearray(before), bytearray(before)
            rows.xor_columns(one, width, source, stride, selected)
            rows_viper.xor_columns(other, width, source, stride, selected)
            assert one == other
    for width in (20, 32, 52, 68):
        one, other = bytearray(128 * width + 3), bytearray(128 * width + 3)
        rows.expand_columns(one, width, bytearray(noise(b"K", 50)), noise(b"seeds", 2048))
        rows_viper.expand_columns(other, width, bytearray(noise(b"K", 50)), noise(b"seeds", 2048))
        assert one == other


def compare_hashes():
    for first in (0, 8, 248, 256, 408):
        arguments = (first, bytearray(noise(b"rows", 128)))
        one, other = bytearray(noise(b"K", 51)), bytearray(noise(b"K", 51))
        assert rows.hash_rows(one, *arguments) == rows_viper.hash_rows(other, *arguments)


if __name__ == "__main__":
    compare_offsets()
    compare_columns()
    compare_hashes()
    print("same")
