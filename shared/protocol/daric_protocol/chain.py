"""The chain of doublings and additions that every multiplication of a point is, in plain Python.

platform/chain_viper.py does the same in machine code, but for sums of equal or opposite points.
"""

from daric_protocol.field import BETA, P
from daric_protocol.jacobian import add_affine, double
from daric_protocol.steps import ADD, ENTRY_BYTES, LAMBDA, NEGATIVE, ODD, ODD_ENTRIES, read, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from daric_protocol.jacobian import Affine, Jacobian
    from daric_protocol.steps import Table


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


def walk_each(steps: "bytes | bytearray", points: "list[Affine | None]") -> "list[Jacobian | None]":
    """Where the steps lead to with the table of the odd multiples of each point; of the identity to the identity."""
    totals: "list[Jacobian | None]" = [None] * len(points)
    table = bytearray(ENTRY_BYTES * (ODD + ODD_ENTRIES))
    for n, point in enumerate(points):
        if point is not None:
            z = odd_multiples(table, point[0], point[1])
            totals[n] = moved(walk(table, steps), z)
    return totals


def moved(total: "Jacobian | None", z: int) -> "Jacobian | None":
    """A sum of entries of a table whose common z is not 1."""
    return None if total is None else (total[0], total[1], total[2] * z % P)


def odd_multiples(table: bytearray, x: int, y: int) -> int:
    """Fill the entries from ODD with 1, 3, .. 31 times the affine point (x, y); returns their common z.

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
        write(table, ODD + i, x * ratio * ratio % P, y * ratio * ratio * ratio % P)
        if i:
            ratio = ratio * ratios[i] % P
    return z * ratio % P


def doubled(x: int, y: int, times: "list[int]") -> "list[Jacobian | None]":
    """Points on the way from (x, y): each is 2 ^ times of the one before."""
    point = (x, y, 1)
    points: "list[Jacobian | None]" = []
    for n in times:
        point = double(point, n)
        points.append(point)
    return points
