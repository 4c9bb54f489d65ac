"""Unit costs on this runtime: one 256-bit modular multiplication, one hash, point multiplications, embit's beside ours.

Prints a line `name microseconds` each; the best of several batches, so that a busy machine disturbs little.
"""

import time

from daric_protocol import platform

curve = platform.curve
CLOCK = getattr(time, "clock", None)  # the unix port's CPU time; CPython has process_time
SCALAR = 0xC0FFEE254729296A45A3885639AC7E10F9D54B7D4E2A7B1C8D5F6A3B2C1D0E9F


def now():
    """CPU time of this process in microseconds."""
    return CLOCK() * 1000000 if CLOCK else time.process_time_ns() / 1000


def best(work, times, batches=5):
    """Microseconds of one call of `work`, the best batch of `times` calls."""
    least = None
    for _ in range(batches):
        begin = now()
        work(times)
        each = (now() - begin) / times
        least = each if least is None or each < least else least
    return least


def modmul(times):
    x, q = SCALAR, curve.Q
    for _ in range(times):
        x * SCALAR % q


def sha(times):
    block, hashed = bytes(51), platform.sha256
    for _ in range(times):
        hashed(block)


def variable(times):
    point = curve.mul_g(7)
    for n in range(times):
        curve.mul(SCALAR + n, point)


def fixed(times):
    for n in range(times):
        curve.mul_g(SCALAR + n)


def embit():
    """embit's point multiplications with affine results: (variable base, fixed base), in this interpreter."""
    from embit_key import SECP256K1, SECP256K1_G

    point = SECP256K1.affine(SECP256K1.mul([(SECP256K1_G, 7)]))

    def multiply(base, times):
        for n in range(times):
            SECP256K1.affine(SECP256K1.mul([(base, SCALAR + n)]))

    return lambda times: multiply(point, times), lambda times: multiply(SECP256K1_G, times)


def main():
    fast = 20 if platform.NATIVE else 1
    print("modmul", best(modmul, 100000))
    print("sha256", best(sha, 100000))
    print("variable", best(variable, 200 * fast, 5))
    print("fixed", best(fixed, 400 * fast, 5))
    embit_variable, embit_fixed = embit()
    print("embit_variable", best(embit_variable, 20 * fast, 3))
    print("embit_fixed", best(embit_fixed, 20 * fast, 3))


if __name__ == "__main__":
    main()
