"""RVOLE: c + d = a * b, and every way in which Alice can cheat or fall silent."""

from hashlib import sha256

import pytest
from daric_protocol import gadget
from daric_protocol.errors import Abort, DaricError
from daric_protocol.multiply import SIZES, Alice, Bob
from daric_protocol.tagged import Q

SID = sha256(b"sid_v").digest()
DELTA = sha256(b"delta").digest()[:16]
K0 = b"".join(sha256(b"0" + bytes([k])).digest()[:16] for k in range(128))
K1 = b"".join(sha256(b"1" + bytes([k])).digest()[:16] for k in range(128))
KD = b"".join((K0, K1)[DELTA[k >> 3] >> (k & 7) & 1][16 * k : 16 * k + 16] for k in range(128))
ALICE, BOB = 4, 7
A_U, A_V = 123456789**8 % Q, Q - 1


class Source:
    """Random bytes that a test can repeat."""

    def __init__(self, label: bytes) -> None:
        self.state = label

    def __call__(self, length: int) -> bytes:
        out = b""
        while len(out) < length:
            self.state = sha256(self.state).digest()
            out += self.state
        return out[:length]


def bob() -> Bob:
    return Bob(SID, K0, K1, ALICE, Source(b"bob"))


def alice(message: bytes, a_u: int = A_U, a_v: int = A_V) -> Alice:
    return Alice(SID, KD, DELTA, BOB, message, a_u, a_v, Source(b"alice"))


@pytest.fixture
def parts() -> "list[bytes]":
    return list(alice(bob().message).stream())


def receive(victim: Bob, stream: "list[bytes]") -> "tuple[int, int]":
    for part in stream:
        victim.receive(part)
    return victim.finish()


@pytest.mark.parametrize(("a_u", "a_v"), [(A_U, A_V), (0, 0), (1, Q - 1), (2**128, 3)])
def test_the_shares_add_up_to_the_product(a_u, a_v):
    b_side = bob()
    a_side = alice(b_side.message, a_u, a_v)
    d_u, d_v = receive(b_side, list(a_side.stream()))
    assert (a_side.c[0] + d_u) % Q == a_u * b_side.b % Q
    assert (a_side.c[1] + d_v) % Q == a_v * b_side.b % Q


def test_the_stream_is_the_header_thirteen_chunks_and_mu(parts):
    assert [len(part) for part in parts] == list(SIZES) == [64] + [3072] * 13 + [32]
    assert sum(SIZES) == 40032


def test_every_draw_gives_another_factor_and_message():
    first, second = bob(), Bob(SID, K0, K1, ALICE, Source(b"another"))
    assert first.b != second.b
    assert first.message != second.message


@pytest.mark.parametrize("number", range(15))
def test_a_changed_byte_in_any_part_bans_alice(parts, number):
    parts[number] = parts[number][:-1] + bytes([parts[number][-1] ^ 1])
    with pytest.raises(Abort) as caught:
        receive(bob(), parts)
    assert (caught.value.name, caught.value.blame) == ("ban", ALICE)


def test_swapped_chunks_ban_alice(parts):
    parts[3], parts[4] = parts[4], parts[3]
    with pytest.raises(Abort, match="multiplication check"):
        receive(bob(), parts)


@pytest.mark.parametrize("count", [0, 1, 2, 13, 14])
def test_a_stream_that_ends_early_is_soft_and_names_nobody(parts, count):
    with pytest.raises(Abort) as caught:
        receive(bob(), parts[:count])
    assert (caught.value.name, caught.value.blame) == ("soft", None)


@pytest.mark.parametrize("number", [0, 1, 13, 14])
@pytest.mark.parametrize("change", [lambda part: part[:-1], lambda part: part + b"\0", lambda part: b""])
def test_a_part_of_another_size_is_blamed(parts, number, change):
    parts[number] = change(parts[number])
    with pytest.raises(Abort) as caught:
        receive(bob(), parts)
    assert (caught.value.name, caught.value.blame) == ("blame", ALICE)


def test_a_part_after_the_last_is_blamed(parts):
    with pytest.raises(Abort) as caught:
        receive(bob(), [*parts, parts[-1]])
    assert caught.value.name == "blame"


@pytest.mark.parametrize("eta", [Q, Q + 1, 2**256 - 1])
def test_eta_out_of_range_is_blamed(parts, eta):
    parts[0] = parts[0][:32] + eta.to_bytes(32, "big")
    with pytest.raises(Abort) as caught:
        receive(bob(), parts)
    assert (caught.value.name, caught.value.blame) == ("blame", ALICE)


def test_a_stream_for_another_message_of_bob_is_a_ban(parts):
    with pytest.raises(Abort, match="multiplication check"):
        receive(Bob(SID, K0, K1, ALICE, Source(b"another")), parts)


def test_alice_refuses_a_message_that_fails_the_extension_check():
    message = bytearray(bob().message)
    message[-1] ^= 1
    with pytest.raises(Abort) as caught:
        alice(bytes(message))
    assert (caught.value.name, caught.value.blame) == ("ban", BOB)


def test_the_inputs_are_gone_once_the_stream_was_taken():
    side = alice(bob().message)
    list(side.stream())
    assert side._inputs == (0, 0, 0)
    assert not any(side._rows._columns)


@pytest.mark.parametrize("fault", [0, 1])
def test_bobs_sums_are_gone_once_he_has_finished_whatever_he_found(parts, fault):
    victim = bob()
    for part in [*parts[:-1], bytes([parts[-1][0] ^ fault]) + parts[-1][1:]]:
        victim.receive(part)
    assert victim._work.sums() != (0, 0)
    if fault:
        with pytest.raises(Abort):
            victim.finish()
    else:
        assert victim.finish() != (0, 0)
    assert victim._work.sums() == (0, 0)


def test_the_installed_weights_are_the_computed_ones():
    assert b"".join(gadget.parts()) == b"".join(gadget._computed())
    assert sha256(b"".join(gadget._computed())).digest() == gadget.DIGEST


def test_the_weights_are_computed_where_the_table_is_not_installed(monkeypatch):
    expected = gadget.select(b"\xa5" * 52)
    monkeypatch.setattr(gadget, "_installed", lambda: False)
    assert gadget.select(b"\xa5" * 52) == expected


@pytest.mark.parametrize("damage", [lambda part: bytes([part[0] ^ 1]) + part[1:], lambda part: bytes(len(part))])
def test_a_damaged_table_of_weights_is_never_used(monkeypatch, damage):
    monkeypatch.setattr(gadget, "_read", lambda: iter([damage(part) for part in gadget._computed()]))
    with pytest.raises(DaricError) as caught:
        bob()
    assert caught.value.name == "storage"
