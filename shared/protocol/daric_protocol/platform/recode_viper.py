"""The digits of a secret scalar, in machine code: what recode.py does in plain Python."""

import micropython


@micropython.viper
def fill(steps, bits, shape):
    """Write the steps (steps.py) for the places of both halves, 18 bytes little-endian each."""
    to = ptr8(steps)  # noqa: F821
    given = ptr8(bits)  # noqa: F821
    form = ptr8(shape)  # noqa: F821
    count = int(form[0])
    stride = int(form[1])
    rows = int(form[2])
    distance = int(form[3])
    blocks = int(form[4])
    end = int(form[5])
    half_table = 1 << (count - 1)
    flags = 9 | (count - 1) << 4  # ADD, SECRET, the window
    at = 0
    doublings = 0
    row = rows - 1
    while row >= 0:
        block = 0
        while block < blocks:
            place = row * distance + block * rows
            if place < end:
                half = 0
                while half < 2:
                    digit = 0
                    bit = place + 144 * half
                    n = 0
                    while n < count:
                        digit |= ((int(given[bit >> 3]) >> (bit & 7)) & 1) << n
                        bit += stride
                        n += 1
                    negative = 1 - (digit >> (count - 1))
                    to[at] = doublings
                    to[at + 1] = int(form[6]) + block * half_table + ((digit ^ (0 - negative)) & (half_table - 1))
                    to[at + 2] = flags | negative << 1 | half << 2
                    at += 3
                    doublings = 0
                    half += 1
            block += 1
        doublings = distance
        row -= 1
