"""The base oblivious transfer's multiplications, 128 of each kind in batches of 16, in little memory. Prints `done`."""

from hashlib import sha256

from daric_protocol import curve


def scalars(first):
    return [int.from_bytes(sha256(b"scalar" + bytes([first + n])).digest(), "big") for n in range(16)]


def main():
    secret = scalars(0)[0]
    base = curve.FixedBase(curve.mul_g(secret))
    for first in range(0, 128, 16):
        points = curve.mul_g_batch(scalars(first))
        assert curve.mul_batch(secret, points) == base.mul_batch(scalars(first))
        shifted = curve.add_batch(points, [curve.G] * 16)
        assert curve.equal_points(shifted[15], curve.mul_g(scalars(first)[15] + 1))
    print("done")


if __name__ == "__main__":
    main()
