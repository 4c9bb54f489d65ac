"""MicroPython only: the field machine, for both sizes of a word, against Python and the plain chain. Prints `same`."""

from hashlib import sha256

from daric_protocol import chain, comb, curve, glv
from daric_protocol.field import P, Q, squared
from daric_protocol.jacobian import normalise

LAMBDA = 0x5363AD4CC05C30E0A5261C028812645A122E22EA20816678DF02967C1B23BD72
FOLD = 2**32 + 977
NUMBERS = [0, 1, 2, 976, 977, 978, FOLD - 1, FOLD, FOLD + 1, 2**128, 2**224 - 1, 2**255, 0xFFFF0000FFFF0000FFFF]
NUMBERS += [P - 2, P - 1, P, P + 1, 2**256 - 1, 2**256 - 2, 2**256 - 2**32, 2**256 - 2**64]
MUL, ADD, SUB, UNEQUAL = 1, 2, 3, 6
A, B, C = 7, 8, 9


def drawn(n):
    return int.from_bytes(sha256(b"number" + bytes([n])).digest(), "big")


def machine(run, operation, to, a, b):
    """(what run returns, the number in the slot) after one instruction."""
    memory = bytearray(32 * 14)
    memory[32 * A : 32 * A + 32] = a.to_bytes(32, "little")
    memory[32 * B : 32 * B + 32] = b.to_bytes(32, "little")
    returned = run(memory, bytes((0, 0, 0, 0, operation, to, A, B, 0, 0, 0, 0)), 4, memory, b"", 0)
    return returned, int.from_bytes(memory[32 * to : 32 * to + 32], "little")


def check_instructions(run):
    numbers = NUMBERS + [drawn(n) for n in range(8)]
    for a in numbers:
        for b in numbers:
            for operation, expected in ((MUL, a * b), (ADD, a + b), (SUB, a - b)):
                for to in (A, B, C):  # in place too
                    _, number = machine(run, operation, to, a, b)
                    assert (number - expected) % P == 0, (operation, to, a, b)


def equal_x(run, difference):
    """Whether a step that meets this difference of x stops the machine. The step counts as the first, so at = 3."""
    memory = bytearray(32 * 14)
    memory[32 * A : 32 * A + 32] = difference.to_bytes(32, "little")
    # The first END sends the one step to the program at instruction 1, which is the test.
    code = bytes((0, 1, 1, 1, UNEQUAL, 0, A, 0, 0, 0, 0, 0))
    return run(memory, code, 0, memory, b"\x00\x00\x01", 3)


def check_unequal(run):
    assert equal_x(run, 0) == equal_x(run, P) == 3
    for number in NUMBERS + [2**n for n in range(256)] + [P ^ 1 << n for n in range(256)]:
        if number not in (0, P):
            assert equal_x(run, number) == 0, number


def check_squarings(chain_viper, run):
    chain_viper.run = run
    for a in (0, 1, P - 1, drawn(1), drawn(2) % P):
        for times, factor in ((1, 1), (2, drawn(3)), (88, P - 1), (255, 0)):
            assert chain_viper.squared(a, times, factor) == squared(a, times, factor), (a, times, factor)


def normal(point):
    """The affine form of a Jacobian point."""
    return normalise([point])[0]


def check_walks(chain_viper, run):
    chain_viper.run = run
    base = curve.mul_g(0xC0FFEE)
    edges = [0, 1, 2, 3, 16, Q - 1, Q - 2, LAMBDA, Q - LAMBDA, LAMBDA + 1, 2**127, 2**128 - 1, 2**128, 2**255]
    tables = [(comb.build(base, teeth), teeth) for teeth in (comb.TEETH, comb.GENERATOR_TEETH)]
    for k in edges + [drawn(n) for n in range(8)]:
        for table, teeth in tables:
            steps = comb.schedule(k, teeth)
            assert normal(chain_viper.walk(table, steps)) == normal(chain.walk(table, steps)), k
        for others in ([], [base], [curve.neg(base)], [curve.G], [curve.mul(LAMBDA, base)], [curve.mul(2, base)]):
            for second in (k, Q - k, 1):  # equal and opposite points on the way are left to the plain chain
                summands = [base] + others  # noqa: RUF005  MicroPython has no star here
                steps = glv.schedule([k, second][: len(summands)])
                fast, plain = bytearray(512 * len(summands)), bytearray(512 * len(summands))
                assert (fill(chain_viper, fast, summands) - fill(chain, plain, summands)) % P == 0
                assert numbers(fast) == numbers(plain)
                assert normal(chain_viper.walk(fast, steps)) == normal(chain.walk(plain, steps)), (k, second)


def fill(engine, table, summands):
    """Make the table of the odd multiples of some points, as glv.combine does; returns their common z."""
    z = 1
    for n, (x, y) in enumerate(summands):
        ratio = engine.odd_multiples(table, 8 * n, x * z * z % P, y * z * z * z % P)
        engine.scale(table, 8 * n, ratio)
        z = z * ratio % P
    return z


def numbers(table):
    return [int.from_bytes(table[at : at + 32], "little") % P for at in range(0, len(table), 32)]


def main():
    from daric_protocol.platform import chain_viper, points, words16, words32

    assert points.walk is chain_viper.walk, "this port runs the plain chain"
    assert chain_viper.agrees()
    for words in (words16, words32):
        check_instructions(words.run)
        check_unequal(words.run)
        check_squarings(chain_viper, words.run)
        check_walks(chain_viper, words.run)
    print("same")


if __name__ == "__main__":
    main()
