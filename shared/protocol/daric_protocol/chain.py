"""The chain of doublings and additions that every multiplication of a point is, in plain Python.

A step is three bytes: doublings first, then the index of a table entry, then flags that say how to add it. A table is
a run of entries, each x || y of an affine point, 32 + 32 bytes little-endian.
platform/chain_viper.py does the same in machine code.
"""

from daric_protocol.field import BETA, P
from daric_protocol.jacobian import add_affine, double

TYPE_CHECKING = False
if TYPE_CHECKING:
    from daric_protocol.jacobian import Affine, Jacobian

    Table = bytes | bytearray | memoryview

# Flags of a step. A step without ADD only doubles.
ADD = 1
NEGATIVE = 2  # subtract the entry
LAMBDA = 4  # the entry times lambda, that is with BETA * x
SECRET = 8  # a machine that can reads the whole window of the entry, of 2 ^ (flags >> WINDOW) entries
WINDOW = 4

ENTRY_BYTES = 64
ODD_ENTRIES = 8  # 1, 3, .. 15 times a point
ODD_BYTES = ODD_ENTRIES * ENTRY_BYTES


def walk(table: "Table", steps: "bytes | bytearray") -> "Jacobian | None":
    """The point that the steps lead to from the identity."""
    total: "Jacobian | None" = None
    for at in range(0, len(steps), 3):
        if total is not None and steps[at]:
            total = double(total, steps[at])
        flags = steps[at + 2]
        if flags & ADD:
            x, y = read(table, steps[at + 1])
            if flags & LAMBDA:
                x = x * BETA % P
            total = add_affine(total, x, P - y if flags & NEGATIVE else y)
    return total


def read(table: "Table", entry: int) -> "Affine":
    """The point of an entry."""
    at = ENTRY_BYTES * entry
    return int.from_bytes(table[at : at + 32], "little"), int.from_bytes(table[at + 32 : at + 64], "little")


def write(table: bytearray, entry: int, x: int, y: int) -> None:
    """Make (x, y) the point of an entry; both are reduced."""
    at = ENTRY_BYTES * entry
    table[at : at + 32] = x.to_bytes(32, "little")
    table[at + 32 : at + 64] = y.to_bytes(32, "little")


def odd_multiples(table: bytearray, first: int, x: int, y: int) -> int:
    """Fill eight entries from `first` with 1, 3, .. 15 times the affine point (x, y); returns their common z.

    With one z for all, the entries are affine points of an isomorphic curve, where the sums are made; only the sum has
    to be multiplied by z. So no table costs an inversion. The additions are Meloni's, where 2 * (x, y) moves along
    with the multiples and keeps their z.
    """
    ratios = [0] * ODD_ENTRIES
    z = 2 * y % P
    m = 3 * x * x % P
    s = y * y % P
    x = 4 * x * s % P  # (x, y) and its double (dx, dy), both over z
    dx = (m * m - 2 * x) % P
    y = 8 * s * s % P
    dy = (m * (x - dx) - y) % P
    multiples = [(x, y)] * ODD_ENTRIES
    for i in range(1, ODD_ENTRIES):
        ratio = dx - x
        square = ratio * ratio % P
        dx = dx * square % P
        x = x * square % P
        slope = dy - y
        dy = dy * (dx - x) % P
        x = (slope * slope - dx - x) % P
        y = (slope * (dx - x) - dy) % P
        multiples[i] = (x, y)
        ratios[i] = ratio
    ratio = 1
    for i in range(ODD_ENTRIES - 1, -1, -1):
        x, y = multiples[i]
        write(table, first + i, x * ratio * ratio % P, y * ratio * ratio * ratio % P)
        if i:
            ratio = ratio * ratios[i] % P
    return z * ratio % P


def scale(table: bytearray, entries: int, ratio: int) -> None:
    """Move the first entries of a table to a z that is `ratio` times theirs."""
    for i in range(entries):
        x, y = read(table, i)
        write(table, i, x * ratio * ratio % P, y * ratio * ratio * ratio % P)
