"""The field of secp256k1 on plain ints: inverse, many inverses at once, repeated squaring.

2^256 = FOLD modulo P, so a product v is reduced by `(v & MASK) + (v >> 256) * FOLD`: a shift, a mask and a
multiplication by 33 bits where `%` divides. The formulas of jacobian.py spell it out, since a call costs a third of
it. A value folded once has at most 33 bits more than FOLD times its excess; nothing is compared before `% P`.
"""

import sys

from daric_protocol.errors import DaricError
from daric_protocol.garbage import RARELY, Computing

P = 2**256 - 2**32 - 977
BETA = 0x7AE96A2B657C07106E64479EAC3434E99CF0497512F58995C1396C28719501EE  # a cube root of 1
Q = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # order of the group
FOLD = 2**32 + 977
MASK = 2**256 - 1

# Points per inversion: more saves little time and costs heap, of which a device has none to spare.
BATCH = 8 if sys.implementation.name == "micropython" else 16


def inverse(a: int, modulus: int) -> int:
    """1/a modulo a prime, by extended Euclid. DaricError("parameter") for 0."""
    low = a % modulus
    if low == 0:
        raise DaricError("parameter", "Zero has no inverse.")
    high = modulus
    x = 1
    y = 0
    with Computing(RARELY):
        while low != 1:
            quotient, rest = divmod(high, low)
            high = low
            low = rest
            rest = y - quotient * x
            y = x
            x = rest
    return x % modulus


def inverses(values: "list[int]") -> "list[int]":
    """1/v modulo P for each nonzero v of a non-empty list, for one inversion and three products each."""
    products = [1] * len(values)
    total = 1
    for i, value in enumerate(values):
        products[i] = total
        total = total * value % P
    rest = inverse(total, P)
    for i in range(len(values) - 1, -1, -1):
        products[i] = products[i] * rest % P
        rest = rest * values[i] % P
    return products


def squared(a: int, times: int, factor: int) -> int:
    """a^(2^times) * factor modulo P; times > 0."""
    for _ in range(times):
        a = a * a
        a = ((a & MASK) + (a >> 256) * FOLD) % P
    return a * factor % P
