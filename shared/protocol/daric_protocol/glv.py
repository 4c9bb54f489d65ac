"""Multiplication of any point of secp256k1: the scalar is split by the curve's endomorphism, then recoded.

lambda * (x, y) = (BETA * x, y), so k * P = k1 * P + k2 * lambda P with halves of about 128 bits (Gallant, Lambert,
Vanstone), each in width-5 non-adjacent form, all halves over one chain of doublings (Strauss).
"""

from daric_protocol.chain import ADD, ENTRY_BYTES, LAMBDA, NEGATIVE, ODD_ENTRIES
from daric_protocol.field import P, Q
from daric_protocol.platform.points import odd_multiples, scale, walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from daric_protocol.jacobian import Affine, Jacobian

# A short basis of the lattice {(a, b): a + b * lambda = 0 modulo Q} is (A1, -B1), (A2, A1).
A1 = 0x3086D221A7D46BCDE86C90E49284EB15
B1 = 0xE4437ED6010E88286F547FA90ABFE4C3
A2 = 0x114CA50F7A8E2F3F657C1108D9D44CFD8
# A1 and B1 times 2^384 / Q, rounded: a division by Q becomes a shift.
G1 = 0x3086D221A7D46BCDE86C90E49284EB153DAA8A1471E8CA7FE893209A45DBB031
G2 = 0xE4437ED6010E88286F547FA90ABFE4C4221208AC9DF506C61571B4AE8AC47F71

WIDTH = 5  # digits up to 15, for the eight odd multiples in a table
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
    """The steps (chain.py) that add up scalar * point, for a table of the odd multiples of each of the points."""
    halves = []
    for k in scalars:
        for half in split(k):
            halves.append(recode(half))
    steps = bytearray(3 * (len(halves) * (DIGITS // WIDTH + 1) + 1))
    end = 0
    doublings = 0
    for i in range(DIGITS - 1, -1, -1):
        for column, digits in enumerate(halves):
            digit = digits[i]
            if digit:
                steps[end] = doublings if end else 0
                steps[end + 1] = (column >> 1) * ODD_ENTRIES + (abs(digit - 16) >> 1)
                steps[end + 2] = ADD | (LAMBDA if column & 1 else 0) | (NEGATIVE if digit < 16 else 0)
                end += 3
                doublings = 0
        doublings += 1
    steps[end] = doublings - 1 if end else 0
    return bytes(steps[: end + 3])


def combine(steps: bytes, points: "list[Affine]") -> "Jacobian | None":
    """The sum of scalar * point, for the schedule of the scalars and as many points."""
    table = bytearray(len(points) * ODD_ENTRIES * ENTRY_BYTES)
    z = 1
    for n, (x, y) in enumerate(points):
        zz = z * z % P
        ratio = odd_multiples(table, n * ODD_ENTRIES, x * zz % P, y * zz * z % P)
        if n:
            scale(table, n * ODD_ENTRIES, ratio)
        z = z * ratio % P
    total = walk(table, steps)
    return None if total is None else (total[0], total[1], total[2] * z % P)
