"""The sealed channel between a party and the services."""

import pytest
from daric_host.hop import FRAME_BYTES, TO_PARTY, TO_SERVICE, Hop, Window, agree_party, agree_service
from daric_protocol import platform
from daric_protocol.errors import DaricError

from tests.services.house import new_identity

LINE = "POST /v1/sessions"
pytestmark = pytest.mark.usefixtures("raw_hop")


@pytest.fixture
def ends():
    """(party's end, service's end) of one login."""
    key, login = bytes(range(32)), bytes(16)
    return Hop(key, login, TO_SERVICE), Hop(key, login, TO_PARTY)


def refused(opened, *arguments):
    with pytest.raises(DaricError) as error:
        opened.open(*arguments)
    return error.value.name


@pytest.mark.parametrize("size", [0, 1, 16384, 16385, 100_000, 1024 * 1024])
def test_a_body_of_any_size_crosses(ends, size):
    party, service = ends
    body = bytes(k & 255 for k in range(size))
    counter, frame = party.seal(body, LINE)
    assert service.open(frame, LINE) == (counter, body)
    assert len(frame) <= FRAME_BYTES


def test_a_login_agrees_on_one_key_at_both_ends():
    static, ephemeral, identity, own = [new_identity() for _ in range(4)]
    fields = [
        "login", "daric/relay", static.public, ephemeral.public, bytes(32), identity.public, own.public, 9, b"",
    ]  # fmt: skip
    name, party = agree_party(fields, own)
    same, service = agree_service(fields, static, ephemeral)
    assert name == same
    assert service.open(party.seal(b"hello", LINE)[1], LINE)[1] == b"hello"
    _, other = agree_service(fields, static, new_identity())
    assert refused(other, party.seal(b"hello", LINE)[1], LINE) == "sealed"


def test_a_frame_is_taken_once(ends):
    party, service = ends
    _, frame = party.seal(b"once", LINE)
    service.open(frame, LINE)
    assert refused(service, frame, LINE) == "replayed"


def test_frames_may_overtake_one_another(ends):
    party, service = ends
    frames = [party.seal(b"%d" % k, LINE)[1] for k in range(10)]
    assert [service.open(frame, LINE)[1] for frame in reversed(frames)] == [b"%d" % k for k in reversed(range(10))]


def test_every_flipped_byte_is_refused(ends):
    party, service = ends
    _, frame = party.seal(b"body", LINE)
    for place in range(len(frame)):
        for bit in (1, 128):
            altered = bytearray(frame)
            altered[place] ^= bit
            assert refused(service, bytes(altered), LINE) in ("sealed", "encoding", "too_large")
    assert service.open(frame, LINE)[1] == b"body"


def test_a_frame_is_bound_to_its_request_direction_login_and_answer(ends):
    party, service = ends
    counter, frame = party.seal(b"body", LINE)
    assert refused(service, frame, "POST /v1/accounts") == "sealed"
    assert refused(party, frame, LINE) == "sealed"
    assert refused(Hop(bytes(range(32)), b"other login 1234", TO_PARTY), frame, LINE) == "sealed"
    _, answer = service.seal(b"answer", LINE, answers=counter)
    assert refused(party, answer, LINE, counter + 1) == "sealed"
    assert refused(party, answer, LINE) == "sealed"
    assert party.open(answer, LINE, counter)[1] == b"answer"


def test_chunks_cannot_be_dropped_swapped_or_repeated(ends):
    party, service = ends
    _, frame = party.seal(bytes(40_000), LINE)
    counter, chunks = platform.cbor_decode(frame)
    for altered in (chunks[:-1], chunks[1:], [chunks[1], chunks[0], chunks[2]], [*chunks, chunks[2]], []):
        assert refused(service, platform.cbor_encode([counter, altered]), LINE) in ("sealed", "encoding")


@pytest.mark.parametrize(
    "value",
    [None, 7, [], [0], [0, []], [0, [7]], [-1, [b"x"]], [True, [b"x"]], ["0", [b"x"]], [0, [b""]], [0, [b"x"], 1]],
)
def test_what_is_no_hop_frame_is_refused(ends, value):
    assert refused(ends[1], platform.cbor_encode(value), LINE) in ("encoding", "sealed")


def test_an_oversized_frame_is_refused_before_it_is_decoded(ends):
    assert refused(ends[1], bytes(FRAME_BYTES + 1), LINE) == "too_large"


def test_no_nonce_seals_two_bodies(ends, monkeypatch):
    used, seal = [], platform.ccm_seal

    def noted_seal(key, nonce, *rest):
        used.append((key, nonce))
        return seal(key, nonce, *rest)

    monkeypatch.setattr(platform, "ccm_seal", noted_seal)
    party, service = ends
    for _ in range(5):
        party.seal(bytes(40_000), LINE)
        service.seal(b"x", LINE)
    assert len(used) == 20 == len(set(used))


def test_a_window_forgets_what_is_too_old_and_survives_a_leap():
    window = Window()
    window.take(0)
    window.take(1 << 63)
    with pytest.raises(DaricError):
        window.take(1)
    window.take((1 << 63) - 5)
    with pytest.raises(DaricError):
        window.take((1 << 63) - 5)
