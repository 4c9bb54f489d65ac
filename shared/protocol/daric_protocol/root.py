"""Square roots modulo P. The root of a is a^((P+1)/4), an exponent with runs of 223, 22 and 2 ones."""

from daric_protocol.field import P
from daric_protocol.platform.points import squared


def sqrt(a: int) -> "int | None":
    """A square root of a modulo P, or None: 253 squarings and 13 products."""
    a %= P
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
    root = squared(squared(squared(ones223, 23, ones22), 6, ones2), 2, 1)
    return root if root * root % P == a else None
