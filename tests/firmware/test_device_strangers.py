"""Who is not paired, or not any more, gets the same bytes as any stranger, whatever it asks, and changes nothing."""

import os
import re
from pathlib import Path

import pytest
from daric.dispatch import REQUESTS
from daric.sessions import REQUESTS as SESSION_REQUESTS
from daric_host.device import DeviceLink
from daric_protocol import channel, platform
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity

from tests.firmware.board import device, host_of, pair
from tests.firmware.stranger import Between, ask, raw

HOST, OTHER, STRANGER = Identity(4711), Identity(4712), Identity(666)
CDDL = (Path(__file__).parents[2] / "shared/protocol/messages.cddl").read_text()
SEALED = platform.cbor_encode([channel.REFUSAL, 0, DaricError("sealed").number])
UNPAIRED = DaricError("unpaired").number


def documented() -> list[str]:
    """Every method of a request on the channel, as messages.cddl names them."""
    rules = [CDDL.partition(f"\n{name} = ")[2].partition("\n;")[0] for name in ("DeviceRequest", "FactoryRequest")]
    methods = re.findall(r'"([a-z_]+)"', rules[0])
    factory = ["factory_" + method for method in re.findall(r'"([a-z_]+)"', rules[1])]
    return sorted(set(methods + factory))


def table() -> dict[str, int]:
    """Method and number of parameters of the requests that the device's tables name."""
    rows = [row.split(" ") for row in REQUESTS.strip().split("\n")]
    return {row[0]: int(row[4]) for row in rows} | {"session_" + name: many for name, many in SESSION_REQUESTS.items()}


EVERY = sorted(set(documented()) | set(table()))


@pytest.fixture
def app(tmp_path):
    return device(tmp_path)


def flash_of(app) -> bytes:
    return (app.board._state / "flash").read_bytes()


def connect(app, host: Identity, claimed: bytes = b"", to: bytes = b"") -> list:
    """A connect of somebody who knows the device's identity, under its challenge."""
    challenge = ask(app, [channel.CONNECT, 5, []])[2]
    caller = channel.Caller(host, to or app.identity.public, os.urandom, challenge)
    caller.request.identity = claimed or host.public
    return [channel.CONNECT, 7, caller.request.to_wire()]


def test_the_tables_of_the_device_and_the_rules_of_its_messages_name_the_same_requests():
    assert set(table()) <= set(documented())
    assert len(EVERY) > 30


@pytest.mark.parametrize("paired", [False, True])
async def test_every_request_of_a_stranger_is_refused_and_writes_and_shows_nothing(app, paired):
    if paired:
        await pair(host_of(app))
    before, pages = flash_of(app), len(app.board.pages)
    for method in EVERY:
        request = platform.cbor_encode([1, method, *[b""] * table().get(method, 1)])
        for counter in (1, 2, channel.MAX_COUNTER):
            assert raw(app, [channel.SEALED, counter, request]) == SEALED, method
        for kind in (9, 100, 254, channel.REFUSAL, -1):
            assert ask(app, [kind, 1, method])[2] == UNPAIRED, method
    assert flash_of(app) == before
    assert len(app.board.pages) == pages


async def test_every_request_of_a_revoked_host_is_refused_like_a_strangers(app):
    other = host_of(app, 4712)
    await pair(other)
    link = host_of(app)
    await pair(link)
    sealing = link._line._channel
    app.hosts.revoke(HOST.public)
    before = flash_of(app)
    for method in EVERY:
        request = platform.cbor_encode([1, method, *[b""] * table().get(method, 1)])
        assert raw(app, sealing.seal(request)) == SEALED, method
    assert flash_of(app) == before
    assert [identity for identity, _ in app.hosts.all()] == [OTHER.public]


async def test_every_request_of_a_host_that_was_revoked_with_all_others_is_refused(app):
    link = host_of(app)
    await pair(link)
    sealing = link._line._channel
    await link.revoke_all()
    for method in EVERY:
        assert raw(app, sealing.seal(platform.cbor_encode([1, method]))) == SEALED, method


async def test_nobody_tells_a_stranger_a_revoked_host_an_impostor_and_a_repetition_apart(app):
    """All of them know the device's identity, which a stranger would not."""
    await pair(host_of(app))
    recorded = connect(app, HOST)
    assert ask(app, recorded)[0] == channel.CONNECT
    await pair(host_of(app, 4712))
    app.hosts.revoke(OTHER.public)
    before = flash_of(app)
    asked = {
        "stranger": connect(app, STRANGER),
        "revoked": connect(app, OTHER),
        "impostor": connect(app, STRANGER, HOST.public),
        "repeated": recorded,
        "another device's": connect(app, HOST, to=STRANGER.public),
        "no points": [channel.CONNECT, 7, [bytes(33), bytes(33), b"proof"]],
    }
    answers = {name: bytes(raw(app, message)) for name, message in asked.items()}
    assert set(answers.values()) == {platform.cbor_encode([channel.REFUSAL, 7, UNPAIRED])}, answers
    assert flash_of(app) == before


