"""Multiplication of one point by many scalars: a signed comb over the halves of the scalar.

A half e is odd and below 2^130 in size, so e = sum of b_i * 2^i over i < 136 with every b_i = +1 or -1. The 136 bits
lie in 8 rows ("teeth") of 17; a table holds +-B_0 +- .. +- B_6 + B_7 for B_t = 2^(17 t) * point, hence one column of
both halves costs two additions, and 17 columns cost 16 doublings. 128 entries of x || y: 8 KB, kept as bytes.
"""

from daric_protocol.field import P, Q
from daric_protocol.glv import A1, A2, B1, BETA, split
from daric_protocol.jacobian import BATCH, add_affine, add_affine_batch, double, normalise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from daric_protocol.jacobian import Affine, Jacobian

TEETH = 8
SPACING = 17
BITS = TEETH * SPACING
ENTRIES = 1 << TEETH - 1
TABLE_BYTES = 64 * ENTRIES

# Multiplying 17 bits by SPREAD repeats them every 23 bits; LANES keeps bit j at place 24 j, that is in byte 3 j.
SPREAD = (2 ** (23 * SPACING) - 1) // (2**23 - 1)
LANES = (2 ** (24 * SPACING) - 1) // (2**24 - 1)


def multiply(table: "bytes | bytearray", k: int) -> "Jacobian | None":
    """k * point, for the table of the point."""
    if k % Q == 0:
        return None
    e1, e2 = odd_halves(k)
    columns1 = columns(e1)
    columns2 = columns(e2)
    total: "Jacobian | None" = None
    for at in range(3 * SPACING - 3, -1, -3):
        if total is not None:
            total = double(total, 1)
        x, y = _entry(table, columns1[at])
        total = add_affine(total, x, y)
        x, y = _entry(table, columns2[at])
        total = add_affine(total, x * BETA % P, y)
    return total


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


def columns(e: int) -> bytes:
    """The columns of an odd number: bit t of byte 3 j says whether digit j of tooth t is +1."""
    bits = e + (1 << BITS) - 1 >> 1
    lanes = 0
    for tooth in range(TEETH):
        row = bits >> SPACING * tooth & (1 << SPACING) - 1
        lanes |= (row * SPREAD & LANES) << tooth
    return lanes.to_bytes(3 * SPACING, "little")


def _entry(table: "bytes | bytearray", column: int) -> "Affine":
    """The sum of the teeth with the signs of a column: the table has those where the last tooth is positive."""
    if column >= ENTRIES:
        return _read(table, column - ENTRIES)
    x, y = _read(table, ENTRIES - 1 - column)
    return x, P - y


def _read(table: "bytes | bytearray", index: int) -> "Affine":
    at = 64 * index
    return int.from_bytes(table[at : at + 32], "big"), int.from_bytes(table[at + 32 : at + 64], "big")


def build(point: "Affine") -> bytearray:
    """The table of a point: 8192 B, entry i = B_7 + the sum over t < 7 of B_t, negated where bit t of i is 0."""
    teeth = _teeth(point)
    table = bytearray(TABLE_BYTES)
    total: "Jacobian | None" = None
    for tooth in range(TEETH):
        x, y = teeth[tooth]  # type: ignore[misc]  # no multiple here is the identity
        total = add_affine(total, x, P - y if tooth < TEETH - 1 else y)
    _write(table, 0, normalise([total]))
    for tooth in range(TEETH - 1):
        size = 1 << tooth
        for start in range(0, size, BATCH):
            known = [_read(table, i) for i in range(start, min(start + BATCH, size))]
            twice = teeth[TEETH + tooth]  # turns -B_t into +B_t
            _write(table, size + start, add_affine_batch(known, [twice] * len(known)))
    return table


def _teeth(point: "Affine") -> "list[Affine | None]":
    """B_0 .. B_7, then 2 B_0 .. 2 B_6."""
    points = [(point[0], point[1], 1)] * (2 * TEETH - 1)
    for tooth in range(TEETH - 1):
        points[TEETH + tooth] = double(points[tooth], 1)
        points[tooth + 1] = double(points[TEETH + tooth], SPACING - 1)
    return normalise(points)


def _write(table: bytearray, index: int, points: "list[Affine | None]") -> None:
    for x, y in points:  # type: ignore[misc]  # no sum here is the identity
        table[64 * index : 64 * index + 32] = x.to_bytes(32, "big")
        table[64 * index + 32 : 64 * index + 64] = y.to_bytes(32, "big")
        index += 1


def load_generator() -> bytes:
    """The table of the generator, shipped as generator.bin beside this file (tools/make_generator_table.py)."""
    folder = __file__.rpartition("/")[0]
    with open(folder + "/generator.bin" if folder else "generator.bin", "rb") as file:
        return file.read()
