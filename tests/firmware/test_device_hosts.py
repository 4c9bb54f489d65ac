"""Hosts of a device: listed, revoked by themselves or by the owner's leave, and shut out from then on."""

import asyncio
import os

import pytest
from daric_host.device import DeviceLink
from daric_protocol import flows
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_protocol.limits import APPROVAL_TIMEOUT, LINK_REPLY_TIMEOUT

from tests.firmware.board import Wired, device, host_of, pair
from tests.sim.rig import LocalParty

FIRST, SECOND = Identity(4711), Identity(4712)


async def refused(name: str, request) -> None:
    with pytest.raises(DaricError) as caught:
        await request
    assert caught.value.name == name


@pytest.fixture
async def both(tmp_path):
    """(device, link of the first host, of the second, its pairing); the second one spoke last."""
    app = device(tmp_path)
    first = host_of(app, 4711)
    await pair(first)
    second = host_of(app, 4712)
    pairing = await pair(second)
    return app, first, second, pairing


async def test_every_paired_host_is_listed_by_identity_and_name(both):
    _, first, _, _ = both
    assert sorted(await first.hosts()) == sorted([(FIRST.public, "host"), (SECOND.public, "host")])


async def test_a_host_revokes_itself_unasked_and_nothing_more_reaches_it(both):
    app, first, second, _ = both
    app.board.pages.clear()
    await first.revoke(FIRST.public)
    assert not [lines for lines, ask in app.board.pages if ask]
    await refused("unpaired", first.identity())
    assert await second.hosts() == [(SECOND.public, "host")]


async def test_the_owner_is_asked_before_one_host_revokes_another(both):
    app, first, second, _ = both
    app.board.pages.clear()
    await first.revoke(SECOND.public)
    [question] = ["\n".join(lines) for lines, ask in app.board.pages if ask]
    assert "Forget this host?" in question and SECOND.public.hex()[:12] in question
    await refused("unpaired", second.identity())


async def test_an_owner_who_refuses_keeps_the_host(both):
    app, first, second, _ = both
    app.board.answer = "refuse"
    await refused("refused", first.revoke(SECOND.public))
    assert (await second.identity()).identity == app.identity.public


@pytest.mark.parametrize("identity", [bytes(33), Identity(9).public])
async def test_a_host_that_is_not_paired_cannot_be_revoked(both, identity):
    await refused("unpaired", both[1].revoke(identity))


@pytest.mark.parametrize("identity", [b"", bytes(32), bytes(34), 7, None, []])
async def test_what_is_no_identity_is_refused(both, identity):
    await refused("encoding", both[1]._call("hosts_revoke", identity))


async def test_the_channel_of_a_revoked_host_is_dead_at_once(both):
    app, first, _, _ = both
    channel = first._line
    await first.identity()
    app.hosts.revoke(FIRST.public)
    sealed = channel._channel.seal(b"\x82\x01hidentity")
    await refused("sealed", channel._run(channel._exchange, sealed, lambda message: channel._opened(message, 1), 5))


async def test_a_connection_that_began_before_the_revocation_counts_for_nothing(both):
    app, first, second, pairing = both
    await second.connect(pairing)  # not used yet
    app.hosts.revoke(SECOND.public)
    await refused("unpaired", second.identity())
    assert (await first.identity()).identity == app.identity.public


async def test_a_revoked_host_is_asked_for_no_session(both):
    app, first, _, _ = both
    app.hosts.revoke(FIRST.public)
    terms = flows.create_terms(os.urandom(16), 2, 2, os.urandom)
    await refused("unpaired", first.session_join(terms.encode()))
    assert not app.sessions.active


async def test_the_session_of_a_revoked_host_is_aborted(both):
    app, first, second, _ = both
    terms = flows.create_terms(os.urandom(16), 2, 2, os.urandom)
    join = await first.session_join(terms.encode())
    app.board.answer = None
    await first.session_start([join, await LocalParty(5).join(terms)])
    assert app.sessions.active
    app.board.answer = "approve"
    await second.revoke(FIRST.public)
    assert not app.sessions.active
    await refused("session", second.session_state())


async def test_a_host_may_revoke_itself_in_the_middle_of_its_session(both):
    app, first, _, _ = both
    await first.session_join(flows.create_terms(os.urandom(16), 2, 2, os.urandom).encode())
    await first.revoke(FIRST.public)
    assert not app.sessions.active


async def test_the_session_goes_on_if_the_owner_does_not_revoke_its_host(both):
    app, first, second, _ = both
    await first.session_join(flows.create_terms(os.urandom(16), 2, 2, os.urandom).encode())
    app.board.answer = "refuse"
    await refused("refused", second.revoke(FIRST.public))
    assert app.sessions.active


async def test_a_question_that_nobody_answers_ends(both):
    app, first, _, _ = both
    app.board.answer = None
    asked = asyncio.ensure_future(first.revoke(SECOND.public))
    while not app.errands or not app.errands.waiting:
        await asyncio.sleep(0.01)
    app.board.now += APPROVAL_TIMEOUT * 1000
    await refused("timeout", asked)
    assert len(app.hosts) == 2


async def test_one_host_cannot_take_the_page_away_from_another(both):
    app, first, second, _ = both
    app.board.answer = None
    assert await first._call("hosts_revoke", SECOND.public) == []
    await refused("busy", second._call("hosts_revoke", FIRST.public))
    await refused("busy", second.session_join(flows.create_terms(os.urandom(16), 2, 2, os.urandom).encode()))
    with pytest.raises(DaricError) as caught:
        await pair(DeviceLink(lambda: Wired(app), Identity(99)))
    assert caught.value.name == "pairing"


async def test_the_same_host_may_ask_something_else_instead(both):
    app, first, _, _ = both
    app.board.answer = None
    assert await first._call("hosts_revoke", SECOND.public) == []
    assert await first.session_join(flows.create_terms(os.urandom(16), 2, 2, os.urandom).encode())
    app.board.press("approve")
    for _ in range(3):
        app.step(0)
    assert len(app.hosts) == 2


async def test_an_answer_that_was_lost_is_given_again(both):
    app, first, _, _ = both
    while not (answer := await first._call("hosts_revoke", SECOND.public)):
        pass
    assert answer == [True]
    assert await first._call("hosts_revoke", SECOND.public) == [True]
    assert len(app.hosts) == 1


async def test_an_old_answer_is_not_given_to_a_new_question(both):
    app, first, second, _ = both
    await first.revoke(SECOND.public)
    await pair(second)
    app.board.answer = "refuse"
    await refused("refused", first.revoke(SECOND.public))
    assert len(app.hosts) == 2


async def test_an_answer_is_kept_for_a_short_time_only(both):
    app, first, _, _ = both
    await first.revoke(SECOND.public)
    app.board.now += LINK_REPLY_TIMEOUT * 1000
    app.step(0)
    await refused("unpaired", first.revoke(SECOND.public))


async def test_a_revoked_host_can_pair_again(both):
    app, first, _, _ = both
    await first.revoke(FIRST.public)
    await pair(first)
    assert (await first.identity()).identity == app.identity.public
