"""Point arithmetic of secp256k1 in Jacobian coordinates: (x, y, z) stands for (x/z^2, y/z^3), None for the identity.

An affine point is (x, y), both reduced. Coordinates of a Jacobian point are only congruent: below 2^258 in size, at
times negative. Products are folded (field.py) instead of divided; the comments give the bits that are left.
The formulas are those of the Explicit-Formulas Database for a = 0, with 3/2 x^2 in the doubling.
"""

from daric_protocol.field import BATCH, FOLD, MASK, P, inverses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Affine = tuple[int, int]
    Jacobian = tuple[int, int, int]


def double(point: "Jacobian", times: int) -> "Jacobian":
    """2^times * point. No point of the curve has order two, so the result is never the identity."""
    x, y, z = point
    mask = MASK
    fold = FOLD
    while times:
        times -= 1
        s = y * y
        s = (s & mask) + (s >> 256) * fold  # 293
        t = x * s
        t = (t & mask) + (t >> 256) * fold  # 328
        m = x * x
        m = (m & mask) + (m >> 256) * fold  # 293
        if m & 1:
            m += P
        m += m >> 1  # 3/2 x^2, exact, as m is even
        z = y * z
        z = (z & mask) + (z >> 256) * fold  # 35 more at each turn
        x = m * m - (t << 1)
        x = (x & mask) + (x >> 256) * fold  # 366
        x = (x & mask) + (x >> 256) * fold  # 257
        y = m * (t - x) - s * s
        y = (y & mask) + (y >> 256) * fold  # 400
        y = (y & mask) + (y >> 256) * fold  # 257
    return x, y, z % P


def add_affine(point: "Jacobian | None", x2: int, y2: int) -> "Jacobian | None":
    """point + (x2, y2), in all cases: identity, equal and opposite points too."""
    if point is None:
        return x2, y2, 1
    x1, y1, z1 = point
    mask = MASK
    fold = FOLD
    zz = z1 * z1
    zz = (zz & mask) + (zz >> 256) * fold  # 293
    h = x2 * zz - x1
    h = ((h & mask) + (h >> 256) * fold) % P
    r = y2 * z1
    r = ((r & mask) + (r >> 256) * fold) * zz - y1  # 584
    r = (r & mask) + (r >> 256) * fold  # 361
    r = (r & mask) + (r >> 256) * fold  # 257
    if h == 0:
        return double(point, 1) if r % P == 0 else None
    z = z1 * h
    z = ((z & mask) + (z >> 256) * fold) % P
    hh = h * h
    hh = (hh & mask) + (hh >> 256) * fold  # 290
    v = x1 * hh
    v = (v & mask) + (v >> 256) * fold  # 326
    hh = h * hh
    hh = (hh & mask) + (hh >> 256) * fold  # h^3, 324
    x = r * r - hh - (v << 1)
    x = (x & mask) + (x >> 256) * fold
    x = (x & mask) + (x >> 256) * fold
    y = r * (v - x) - y1 * hh  # 585
    y = (y & mask) + (y >> 256) * fold
    return x, (y & mask) + (y >> 256) * fold, z


def normalise(points: "Sequence[Jacobian | None]") -> "list[Affine | None]":
    """The affine form of each point, a batch per inversion."""
    affine: "list[Affine | None]" = [None] * len(points)
    for start in range(0, len(points), BATCH):
        batch = points[start : start + BATCH]
        for i, w in enumerate(inverses([1 if point is None else point[2] for point in batch])):
            point = batch[i]
            if point is not None:
                ww = w * w % P
                affine[start + i] = (point[0] * ww % P, point[1] * ww * w % P)
    return affine


def add_batch(list_a: "Sequence[Affine | None]", list_b: "Sequence[Affine | None]") -> "list[Affine | None]":
    """a + b of each pair of affine points, a batch per inversion, in all cases."""
    sums: "list[Affine | None]" = [None] * len(list_a)
    for start in range(0, len(list_a), BATCH):
        _add_affine(list_a, list_b, sums, start, min(start + BATCH, len(list_a)))
    return sums


def _add_affine(
    list_a: "Sequence[Affine | None]",
    list_b: "Sequence[Affine | None]",
    sums: "list[Affine | None]",
    start: int,
    end: int,
) -> None:
    """Fill sums[start:end]; the slope of each pair is a fraction, and the denominators are inverted together."""
    numerators = [0] * (end - start)
    denominators = [1] * (end - start)  # 1 where no slope is needed
    for i in range(start, end):
        a = list_a[i]
        b = list_b[i]
        if a is None or b is None:
            sums[i] = b if a is None else a
        elif a[0] != b[0]:
            numerators[i - start] = b[1] - a[1]
            denominators[i - start] = b[0] - a[0]
        elif a[1] == b[1]:
            numerators[i - start] = 3 * a[0] * a[0]
            denominators[i - start] = 2 * a[1]
    for i, w in enumerate(inverses(denominators)):
        a = list_a[start + i]
        b = list_b[start + i]
        if a is not None and b is not None and (a[0] != b[0] or a[1] == b[1]):
            slope = numerators[i] * w % P
            x = (slope * slope - a[0] - b[0]) % P
            sums[start + i] = (x, (slope * (a[0] - x) - a[1]) % P)
