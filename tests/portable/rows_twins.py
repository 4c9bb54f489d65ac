"""MicroPython only: the byte work on columns in machine code against the plain one. Prints `same`."""

from hashlib import sha256

from daric_protocol.platform import rows, rows_viper


def noise(label, length):
    return b"".join([sha256(label + bytes([n & 255, n >> 8])).digest() for n in range(length // 32 + 1)])[:length]


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


if __name__ == "__main__":
    compare_columns()
    print("same")
