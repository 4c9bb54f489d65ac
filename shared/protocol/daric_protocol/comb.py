"""Multiplication of one point by many scalars: a signed comb over the halves of the scalar.

A half e is odd and below 2^130 in size, so e = sum of b_i * 2^i over i < 136 with every b_i = +1 or -1. The 136 bits
lie in 8 rows ("teeth") of 17; a table holds +-B_0 +- .. +- B_6 + B_7 for B_t = 2^(17 t) * point, hence one column of
both halves costs two additions, and 17 columns cost 16 doublings. 128 entries of x || y: 8 KB, kept as bytes.
That is the generator's table; one made at run time has 6 teeth of 22 places and 2 KB, which a used heap still has.
"""

from daric_protocol.chain import ADD, ENTRY_BYTES, LAMBDA, NEGATIVE, read, write
from daric_protocol.errors import DaricError
from daric_protocol.field import P, Q
from daric_protocol.glv import A1, A2, B1, split
from daric_protocol.jacobian import BATCH, add_affine, add_affine_batch, double, normalise
from daric_protocol.platform.points import walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from daric_protocol.chain import Table
    from daric_protocol.jacobian import Affine, Jacobian

GENERATOR_TEETH = 8
TEETH = 6  # of a table made at run time
HALF_BITS = 130
PLACES = 22  # of the longest tooth

# Multiplying a tooth by SPREAD repeats it every 23 bits; LANES keeps bit j at place 24 j, that is in byte 3 j.
SPREAD = (2 ** (23 * PLACES) - 1) // (2**23 - 1)
LANES = (2 ** (24 * PLACES) - 1) // (2**24 - 1)


def spacing(teeth: int) -> int:
    """Places per tooth."""
    return (HALF_BITS + teeth - 1) // teeth


def multiply(table: "Table", teeth: int, k: int) -> "Jacobian | None":
    """k * point, for the table of the point. DaricError("internal") for a table of another size."""
    if len(table) != ENTRY_BYTES << teeth - 1:  # a machine would read beyond its end
        raise DaricError("internal", "The table of a point does not have as many teeth as its steps.")
    return walk(table, schedule(k, teeth)) if k % Q else None


def schedule(k: int, teeth: int) -> bytearray:
    """The steps (chain.py) that add up k * point, for the point's table."""
    e1, e2 = odd_halves(k)
    columns1 = columns(e1, teeth)
    columns2 = columns(e2, teeth)
    positive = 1 << teeth - 1  # the last tooth; the table has the sums where it is positive
    steps = bytearray(6 * spacing(teeth))
    end = 0
    for at in range(3 * spacing(teeth) - 3, -1, -3):
        steps[end] = 1 if end else 0
        column = columns1[at]
        steps[end + 1] = column - positive if column & positive else positive - 1 - column
        steps[end + 2] = ADD if column & positive else ADD | NEGATIVE
        column = columns2[at]
        steps[end + 4] = column - positive if column & positive else positive - 1 - column
        steps[end + 5] = ADD | LAMBDA if column & positive else ADD | LAMBDA | NEGATIVE
        end += 6
    return steps


def odd_halves(k: int) -> "tuple[int, int]":
    """(e1, e2), both odd and below 2^130 in size, with k = e1 + e2 * lambda modulo Q: vectors of the lattice go in."""
    k1, k2 = split(k)
    if not k1 & 1:  # (A1, -B1) is odd, odd
        k1 += A1
        k2 -= B1
    if not k2 & 1:  # (A2, A1) is even, odd
        k1 += A2
        k2 += A1
    return k1, k2


def columns(e: int, teeth: int) -> bytes:
    """The columns of an odd number: bit t of byte 3 j says whether digit j of tooth t is +1."""
    places = spacing(teeth)
    bits = e + (1 << teeth * places) - 1 >> 1
    lanes = 0
    for tooth in range(teeth):
        row = bits >> places * tooth & (1 << places) - 1
        lanes |= (row * SPREAD & LANES) << tooth
    return lanes.to_bytes(3 * PLACES, "little")


def build(point: "Affine", teeth: int) -> bytearray:
    """The table of a point. Entry i = B_last + the sum of the other B_t, negated where bit t of i is 0."""
    points = _teeth(point, teeth)
    table = bytearray(ENTRY_BYTES << teeth - 1)
    total: "Jacobian | None" = None
    for tooth in range(teeth):
        x, y = points[tooth]  # type: ignore[misc]  # no multiple here is the identity
        total = add_affine(total, x, P - y if tooth < teeth - 1 else y)
    _write(table, 0, normalise([total]))
    for tooth in range(teeth - 1):
        size = 1 << tooth
        for start in range(0, size, BATCH):
            known = [read(table, i) for i in range(start, min(start + BATCH, size))]
            twice = points[teeth + tooth]  # turns -B_t into +B_t
            _write(table, size + start, add_affine_batch(known, [twice] * len(known)))
    return table


def _teeth(point: "Affine", teeth: int) -> "list[Affine | None]":
    """Every B_t, then twice each but the last."""
    points = [(point[0], point[1], 1)] * (2 * teeth - 1)
    for tooth in range(teeth - 1):
        points[teeth + tooth] = double(points[tooth], 1)
        points[tooth + 1] = double(points[teeth + tooth], spacing(teeth) - 1)
    return normalise(points)


def _write(table: bytearray, index: int, points: "list[Affine | None]") -> None:
    for x, y in points:  # type: ignore[misc]  # no sum here is the identity
        write(table, index, x, y)
        index += 1
