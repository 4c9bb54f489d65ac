"""Whatever a paired host or a stranger sends, the device answers it or refuses it by name; nothing is unforeseen."""

import os

import pytest
from daric_protocol import channel, flows, platform
from daric_protocol.errors import DaricError, error_name

from tests.firmware.board import device, host_of, pair
from tests.firmware.test_device_sessions import make_wallet
from tests.firmware.test_device_strangers import EVERY, table
from tests.link.fuzz import Fuzz
from tests.sim.rig import LocalParty

HARMFUL = ("wipe", "maintenance", "hosts_revoke_all", "lock", "factory_wipe")  # done if the owner agrees
RESTARTING = "factory_restart"  # unasked
ASKED = [method for method in EVERY if method != RESTARTING]
ROUNDS = 6


def valid(party, gid, method: str) -> list:
    """Parameters of a request that the device would take, or of their kind."""
    roster = party.custody.roster(gid)
    two = [member.index for member in roster.members][:2]
    terms = flows.sign_terms(os.urandom(16), gid, roster, two, platform.cbor_encode([2, b"pay", []])).encode()
    people = [[member.index, member.identity] for member in roster.members]
    known = {
        "auth": [["login", "daric/relay", bytes(16), bytes(32), bytes(32), b"", b"", 0, b""]],
        "session_join": [terms, bytes(32)],
        "session_start": [[b"join", b"join"]],
        "session_deliver": [0, 100, 0, bytes(100)],
        "session_fetch": [0, 0],
        "group_certificate": [gid],
        "group_changes": [gid],
        "group_adopt": [party.custody.certificate(gid)],
        "hosts_revoke": [bytes(33)],
        "terms_sign": [terms],
        "backup_make": [gid, bytes(16), 2, people, two[0], two[1]],
        "recovery_request": [b"\x80", bytes(16)],
        "recovery_restore": [b"\x80", [[1, bytes(33), b"x"]]],
        "log": [0],
        "policy_propose": [gid, b"\x80"],
        "policy_read": [gid],
    }
    return known.get(method, [bytes(16)] * table().get(method, 0))


@pytest.fixture
async def wallet(tmp_path):
    """(device, link, another member, group id): a wallet 2-of-2 whose owner refuses everything from now on."""
    app = device(tmp_path)
    link = host_of(app)
    await pair(link)
    party = LocalParty(5)
    made = await make_wallet(link, [party])
    app.board.answer = "refuse"
    return app, link, party, made.group


@pytest.mark.parametrize("answer", ["refuse", "approve", None])
async def test_mutated_requests_of_a_paired_host_are_answered_or_refused_by_name(wallet, answer):
    app, _, party, gid = wallet
    app.board.answer = answer
    fuzz, seen = Fuzz(20), set()
    host = app.dispatcher._host
    for number in range(ROUNDS * len(ASKED)):
        method = ASKED[number % len(ASKED)]
        if method in HARMFUL and answer == "approve":
            continue
        parameters = fuzz.parameters(valid(party, gid, method))
        if parameters[:1] == [host]:
            continue
        try:
            app.dispatcher._call(method, parameters)
        except DaricError as error:
            seen.add(error.name)
        for _ in range(2):
            app.step(0)
        if number % 50 == 49:
            app.board.now += 1_000_000  # what waits for the owner ends
            app.step(0)
    assert {"parameter", "encoding"} <= seen
    assert "internal" not in seen
    assert len(app.hosts) == 1 and app.custody.groups() == [gid]
    assert app.custody.shard(gid).epoch == 1


@pytest.mark.parametrize("seed", range(3))
async def test_random_messages_in_clear_are_refused_by_name_and_pair_nobody(wallet, seed):
    app, link, _, _ = wallet
    fuzz = Fuzz(seed)
    before = app.board._state / "flash"
    flash = before.read_bytes()
    for number in range(400):
        answer = platform.cbor_decode(app.dispatcher.answer(fuzz.clear()))
        assert answer[0] in range(9) or answer[0] == channel.REFUSAL
        if answer[0] == channel.REFUSAL:
            assert error_name(answer[2]) != "internal"
        if number % 20 == 0:
            app.step(0)
    assert before.read_bytes() == flash
    assert len(app.hosts) == 1
    assert (await link.identity()).identity == app.identity.public
