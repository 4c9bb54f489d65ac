"""The curve: plain Python and libsecp256k1 give the same points, and neither takes what is not a point."""

from pathlib import Path

import daric_protocol
import pytest
from coincurve import PublicKey
from daric_protocol import chain, comb, curve, glv, jacobian, tables
from daric_protocol.errors import DaricError
from daric_protocol.field import P, Q, inverse, inverses
from daric_protocol.platform import curve_libsecp
from daric_protocol.root import root
from daric_protocol.steps import ADD, NEGATIVE, SECRET, WINDOW
from daric_protocol.steps import LAMBDA as SECOND_HALF
from hypothesis import given, settings
from hypothesis import strategies as st
from micropython_runner import run_micropython

PORTABLE = Path(__file__).resolve().parent / "portable"
LAMBDA = 0x5363AD4CC05C30E0A5261C028812645A122E22EA20816678DF02967C1B23BD72
EDGES = [
    *(0, 1, 2, 3, 5, 15, 16, 17, 31, 32, 255),
    *(Q - 2, Q - 1, Q, Q + 1, 2 * Q, -1, -Q, (Q - 1) // 2, (Q + 1) // 2),
    *(LAMBDA, LAMBDA - 1, LAMBDA + 1, Q - LAMBDA, 2 * LAMBDA, LAMBDA * LAMBDA, LAMBDA * LAMBDA - 1),
    *(2**127, 2**128 - 1, 2**128, 2**128 + 1, 2**129, 2**255, 2**256 - 1, 2**136 - 1, 2**17, 2**119),
    *(glv.A1, glv.A2, glv.B1, glv.A1 * LAMBDA, (Q - glv.A2) * LAMBDA),
]
backends = pytest.mark.parametrize("backend", [curve, curve_libsecp], ids=["plain", "libsecp"])
scalars = st.integers(0, Q - 1) | st.sampled_from(EDGES)
SHAPES = (glv.WINDOWS, comb.GENERATOR, comb.COMB)


def data(backend, point):
    """64 bytes of a point of either backend, None for the identity."""
    return None if point is None else backend.encode_xy(point)


def both(point_of):
    """The bytes that a computation gives, after both backends gave the same."""
    plain, libsecp = data(curve, point_of(curve)), data(curve_libsecp, point_of(curve_libsecp))
    assert plain == libsecp
    return plain


@pytest.mark.parametrize("k", EDGES)
def test_an_edge_scalar_gives_the_same_multiples(k):
    base = curve_libsecp.encode(curve_libsecp.mul_g(0xC0FFEE))
    generated = both(lambda c: c.mul_g(k))
    assert (generated is None) == (k % Q == 0)
    assert both(lambda c: c.mul(k, c.G)) == generated
    assert both(lambda c: c.FixedBase(c.G).mul(k)) == generated
    multiplied = both(lambda c: c.mul(k, c.decode(base)))
    assert both(lambda c: c.FixedBase(c.decode(base)).mul(k)) == multiplied


@settings(max_examples=40, deadline=None)
@given(scalars, scalars, scalars)
def test_any_scalars_give_the_same_points(a, k, l):  # noqa: E741
    both(lambda c: c.mul_g(k))
    both(lambda c: c.mul(k, c.mul_g(a)))
    both(lambda c: c.mul2(k, c.mul_g(a), l, c.G))
    both(lambda c: c.mul2(k, c.mul_g(a), l, c.mul_g(a + 1)))
    both(lambda c: c.add(c.mul_g(a), c.mul_g(k)))


@pytest.mark.parametrize("k", EDGES[:20])
def test_a_double_multiplication_that_meets_itself_is_right(k):
    for make_other in (lambda c, p: p, lambda c, p: c.neg(p), lambda c, p: c.mul(LAMBDA, p), lambda c, p: c.mul(2, p)):
        for l in (k, -k, 1, LAMBDA):  # noqa: E741
            both(lambda c: c.mul2(k, c.mul_g(77), l, make_other(c, c.mul_g(77))))  # noqa: B023


@backends
def test_batches_are_what_single_calls_give(backend):
    some = [*EDGES, *(k * k * k for k in EDGES)][:35]
    base = backend.mul_g(991)
    points = [backend.mul_g(k) for k in some]

    def as_bytes(many):
        return [data(backend, point) for point in many]

    assert as_bytes(backend.mul_g_batch(some)) == as_bytes(points)
    assert as_bytes(backend.FixedBase(base).mul_batch(some)) == as_bytes([backend.mul(k, base) for k in some])
    assert as_bytes(backend.mul_batch(LAMBDA - 9, points)) == as_bytes([backend.mul(LAMBDA - 9, p) for p in points])
    assert as_bytes(backend.mul_batch(0, points)) == [None] * len(points)
    shifted = points[1:] + points[:1]
    assert as_bytes(backend.add_batch(points, shifted)) == as_bytes(list(map(backend.add, points, shifted)))
    assert backend.mul_g_batch([]) == backend.mul_batch(3, []) == backend.add_batch([], []) == []


@backends
def test_lists_of_different_lengths_are_not_added(backend):
    with pytest.raises(DaricError) as caught:
        backend.add_batch([backend.G], [])
    assert caught.value.name == "parameter"


@backends
def test_exceptional_additions_are_right(backend):
    p, q = backend.mul_g(5), backend.mul_g(6)
    cases = [(p, p, 10), (p, backend.neg(p), 0), (p, None, 5), (None, p, 5), (None, None, 0), (p, q, 11)]
    cases.append((p, backend.neg(q), -1))
    for a, b, k in cases:
        assert backend.equal_points(backend.add(a, b), backend.mul_g(k))
    sums = backend.add_batch([a for a, _, _ in cases], [b for _, b, _ in cases])
    assert all(backend.equal_points(total, backend.mul_g(k)) for total, (_, _, k) in zip(sums, cases, strict=True))


@backends
def test_the_identity_is_absorbed_everywhere(backend):
    p = backend.mul_g(5)
    assert backend.mul(7, None) is None
    assert backend.mul(0, p) is None
    assert backend.mul(Q, p) is None
    assert backend.neg(None) is None
    assert backend.FixedBase(None).mul(3) is None
    assert backend.FixedBase(None).mul_batch([1, 2]) == [None, None]
    assert backend.mul2(0, p, 0, backend.G) is None
    assert backend.equal_points(backend.mul2(2, None, 3, p), backend.mul_g(15))
    assert backend.equal_points(None, None)
    assert not backend.equal_points(None, p)
    assert not backend.equal_points(p, backend.neg(p))


@backends
def test_the_identity_is_never_encoded(backend):
    for operation in (backend.encode, backend.encode_xy, backend.x_int, backend.y_is_odd):
        with pytest.raises(DaricError) as caught:
            operation(None)
        assert caught.value.name == "parameter"


@backends
def test_a_point_survives_its_encodings(backend):
    for k in (1, 2, 3, 4, Q - 1, 0xDA61C):
        p = backend.mul_g(k)
        assert backend.equal_points(backend.decode(backend.encode(p)), p)
        assert backend.equal_points(backend.decode(bytearray(backend.encode(p))), p)
        assert backend.equal_points(backend.decode_xy(backend.encode_xy(p)), p)
        assert backend.equal_points(backend.decode_any(b"\x04" + backend.encode_xy(p)), p)
        assert backend.encode(p) == PublicKey.from_secret((k % Q).to_bytes(32, "big")).format()
        assert backend.x_int(p) == int.from_bytes(backend.encode(p)[1:], "big")
        assert backend.y_is_odd(p) == (backend.encode(p)[0] == 3)


X = curve.encode(curve.G)[1:]
Y = curve.encode_xy(curve.G)[32:]
BAD_COMPRESSED = {
    "empty": b"",
    "identity as zero byte": b"\x00",
    "identity as 33 zeros": bytes(33),
    "short": b"\x02" + X[:31],
    "long": b"\x02" + X + b"\x00",
    "prefix 0": b"\x00" + X,
    "prefix 1": b"\x01" + X,
    "prefix 4": b"\x04" + X,
    "uncompressed": b"\x04" + X + Y,
    "x not on the curve": b"\x02" + (5).to_bytes(32, "big"),
    "x zero": b"\x02" + bytes(32),
    "x is the field's size": b"\x02" + P.to_bytes(32, "big"),
    "x beyond the field": b"\x03" + (P + 1).to_bytes(32, "big"),
    "x all ones": b"\x02" + b"\xff" * 32,
}
BAD_XY = {
    "empty": b"",
    "short": (X + Y)[:63],
    "with a prefix": b"\x04" + X + Y,
    "zeros": bytes(64),
    "wrong y": X + (int.from_bytes(Y, "big") + 1).to_bytes(32, "big"),
    "x beyond the field": (P + 1).to_bytes(32, "big") + (int.from_bytes(Y, "big")).to_bytes(32, "big"),
    "all ones": b"\xff" * 64,
}
BAD_ANY = {"hybrid": b"\x06" + X + Y, "hybrid odd": b"\x07" + X + Y, "prefix 5": b"\x05" + X + Y, "65 zeros": bytes(65)}


@backends
@pytest.mark.parametrize(
    ("reader", "bytes_"),
    [
        *[pytest.param("decode", value, id=name) for name, value in BAD_COMPRESSED.items()],
        *[pytest.param("decode_xy", value, id="xy " + name) for name, value in BAD_XY.items()],
        *[pytest.param("decode_any", value, id=name) for name, value in BAD_ANY.items()],
    ],
)
def test_bytes_that_are_no_point_are_refused(backend, reader, bytes_):
    with pytest.raises(DaricError) as caught:
        getattr(backend, reader)(bytes_)
    assert caught.value.name == "encoding"


@backends
def test_a_second_encoding_of_coordinates_is_refused(backend):
    # The smallest x on the curve is 1: x + P fits 32 bytes too, and must not pass as the same point.
    p = backend.lift_x(1)
    y = backend.encode_xy(p)[32:]
    with pytest.raises(DaricError):
        backend.decode_xy((P + 1).to_bytes(32, "big") + y)
    with pytest.raises(DaricError):
        backend.decode(b"\x02" + (P + 1).to_bytes(32, "big"))


@backends
def test_lifting_an_x_gives_the_even_point_or_nothing(backend):
    for x in (1, 2, 3, curve.G[0]):
        p = backend.lift_x(x)
        assert backend.x_int(p) == x
        assert not backend.y_is_odd(p)
    for x in (0, 5, -1, P, P + 1, 2**256):
        assert backend.lift_x(x) is None


@backends
@pytest.mark.parametrize("modulus", [P, Q], ids=["P", "Q"])
def test_an_inverse_is_one(backend, modulus):
    for a in (1, 2, 3, modulus - 1, modulus + 5, -4, 2**128, 2**255 + 12345):
        assert a * backend.inverse(a, modulus) % modulus == 1
        assert 0 < backend.inverse(a, modulus) < modulus


@backends
@pytest.mark.parametrize("zero", [0, Q, -Q])
def test_zero_has_no_inverse(backend, zero):
    with pytest.raises(DaricError) as caught:
        backend.inverse(zero, Q)
    assert caught.value.name == "parameter"


@given(st.lists(st.integers(1, P - 1), min_size=1, max_size=20))
def test_shared_inverses_are_the_single_ones(values):
    assert inverses(values) == [inverse(value, P) for value in values]


@given(st.integers(0, P - 1))
def test_a_square_has_its_root_and_nothing_else_has_one(a):
    assert root(a * a % P) in (a, P - a)
    assert (root(a) ** 2 % P == a) == (pow(a, (P - 1) // 2, P) != P - 1)


def digits(steps, shape):
    """What the steps of a half add up to, read back from the flags and the entries."""
    sums = [0, 0]
    spacing, rows = shape[1], shape[2]
    for at in range(0, len(steps), 3):
        doublings, entry, flags = steps[at : at + 3]
        if doublings:
            sums = [each << doublings for each in sums]
        block, entry = divmod(entry - shape[6], 1 << shape[0] - 1)
        signs = [1 if entry >> n & 1 else -1 for n in range(shape[0] - 1)] + [1]
        value = sum(sign << n * spacing + block * rows for n, sign in enumerate(signs))
        sums[flags >> 2 & 1] += -value if flags & NEGATIVE else value
    return sums


@settings(deadline=None)
@given(scalars, st.sampled_from(SHAPES))
def test_the_steps_add_up_to_the_scalar(k, shape):
    steps = glv.schedule(k, shape)
    e1, e2 = digits(steps, shape)
    assert (e1 + e2 * LAMBDA - k) % Q == 0
    assert [e1, e2] == [2 * half + 1 for half in glv.halves(k)]
    assert max(abs(half) for half in glv.halves(k)) < 2**128


@settings(deadline=None)
@given(scalars, st.sampled_from(SHAPES))
def test_the_steps_of_every_scalar_are_the_same_but_for_what_a_machine_hides(k, shape):
    window = (1 << shape[0] - 1) - 1
    for step, other in zip(*(in_threes(glv.schedule(each, shape)) for each in (k, 1)), strict=True):
        assert step[0] == other[0]
        assert step[1] & ~window == other[1] & ~window
        assert step[2] | NEGATIVE == other[2] | NEGATIVE
        assert step[2] & ~(NEGATIVE | SECOND_HALF) == ADD | SECRET | shape[0] - 1 << WINDOW


def in_threes(steps):
    return [steps[at : at + 3] for at in range(0, len(steps), 3)]


def test_jacobian_additions_cover_every_case():
    q = jacobian.double((*curve.mul_g(3), 1), 2)
    for a, (x, y), k in ((q, curve.mul_g(12), 24), (q, curve.mul_g(-12), 0), (q, curve.G, 13), (None, curve.G, 1)):
        assert jacobian.normalise([jacobian.add_affine(a, x, y)])[0] == curve.mul_g(k)


def test_the_shipped_table_is_that_of_the_generator():
    table = Path(daric_protocol.__file__).with_name("generator.bin").read_bytes()
    assert len(table) == 64 * 128
    for i in range(128):
        signs = [1 if i >> tooth & 1 else -1 for tooth in range(6)] + [1]
        k = sum(sign << 19 * tooth + 10 * (i >> 6) for tooth, sign in enumerate(signs)) % Q
        assert chain.read(table, i) == PublicKey.from_secret(k.to_bytes(32, "big")).point()


def test_the_table_maker_gives_the_shipped_bytes():
    assert comb.build(curve.G, comb.GENERATOR) == tables.generator()


@pytest.mark.parametrize("size", [0, 64 * 127, 64 * 129, 64 * 32])
def test_a_table_with_another_size_than_its_steps_want_is_refused(size):
    with pytest.raises(DaricError, match="as many entries as its steps"):
        comb.multiply(bytearray(size), comb.GENERATOR, 5)


def test_the_field_machines_of_micropython_agree_with_python():
    assert run_micropython(PORTABLE / "field_machine.py").strip() == "same"


def test_multiplications_fit_a_small_heap():
    assert run_micropython(PORTABLE / "small_heap.py", heapsize="128k").strip() == "done"
