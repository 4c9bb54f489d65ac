"""What RVOLE does with its rows on the field machine against the plain twin. Prints `same` on MicroPython."""

from hashlib import sha256

from daric_protocol.tagged import Q

TOP = (1 << 256) - 1
NUMBERS = (0, 1, (1 << 256) - Q, Q - 1, Q, Q + 1, TOP - 1, TOP)  # of hashes and of a stream: not reduced
SCALARS = (0, 1, Q - 1, 1 << 255)
CHOICES = (0, 0xFF, 0xA5, 1, 0x80, 0x3C)  # choice bits of a group


def noise(label, length):
    return b"".join([sha256(label + bytes([n & 255, n >> 8])).digest() for n in range(length // 32 + 1)])[:length]


def scalar(label, n):
    """Every other one an edge."""
    return SCALARS[n // 2 % 4] if n & 1 else int.from_bytes(noise(label + bytes([n]), 32), "big") % Q


def numbers(label, count):
    """Big-endian, two of three of them edges."""
    edge = noise(label + b"edges", count)
    drawn = noise(label + b"drawn", 32 * count)
    found = []
    for n in range(count):
        number = drawn[32 * n : 32 * n + 32]
        found.append(number if edge[n] % 3 == 0 else NUMBERS[edge[n] & 7].to_bytes(32, "big"))
    return b"".join(found)


def alphas(first, rows):
    """In place of a hash, so that edges come up. rows: eight, which differ from the others by delta."""
    return numbers(bytes(rows[:16]) + bytes([first & 255]), 24)


def plain_hash(block, first, rows):
    found = alphas(first, rows)
    return [int.from_bytes(found[at : at + 32], "big") for at in range(0, 768, 32)]


def fast_hash(target, at, block, first, rows, offset):
    target[at : at + 768] = alphas(first, bytes([a ^ b for a, b in zip(rows, offset * 8)]))  # noqa: B905


class Edges:
    """`with Edges(vole, vole_viper):` both take their hashes from `alphas`."""

    def __init__(self, plain, fast):
        self._modules = plain, fast

    def __enter__(self):
        plain, fast = self._modules
        self._hashes = plain.hash_rows, fast.hash_rows
        plain.hash_rows, fast.hash_rows = plain_hash, fast_hash

    def __exit__(self, *_):
        plain, fast = self._modules
        plain.hash_rows, fast.hash_rows = self._hashes


def compare(plain, fast, groups, n):
    """Both sides, the first groups of rows. n: which of many cases."""
    label = b"case%d" % n
    block, delta = bytearray(noise(label + b"K", 51)), noise(label + b"delta", 16)
    inputs = scalar(label + b"u", n), scalar(label + b"v", n + 1), scalar(label + b"hat", n + 2)
    thetas = scalar(label + b"t0", n + 3), scalar(label + b"t1", n + 4)
    eta = scalar(label + b"eta", n + 1).to_bytes(32, "big")
    sides = []
    for module in (plain, fast):
        adding = module.AliceRows(block, delta, inputs)
        mixing = module.AliceRows(block, delta, inputs, thetas)
        taking = module.BobRows(block, thetas, eta)
        seen = []
        for group in range(groups):
            first = 8 * (group + n % 48)
            rows = noise(label + b"rows%d" % group, 128)
            weights, parts = numbers(label + b"weights", 32), numbers(label + b"parts%d" % group, 96)
            one, other = bytearray(b"\xee" * 3072), bytearray(b"\xee" * 3072)
            adding.add(first, rows, weights, one)
            seen.append(bytes(mixing.check(first, rows, other)))
            assert one == other
            seen.append(bytes(one))
            view = memoryview(b"." + parts)[1:]  # as a part lies in what was opened
            seen.append(bytes(taking.take(first, rows, CHOICES[(group + n) % 6], memoryview(weights), view)))
        sides.append((seen, adding.sums(), taking.sums()))
        for rows in (adding, mixing, taking):
            rows.wipe()
            assert rows.sums() == (0, 0) and not any(getattr(rows, "_slots", b"")), "a secret stays"
    assert sides[0] == sides[1], n


def compare_sums(plain, fast, n):
    """Of chosen weights, of one part or several."""
    label = b"sum%d" % n
    beta = (noise(label, 52), b"\xff" * 52, bytes(52), b"\1" + bytes(50) + b"\x80")[n % 4]
    parts = [numbers(label + bytes([k]), 32) for k in range(1 + n % 13)]
    assert plain.select(beta, parts) == fast.select(beta, [memoryview(part) for part in parts]), n


def check(plain, fast, cases):
    """Raises AssertionError where they differ."""
    compare(plain, fast, 3, 0)
    for n in range(cases):
        compare_sums(plain, fast, n)
    with Edges(plain, fast):
        for n in range(cases):
            compare(plain, fast, 1 + n % 5, n)


def check_hashes(plain, fast):
    for first in (0, 8, 248, 256, 408):
        rows, block, offset = noise(b"rows%d" % first, 128), noise(b"K", 51), noise(b"offset", 16)
        moved = bytes([a ^ b for a, b in zip(rows, offset * 8)])  # noqa: B905
        for added, expected in ((bytes(16), rows), (offset, moved)):
            target = bytearray(b"\xee" * 776)
            fast.hash_rows(target, 4, bytearray(block), first, rows, added)
            found = plain.hash_rows(bytearray(block), first, expected)
            assert target == b"\xee" * 4 + b"".join([n.to_bytes(32, "big") for n in found]) + b"\xee" * 4


def main():
    from daric_protocol.platform import chain_viper, machine, matrix, points, vole, vole_viper, words16, words32

    assert points.NAME == "viper"
    assert matrix.AliceRows is vole_viper.AliceRows and matrix.BobRows is vole_viper.BobRows
    check_hashes(vole, vole_viper)
    for engine in (words16, words32, machine):
        chain_viper.run = engine.run
        check(vole, vole_viper, 4 if engine is machine else 24)
    print("same")


if __name__ == "__main__":
    main()
