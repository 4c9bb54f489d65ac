"""MicroPython only: the field machines against Python and the plain chain. Prints `same`."""

from hashlib import sha256
from struct import pack_into

from daric_protocol import chain, comb, curve, glv, jacobian, recode, root
from daric_protocol.field import P, Q
from daric_protocol.steps import ADD as ADDS
from daric_protocol.steps import NEGATIVE

LAMBDA = 0x5363AD4CC05C30E0A5261C028812645A122E22EA20816678DF02967C1B23BD72
FOLD = 2**32 + 977
NUMBERS = [0, 1, 2, 976, 977, 978, FOLD - 1, FOLD, FOLD + 1, 2**128, 2**224 - 1, 2**255, 0xFFFF0000FFFF0000FFFF]
NUMBERS += [Q - 1, Q, Q + 1, 2**256 - Q, P - 2, P - 1, P, P + 1, 2**256 - 1, 2**256 - 2, 2**256 - 2**32, 2**256 - 2**64]
MUL, ADD, SUB, UNEQUAL, SQR_N, MULQ, ADDQ, SUBQ, LOAD, LOAD_BIG, BIG_Q = 1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13
A, B, C = 7, 8, 9


def drawn(n):
    return int.from_bytes(sha256(b"number" + bytes([n])).digest(), "big")


def machine(run, operation, to, a, b):
    """(what run returns, the number in the slot) after one instruction."""
    memory = bytearray(32 * 14)
    memory[32 * A : 32 * A + 32] = a.to_bytes(32, "little")
    memory[32 * B : 32 * B + 32] = b.to_bytes(32, "little")
    returned = call(run, memory, (0, 0, 0, 0, operation, to, A, B, 0, 0, 0, 0), 4)
    return returned, int.from_bytes(memory[32 * to : 32 * to + 32], "little")


def call(run, memory, code, start, table=b"", steps=b""):
    pack_into("<II", memory, 0, start, len(steps))
    return run(memory, bytearray(code), table, steps)


def check_instructions(run, slots):
    values = NUMBERS + [drawn(n) for n in range(8)]
    for a in values:
        for b in values:
            for operation, expected, modulus in (
                (MUL, a * b, P), (ADD, a + b, P), (SUB, a - b, P), (MULQ, a * b, Q), (ADDQ, a + b, Q), (SUBQ, a - b, Q),
            ):  # fmt: skip
                for to in slots:
                    _, number = machine(run, operation, to, a, b)
                    assert (number - expected) % modulus == 0, (operation, to, a, b)


def check_bytes(run):
    """Loading in both orders, with and without a step, and numbers modulo Q as they are sent."""
    table = bytearray(list(range(256)) * 3)
    for entry, stride, offset in ((0, 0, 7), (2, 3, 2), (5, 2, 1), (0, 9, 0)):
        expected = bytes(table[32 * (entry * stride + offset) :][:32])
        memory = bytearray(32 * 14)
        code = (0, 1, 1, 1, LOAD, A, stride, offset, LOAD_BIG, B, stride, offset, 0, 0, 0, 0)
        assert call(run, memory, code, 0, table, bytes((0, entry, 1))) == 0
        assert memory[32 * A : 32 * A + 32] == expected
        assert memory[32 * B : 32 * B + 32] == bytes(reversed(expected))
    for number in NUMBERS:
        for to in (A, C):
            _, got = machine(run, BIG_Q, to, number, 0)
            assert got.to_bytes(32, "little") == (number % Q).to_bytes(32, "big"), number


def equal_x(run, difference):
    """Whether a step that meets this difference of x stops the machine. The step counts as the first, so at = 3."""
    memory = bytearray(32 * 14)
    memory[32 * A : 32 * A + 32] = difference.to_bytes(32, "little")
    # The first END sends the one step to the program at instruction 1, which is the test.
    return call(run, memory, (0, 1, 1, 1, UNEQUAL, 0, A, 0, 0, 0, 0, 0), 0, bytearray(64), b"\x00\x00\x01")


