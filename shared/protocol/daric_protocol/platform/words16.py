"""The field of secp256k1 in machine code for the boards, whose words have 32 bits: numbers are 16 limbs of 16 bits.

words32.py is the same for ports with 64-bit words; this one runs there too. machine.py says what a program means.
A product of limbs plus a limb plus a carry stays below 2^32, and constants below 2^30.
"""

import micropython
from micropython import const

from daric_protocol.field import Q

_MUL = const(1)
_ADD = const(2)
_SUB = const(3)
_MUL_IF_LAMBDA = const(4)
_SUB_IF_NEGATIVE = const(5)
_UNEQUAL = const(6)
_SQR_N = const(7)
_MULQ = const(8)
_ADDQ = const(9)
_SUBQ = const(10)
_LOAD = const(11)
_BIG_Q = const(13)

_C = (2**256 - Q).to_bytes(18, "little")  # 2^256 modulo Q


@micropython.viper
def run(t: ptr16, b: ptr16, a: ptr16, step: ptr8) -> int:  # noqa: F821
    """Run the program at the start written in memory, then the steps. Returns 0, or where UNEQUAL ended it.

    The arguments are memory, code, table and steps. The first three lie in registers, so the loops are made of them.
    """
    base = uint(t)  # noqa: F821
    program = ptr8(b)  # noqa: F821
    entries = uint(a)  # noqa: F821
    header = ptr32(t)  # noqa: F821
    pc = int(header[0])
    count = int(header[1])
    at = 0
    squares = 0
    doublings = 0
    adding = 0
    flags = 0
    entry = 0
    while True:
        op = int(program[pc])
        if op == 0:  # END: what is left of this step, or the next
            if doublings:
                doublings -= 1
                pc = int(program[1]) << 2
            elif adding:
                adding = 0
                a = ptr16(entries + uint(entry << 6))  # noqa: F821
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
        if op > _SUB:
            if op == _SQR_N:  # the same instruction again until all are done
                if squares == 0:
                    squares = int(program[pc - 1])
                else:
                    a = d
                squares -= 1
                if squares:
                    pc -= 4
                b = a
                op = _MUL
            elif op == _MUL_IF_LAMBDA:
                if flags & 4 == 0:
                    continue
                op = _MUL
            elif op == _SUB_IF_NEGATIVE:
                if flags & 2 == 0:
                    continue
                op = _SUB
            elif op == _BIG_Q:
                t = ptr16(base)  # noqa: F821
                c = ptr8(_C)  # noqa: F821
                carry = 0
                i = 0
                while i < 16:
                    v = int(a[i]) + carry
                    if i < 9:
                        v += int(c[2 * i]) + (int(c[2 * i + 1]) << 8)
                    t[i] = v
                    t[i + 16] = int(a[i])
                    carry = int(uint(v) >> 16)  # noqa: F821
                    i += 1
                # Beyond 2^256 where the number is not below Q: what was added is right then.
                f = ptr8(base + uint(31 if carry else 63))  # noqa: F821
                e = ptr8(d)  # noqa: F821
                i = 0
                while i < 32:
                    e[i] = f[0 - i]
                    i += 1
                continue
            elif op >= _LOAD:
                v = entry * int(program[pc - 2]) + int(program[pc - 1])
                f = ptr8(entries + uint(v << 5))  # noqa: F821
                e = ptr8(d)  # noqa: F821
                x = 0 if op == _LOAD else 31  # 31 - i is 31 ^ i
                i = 0
                while i < 32:
                    e[i] = f[i ^ x]
                    i += 1
                continue
        if op == _MUL or op == _MULQ:  # noqa: PLR1714
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
            if op == _MULQ:  # 2^256 is C: add what lies beyond, limb by limb from the highest, times C
                i = 15
                while i >= 0:
                    t = ptr16(base + uint(i * 2))  # noqa: F821
                    while int(t[16]):
                        x = int(t[16])
                        t[16] = 0
                        carry = 0
                        v = x * 0xBEBF + int(t[0]) + carry
                        t[0] = v
                        carry = int(uint(v) >> 16)  # noqa: F821
                        v = x * 0x2FC9 + int(t[1]) + carry
                        t[1] = v
                        carry = int(uint(v) >> 16)  # noqa: F821
                        v = x * 0xA173 + int(t[2]) + carry
                        t[2] = v
                        carry = int(uint(v) >> 16)  # noqa: F821
                        v = x * 0x402D + int(t[3]) + carry
                        t[3] = v
                        carry = int(uint(v) >> 16)  # noqa: F821
                        v = x * 0x5FC4 + int(t[4]) + carry
                        t[4] = v
                        carry = int(uint(v) >> 16)  # noqa: F821
                        v = x * 0x50B7 + int(t[5]) + carry
                        t[5] = v
                        carry = int(uint(v) >> 16)  # noqa: F821
                        v = x * 0x2319 + int(t[6]) + carry
                        t[6] = v
                        carry = int(uint(v) >> 16)  # noqa: F821
                        v = x * 0x4551 + int(t[7]) + carry
                        t[7] = v
                        carry = int(uint(v) >> 16)  # noqa: F821
                        v = x + int(t[8]) + carry
                        t[8] = v
                        carry = int(uint(v) >> 16)  # noqa: F821
                        j = 9
                        while carry:
                            v = int(t[j]) + carry
                            t[j] = v
                            carry = int(uint(v) >> 16)  # noqa: F821
                            j += 1
                    i -= 1
                t = ptr16(base)  # noqa: F821
                i = 0
                while i < 16:
                    d[i] = t[i]
                    i += 1
                continue
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
        elif op == _ADD or op == _ADDQ:  # noqa: PLR1714
            low = 0
            high = 0
            i = 0
            while i < 16:
                v = int(a[i]) + int(b[i]) + low
                d[i] = v
                low = int(uint(v) >> 16)  # noqa: F821
                i += 1
            if op == _ADDQ:
                c = ptr8(_C)  # noqa: F821
                while low:
                    low = 0
                    i = 0
                    while i < 16:
                        v = int(d[i]) + low
                        if i < 9:
                            v += int(c[2 * i]) + (int(c[2 * i + 1]) << 8)
                        d[i] = v
                        low = int(uint(v) >> 16)  # noqa: F821
                        i += 1
                continue
        elif op == _SUB or op == _SUBQ:  # noqa: PLR1714
            carry = 0
            i = 0
            while i < 16:
                v = int(a[i]) - int(b[i]) - carry
                d[i] = v
                carry = int(uint(v) >> 16) & 1  # noqa: F821
                i += 1
            if op == _SUBQ:
                c = ptr8(_C)  # noqa: F821
                while carry:
                    carry = 0
                    i = 0
                    while i < 16:
                        v = int(d[i]) - carry
                        if i < 9:
                            v -= int(c[2 * i]) + (int(c[2 * i + 1]) << 8)
                        d[i] = v
                        carry = int(uint(v) >> 16) & 1  # noqa: F821
                        i += 1
                continue
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