async def test_a_connect_before_a_restart_is_a_strangers_after_it(app, tmp_path):
    await pair(host_of(app))
    recorded = connect(app, HOST)
    assert ask(app, recorded)[0] == channel.CONNECT
    again = device(tmp_path)
    for _ in range(2):
        assert ask(again, recorded)[2] == UNPAIRED
        ask(again, [channel.CONNECT, 1, []])


async def test_a_challenge_is_of_one_connection_and_stays_while_nobody_answers_it(app):
    await pair(host_of(app))
    first = ask(app, [channel.CONNECT, 1, []])[2]
    assert ask(app, [channel.CONNECT, 2, []])[2] == first
    ask(app, connect(app, STRANGER))
    assert ask(app, [channel.CONNECT, 3, []])[2] == first
    assert ask(app, connect(app, HOST))[0] == channel.CONNECT
    assert ask(app, [channel.CONNECT, 4, []])[2] != first


async def test_repeated_reflected_old_and_altered_sealed_messages_are_refused_alike(app):
    link = host_of(app)
    pairing = await pair(link)
    old = link._line._channel.seal(platform.cbor_encode([9, "identity"]))
    await link.connect(pairing)
    await link.identity()
    sealing = link._line._channel
    request = sealing.seal(platform.cbor_encode([9, "identity"]))
    reply = ask(app, request)
    altered = sealing.seal(platform.cbor_encode([9, "identity"]))
    altered[2] = altered[2][:-1] + bytes([altered[2][-1] ^ 1])
    for message in (request, reply, old, altered, [2, 0, b""], [2, "1", b""], [2, 1], [2, 1, b"", b""], [2, 1, "x"]):
        assert raw(app, message) == SEALED, message
    assert (await link.identity()).identity == app.identity.public


async def test_a_recording_of_a_whole_connection_repeated_to_the_device_does_nothing(app):
    recording = Between(app)
    link = DeviceLink(lambda: recording, HOST)
    await pair(link)
    await link.identity()
    await link.hosts()
    spoken = [message for message, _ in recording.seen]
    assert {message[0] for message in spoken} == {1, 2, 3, 4, 5}
    before = flash_of(app)
    for message in spoken:  # the old opening fits the old commitment: its code is shown, and is another one
        answer = ask(app, message)
        if message[0] in (channel.CONNECT, channel.SEALED, channel.PAIR_FINISH) and message[2:] != [[]]:
            assert answer[0] == channel.REFUSAL
    assert flash_of(app) == before
    codes = [lines[-1] for lines, asks in app.board.pages if asks]
    assert len(set(codes)) == 2
    assert (await link.identity()).identity == app.identity.public


@pytest.mark.parametrize("field", [1, 2])
async def test_a_connect_whose_key_or_proof_was_changed_on_the_way_is_a_strangers(app, field):
    def swap(message: list) -> list:
        if message[0] == channel.CONNECT and message[2]:
            message[2][field] = STRANGER.public if field == 1 else bytes(len(message[2][field]))
        return message

    pairing = await pair(host_of(app))
    with pytest.raises(DaricError) as caught:
        await DeviceLink(lambda: Between(app, there=swap), HOST).connect(pairing)
    assert caught.value.name == "unpaired"


@pytest.mark.parametrize("field", [0, 1])
async def test_an_answer_to_a_connect_that_was_changed_on_the_way_opens_no_channel(app, field):
    def swap(message: list) -> list:
        if message[0] == channel.CONNECT and isinstance(message[2], list):
            message[2][field] = STRANGER.public if field == 0 else bytes(len(message[2][field]))
        return message

    pairing = await pair(host_of(app))
    with pytest.raises(DaricError) as caught:
        await DeviceLink(lambda: Between(app, back=swap), HOST).connect(pairing)
    assert caught.value.name in ("sealed", "encoding")


@pytest.mark.parametrize("challenge", [b"", bytes(15), "text", None, [1]])
async def test_a_challenge_that_is_none_is_not_answered(app, challenge):
    def swap(message: list) -> list:
        return [*message[:2], challenge] if message[0] == channel.CONNECT else message

    pairing = await pair(host_of(app))
    with pytest.raises(DaricError) as caught:
        await DeviceLink(lambda: Between(app, back=swap), HOST).connect(pairing)
    assert caught.value.name == "encoding"
