"""Multiplication of one point by many scalars: a signed comb over the halves of the scalar.

The places of a half (glv.py) lie in rows one below the other, its "teeth": a column makes a digit. A block of the table
holds +-B_0 +- .. + B_last for B_t = 2^(spacing t) * point. The generator has 7 teeth of 19 places and two blocks, the
second for columns that lie 10 places higher: 38 additions and 9 doublings with 64 entries to choose from, 8 KB kept as
bytes. A table made at run time has 6 teeth of 22 places, one block and 2 KB, which a used heap still has.
"""

from daric_protocol.errors import DaricError
from daric_protocol.glv import schedule
from daric_protocol.platform.points import add_batch, doubled, normalise, walk
from daric_protocol.steps import ADD, ENTRY_BYTES, NEGATIVE, read, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from daric_protocol.jacobian import Affine
    from daric_protocol.steps import Table

# Shapes (glv.py); the places from one of a digit to the next are the spacing of the teeth.
GENERATOR = bytes((7, 19, 10, 1, 2, 19, 0, 133, 114))
COMB = bytes((6, 22, 22, 1, 1, 22, 0, 132, 132))
_TEETH, _SPACING, _ROWS, _BLOCKS = 0, 1, 2, 4


def multiply(table: "Table", shape: bytes, k: int) -> "Any":
    """k * point as points.normalise takes it, for the table of the point.

    DaricError("internal") for a table of another size.
    """
    if len(table) != table_bytes(shape):  # a machine would read beyond its end
        raise DaricError("internal", "The table of a point does not have as many entries as its steps.")
    return walk(table, schedule(k, shape))


def table_bytes(shape: bytes) -> int:
    """The size of a table of this shape."""
    return shape[_BLOCKS] * ENTRY_BYTES << shape[_TEETH] - 1


def build(point: "Affine", shape: bytes) -> bytearray:
    """The table of a point."""
    table = bytearray(table_bytes(shape))
    base: "Affine | None" = point
    for block in range(shape[_BLOCKS]):
        if block:
            base = normalise(doubled(base[0], base[1], [shape[_ROWS]]))[0]  # type: ignore[index]
        _build_block(table, block << shape[_TEETH] - 1, base, shape)  # type: ignore[arg-type]
    return table


def _build_block(table: bytearray, first: int, point: "Affine", shape: bytes) -> None:
    """Entry `first` + i becomes B_last + the sum of the other B_t, negated where bit t of i is 0."""
    last = shape[_TEETH] - 1
    # Twice each B_t, then B_(t + 1), and so on; no multiple here and no sum is the identity.
    points: "list[Any]" = [point]
    points.extend(normalise(doubled(point[0], point[1], [1, shape[_SPACING] - 1] * last)))
    steps = bytearray()
    for tooth in range(last + 1):
        write(table, first + tooth, *points[2 * tooth])
        steps.extend(bytes((0, first + tooth, ADD if tooth == last else ADD | NEGATIVE)))
    write(table, first, *normalise([walk(table, steps)])[0])  # type: ignore[misc]
    for tooth in range(last):
        size = 1 << tooth
        known = [read(table, first + i) for i in range(size)]
        twice = points[2 * tooth + 1]  # turns -B_t into +B_t
        for i, (x, y) in enumerate(add_batch(known, [twice] * size)):  # type: ignore[misc]
            write(table, first + size + i, x, y)
