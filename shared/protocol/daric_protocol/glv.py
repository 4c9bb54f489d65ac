"""Scalars of secp256k1, split in two halves by the curve's endomorphism and recoded in a fixed pattern.

lambda * (x, y) = (BETA * x, y), so k * P = e1 * P + e2 * lambda P with halves of 129 bits (Gallant, Lambert, Vanstone).
Both are odd, so each is a sum of +-2^i over all of its places, and every scalar takes the same steps (recode.py).
"""

from daric_protocol.field import Q
from daric_protocol.platform.points import fill
from daric_protocol.steps import ODD

# A short basis of the lattice {(a, b): a + b * lambda = 0 modulo Q} is (A1, -B1), (A2, A1).
A1 = 0x3086D221A7D46BCDE86C90E49284EB15
B1 = 0xE4437ED6010E88286F547FA90ABFE4C3
A2 = 0x114CA50F7A8E2F3F657C1108D9D44CFD8
# A1 and B1 times 2^384 / Q, rounded: a division by Q becomes a shift.
G1 = 0x3086D221A7D46BCDE86C90E49284EB153DAA8A1471E8CA7FE893209A45DBB031
G2 = 0xE4437ED6010E88286F547FA90ABFE4C4221208AC9DF506C61571B4AE8AC47F71
HALF = (Q + 1) // 2  # 1/2
OFFSET = 0x564E29599FD1E78FAD6CF1FEBBF6CDD254405CFE47639CE17067E4085A8941E7  # -(1 + lambda) / 2
# A shape says which places make a digit; its numbers, in this order:
# 0 places of a digit; 1 from one of these to the next; 2 rows, between which the total is doubled; 3 places from one
# row to the next, and doublings; 4 blocks of the table, a digit of each in every row, whose places lie as many further
# on as there are rows; 5 where first places end; 6 the table's first entry; 7 places of a half in all; 8 the bytes of
# all steps.
# This is the one for any point: 26 windows of 5 places, for a table of its odd multiples.
WINDOWS = bytes((5, 1, 26, 5, 1, 130, ODD, 130, 156))


def halves(k: int) -> "tuple[int, int]":
    """(m1, m2), below 2^128 in size, either sign, with k = (2 m1 + 1) + (2 m2 + 1) * lambda modulo Q."""
    m = (k * HALF + OFFSET) % Q
    c1 = (m * G1 >> 383) + 1 >> 1
    c2 = (m * G2 >> 383) + 1 >> 1
    return m - c1 * A1 - c2 * A2, c1 * B1 - c2 * A1


def schedule(k: int, shape: bytes) -> bytearray:
    """The steps (steps.py) that add up k * point, for a table of the point of that shape."""
    m1, m2 = halves(k)
    zero = 1 << shape[7] - 1  # 2 m + 1 is the sum of +-2^i whose positive places are the ones in zero + m
    bits = (m1 + zero).to_bytes(18, "little") + (m2 + zero).to_bytes(18, "little")
    steps = bytearray(shape[8])
    fill(steps, bits, shape)
    return steps
