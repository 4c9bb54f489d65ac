"""Base oblivious transfer: what it gives, what each side refuses, and that T has no known logarithm."""

from hashlib import sha256

import pytest
from daric_protocol import transfer
from daric_protocol.errors import Abort
from daric_protocol.platform import curve
from daric_protocol.tagged import TH, Q

SID = sha256(b"sid").digest()
RECEIVER, SENDER = 3, 200


class Source:
    """Random bytes that a test can repeat."""

    def __init__(self, label: bytes) -> None:
        self.state = label

    def __call__(self, length: int) -> bytes:
        self.state = sha256(self.state).digest()
        return self.state[:length]


def receiver(sid: bytes = SID, ids: "tuple[int, int]" = (RECEIVER, SENDER)) -> transfer.Receiver:
    return transfer.Receiver(sid, *ids, Source(b"receiver"))


def sender(sid: bytes = SID, ids: "tuple[int, int]" = (RECEIVER, SENDER)) -> transfer.Sender:
    return transfer.Sender(sid, *ids, Source(b"sender"))


def changed(message: bytes, at: int) -> bytes:
    return message[:at] + bytes([message[at] ^ 1]) + message[at + 1 :]


def refused(action, *args) -> "tuple[str, int | None]":
    with pytest.raises(Abort) as caught:
        action(*args)
    return caught.value.name, caught.value.blame


@pytest.fixture(scope="module")
def honest():
    """(receiver, sender, m1, m2, m3) after an honest run."""
    one, two = receiver(), sender()
    m1 = one.m1()
    m2 = two.respond(m1)
    m3 = one.finish(m2)
    two.finish(m3)
    return one, two, m1, m2, m3


def test_messages_have_their_sizes(honest):
    assert [len(message) for message in honest[2:]] == [8224, 2113, 32]


def test_the_receiver_holds_exactly_the_chosen_seed_of_every_transfer(honest):
    one, two = honest[:2]
    for k in range(128):
        seed = slice(16 * k, 16 * k + 16)
        pair = (two.k0[seed], two.k1[seed])
        bit = one.delta[k >> 3] >> (k & 7) & 1
        assert one.kD[seed] == pair[bit] != pair[1 - bit]


def test_all_seeds_differ(honest):
    two = honest[1]
    seeds = [keys[16 * k : 16 * k + 16] for keys in (two.k0, two.k1) for k in range(128)]
    assert len(set(seeds)) == 256


def test_everything_the_receiver_keeps_comes_from_its_secret():
    secret = sha256(b"receiver").digest()
    one = receiver()
    assert one.delta == sha256(secret + b"D").digest()[:16]
    assert one._scalars(112)[15] == int.from_bytes(sha256(secret + b"a" + b"\x7f").digest(), "big") % Q


@pytest.mark.parametrize("length", [0, 8223, 8225])
def test_a_first_message_of_another_length_is_blamed_on_the_receiver(honest, length):
    assert refused(sender().respond, (honest[2] + b"\0")[:length]) == ("blame", RECEIVER)


@pytest.mark.parametrize("k", [0, 15, 16, 127])
@pytest.mark.parametrize("what", ["off the curve", "zero", "x not reduced", "T"])
def test_a_bad_point_is_blamed_on_the_receiver(honest, k, what):
    m1 = honest[2]
    T = transfer.hash_to_curve(b"bot", TH("dkls/ot", SID, bytes([RECEIVER]), bytes([SENDER])), m1[:32])
    at = 32 + 64 * k
    point = {
        "off the curve": changed(m1[at : at + 64], 63),
        "zero": bytes(64),
        "x not reduced": curve.P.to_bytes(32, "big") + m1[at + 32 : at + 64],
        "T": curve.encode_xy(T),
    }[what]
    assert refused(sender().respond, m1[:at] + point + m1[at + 64 :]) == ("blame", RECEIVER)


