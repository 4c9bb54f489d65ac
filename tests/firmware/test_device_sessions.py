"""A device in sessions: it asks its owner, survives a bad line and an interrupted session, and starts again."""

import os

import pytest
from daric_host.device import DeviceLink
from daric_protocol import flows, platform
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity, ecdsa_verify

from tests.firmware.board import Wired, device, host_of, pair
from tests.link.line import Faults
from tests.sim.rig import DeviceParty, LocalParty, run_session

MESSAGE = b"two of three"


def request(kind: int = 2, payload: bytes = MESSAGE) -> bytes:
    return platform.cbor_encode([kind, payload, []])


async def make_wallet(link, parties, threshold: int = 2, name: str = "Savings"):
    """Create a wallet with the device and the parties; returns its terms."""
    terms = flows.create_terms(os.urandom(16), threshold, 1 + len(parties), os.urandom, name)
    outcomes = await run_session(terms, [DeviceParty(link), *parties])
    assert [state for state, _ in outcomes] == ["done"] * (1 + len(parties)), outcomes
    return terms


def signing(party, app, terms, request_: bytes):
    roster = party.custody.roster(terms.group)
    signers = [roster.index_of(app.identity.public), roster.index_of(party.identity.public)]
    return flows.sign_terms(os.urandom(16), terms.group, roster, signers, request_)


async def test_a_wallet_is_made_and_signs(tmp_path):
    app = device(tmp_path)
    link = host_of(app)
    await pair(link)
    party, other = LocalParty(5), LocalParty(6)
    terms = await make_wallet(link, [party, other])
    [group] = await link.group_list()
    shard = party.custody.shard(terms.group)
    assert (group[0], group[1], group[6], group[7]) == (terms.group, "Savings", shard.pk, shard.cc)
    [(state, signature), _] = await run_session(signing(party, app, terms, request()), [DeviceParty(link), party])
    assert state == "done"
    digest, key = flows.request_digest(request()), platform.curve.decode(shard.pk)
    assert ecdsa_verify(key, digest, int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"))


async def test_the_owner_sees_what_is_signed_and_with_which_wallet(tmp_path):
    app = device(tmp_path)
    link = host_of(app)
    await pair(link)
    party = LocalParty(5)
    terms = await make_wallet(link, [party])
    app.board.pages.clear()
    await run_session(signing(party, app, terms, request()), [DeviceParty(link), party])
    [question] = ["\n".join(lines) for lines, ask in app.board.pages if ask]
    assert MESSAGE.decode() in question.replace("\n ", "")
    assert "device" in question


async def test_a_refusal_on_the_screen_ends_the_session_for_all(tmp_path):
    app = device(tmp_path)
    link = host_of(app)
    await pair(link)
    app.board.answer = "refuse"
    party = LocalParty(5)
    terms = flows.create_terms(os.urandom(16), 2, 2, os.urandom)
    (_, mine), (_, theirs) = await run_session(terms, [DeviceParty(link), party])
    assert mine.name == "refused"
    assert theirs.name == "soft"
    assert await link.group_list() == []


@pytest.mark.parametrize(
    ("request_", "name"),
    [(request(0, bytes(32)), "raw_digest"), (request(1, b"\x02\xc0"), "request"), (b"\x80", "request")],
)
async def test_a_request_that_cannot_be_shown_is_refused_before_the_session(tmp_path, request_, name):
    app = device(tmp_path)
    link = host_of(app)
    await pair(link)
    party = LocalParty(5)
    terms = await make_wallet(link, [party])
    with pytest.raises(DaricError) as caught:
        await link.session_join(signing(party, app, terms, request_).encode())
    assert caught.value.name == name


async def test_a_session_interrupted_by_a_power_cut_starts_again_from_nothing(tmp_path):
    app = device(tmp_path)
    link = host_of(app)
    pairing = await pair(link)
    terms = flows.create_terms(os.urandom(16), 2, 2, os.urandom)
    party = LocalParty(5)
    joins = [await link.session_join(terms.encode()), await party.join(terms)]
    await link.session_start(joins)
    again = device(tmp_path)
    link = host_of(again)
    await link.connect(pairing)
    with pytest.raises(DaricError) as caught:
        await link.session_fetch()
    assert caught.value.name == "session"
    assert await make_wallet(link, [LocalParty(5)])


async def test_a_restarted_device_is_connected_to_again_unasked(tmp_path):
    app = device(tmp_path)
    wired = Wired(app)
    link = DeviceLink(lambda: wired, Identity(4711))
    await pair(link)
    identity = await link.identity()
    wired.app = device(tmp_path)
    assert await link.identity() == identity


async def test_a_restarted_host_takes_over(tmp_path):
    app = device(tmp_path)
    first = host_of(app)
    pairing = await pair(first)
    second = host_of(app)
    await second.connect(pairing)
    assert (await second.identity()).identity == app.identity.public
    assert (await first.identity()).identity == app.identity.public  # connects again


async def test_a_recorded_conversation_opens_nothing_later(tmp_path):
    app = device(tmp_path)
    recorded = []

    def record(data: bytes) -> bytes:
        recorded.append(data)
        return data

    await pair(host_of(app, there=record))
    before = len(app.board.pages)
    restarted = device(tmp_path)
    restarted.board.pages.clear()
    restarted.board.answer = None
    for data in recorded:
        restarted.board.to_device += data
        for _ in range(5):
            restarted.step(0)
    assert before
    assert len(restarted.hosts) == 1
    assert not restarted.sessions.active
    assert restarted.dispatcher._channel is None


@pytest.mark.parametrize("seed", range(3))
async def test_sessions_survive_a_line_that_loses_repeats_and_alters_bytes(tmp_path, seed):
    app = device(tmp_path)
    faults = Faults(seed, 0.0003)
    link = DeviceLink(lambda: Wired(app, faults, faults), Identity(4711), ack_timeout=0.01)
    await pair(link)
    party = LocalParty(5)
    terms = await make_wallet(link, [party])
    [(state, _), _] = await run_session(signing(party, app, terms, request()), [DeviceParty(link), party])
    assert state == "done"


async def test_a_certificate_crosses_in_both_directions(tmp_path):
    app = device(tmp_path)
    link = host_of(app)
    await pair(link)
    party = LocalParty(5)
    terms = await make_wallet(link, [party])
    assert await link.group_certificate(terms.group) == party.custody.certificate(terms.group)
    assert await link.group_adopt(party.custody.certificate(terms.group)) is False
    with pytest.raises(DaricError) as caught:
        await link.group_adopt(b"\x87")
    assert caught.value.name == "encoding"
