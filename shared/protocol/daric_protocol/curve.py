"""secp256k1 in plain Python, for a device: the same names as daric_protocol.platform.curve_libsecp.

A point is (x, y); the identity is None everywhere. Scalars are ints, taken modulo Q. Bytes from outside become a point
only if they lie on the curve. Every scalar is taken for a secret: all go through the same steps (docs/security.md).
Encodings: docs/encodings.md, section 1.
"""

from daric_protocol import comb
from daric_protocol.errors import DaricError
from daric_protocol.field import P, Q, inverse
from daric_protocol.glv import WINDOWS, schedule
from daric_protocol.platform.points import add_batch as add_pairs
from daric_protocol.platform.points import normalise, root, walk_each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from daric_protocol.steps import Table

    Point = tuple[int, int]

__all__ = ["P", "Q", "inverse"]

G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)


def decode(data: bytes) -> "Point":
    """The point of 33 bytes of SEC1 compressed form. DaricError("encoding") if it is not one, the identity included."""
    if len(data) != 33:
        raise DaricError("encoding", "A compressed point has 33 bytes.")
    if data[0] not in (2, 3):
        raise DaricError("encoding", "A compressed point begins with 2 or 3.")
    point = lift_x(int.from_bytes(data[1:], "big"))
    if point is None:
        raise DaricError("encoding", "The bytes are not a point of the curve.")
    return (point[0], P - point[1]) if data[0] == 3 else point


def decode_xy(data: bytes) -> "Point":
    """The point of 64 bytes x || y. DaricError("encoding") if it is not on the curve."""
    if len(data) != 64:
        raise DaricError("encoding", "A point as two coordinates has 64 bytes.")
    x = int.from_bytes(data[:32], "big")
    y = int.from_bytes(data[32:], "big")
    if x >= P or y >= P or (x * x * x + 7 - y * y) % P:
        raise DaricError("encoding", "The bytes are not a point of the curve.")
    return x, y


def decode_any(data: bytes) -> "Point":
    """The point of 33 or 65 bytes of SEC1 form (not hybrid): for inputs that are not messages of ours."""
    if len(data) == 65 and data[0] == 4:
        return decode_xy(data[1:])
    return decode(data)


def encode(point: "Point | None") -> bytes:
    """33 bytes of SEC1 compressed form. DaricError("parameter") for the identity, which has no encoding."""
    x, y = _finite(point)
    return (b"\x03" if y & 1 else b"\x02") + x.to_bytes(32, "big")


def encode_xy(point: "Point | None") -> bytes:
    """64 bytes x || y. DaricError("parameter") for the identity."""
    x, y = _finite(point)
    return x.to_bytes(32, "big") + y.to_bytes(32, "big")


def _finite(point: "Point | None") -> "Point":
    if point is None:
        raise DaricError("parameter", "The identity point has no encoding.")
    return point


def x_int(point: "Point | None") -> int:
    """The x-coordinate, 0 <= x < P."""
    return _finite(point)[0]


def y_is_odd(point: "Point | None") -> bool:
    """Whether the y-coordinate is odd."""
    return _finite(point)[1] & 1 == 1


def lift_x(x: int) -> "Point | None":
    """The point with this x and an even y, or None if no point of the curve has this x."""
    if not 0 <= x < P:
        return None
    square = (x * x % P * x + 7) % P
    y = root(square)
    if y * y % P != square:
        return None
    return x, P - y if y & 1 else y


def mul(k: int, point: "Point | None") -> "Point | None":
    """k * point."""
    return normalise([_mul(k, point)])[0]


def mul_g(k: int) -> "Point | None":
    """k * G."""
    return normalise([_GENERATOR.multiply(k)])[0]


def mul2(k: int, point: "Point | None", l: int, other: "Point | None") -> "Point | None":  # noqa: E741
    """k * point + l * other."""
    return add(*normalise([_mul(k, point), _mul(l, other)]))


def _mul(k: int, point: "Point | None") -> "Any":
    return _GENERATOR.multiply(k) if point == G else walk_each(schedule(k, WINDOWS), [point])[0]


def add(a: "Point | None", b: "Point | None") -> "Point | None":
    """a + b, also for equal, opposite and identity points."""
    return add_pairs([a], [b])[0]


def neg(a: "Point | None") -> "Point | None":
    """-a."""
    return None if a is None else (a[0], P - a[1])


def equal_points(a: "Point | None", b: "Point | None") -> bool:
    """Whether two points, the identity included, are the same."""
    return a == b


class FixedBase:
    """A point that is multiplied many times: its table (2 KB, the cost of two multiplications) is made at first use."""

    def __init__(self, point: "Point | None") -> None:
        self.point = point
        self._shape = comb.GENERATOR if point == G else comb.COMB
        self._table: "Table" = b""

    def mul(self, k: int) -> "Point | None":
        """k * point."""
        return normalise([self.multiply(k)])[0]

    def mul_batch(self, scalars: "list[int]") -> "list[Point | None]":
        """[k * point for each k], a batch per inversion."""
        return normalise([self.multiply(k) for k in scalars])

    def multiply(self, k: int) -> "Any":
        """k * point as points.normalise takes it."""
        if self.point is None:
            return None
        if not self._table:
            if self.point == G:
                from daric_protocol import tables

                self._table = tables.generator()
            else:
                self._table = comb.build(self.point, self._shape)
        return comb.multiply(self._table, self._shape, k)


_GENERATOR = FixedBase(G)  # holds nothing but its constant table, once that is needed


def mul_g_batch(scalars: "list[int]") -> "list[Point | None]":
    """[k * G for each k], a batch per inversion."""
    return _GENERATOR.mul_batch(scalars)


def mul_batch(k: int, points: "list[Point | None]") -> "list[Point | None]":
    """[k * point for each point]: the scalar is recoded once; a batch of points per inversion."""
    return normalise(walk_each(schedule(k, WINDOWS), points))


def add_batch(list_a: "list[Point | None]", list_b: "list[Point | None]") -> "list[Point | None]":
    """[a + b for each pair], a batch per inversion; the lists have one length, or DaricError("parameter")."""
    if len(list_a) != len(list_b):
        raise DaricError("parameter", "Two lists of points of different lengths.")
    return add_pairs(list_a, list_b)
