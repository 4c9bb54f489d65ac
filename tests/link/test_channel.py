"""Only a paired host gets a channel, and the channel takes each message once, from the other side, unchanged."""

import os

import pytest
from daric_protocol.channel import SEALED, Accept, Caller, Channel, Connect, answer
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity

HOST, DEVICE, STRANGER = Identity(11), Identity(22), Identity(33)
CHALLENGE = bytes(range(16))


def paired(identity: bytes) -> bool:
    return identity == HOST.public


def connect(host: Identity = HOST, device: Identity = DEVICE) -> tuple[Channel, Channel]:
    caller = Caller(host, device.public, os.urandom, CHALLENGE)
    accept, at_device = answer(device, paired, Connect.from_wire(caller.request.to_wire()), os.urandom, CHALLENGE)
    return caller.finish(Accept.from_wire(accept.to_wire())), at_device


def refused(channel: Channel, message: list) -> str:
    with pytest.raises(DaricError) as caught:
        channel.open(message)
    return caught.value.name


def test_messages_cross_in_both_directions() -> None:
    host, device = connect()
    for number in range(3):
        assert device.open(host.seal(b"question %d" % number)) == b"question %d" % number
        assert host.open(device.seal(b"answer %d" % number)) == b"answer %d" % number


def test_a_lost_message_does_not_block_the_next() -> None:
    host, device = connect()
    host.seal(b"lost")
    assert device.open(host.seal(b"arrives")) == b"arrives"


def test_a_replayed_message_is_refused() -> None:
    host, device = connect()
    message = host.seal(b"sign this")
    device.open(message)
    assert refused(device, message) == "sealed"


def test_an_older_message_is_refused_after_a_newer_one() -> None:
    host, device = connect()
    older, newer = host.seal(b"older"), host.seal(b"newer")
    device.open(newer)
    assert refused(device, older) == "sealed"


def test_a_reflected_message_is_refused() -> None:
    host, _ = connect()
    message = host.seal(b"back to me")
    assert refused(host, message) == "sealed"


@pytest.mark.parametrize("position", [-1, 0, 5, -17])
def test_a_tampered_message_is_refused_and_the_counter_stays(position: int) -> None:
    host, device = connect()
    kind, counter, sealed = host.seal(b"pay one")
    altered = bytearray(sealed)
    altered[position] ^= 1
    assert refused(device, [kind, counter, bytes(altered)]) in ("sealed", "encoding")
    assert device.open([kind, counter, sealed]) == b"pay one"


def test_a_message_under_another_counter_is_refused() -> None:
    host, device = connect()
    _, counter, sealed = host.seal(b"pay one")
    assert refused(device, [SEALED, counter + 1, sealed]) == "sealed"


def test_a_message_of_an_earlier_connection_is_refused() -> None:
    old_host, _ = connect()
    _, device = connect()
    assert refused(device, old_host.seal(b"hello again")) == "sealed"


@pytest.mark.parametrize(
    "message", [[SEALED], [SEALED, 1], [SEALED, 0, b""], [SEALED, True, b""], [SEALED, 1 << 40, b""], [SEALED, 1, "x"]]
)
def test_a_malformed_sealed_message_is_refused(message: list) -> None:
    _, device = connect()
    assert refused(device, message) in ("encoding", "sealed")


def test_a_stranger_is_unpaired() -> None:
    with pytest.raises(DaricError) as caught:
        connect(host=STRANGER)
    assert caught.value.name == "unpaired"


def test_naming_a_paired_identity_without_its_key_looks_like_a_stranger() -> None:
    caller = Caller(STRANGER, DEVICE.public, os.urandom, CHALLENGE)
    request = Connect(HOST.public, caller.request.ephemeral, caller.request.proof)
    with pytest.raises(DaricError) as caught:
        answer(DEVICE, paired, request, os.urandom, CHALLENGE)
    assert caught.value.name == "unpaired"


def test_a_device_that_is_not_the_paired_one_is_noticed() -> None:
    caller = Caller(HOST, DEVICE.public, os.urandom, CHALLENGE)
    with pytest.raises(DaricError) as caught:
        answer(STRANGER, paired, caller.request, os.urandom, CHALLENGE)
    assert caught.value.name == "unpaired"
    forged = Accept(STRANGER.public, caller.request.proof)
    with pytest.raises(DaricError) as caught:
        caller.finish(forged)
    assert caught.value.name == "sealed"


def test_every_connection_has_fresh_keys() -> None:
    first, _ = connect()
    second, _ = connect()
    assert first.seal(b"same")[2] != second.seal(b"same")[2]


@pytest.mark.parametrize(
    "fields", [[], [b"", b"", b""], [bytes(33), bytes(32), b"p"], [bytes(33), bytes(33), b"p" * 65]]
)
def test_a_malformed_connect_is_refused(fields: list) -> None:
    with pytest.raises(DaricError) as caught:
        Connect.from_wire(fields)
    assert caught.value.name == "encoding"


def test_a_connect_with_no_points_is_from_a_stranger() -> None:
    with pytest.raises(DaricError) as caught:
        answer(DEVICE, paired, Connect(bytes(33), bytes(33), b"p"), os.urandom, CHALLENGE)
    assert caught.value.name == "unpaired"


@pytest.mark.parametrize("challenge", [bytes(16), bytes(range(1, 17)), b"", bytes(15), bytes(17)])
def test_a_connect_under_another_challenge_is_from_a_stranger(challenge: bytes) -> None:
    caller = Caller(HOST, DEVICE.public, os.urandom, CHALLENGE)
    with pytest.raises(DaricError) as caught:
        answer(DEVICE, paired, caller.request, os.urandom, challenge)
    assert caught.value.name == "unpaired"


@pytest.mark.parametrize("challenge", [b"", bytes(15), bytes(17)])
def test_a_host_proves_nothing_under_a_malformed_challenge(challenge: bytes) -> None:
    with pytest.raises(DaricError) as caught:
        Caller(HOST, DEVICE.public, os.urandom, challenge)
    assert caught.value.name == "encoding"
