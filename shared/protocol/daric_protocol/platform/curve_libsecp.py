"""secp256k1 on CPython, over libsecp256k1 (coincurve): the same names as daric_protocol.curve, which runs on a device.

A point is an immutable PublicKey; the identity is None everywhere. Scalars are ints, taken modulo Q.
Encodings: docs/encodings.md, section 1.
"""

from coincurve import PublicKey

from daric_protocol.errors import DaricError

P = 2**256 - 2**32 - 977
Q = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

Point = PublicKey


def _scalar(k: int) -> bytes:
    """The 32 bytes of k modulo Q."""
    return (k % Q).to_bytes(32, "big")


G = PublicKey.from_valid_secret(_scalar(1))


def decode(data: bytes) -> Point:
    """The point of 33 bytes of SEC1 compressed form. DaricError("encoding") if it is not one, the identity included."""
    if len(data) != 33:
        raise DaricError("encoding", "A compressed point has 33 bytes.")
    return _parse(bytes(data))


def decode_xy(data: bytes) -> Point:
    """The point of 64 bytes x || y. DaricError("encoding") if it is not on the curve."""
    if len(data) != 64:
        raise DaricError("encoding", "A point as two coordinates has 64 bytes.")
    return _parse(b"\x04" + bytes(data))


def decode_any(data: bytes) -> Point:
    """The point of 33 or 65 bytes of SEC1 form (not hybrid): for inputs that are not messages of ours."""
    if len(data) == 65 and data[0] == 4:
        return _parse(bytes(data))
    return decode(data)


def _parse(data: bytes) -> Point:
    try:
        return PublicKey(data)
    except ValueError as error:
        raise DaricError("encoding", "The bytes are not a point of the curve.") from error


def encode(point: "Point | None") -> bytes:
    """33 bytes of SEC1 compressed form. DaricError("parameter") for the identity, which has no encoding."""
    return _finite(point).format()


def encode_xy(point: "Point | None") -> bytes:
    """64 bytes x || y. DaricError("parameter") for the identity."""
    return _finite(point).format(False)[1:]


def _finite(point: "Point | None") -> Point:
    if point is None:
        raise DaricError("parameter", "The identity point has no encoding.")
    return point


def x_int(point: "Point | None") -> int:
    """The x-coordinate, 0 <= x < P."""
    return int.from_bytes(_finite(point).format()[1:], "big")


def y_is_odd(point: "Point | None") -> bool:
    """Whether the y-coordinate is odd."""
    return _finite(point).format()[0] == 3


def lift_x(x: int) -> "Point | None":
    """The point with this x and an even y, or None if no point of the curve has this x."""
    if not 0 <= x < P:
        return None
    try:
        return PublicKey(b"\x02" + x.to_bytes(32, "big"))
    except ValueError:
        return None


def mul(k: int, point: "Point | None") -> "Point | None":
    """k * point."""
    k %= Q
    if point is None or k == 0:
        return None
    product: PublicKey = point.multiply(k.to_bytes(32, "big"))
    return product


def mul_g(k: int) -> "Point | None":
    """k * G."""
    k %= Q
    return PublicKey.from_valid_secret(k.to_bytes(32, "big")) if k else None


def mul2(k: int, point: "Point | None", l: int, other: "Point | None") -> "Point | None":  # noqa: E741
    """k * point + l * other."""
    return add(_mul_or_g(k, point), _mul_or_g(l, other))


def _mul_or_g(k: int, point: "Point | None") -> "Point | None":
    return mul_g(k) if point is G else mul(k, point)


def add(a: "Point | None", b: "Point | None") -> "Point | None":
    """a + b, also for equal, opposite and identity points."""
    if a is None or b is None:
        return b if a is None else a
    try:
        total: PublicKey = PublicKey.combine_keys([a, b])
        return total
    except ValueError:  # the sum of opposite points
        return None


def neg(a: "Point | None") -> "Point | None":
    """-a."""
    if a is None:
        return None
    data = a.format(False)
    return PublicKey(data[:33] + (P - int.from_bytes(data[33:], "big")).to_bytes(32, "big"))


def equal_points(a: "Point | None", b: "Point | None") -> bool:
    """Whether two points, the identity included, are the same."""
    if a is None or b is None:
        return a is b
    return a.format() == b.format()


def inverse(a: int, modulus: int) -> int:
    """1/a modulo a prime. DaricError("parameter") for 0."""
    if a % modulus == 0:
        raise DaricError("parameter", "Zero has no inverse.")
    return pow(a, -1, modulus)


class FixedBase:
    """A point that is multiplied many times; a device makes a table of it."""

    def __init__(self, point: "Point | None") -> None:
        self.point = point

    def mul(self, k: int) -> "Point | None":
        """k * point."""
        return mul(k, self.point)

    def mul_batch(self, scalars: "list[int]") -> "list[Point | None]":
        """[k * point for each k]."""
        return [mul(k, self.point) for k in scalars]


def mul_g_batch(scalars: "list[int]") -> "list[Point | None]":
    """[k * G for each k]."""
    return [mul_g(k) for k in scalars]


def mul_batch(k: int, points: "list[Point | None]") -> "list[Point | None]":
    """[k * point for each point]."""
    k %= Q
    if k == 0:
        return [None] * len(points)
    data = k.to_bytes(32, "big")
    return [None if point is None else point.multiply(data) for point in points]


def add_batch(list_a: "list[Point | None]", list_b: "list[Point | None]") -> "list[Point | None]":
    """[a + b for each pair]; the lists have one length, or DaricError("parameter")."""
    if len(list_a) != len(list_b):
        raise DaricError("parameter", "Two lists of points of different lengths.")
    return [add(a, b) for a, b in zip(list_a, list_b, strict=True)]
