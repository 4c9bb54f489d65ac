"""Identity keys: what they sign verifies, nothing else does, and two parties agree on a secret."""

import hashlib

import pytest
from coincurve import PublicKey
from coincurve.utils import verify_signature
from daric_protocol import curve, platform
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity, ecdsa_verify, recover, sign_ecdsa, verify
from daric_protocol.platform import curve_libsecp

Q = curve.Q
SECRET = 0x1F2E3D4C5B6A79880123456789ABCDEF0FEDCBA9876543210011223344556677
DIGEST = hashlib.sha256(b"a tagged hash").digest()


@pytest.fixture(params=[curve, curve_libsecp], ids=["plain", "libsecp"])
def backend(request, monkeypatch):
    """Identity keys over each of the two curves."""
    monkeypatch.setattr(platform, "curve", request.param)
    return request.param


@pytest.fixture
def party(backend):
    return Identity(SECRET)


def drawn(byte=7):
    return lambda length: bytes([byte]) * length


def parts(signature):
    return int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")


def joined(r, s):
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def test_a_signature_verifies_here_and_in_libsecp256k1(party):
    signature = party.sign(DIGEST, drawn())
    assert len(signature) == 64
    assert verify(party.public, DIGEST, signature)
    der = curve_der(*parts(signature))
    assert verify_signature(der, DIGEST, party.public, hasher=None)