def check_unequal(run):
    assert equal_x(run, 0) == equal_x(run, P) == 3
    for number in NUMBERS + [2**n for n in range(256)] + [P ^ 1 << n for n in range(256)]:
        if number not in (0, P):
            assert equal_x(run, number) == 0, number


def check_squarings(run):
    for a in (0, 1, P - 1, drawn(1), drawn(2) % P):
        for times in (1, 2, 88, 255):
            memory = bytearray(32 * 14)
            memory[32 * A : 32 * A + 32] = a.to_bytes(32, "little")
            call(run, memory, (0, 0, 0, 0, SQR_N, B, A, times, SQR_N, A, A, 1, 0, 0, 0, 0), 4)
            found = [int.from_bytes(memory[32 * slot : 32 * slot + 32], "little") % P for slot in (A, B)]
            assert found == [a * a % P, root.squared(a, times, 1)], (a, times)


EDGES = [0, 1, 2, 3, 16, Q - 1, Q - 2, LAMBDA, Q - LAMBDA, LAMBDA + 1, 2**127, 2**128 - 1, 2**128, 2**255]


def check_walks(programs, scalars):
    """The programs against their plain twins. scalars: how many."""
    base = curve.mul_g(0xC0FFEE)
    tables = [(comb.build(base, comb.COMB), comb.COMB), (comb.build(base, comb.GENERATOR), comb.GENERATOR)]
    for k in (EDGES + [drawn(n) for n in range(8)])[:scalars]:
        for table, shape in tables:
            steps = glv.schedule(k, shape)
            expected = jacobian.normalise([chain.walk(table, steps)])
            assert programs.normalise([programs.walk(table, steps)]) == expected, k
        steps = glv.schedule(k, glv.WINDOWS)
        points = [base, None, curve.G]
        expected = jacobian.normalise(chain.walk_each(steps, points))
        assert programs.normalise(programs.walk_each(steps, points)) == expected, k


def check_points(programs):
    base = curve.mul_g(0xC0FFEE)
    # Equal and opposite points on the way are left to the plain chain.
    for flags in (ADDS, ADDS | NEGATIVE):
        steps = bytes((0, 19, ADDS, 2, 17, ADDS, 0, 31, flags, 0, 31, ADDS))
        expected = jacobian.normalise(chain.walk_each(steps, [base]))
        assert programs.normalise(programs.walk_each(steps, [base])) == expected
    points = [curve.mul_g(n) for n in range(11)]
    for other in (base, None, points[3], curve.neg(points[9])):
        assert programs.add_batch(points, [other] * 11) == jacobian.add_batch(points, [other] * 11)
    times = [1, 21, 255]
    doubled = jacobian.normalise(chain.doubled(base[0], base[1], times))
    assert programs.normalise(programs.doubled(base[0], base[1], times)) == doubled
    for a in (0, 1, 4, P - 1, drawn(4) % P):
        assert programs.root(a) == root.root(a)


def check_recoding(fill):
    for k in EDGES + [drawn(n) for n in range(50)]:
        for shape in (glv.WINDOWS, comb.GENERATOR, comb.COMB):
            bits = sha256(k.to_bytes(32, "big")).digest() + b"more"
            fast, plain = bytearray(shape[8]), bytearray(shape[8])
            fill(fast, bits, shape)
            recode.fill(plain, bits, shape)
            assert fast == plain, (k, shape)


def main():
    from daric_protocol.platform import chain_viper, knownanswers, machine, points, recode_viper, words16, words32

    assert points.walk is chain_viper.walk, "this port runs the plain chain"
    assert points.NAME == "viper"
    for engine in (words16, words32, machine):
        check_instructions(engine.run, (C,) if engine is machine else (A, B, C))  # in place too; the plain one is slow
        check_bytes(engine.run)
        check_unequal(engine.run)
        check_squarings(engine.run)
        chain_viper.run = engine.run
        check_walks(chain_viper, 3 if engine is machine else 22)
        check_points(chain_viper)
        assert knownanswers.right(chain_viper)
    check_recoding(recode_viper.fill)
    assert knownanswers.recoded(recode_viper.fill)
    print("same")


if __name__ == "__main__":
    main()
