"""The digits of a secret scalar, in plain Python; platform/recode_viper.py is the same in machine code.

Each half of a scalar (glv.py) is a sum of +-2^i over all of its places, with a bit per place that says whether it is
positive. A group of places makes one digit: neighbours in a window, every so many in a comb. No digit is zero, since
the sign of its last place outweighs the others, and a table has the sums in which that one is positive. So the
steps of two scalars differ in their entries and signs alone, which a field machine can hide.
"""

from daric_protocol.steps import ADD, SECRET, WINDOW


def fill(steps: bytearray, bits: bytes, shape: bytes) -> None:
    """Write the steps (steps.py) for the places of both halves, 18 bytes little-endian each. shape: as glv.py says."""
    count, stride, rows, distance, blocks, end, first, _, _ = shape
    half_table = 1 << count - 1
    flags = ADD | SECRET | count - 1 << WINDOW
    at = 0
    doublings = 0
    for row in range(rows - 1, -1, -1):
        for block in range(blocks):
            place = row * distance + block * rows
            if place >= end:
                continue
            for half in (0, 1):
                digit = 0
                for n in range(count):
                    bit = place + n * stride
                    digit |= (bits[18 * half + (bit >> 3)] >> (bit & 7) & 1) << n
                negative = 1 - (digit >> count - 1)
                steps[at] = doublings
                steps[at + 1] = first + block * half_table + ((digit ^ -negative) & half_table - 1)
                steps[at + 2] = flags | negative << 1 | half << 2
                at += 3
                doublings = 0
        doublings = distance