def curve_der(r, s):
    """Strict DER of a signature, for libsecp256k1."""
    body = b""
    for number in (r, s):
        data = number.to_bytes(number.bit_length() // 8 + 1, "big")
        body += b"\x02" + bytes([len(data)]) + data
    return b"\x30" + bytes([len(body)]) + body


def test_every_signature_has_low_s(party):
    for n in range(8):
        _, s = parts(party.sign(hashlib.sha256(bytes([n])).digest(), drawn(n)))
        assert s <= Q // 2


def test_high_s_is_refused_unless_asked_for(party):
    r, s = parts(party.sign(DIGEST, drawn()))
    assert not verify(party.public, DIGEST, joined(r, Q - s))
    assert verify(party.public, DIGEST, joined(r, Q - s), low_s=False)


def test_a_repeated_random_draw_does_not_repeat_a_nonce(party):
    other = hashlib.sha256(b"another").digest()
    assert parts(party.sign(DIGEST, drawn()))[0] != parts(party.sign(other, drawn()))[0]
    assert parts(party.sign(DIGEST, drawn(1)))[0] != parts(party.sign(DIGEST, drawn(2)))[0]
    assert party.sign(DIGEST, drawn(1)) == party.sign(DIGEST, drawn(1))


@pytest.mark.parametrize("r_of", [lambda r: 0, lambda r: Q, lambda r: r + Q, lambda r: r ^ 1, lambda r: 2**256 - 1])
def test_a_wrong_r_is_refused(party, r_of):
    r, s = parts(party.sign(DIGEST, drawn()))
    assert not ecdsa_verify(platform.curve.decode(party.public), DIGEST, r_of(r), s)


@pytest.mark.parametrize("s_of", [lambda s: 0, lambda s: Q, lambda s: s + Q, lambda s: s ^ 1, lambda s: 2**256 - 1])
def test_a_wrong_s_is_refused(party, s_of):
    r, s = parts(party.sign(DIGEST, drawn()))
    assert not ecdsa_verify(platform.curve.decode(party.public), DIGEST, r, s_of(s))


def test_a_flipped_bit_of_the_digest_is_refused(party):
    signature = party.sign(DIGEST, drawn())
    for place in (0, 15, 31):
        flipped = bytearray(DIGEST)
        flipped[place] ^= 1
        assert not verify(party.public, bytes(flipped), signature)


def test_another_key_does_not_verify(party):
    assert not verify(Identity(SECRET + 1).public, DIGEST, party.sign(DIGEST, drawn()))


@pytest.mark.parametrize("length", [0, 63, 65, 128])
def test_a_signature_of_another_length_is_refused(party, length):
    signature = (party.sign(DIGEST, drawn()) * 2)[:length]
    assert not verify(party.public, DIGEST, signature)


@pytest.mark.parametrize(
    "public", [b"", bytes(33), b"\x04" + bytes(32), b"\x02" + b"\xff" * 32, b"\x02" + bytes(31) + b"\x05"]
)
def test_a_key_that_is_no_point_verifies_nothing(party, public):
    assert not verify(public, DIGEST, party.sign(DIGEST, drawn()))


@pytest.mark.parametrize("digest", [b"", DIGEST[:31], DIGEST + b"\x00"])
def test_a_digest_of_another_length_is_a_fault_of_the_caller(party, digest):
    signature = party.sign(DIGEST, drawn())
    for operation in (
        lambda: party.sign(digest, drawn()),
        lambda: verify(party.public, digest, signature),
        lambda: recover(digest, *parts(signature), 0),
    ):
        with pytest.raises(DaricError) as caught:
            operation()
        assert caught.value.name == "parameter"


def test_a_digest_beyond_the_order_of_the_group_is_signed_and_verified(party):
    for value in (0, Q - 1, Q, Q + 1, 2**256 - 1):
        digest = value.to_bytes(32, "big")
        assert verify(party.public, digest, party.sign(digest, drawn()))


def test_the_signer_is_recovered_by_one_of_the_numbers(party):
    r, s = parts(party.sign(DIGEST, drawn()))
    found = [platform.curve.encode(recover(DIGEST, r, s, recid)) for recid in (0, 1)]
    assert found.count(party.public) == 1


def test_a_signature_whose_nonce_point_lies_beyond_the_order_is_recovered(backend):
    r = 1  # a point with x = Q + r: none is known with its logarithm, so the key is made from the signature
    while backend.lift_x(r + Q) is None:
        r += 1
    public = recover(DIGEST, r, 5, 2)
    assert ecdsa_verify(public, DIGEST, r, 5)
    assert not backend.equal_points(public, recover(DIGEST, r, 5, 3))
    assert ecdsa_verify(recover(DIGEST, r, 5, 3), DIGEST, r, 5)


@pytest.mark.parametrize(
    ("r", "s", "recid"),
    [(0, 1, 0), (Q, 1, 0), (1, 0, 0), (1, Q, 0), (5, 1, 0), (Q - 1, 1, 2), (1, 1, 4), (1, 1, -1)],
)
def test_nothing_is_recovered_from_what_is_no_signature(backend, r, s, recid):
    with pytest.raises(DaricError) as caught:
        recover(DIGEST, r, s, recid)
    assert caught.value.name == "signature"


def test_a_signature_that_would_recover_the_identity_is_refused(backend):
    # s * R = z * G for R = G and s = z.
    z = int.from_bytes(DIGEST, "big") % Q
    with pytest.raises(DaricError) as caught:
        recover(DIGEST, backend.x_int(backend.G), z, 0)
    assert caught.value.name == "signature"


def test_two_parties_agree_on_a_secret(backend):
    a, b = Identity(SECRET), Identity(Q - 1)
    shared = a.exchange(b.public)
    assert shared == b.exchange(a.public)
    assert shared == PublicKey(b.public).multiply(SECRET.to_bytes(32, "big")).format()[1:]


@pytest.mark.parametrize("public", [b"", bytes(33), b"\x05" + b"\x01" * 32, b"\x02" + bytes(31) + b"\x05"])
def test_nothing_is_exchanged_with_what_is_no_point(party, public):
    with pytest.raises(DaricError) as caught:
        party.exchange(public)
    assert caught.value.name == "encoding"


@pytest.mark.parametrize("secret", [0, Q, Q + 1, -1])
def test_a_secret_out_of_range_is_no_identity(backend, secret):
    with pytest.raises(DaricError) as caught:
        Identity(secret)
    assert caught.value.name == "parameter"


def test_a_nonce_candidate_out_of_range_is_passed_over(backend, monkeypatch):
    seeding = [bytes(32)] * 4
    first, second, third = bytes(32), Q.to_bytes(32, "big"), (3).to_bytes(32, "big")
    mask = [*seeding, (5).to_bytes(32, "big")]
    answers = iter([*mask, *seeding, first, bytes(32), bytes(32), second, bytes(32), bytes(32), third])
    monkeypatch.setattr(platform, "hmac_sha256", lambda key, data: next(answers))
    r, _ = sign_ecdsa(SECRET, DIGEST, b"")
    assert r == backend.x_int(backend.mul_g(3))


def test_what_a_nonce_is_inverted_with_is_as_random_as_the_nonce(backend, monkeypatch):
    inverted, inverse = [], backend.inverse

    def watched(a, modulus):
        inverted.append(a % modulus)
        return inverse(a, modulus)

    monkeypatch.setattr(backend, "inverse", watched)
    nonces, masks = [], []
    for additional in (b"", bytes(32), bytes(31) + b"\1"):
        r, s = sign_ecdsa(SECRET, DIGEST, additional)
        z = int.from_bytes(DIGEST, "big")
        nonces.append(pow(s, -1, Q) * (z + r * SECRET) % Q)  # or Q minus it, where s was high
        masks.append(inverted[-1] * pow(nonces[-1], -1, Q) % Q)
        assert backend.x_int(backend.mul_g(nonces[-1])) % Q == r
    found = nonces + masks + [Q - number for number in nonces + masks]
    assert len({*found, *inverted}) == 15 and min(masks) > 2**200
