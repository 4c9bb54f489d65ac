"""Polynomials over the scalars, their commitments and Lagrange weights. Specification: docs/protocol.md, section 2."""

from daric_protocol.errors import DaricError
from daric_protocol.platform import curve
from daric_protocol.tagged import Q, random_scalar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from daric_protocol.platform.curve_libsecp import Point


class Polynomial:
    """Coefficients, the constant first. A party's secret lives in the constant: keep it only while dealing."""

    def __init__(self, coefficients: "list[int]") -> None:
        self.coefficients = coefficients

    @classmethod
    def random(cls, degree: int, constant: int, random: "Callable[[int], bytes]") -> "Polynomial":
        """A polynomial with this constant and `degree` random coefficients above it."""
        return cls([constant % Q] + [random_scalar(random) for _ in range(degree)])

    def at(self, x: int) -> int:
        """The value at x."""
        value = 0
        for coefficient in reversed(self.coefficients):
            value = (value * x + coefficient) % Q
        return value

    def commitments(self) -> "list[Point | None]":
        """Each coefficient times G, the constant first."""
        return curve.mul_g_batch(self.coefficients)


def evaluate(commitments: "list[Point | None]", x: int) -> "Point | None":
    """The committed polynomial at x, times G: Horner's rule, each step a multiplication by a small x."""
    value = None
    for commitment in reversed(commitments):
        value = curve.add(curve.mul(x, value), commitment)
    return value


def lagrange(ids: "Iterable[int]", i: int, x: int = 0) -> int:
    """The weight of the value at i when a polynomial known at `ids` is evaluated at x.

    DaricError("parameter") if i is not one of the ids or an id comes twice.
    """
    points = list(ids)
    if i not in points or len(set(points)) != len(points):
        raise DaricError("parameter", "An interpolation point is missing or given twice.")
    numerator, denominator = 1, 1
    for j in points:
        if j != i:
            numerator = numerator * (x - j) % Q
            denominator = denominator * (i - j) % Q
    return numerator * curve.inverse(denominator, Q) % Q
