"""The candidate for a square root modulo P, in plain Python: an exponent with runs of 223, 22 and 2 ones."""

from daric_protocol.field import squared


def root(a: int) -> int:
    """a^((P + 1) / 4), whose square is a if any number's is: 253 squarings and 13 products. 0 <= a < P."""
    ones2 = squared(a, 1, a)
    ones3 = squared(ones2, 1, a)
    ones6 = squared(ones3, 3, ones3)
    ones9 = squared(ones6, 3, ones3)
    ones11 = squared(ones9, 2, ones2)
    ones22 = squared(ones11, 11, ones11)
    ones44 = squared(ones22, 22, ones22)
    ones88 = squared(ones44, 44, ones44)
    ones176 = squared(ones88, 88, ones88)
    ones220 = squared(ones176, 44, ones44)
    ones223 = squared(ones220, 3, ones3)
    return squared(squared(squared(ones223, 23, ones22), 6, ones2), 2, 1)
