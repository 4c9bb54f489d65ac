"""Vectors of the curve, ECDH, ECDSA and Shamir's sharing."""

from binascii import unhexlify

from daric_protocol import identity, platform
from daric_protocol.polynomial import Polynomial, evaluate, lagrange
from primitives import refused

curve = platform.curve


def point(text):
    """The point of a hex string, the identity for None."""
    return None if text is None else curve.decode_any(unhexlify(text))


def number(text):
    return int.from_bytes(unhexlify(text), "big")


def same(a, b):
    """Whether two points are equal: by the curve's own word and by their bytes, which must agree."""
    by_bytes = a is None and b is None if a is None or b is None else curve.encode_xy(a) == curve.encode_xy(b)
    assert curve.equal_points(a, b) == by_bytes
    return by_bytes


def ec_add(case):
    p, q, out = point(case["p"]), point(case["q"]), point(case["out"])
    assert same(curve.add(p, q), out)
    assert all(same(total, out) for total in curve.add_batch([p, q], [q, p]))


def ec_base_mul(case):
    k, out = number(case["k"]), point(case["out"])
    assert same(curve.mul_g(k), out)
    assert same(curve.mul(k, curve.G), out)
    assert same(curve.mul_g_batch([k, k])[1], out)


def ec_mul(case):
    p, k, out = point(case["p"]), number(case["k"]), point(case["out"])
    assert same(curve.mul(k, p), out)
    assert same(curve.mul_batch(k, [None, p])[1], out)
    assert same(curve.FixedBase(p).mul(k), out)
    assert same(curve.mul2(k - 5, p, 5, p), out)


def ec_parse(case):
    data = unhexlify(case["p"])
    if case["result"] == "invalid":
        assert refused(curve.decode_any, data)
        return
    p = curve.decode_any(data)
    assert b"\x04" + curve.encode_xy(p) == unhexlify(case["out"])
    assert same(curve.decode(curve.encode(p)), p)
    assert same(curve.decode_xy(curve.encode_xy(p)), p)


def ecdh(case):
    data = unhexlify(case["pub"])
    if case["result"] == "invalid":
        assert refused(curve.decode_any, data)
        return
    public = curve.encode(curve.decode_any(data))
    assert identity.Identity(number(case["priv"])).exchange(public) == unhexlify(case["shared"])


def ecdsa_verify(case):
    public = unhexlify(case["pub"])
    if len(public) == 65 and not refused(curve.decode_any, public):
        public = curve.encode(curve.decode_any(public))
    signature = unhexlify(case["sig"])
    valid = identity.verify(public, unhexlify(case["digest"]), signature, False)
    assert valid == (case["result"] == "valid")
    low = len(signature) == 64 and 2 * int.from_bytes(signature[32:], "big") < curve.Q
    assert identity.verify(public, unhexlify(case["digest"]), signature) == (valid and low)


def ecdsa_recover(case):
    signature = unhexlify(case["sig"])
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    assert same(identity.recover(unhexlify(case["digest"]), r, s, case["recid"]), point(case["pub"]))


def ecdsa_sign_rfc6979(case):
    r, s = identity.sign_ecdsa(number(case["priv"]), unhexlify(case["digest"]), b"")
    assert r.to_bytes(32, "big") + s.to_bytes(32, "big") == unhexlify(case["sig"])


def shamir(case):
    shares = [(number(x), number(y)) for x, y in case["shares"]]
    chosen = shares[-case["threshold"] :]
    ids = [x for x, _ in chosen]
    secret = sum(lagrange(ids, x) * y for x, y in chosen) % curve.Q
    if "pub" in case:
        assert same(curve.mul_g(secret), point(case["pub"]))
    if "secret" in case:
        assert secret == number(case["secret"])
        commitments = [point(c) for c in case["commitments"]]
        polynomial = Polynomial([secret] + [number(c) for c in case["coeffs"]])
        assert all(polynomial.at(x) == y for x, y in shares)
        assert all(same(made, given) for made, given in zip(polynomial.commitments(), commitments))  # noqa: B905
        assert all(same(evaluate(commitments, x), curve.mul_g(y)) for x, y in shares[:3])


CHECKS = {
    "ec_add": ec_add,
    "ec_base_mul": ec_base_mul,
    "ec_mul": ec_mul,
    "ec_parse": ec_parse,
    "ecdh_secp256k1": ecdh,
    "ecdsa_verify": ecdsa_verify,
    "ecdsa_recover": ecdsa_recover,
    "ecdsa_sign_rfc6979": ecdsa_sign_rfc6979,
    "shamir_secp256k1": shamir,
}
