"""The field of secp256k1 in machine code for ports with 64-bit words: numbers are eight limbs of 32 bits.

words16.py is the same for the boards, whose words have 32 bits. What a
program means is written in machine.py.
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

_C = (2**256 - Q).to_bytes(20, "little")  # 2^256 modulo Q


@micropython.viper
def run(t: ptr32, b: ptr32, a: ptr32, step: ptr8) -> int:  # noqa: F821
    """Run the program at the start written in memory, then the steps. Returns 0, or where UNEQUAL ended it.

    The arguments are memory, code, table and steps. The first three lie in registers, so the loops are made of them.
    """
    base = uint(t)  # noqa: F821
    program = ptr8(b)  # noqa: F821
    entries = uint(a)  # noqa: F821
    pc = int(t[0])
    count = int(t[1])
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
                a = ptr32(entries + uint(entry << 6))  # noqa: F821
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
                t = ptr32(base)  # noqa: F821
                c = ptr32(_C)  # noqa: F821
                carry = 0
                i = 0
                while i < 8:
                    v = int(a[i]) + carry
                    if i < 5:
                        v += int(c[i])
                    t[i] = v
                    t[i + 8] = int(a[i])
                    carry = int(uint(v) >> 32)  # noqa: F821
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
            if op == _MULQ:  # 2^256 is C: add what lies beyond, limb by limb from the highest, times C
                c0 = 0x2FC9
                c0 = (c0 << 16) + 0xBEBF
                c1 = 0x402D
                c1 = (c1 << 16) + 0xA173
                c2 = 0x50B7
                c2 = (c2 << 16) + 0x5FC4
                c3 = 0x4551
                c3 = (c3 << 16) + 0x2319
                i = 7
                while i >= 0:
                    t = ptr32(base + uint(i * 4))  # noqa: F821
                    while int(t[8]):
                        x = int(t[8])
                        t[8] = 0
                        carry = 0
                        v = x * c0 + int(t[0]) + carry
                        t[0] = v
                        carry = int(uint(v) >> 32)  # noqa: F821
                        v = x * c1 + int(t[1]) + carry
                        t[1] = v
                        carry = int(uint(v) >> 32)  # noqa: F821
                        v = x * c2 + int(t[2]) + carry
                        t[2] = v
                        carry = int(uint(v) >> 32)  # noqa: F821
                        v = x * c3 + int(t[3]) + carry
                        t[3] = v
                        carry = int(uint(v) >> 32)  # noqa: F821
                        v = x + int(t[4]) + carry
                        t[4] = v
                        carry = int(uint(v) >> 32)  # noqa: F821
                        j = 5
                        while carry:
                            v = int(t[j]) + carry
                            t[j] = v
                            carry = int(uint(v) >> 32)  # noqa: F821
                            j += 1
                    i -= 1
                t = ptr32(base)  # noqa: F821
                i = 0
                while i < 8:
                    d[i] = t[i]
                    i += 1
                continue
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
        elif op == _ADD or op == _ADDQ:  # noqa: PLR1714
            carry = 0
            i = 0
            while i < 8:
                v = int(a[i]) + int(b[i]) + carry
                d[i] = v
                carry = int(uint(v) >> 32)  # noqa: F821
                i += 1
            if op == _ADDQ:
                c = ptr32(_C)  # noqa: F821
                while carry:
                    carry = 0
                    i = 0
                    while i < 8:
                        v = int(d[i]) + carry
                        if i < 5:
                            v += int(c[i])
                        d[i] = v
                        carry = int(uint(v) >> 32)  # noqa: F821
                        i += 1
                continue
        elif op == _SUB or op == _SUBQ:  # noqa: PLR1714
            carry = 0
            i = 0
            while i < 8:
                v = int(a[i]) - int(b[i]) - carry
                d[i] = v
                carry = int(uint(v) >> 63)  # noqa: F821
                i += 1
            if op == _SUBQ:
                c = ptr32(_C)  # noqa: F821
                while carry:
                    carry = 0
                    i = 0
                    while i < 8:
                        v = int(d[i]) - carry
                        if i < 5:
                            v -= int(c[i])
                        d[i] = v
                        carry = int(uint(v) >> 63)  # noqa: F821
                        i += 1
                continue
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
