"""The field of secp256k1 in machine code for ports with 64-bit words: numbers are eight limbs of 32 bits.

words16.py is the same for the boards, whose words have 32 bits. The programs are in chain_viper.py.
"""

import micropython
from micropython import const

_MUL = const(1)
_ADD = const(2)
_SUB = const(3)
_MUL_IF_LAMBDA = const(4)
_SUB_IF_NEGATIVE = const(5)
_UNEQUAL = const(6)


@micropython.viper
def run(memory, code, start: int, table, steps, count: int) -> int:
    """Run the program at `start`, then the steps. Returns 0, or how far it came when two equal x were to be added.

    memory: slots of 32 bytes, little-endian, each a number below 2^256 that stands for its rest modulo P; slots 0 and 1
    hold the product, slots 5 and 6 the entry to add. code: instructions (operation, to, left, right); the first is an
    END whose operands are where the programs for doubling, adding and the first entry begin, in instructions.
    """
    base = uint(ptr32(memory))  # noqa: F821
    program = ptr8(code)  # noqa: F821
    step = ptr8(steps)  # noqa: F821
    at = 0
    doublings = 0
    adding = 0
    flags = 0
    entry = 0
    pc = start
    while True:
        op = int(program[pc])
        if op == 0:  # END: what is left of this step, or the next
            if doublings:
                doublings -= 1
                pc = int(program[1]) << 2
            elif adding:
                adding = 0
                a = ptr32(uint(ptr32(table)) + uint(entry << 6))  # noqa: F821
                d = ptr32(base + 160)  # noqa: F821
                i = 0
                while i < 16:
                    d[i] = a[i]
                    i += 1
                pc = int(program[3 if at == 3 else 2]) << 2
            elif at >= count:
                return 0
            else:
                doublings = int(step[at])
                entry = int(step[at + 1])
                flags = int(step[at + 2])
                adding = flags & 1
                at += 3
            continue
        d = ptr32(base + uint(int(program[pc + 1]) << 5))  # noqa: F821
        a = ptr32(base + uint(int(program[pc + 2]) << 5))  # noqa: F821
        b = ptr32(base + uint(int(program[pc + 3]) << 5))  # noqa: F821
        pc += 4
        if op == _MUL_IF_LAMBDA:
            if flags & 4 == 0:
                continue
            op = _MUL
        elif op == _SUB_IF_NEGATIVE:
            if flags & 2 == 0:
                continue
            op = _SUB
        if op == _MUL:
            t = ptr32(base)  # noqa: F821
            i = 0
            while i < 8:
                t[i] = 0
                i += 1
            i = 0
            while i < 8:
                x = int(a[i])
                v = x * int(b[0]) + int(t[0])
                t[0] = v
                v = x * int(b[1]) + int(t[1]) + int(uint(v) >> 32)  # noqa: F821
                t[1] = v
                v = x * int(b[2]) + int(t[2]) + int(uint(v) >> 32)  # noqa: F821
                t[2] = v
                v = x * int(b[3]) + int(t[3]) + int(uint(v) >> 32)  # noqa: F821
                t[3] = v
                v = x * int(b[4]) + int(t[4]) + int(uint(v) >> 32)  # noqa: F821
                t[4] = v
                v = x * int(b[5]) + int(t[5]) + int(uint(v) >> 32)  # noqa: F821
                t[5] = v
                v = x * int(b[6]) + int(t[6]) + int(uint(v) >> 32)  # noqa: F821
                t[6] = v
                v = x * int(b[7]) + int(t[7]) + int(uint(v) >> 32)  # noqa: F821
                t[7] = v
                t[8] = int(uint(v) >> 32)  # noqa: F821
                t = ptr32(uint(t) + 4)  # noqa: F821
                i += 1
            t = ptr32(base)  # noqa: F821
            # 2^256 = 2^32 + 977: add the high half, once times 977 and once a limb higher.
            carry = 0
            high = 0
            i = 0
            while i < 8:
                v = int(t[i]) + high + carry
                high = int(t[i + 8])
                v += 977 * high
                d[i] = v
                carry = int(uint(v) >> 32)  # noqa: F821
                i += 1
            carry += high
        elif op == _ADD:
            carry = 0
            i = 0
            while i < 8:
                v = int(a[i]) + int(b[i]) + carry
                d[i] = v
                carry = int(uint(v) >> 32)  # noqa: F821
                i += 1
        elif op == _SUB:
            carry = 0
            i = 0
            while i < 8:
                v = int(a[i]) - int(b[i]) - carry
                d[i] = v
                carry = int(uint(v) >> 63)  # noqa: F821
                i += 1
            while carry:  # below zero: 2^256 too much, which is 2^32 + 977
                v = int(d[0]) - 977
                d[0] = v
                v = int(d[1]) - 1 - int(uint(v) >> 63)  # noqa: F821
                d[1] = v
                carry = int(uint(v) >> 63)  # noqa: F821
                i = 2
                while carry and i < 8:
                    v = int(d[i]) - carry
                    d[i] = v
                    carry = int(uint(v) >> 63)  # noqa: F821
                    i += 1
            continue
        else:  # _UNEQUAL: a is neither 0 nor P, and P + 2^32 + 977 has 256 zeros
            zero = 0
            zeros = 0
            carry = 977
            i = 0
            while i < 8:
                zero |= int(a[i])
                v = int(a[i]) + carry
                if i == 1:
                    v += 1
                zeros |= v << 32
                carry = int(uint(v) >> 32)  # noqa: F821
                i += 1
            if zero == 0 or zeros == 0:
                return at
            continue
        while carry:  # beyond 2^256: as above
            v = int(d[0]) + 977 * carry
            d[0] = v
            v = int(d[1]) + carry + int(uint(v) >> 32)  # noqa: F821
            d[1] = v
            carry = int(uint(v) >> 32)  # noqa: F821
            i = 2
            while carry and i < 8:
                v = int(d[i]) + carry
                d[i] = v
                carry = int(uint(v) >> 32)  # noqa: F821
                i += 1
    return 0
