"""The field of secp256k1 in machine code for the boards, whose words have 32 bits: numbers are 16 limbs of 16 bits.

words32.py is the same for ports with 64-bit words; this one runs there too. The programs are in chain_viper.py.
A product of limbs plus a limb plus a carry stays below 2^32, and constants below 2^30.
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
    base = uint(ptr16(memory))  # noqa: F821
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
                a = ptr16(uint(ptr16(table)) + uint(entry << 6))  # noqa: F821
                d = ptr16(base + 160)  # noqa: F821
                i = 0
                while i < 32:
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
        d = ptr16(base + uint(int(program[pc + 1]) << 5))  # noqa: F821
        a = ptr16(base + uint(int(program[pc + 2]) << 5))  # noqa: F821
        b = ptr16(base + uint(int(program[pc + 3]) << 5))  # noqa: F821
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
            t = ptr16(base)  # noqa: F821
            i = 0
            while i < 16:
                t[i] = 0
                i += 1
            i = 0
            while i < 16:
                x = int(a[i])
                v = x * int(b[0]) + int(t[0])
                t[0] = v
                v = x * int(b[1]) + int(t[1]) + int(uint(v) >> 16)  # noqa: F821
                t[1] = v
                v = x * int(b[2]) + int(t[2]) + int(uint(v) >> 16)  # noqa: F821
                t[2] = v
                v = x * int(b[3]) + int(t[3]) + int(uint(v) >> 16)  # noqa: F821
                t[3] = v
                v = x * int(b[4]) + int(t[4]) + int(uint(v) >> 16)  # noqa: F821
                t[4] = v
                v = x * int(b[5]) + int(t[5]) + int(uint(v) >> 16)  # noqa: F821
                t[5] = v
                v = x * int(b[6]) + int(t[6]) + int(uint(v) >> 16)  # noqa: F821
                t[6] = v
                v = x * int(b[7]) + int(t[7]) + int(uint(v) >> 16)  # noqa: F821
                t[7] = v
                v = x * int(b[8]) + int(t[8]) + int(uint(v) >> 16)  # noqa: F821
                t[8] = v
                v = x * int(b[9]) + int(t[9]) + int(uint(v) >> 16)  # noqa: F821
                t[9] = v
                v = x * int(b[10]) + int(t[10]) + int(uint(v) >> 16)  # noqa: F821
                t[10] = v
                v = x * int(b[11]) + int(t[11]) + int(uint(v) >> 16)  # noqa: F821
                t[11] = v
                v = x * int(b[12]) + int(t[12]) + int(uint(v) >> 16)  # noqa: F821
                t[12] = v
                v = x * int(b[13]) + int(t[13]) + int(uint(v) >> 16)  # noqa: F821
                t[13] = v
                v = x * int(b[14]) + int(t[14]) + int(uint(v) >> 16)  # noqa: F821
                t[14] = v
                v = x * int(b[15]) + int(t[15]) + int(uint(v) >> 16)  # noqa: F821
                t[15] = v
                t[16] = int(uint(v) >> 16)  # noqa: F821
                t = ptr16(uint(t) + 2)  # noqa: F821
                i += 1
            t = ptr16(base)  # noqa: F821
            # 2^256 = 2^32 + 977: add the high half, once times 977 and once two limbs higher.
            carry = 0
            low = 0
            high = 0
            i = 0
            while i < 16:
                x = int(t[i + 16])
                v = int(t[i]) + 977 * x + low + carry
                d[i] = v
                carry = int(uint(v) >> 16)  # noqa: F821
                low = high
                high = x
                i += 1
            low += carry
            high += int(uint(low) >> 16)  # noqa: F821
            low &= 0xFFFF
        elif op == _ADD:
            low = 0
            high = 0
            i = 0
            while i < 16:
                v = int(a[i]) + int(b[i]) + low
                d[i] = v
                low = int(uint(v) >> 16)  # noqa: F821
                i += 1
        elif op == _SUB:
            carry = 0
            i = 0
            while i < 16:
                v = int(a[i]) - int(b[i]) - carry
                d[i] = v
                carry = int(uint(v) >> 16) & 1  # noqa: F821
                i += 1
            while carry:  # below zero: 2^256 too much, which is 2^32 + 977
                x = 977
                carry = 0
                i = 0
                while i < 16:
                    v = int(d[i]) - x - carry
                    d[i] = v
                    carry = int(uint(v) >> 16) & 1  # noqa: F821
                    x = 1 if i == 1 else 0
                    i += 1
            continue
        else:  # _UNEQUAL: a is neither 0 nor P, and P + 2^32 + 977 has 256 zeros
            zero = 0
            zeros = 0
            carry = 977
            i = 0
            while i < 16:
                zero |= int(a[i])
                v = int(a[i]) + carry
                if i == 2:
                    v += 1
                zeros |= v & 0xFFFF
                carry = int(uint(v) >> 16)  # noqa: F821
                i += 1
            if zero == 0 or zeros == 0:
                return at
            continue
        while low | high:  # beyond 2^256: as above, for low + 2^16 * high
            v = int(d[0]) + 977 * low
            d[0] = v
            v = int(d[1]) + 977 * high + int(uint(v) >> 16)  # noqa: F821
            d[1] = v
            v = int(d[2]) + low + int(uint(v) >> 16)  # noqa: F821
            d[2] = v
            v = int(d[3]) + high + int(uint(v) >> 16)  # noqa: F821
            d[3] = v
            low = int(uint(v) >> 16)  # noqa: F821
            high = 0
            i = 4
            while low and i < 16:
                v = int(d[i]) + low
                d[i] = v
                low = int(uint(v) >> 16)  # noqa: F821
                i += 1
    return 0
