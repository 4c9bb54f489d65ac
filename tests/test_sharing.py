"""Tagged hashes, scalars, polynomials, proofs of knowledge, and the state of a pair."""

from hashlib import sha256

import pytest
from daric_protocol import polynomial, proofs, tagged
from daric_protocol.errors import DaricError
from daric_protocol.pairstate import PairState
from daric_protocol.platform import curve
from daric_protocol.tagged import Q

SID = sha256(b"sid").digest()


def draw(length: int) -> bytes:
    return sha256(b"draw").digest()[:length]


def refused(action, *args) -> str:
    with pytest.raises(DaricError) as caught:
        action(*args)
    return caught.value.name


# Tagged hashes and scalars


def test_the_order_is_the_curves():
    assert tagged.Q == curve.Q


def test_another_split_of_the_same_bytes_is_another_hash():
    hashes = [tagged.TH("a", b"bc"), tagged.TH("ab", b"c"), tagged.TH("a", b"b", b"c"), tagged.TH("a", b"bc", b"")]
    assert len(set(hashes)) == 4


@pytest.mark.parametrize(("width", "limit"), [(tagged.u8, 2**8), (tagged.u16, 2**16), (tagged.u32, 2**32)])
def test_an_integer_that_does_not_fit_is_never_cut(width, limit):
    assert int.from_bytes(width(limit - 1), "big") == limit - 1
    for n in (-1, limit):
        with pytest.raises(OverflowError):
            width(n)


def test_scalars_reach_from_zero_to_below_the_order():
    for n in (0, 1, Q - 1):
        assert tagged.read_scalar(tagged.scalar(n)) == n


@pytest.mark.parametrize("data", [b"", bytes(31), bytes(33), Q.to_bytes(32, "big"), b"\xff" * 32])
def test_other_bytes_are_no_scalar(data):
    assert refused(tagged.read_scalar, data) == "encoding"


@pytest.mark.parametrize("n", [-1, Q, 2**256])
def test_other_numbers_are_no_scalar(n):
    assert refused(tagged.scalar, n) == "parameter"


@pytest.mark.parametrize("data", [bytes(32), Q.to_bytes(32, "big"), b"\xff" * 32])
def test_a_stuck_random_source_is_a_fault(data):
    assert refused(tagged.random_scalar, lambda length: data) == "entropy"


def test_an_id_set_is_sorted_without_a_count():
    assert tagged.id_set([7, 255, 1]) == b"\x01\x07\xff"


# Polynomials


@pytest.mark.parametrize("degree", [1, 2, 15])
def test_any_degree_plus_one_values_give_the_constant_and_fewer_do_not(degree):
    secret = 2**255 - 19
    numbers = iter(range(5, 99))
    poly = polynomial.Polynomial.random(degree, secret, lambda n: sha256(bytes([next(numbers)])).digest())
    ids = [255, *range(3, 3 + degree)]

    def interpolate(some):
        return sum(polynomial.lagrange(some, i) * poly.at(i) for i in some) % Q

    assert interpolate(ids) == secret == poly.at(0)
    assert interpolate(ids[:-1]) != secret


def test_lagrange_reaches_any_other_index():
    poly = polynomial.Polynomial([11, 22, 33])
    ids = (1, 4, 200)
    assert sum(polynomial.lagrange(ids, i, 9) * poly.at(i) for i in ids) % Q == poly.at(9)


@pytest.mark.parametrize(("ids", "i"), [([1, 2], 3), ([], 1), ([1, 2, 2], 1), ([1, 1, 2], 1)])
def test_interpolation_over_wrong_ids_is_refused(ids, i):
    assert refused(polynomial.lagrange, ids, i) == "parameter"


@pytest.mark.parametrize("x", [1, 2, 16, 255])
@pytest.mark.parametrize("constant", [0, 7])
def test_commitments_evaluate_to_the_value_times_G(x, constant):
    poly = polynomial.Polynomial([constant, Q - 1, 5])
    assert curve.equal_points(polynomial.evaluate(poly.commitments(), x), curve.mul_g(poly.at(x)))


def test_a_constant_of_zero_commits_to_the_identity():
    assert polynomial.Polynomial.random(1, 0, draw).commitments()[0] is None


# Proofs of knowledge


@pytest.fixture
def proof():
    return proofs.prove(SID, 3, 77, curve.mul_g(77), draw)


def test_an_honest_proof_verifies(proof):
    assert len(proof) == 65
    assert proofs.verify(SID, 3, curve.mul_g(77), proof)


@pytest.mark.parametrize("at", [0, 1, 32, 33, 64])
def test_a_changed_proof_does_not_verify(proof, at):
    assert not proofs.verify(SID, 3, curve.mul_g(77), proof[:at] + bytes([proof[at] ^ 1]) + proof[at + 1 :])


def test_a_proof_holds_for_one_session_party_and_point(proof):
    assert not proofs.verify(sha256(SID).digest(), 3, curve.mul_g(77), proof)
    assert not proofs.verify(SID, 4, curve.mul_g(77), proof)
    assert not proofs.verify(SID, 3, curve.mul_g(78), proof)


def test_malformed_proofs_are_refused_and_do_not_crash(proof):
    point = curve.mul_g(77)
    large = int.from_bytes(proof[33:], "big") + Q
    for bad in (b"", proof[:64], proof + b"\0", bytes(65), proof[:33] + Q.to_bytes(32, "big")):
        assert not proofs.verify(SID, 3, point, bad)
    if large < 2**256:
        assert not proofs.verify(SID, 3, point, proof[:33] + large.to_bytes(32, "big"))


def test_the_identity_has_no_proof(proof):
    assert not proofs.verify(SID, 3, None, proof)


# The state of a pair


def pair(label: bytes) -> "tuple[PairState, PairState]":
    """Both ends of one pair: what one holds as Alice the other holds as Bob."""

    def seeds(name):
        return b"".join(sha256(label + name + bytes([k])).digest()[:16] for k in range(128))

    z, pid = sha256(label + b"z").digest(), sha256(label + b"pid").digest()
    one = PairState(z, pid, b"D" * 16, seeds(b"1>2"), seeds(b"2>1"), seeds(b"x"))
    two = PairState(z, pid, b"E" * 16, seeds(b"2>1"), seeds(b"1>2"), seeds(b"y"))
    return one, two


def test_a_pair_state_is_6224_bytes_and_comes_back():
    one, _ = pair(b"p")
    data = one.encode()
    assert len(data) == 6224
    assert vars(PairState.decode(data)) == vars(one)


@pytest.mark.parametrize("length", [0, 6223, 6225])
def test_other_bytes_are_no_pair_state(length):
    assert refused(PairState.decode, bytes(length)) == "encoding"


def test_both_ends_of_a_pair_ratchet_to_the_same_state():
    one, two = pair(b"p")
    one, two = one.ratchet(SID, 1, 2), two.ratchet(SID, 2, 1)
    assert (one.kD, one.k0, one.z, one.pid) == (two.k0, two.kD, two.z, two.pid)
    assert (one.delta, two.delta) == (b"D" * 16, b"E" * 16)


def test_a_ratchet_changes_every_seed_and_depends_on_the_dealing():
    old, _ = pair(b"p")
    new, other = old.ratchet(SID, 1, 2), old.ratchet(sha256(SID).digest(), 1, 2)
    for name in ("kD", "k0", "k1"):
        sets = [getattr(state, name) for state in (old, new, other)]
        assert len({keys[16 * k : 16 * k + 16] for keys in sets for k in range(128)}) == 384
