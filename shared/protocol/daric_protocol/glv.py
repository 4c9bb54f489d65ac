"""Multiplication of any point of secp256k1: the scalar is split by the curve's endomorphism, then recoded.

lambda * (x, y) = (BETA * x, y), so k * P = k1 * P + k2 * lambda P with halves of about 128 bits (Gallant, Lambert,
Vanstone), each in width-5 non-adjacent form, all halves over one chain of doublings (Strauss).
"""

from daric_protocol.field import P, Q
from daric_protocol.jacobian import add_affine, double

TYPE_CHECKING = False
if TYPE_CHECKING:
    from daric_protocol.jacobian import Affine, Jacobian

BETA = 0x7AE96A2B657C07106E64479EAC3434E99CF0497512F58995C1396C28719501EE
# A short basis of the lattice {(a, b): a + b * lambda = 0 modulo Q} is (A1, -B1), (A2, A1).
A1 = 0x3086D221A7D46BCDE86C90E49284EB15
B1 = 0xE4437ED6010E88286F547FA90ABFE4C3
A2 = 0x114CA50F7A8E2F3F657C1108D9D44CFD8
# A1 and B1 times 2^384 / Q, rounded: a division by Q becomes a shift.
G1 = 0x3086D221A7D46BCDE86C90E49284EB153DAA8A1471E8CA7FE893209A45DBB031
G2 = 0xE4437ED6010E88286F547FA90ABFE4C4221208AC9DF506C61571B4AE8AC47F71

WIDTH = 5
ENTRIES = 1 << WIDTH - 2  # odd multiples 1, 3, .. 15
DIGITS = 132  # of a recoded half: 129 bits and a carry


def split(k: int) -> "tuple[int, int]":
    """(k1, k2) with k = k1 + k2 * lambda modulo Q, both below 2^128 in size, either sign."""
    k %= Q
    c1 = (k * G1 >> 383) + 1 >> 1
    c2 = (k * G2 >> 383) + 1 >> 1
    return k - c1 * A1 - c2 * A2, c1 * B1 - c2 * A1


def recode(k: int) -> bytearray:
    """Width-5 non-adjacent form of a half: digit 0 or odd with |digit| < 16 at each bit, least first, stored + 16."""
    sign = 1
    if k < 0:
        k = -k
        sign = -1
    digits = bytearray(DIGITS)
    bits = k.to_bytes(18, "little")
    carry = 0
    i = 0
    while i < DIGITS:
        window = (bits[i >> 3] | bits[(i >> 3) + 1] << 8) >> (i & 7)
        if (window & 1) == carry:
            i += 1
            continue
        window = (window & 31) + carry
        carry = window >> 4
        digits[i] = 16 + sign * (window - (carry << 5))
        i += 5
    return digits


def schedule(scalars: "list[int]") -> bytes:
    """The steps that multiply points by these scalars, for `combine`: three bytes each.

    doublings first, column (2 * index of the point, + 1 for its lambda half), digit + 16 (0: doublings only).
    """
    columns = []
    for k in scalars:
        for half in split(k):
            columns.append(recode(half))
    steps = bytearray(3 * (len(columns) * (DIGITS // WIDTH + 1) + 1))
    end = 0
    doublings = 0
    for i in range(DIGITS - 1, -1, -1):
        doublings += 1
        for column, digits in enumerate(columns):
            if digits[i]:
                steps[end] = doublings
                steps[end + 1] = column
                steps[end + 2] = digits[i]
                end += 3
                doublings = 0
    steps[end] = doublings
    return bytes(steps[: end + 3])


def combine(steps: bytes, points: "list[Affine]") -> "Jacobian | None":
    """The sum of scalar * point, for the schedule of the scalars and as many points."""
    tables, z_shared = odd_multiples(points)
    total: "Jacobian | None" = None
    for at in range(0, len(steps), 3):
        if total is not None and steps[at]:
            total = double(total, steps[at])
        digit = steps[at + 2]
        if digit:
            column = steps[at + 1]
            table = tables[column >> 1]
            entry = abs(digit - 16) >> 1
            x = table[entry + 2 * ENTRIES if column & 1 else entry]
            y = table[entry + ENTRIES]
            total = add_affine(total, x, y if digit > 16 else P - y)
    if total is None:
        return None
    x, y, z = total
    return x, y, z * z_shared % P


def odd_multiples(points: "list[Affine]") -> "tuple[list[list[int]], int]":
    """(tables, z): for each point [x of 1, 3, .. 15 times it], their y, their BETA * x, all over the one z.

    With the same z everywhere the entries are affine points of an isomorphic curve, where the sums are made; only
    the result has to be multiplied by z. So no table costs an inversion.
    """
    tables: "list[list[int]]" = []
    z = 1
    for x, y in points:
        zz = z * z % P
        table, ratio = _odd_multiples(x * zz % P, y * zz * z % P)
        for other in tables:
            _scale(other, ratio)
        tables.append(table)
        z = z * ratio % P
    for table in tables:
        for i in range(ENTRIES):
            table[i + 2 * ENTRIES] = table[i] * BETA % P
    return tables, z


def _scale(table: "list[int]", ratio: int) -> None:
    square = ratio * ratio % P
    cube = square * ratio % P
    for i in range(ENTRIES):
        table[i] = table[i] * square % P
        table[i + ENTRIES] = table[i + ENTRIES] * cube % P


def _odd_multiples(x: int, y: int) -> "tuple[list[int], int]":
    """The odd multiples of one point and their z. Additions with a common z (Meloni): 2P moves along with the sum."""
    table = [0] * (3 * ENTRIES)
    ratios = [0] * ENTRIES
    # 2P = (dx, dy) and P = (x, y), both over z = y.
    total = y
    m = 3 * x * x % P
    s = y * y % P
    x = 4 * x * s % P
    dx = (m * m - 2 * x) % P
    y = 8 * s * s % P
    dy = (m * (x - dx) - y) % P
    total = 2 * total % P
    table[0] = x
    table[ENTRIES] = y
    for i in range(1, ENTRIES):
        ratio = dx - x
        square = ratio * ratio % P
        dx = dx * square % P
        x = x * square % P
        slope = dy - y
        dy = dy * (dx - x) % P
        x = (slope * slope - dx - x) % P
        y = (slope * (dx - x) - dy) % P
        table[i] = x
        table[i + ENTRIES] = y
        ratios[i] = ratio
    ratio = 1
    for i in range(ENTRIES - 1, 0, -1):
        ratio = ratio * ratios[i] % P
        square = ratio * ratio % P
        table[i - 1] = table[i - 1] * square % P
        table[i - 1 + ENTRIES] = table[i - 1 + ENTRIES] * square * ratio % P
    return table, total * ratio % P