@pytest.mark.parametrize("length", [0, 2112, 2114])
def test_a_second_message_of_another_length_is_blamed_on_the_sender(honest, length):
    one = receiver()
    one.m1()
    assert refused(one.finish, (honest[3] + b"\0")[:length]) == ("blame", SENDER)


@pytest.mark.parametrize("z", [bytes(33), b"\x05" + b"\x01" * 32, b"\x02" + b"\xff" * 32])
def test_a_second_message_without_a_point_is_blamed_on_the_sender(honest, z):
    one = receiver()
    one.m1()
    assert refused(one.finish, z + honest[3][33:]) == ("blame", SENDER)


def test_another_z_is_a_ban_of_the_sender(honest):
    one = receiver()
    one.m1()
    assert refused(one.finish, curve.encode(curve.mul_g(5)) + honest[3][33:]) == ("ban", SENDER)


def test_a_changed_proof_is_a_ban_of_the_sender_and_leaves_no_seeds(honest):
    one = receiver()
    one.m1()
    assert refused(one.finish, changed(honest[3], 2112)) == ("ban", SENDER)
    assert one.kD == b""


def test_a_changed_pad_is_noticed_exactly_where_it_was_used(honest):
    delta = honest[0].delta
    for k in (0, 1, 2, 3, 126, 127):
        one = receiver()
        one.m1()
        message = changed(honest[3], 33 + 16 * k)
        if delta[k >> 3] >> (k & 7) & 1:
            assert refused(one.finish, message) == ("ban", SENDER)
        else:
            assert one.finish(message) == honest[4]


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_third_message_of_another_length_is_blamed_on_the_receiver(honest, length):
    assert refused(honest[1].finish, (honest[4] + b"\0")[:length]) == ("blame", RECEIVER)


@pytest.mark.parametrize("at", [0, 31])
def test_a_wrong_answer_is_a_ban_of_the_receiver(honest, at):
    assert refused(honest[1].finish, changed(honest[4], at)) == ("ban", RECEIVER)


@pytest.mark.parametrize(
    ("sid", "ids"),
    [
        (sha256(b"other").digest(), (RECEIVER, SENDER)),
        (SID, (RECEIVER, 201)),
        (SID, (4, SENDER)),
        (SID, (SENDER, RECEIVER)),
    ],
)
def test_a_run_under_another_session_or_for_other_parties_never_completes(sid, ids):
    one, two = receiver(), sender(sid, ids)
    with pytest.raises(Abort, match="transfer proof"):
        one.finish(two.respond(one.m1()))


def test_T_is_the_lifted_hash():
    fields = (b"bot", SID, bytes(32))
    tries = [int.from_bytes(TH("dkls/h2c", *fields, bytes([c])), "big") for c in range(64)]
    x = next(x for x in tries if pow(x**3 + 7, (curve.P - 1) // 2, curve.P) == 1)
    T = transfer.hash_to_curve(*fields)
    assert curve.x_int(T) == x
    assert not curve.y_is_odd(T)


def test_T_is_made_without_any_multiplication(monkeypatch):
    class NoMultiplication:
        lift_x = staticmethod(curve.lift_x)

    expected = transfer.hash_to_curve(b"bot", SID)
    monkeypatch.setattr(transfer, "curve", NoMultiplication)
    assert curve.equal_points(transfer.hash_to_curve(b"bot", SID), expected)


def test_T_is_no_hash_times_G(honest):
    fields = (b"bot", SID, honest[2][:32])
    T = transfer.hash_to_curve(*fields)
    for k in (TH("dkls/h2c", *fields, bytes([0])), TH("dkls/h2c", *fields), sha256(b"".join(fields)).digest()):
        for point in (curve.mul_g(int.from_bytes(k, "big")), curve.neg(curve.mul_g(int.from_bytes(k, "big")))):
            assert not curve.equal_points(T, point)


def test_the_number_of_transfers_is_that_of_the_protocol():
    assert (transfer.COUNT, transfer.SEED, transfer.M1_BYTES, transfer.M2_BYTES) == (128, 16, 8224, 2113)
