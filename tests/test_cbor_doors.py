"""CBOR that is oversized, truncated, deeply nested or not deterministic, at every door through which bytes come in.

A door raises a DaricError that says so, or drops the bytes; it never fails in another way, and what was good before is
good after.
"""

import functools

import pytest
from daric_host import hop
from daric_host.device import Pairing
from daric_host.relay import read_notice
from daric_host.services.cloud_party import CloudParty
from daric_host.services.tokens import Claims
from daric_protocol import channel, envelope, flows, joining, limits, platform
from daric_protocol.errors import DaricError, error_name
from daric_protocol.evm import request as requests
from daric_protocol.shard import Shard
from daric_protocol.terms import Terms

from tests.firmware.board import device, host_of, pair
from tests.session.network import drbg
from tests.session.parties import Party, Wallet, creation, message

REFUSALS = ("encoding", "too_large", "parameter", "request", "sealed", "certificate", "soft", "pairing", "unpaired")


def malformed(good):
    """Wrong encodings by name; all those that can are made of a good one, so that nothing else is wrong with them."""
    assert 0x80 < good[0] < 0x98, "every message at a door is a short array"
    count, rest = good[0] & 0x1F, good[1:]
    return {
        "nothing": b"",
        "cut off by one byte": good[:-1],
        "cut in half": good[: len(good) // 2],
        "only the head": good[:1],
        "a trailing byte": good + b"\x00",
        "twice": good + good,
        "a head that is not minimal": bytes([0x98, count]) + rest,
        "a head of eight bytes": bytes([0x9B]) + count.to_bytes(8, "big") + rest,
        "an indefinite array": b"\x9f" + rest + b"\xff",
        "a field too many": bytes([good[0] + 1]) + rest + b"\x00",
        "wrapped once": b"\x81" + good,
        "tagged": b"\xc1" + good,
        "a float": b"\xf9\x3c\x00",
        "an undefined value": bytes([good[0]]) + b"\xf7" * count,
        "unsorted keys": b"\xa2\x02\x00\x01\x00",
        "a repeated key": b"\xa2\x01\x00\x01\x00",
        "broken text": b"\x81\x62\xc3\x28",
        "a length beyond the data": b"\x81\x5b" + b"\xff" * 8,
        "a count beyond the data": b"\x9b" + b"\xff" * 8,
        "nested forty deep": b"\x81" * 40 + b"\x80",
        "nested without end": b"\x81" * 100_000 + b"\x80",
        "too many items": b"\x99\x4e\x20" + bytes(20_000),
        "two megabytes": b"\x81\x5a\x00\x20\x00\x00" + bytes(2 * 1024 * 1024),
        "five megabytes of nothing": bytes(5 * 1024 * 1024),
    }


MALFORMED = list(malformed(b"\x81\x00"))


def refusal(door, data):
    with pytest.raises(DaricError) as refused:
        door(data)
    return refused.value.name


@pytest.fixture(scope="module")
def wallet():
    return Wallet.create(2, 3, seed="doors")


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return device(tmp_path_factory.mktemp("doors"))


def good_request():
    return platform.cbor_encode([requests.MESSAGE, b"hello", []])


def certificate_door(wallet):
    custody = wallet.parties[1].custody
    return custody.certificate(wallet.group_id), custody.adopt


def cloud_door(wallet):
    class Cloud:
        party = wallet.parties[1]
        _check_owner = staticmethod(lambda account, group: None)
        _tidy = staticmethod(lambda group: None)

    custody = wallet.parties[1].custody
    claims = Claims(bytes(33), bytes(16), bytes(16), 0)
    return custody.certificate(wallet.group_id), functools.partial(CloudParty.adopt, Cloud(), claims)


def terms_door(_):
    return flows.create_terms(bytes(16), 2, 3, drbg("terms"), "savings").encode(), Terms.decode


def request_door(_):
    return good_request(), requests.decode


def shard_door(wallet):
    return wallet.parties[1].custody.shard(wallet.group_id).encode(), Shard.decode


def notice_door(_):
    return platform.cbor_encode(["done", None]), _strict_notice


def _strict_notice(data):
    """A notice with another shape than both known ones may be a start list, which the session reads strictly."""
    joins = read_notice(data)
    raise DaricError("encoding") if isinstance(joins, list) else AssertionError(joins)


def hop_door(_):
    good = platform.cbor_encode([0, [bytes(32)]])
    return good, lambda data: hop.Hop(bytes(32), bytes(16), hop.TO_PARTY).open(data, "POST /")


def stored_pairing_door(_):
    return Pairing(bytes(33), "name").encode(), Pairing.decode


def join_door(_):
    good = envelope.encode(joining.Opening(bytes(33), bytes(33), bytes(32)))
    return good, lambda data: envelope.decode(joining.Opening, data, limits.JOIN_BYTES)


DOORS = {
    "terms": terms_door, "join": join_door, "request": request_door, "certificate": certificate_door,
    "certificate at the cloud": cloud_door, "stored shard": shard_door, "notice of the relay": notice_door,
    "hop frame": hop_door, "stored pairing": stored_pairing_door,
}  # fmt: skip


@pytest.mark.parametrize("flaw", MALFORMED)
@pytest.mark.parametrize("door", DOORS)
def test_a_door_refuses(wallet, door, flaw):
    good, enter = DOORS[door](wallet)
    assert refusal(enter, malformed(good)[flaw]) in REFUSALS


# A session: joins, openings, sealed frames, and the bodies inside of them


@pytest.mark.parametrize("flaw", MALFORMED)
def test_a_malformed_join_ends_the_session_softly(flaw):
    network, _ = creation([Party("a"), Party("b")], 2)
    mine, theirs = (session.join() for session in network.sessions)
    network.sessions[0].start([mine, malformed(theirs)[flaw]])
    assert network.sessions[0].error.name == "soft"


@pytest.mark.parametrize("flaw", MALFORMED)
def test_a_malformed_frame_is_dropped_or_ends_the_session_softly(wallet, flaw):
    for network in (creation([Party("a"), Party("b")], 2)[0], wallet.network([1, 2], message(flaw), confirmed=True)):
        joins = [session.join() for session in network.sessions]
        for session in network.sessions:
            session.start(list(joins))
        first, second = network.sessions
        sent = second.send()
        if sent is None:
            second.confirm()
            first.confirm()
            sent = second.send()
        assert first.receive(1, malformed(sent[1])[flaw]) in (True, False)
        assert first.error is None or first.error.name == "soft"
        for session in network.sessions:
            session.expire()


@pytest.mark.parametrize("flaw", MALFORMED)
def test_a_malformed_body_is_blamed_on_whoever_sealed_it(wallet, flaw):
    network = wallet.network([1, 2], message(flaw), confirmed=True)
    network.start().confirm().run(until=lambda parcel: parcel.round == 1 and parcel.to == 0)
    first, second = network.sessions
    body = malformed(platform.cbor_encode([bytes(32)] * 3 + [bytes(64), bytes(8752)]))[flaw]
    sid, chunk = second._exchange.sid, limits.CHUNK_BYTES
    parts = [body[at : at + chunk] for at in range(0, max(1, len(body)), chunk)]
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        first.receive(1, second._channel(1).seal(sid, 2, 1, "sign", 2, number, last, part))
        if first.error is not None:
            break
    assert (first.error.name, first.error.blame) == ("blame", 2)
    network.expire()
    assert wallet.sign([1, 2], message(flaw), confirmed=True).states() == ["done", "done"]


# The device: the link in clear, and what a paired host asks


@pytest.mark.parametrize("flaw", MALFORMED)
def test_a_device_answers_a_malformed_link_message_with_a_refusal(app, flaw):
    data = malformed(platform.cbor_encode([channel.HELLO, 1]))[flaw]
    answer = platform.cbor_decode(app.dispatcher.answer(data))
    assert answer[0] == channel.REFUSAL and error_name(answer[2]) in (*REFUSALS, "unpaired")
    assert platform.cbor_decode(app.dispatcher.answer(platform.cbor_encode([channel.HELLO, 1])))[0] == channel.HELLO


@pytest.mark.parametrize("flaw", [name for name in MALFORMED if "megabytes" not in name and "without end" not in name])
async def test_a_device_refuses_malformed_terms_and_certificates(tmp_path, flaw):
    app = device(tmp_path)
    link = host_of(app)
    await pair(link)
    terms = flows.create_terms(bytes(16), 2, 3, drbg("terms"), "savings").encode()
    for call in (
        lambda: link.session_join(malformed(terms)[flaw]),
        lambda: link.group_adopt(malformed(platform.cbor_encode([bytes(16), "dkg", 1, [], []]))[flaw]),
    ):
        with pytest.raises(DaricError) as refused:
            await call()
        assert refused.value.name in (*REFUSALS, "group")
    assert not app.sessions.active
    assert await link.session_join(terms)
