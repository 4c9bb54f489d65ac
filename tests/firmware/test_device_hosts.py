"""Hosts of a device: listed, revoked by themselves or by the owner's leave, and shut out from then on."""

import asyncio
import os

import pytest
from daric_host.device import DeviceLink
from daric_protocol import flows
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_protocol.limits import APPROVAL_TIMEOUT, LINK_REPLY_TIMEOUT

from tests.firmware.board import Wired, device, host_of, pair, pass_seconds, until
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
    await until(app, lambda: app.errands is not None and app.errands.waiting)
    pass_seconds(app, APPROVAL_TIMEOUT)
    await refused("timeout", asked)
    assert len(app.hosts) == 2


async def test_one_host_cannot_take_the_page_away_from_another(both):
    app, first, second, _ = both
    app.board.answer = None
    assert await first._call("hosts_revoke", SECOND.public) == []
    await refused("busy", second._call("hosts_revoke", FIRST.public))
    await refused("busy", second.session_join(flows.create_terms(os.urandom(16), 2, 2, os.urandom).encode()))
    await refused("busy", second._call("recovery_restore", b"", []))
    assert await first._call("hosts_revoke", SECOND.public) == [] and app.errands.waiting
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
    pass_seconds(app, LINK_REPLY_TIMEOUT)
    await refused("unpaired", first.revoke(SECOND.public))


@pytest.mark.parametrize("answer", ["approve", "refuse"])
async def test_an_answer_that_no_host_comes_for_is_forgotten(both, answer):
    app, first, _, _ = both
    app.board.answer = answer
    assert await first._call("hosts_revoke", SECOND.public) == []
    app.step(0)
    pass_seconds(app, APPROVAL_TIMEOUT)
    app.board.answer = None
    assert await first._call("hosts_revoke", SECOND.public) == []
    assert len(app.hosts) == 2
    assert "Forget this host?" in app.board.pages[-1][0], "it is asked anew"


async def test_a_revoked_host_can_pair_again(both):
    app, first, _, _ = both
    await first.revoke(FIRST.public)
    await pair(first)
    assert (await first.identity()).identity == app.identity.public


# All at once, and on the device


async def test_every_host_is_forgotten_at_once_if_the_owner_agrees(both):
    app, first, second, _ = both
    app.board.pages.clear()
    await first.revoke_all()
    [question] = ["\n".join(lines) for lines, ask in app.board.pages if ask]
    assert "Forget all hosts?" in question
    assert len(app.hosts) == 0
    await refused("unpaired", first.identity())
    await refused("unpaired", second.identity())


async def test_an_owner_who_refuses_keeps_every_host(both):
    app, first, _, _ = both
    app.board.answer = "refuse"
    await refused("refused", first.revoke_all())
    assert len(app.hosts) == 2


async def test_a_lost_answer_to_the_host_that_revoked_all_is_no_failure(both):
    app, first, _, _ = both
    app.board.answer = None
    asked = asyncio.ensure_future(first.revoke_all())
    await until(app, lambda: app.errands is not None and app.errands.waiting)
    with app.board.turn:
        app.hosts.revoke(FIRST.public)  # as if its answer had been lost
    await asked


@pytest.mark.parametrize("method", [("hosts_revoke_all", 1), ("hosts_revoke",), ("maintenance", b"")])
async def test_a_request_about_hosts_with_other_parameters_is_refused(both, method):
    await refused("parameter", both[1]._call(*method))


async def test_the_session_of_any_host_ends_with_all_of_them(both):
    app, first, second, _ = both
    await second.session_join(flows.create_terms(os.urandom(16), 2, 2, os.urandom).encode())
    await first.revoke_all()
    assert not app.sessions.active


def turns(app, *answers: str) -> None:
    """What the owner presses, one page after another."""
    for answer in answers:
        app.board.press(answer)
        app.step(0)


@pytest.fixture
def menu(both):
    """The device with its menu of hosts on the screen, and its pages."""
    app = both[0]
    app.board.answer = None
    app.board.pages.clear()
    app.board._presses = ["menu:hostsmenu.show"]
    app.step(0)
    return app


def top(app) -> str:
    return "\n".join(app.board.pages[-1][0])


async def test_the_owner_turns_through_the_hosts_by_name_and_leaves(menu):
    names = []
    for _ in range(4):
        names.append(top(menu))
        turns(menu, "refuse")
    assert names[0].startswith("Host 1 of 2\n host\n ") and names[1].startswith("Host 2 of 2\n host\n ")
    assert {FIRST.public.hex()[:12] in name for name in names[:2]} == {True, False}
    assert names[2:] == ["All hosts?", "Leave the menu?"]
    assert top(menu).startswith("Host 1 of 2")
    turns(menu, "refuse", "refuse", "refuse", "approve")
    assert "ready" in top(menu) and menu.menu is None
    assert len(menu.hosts) == 2


async def test_the_owner_forgets_one_host_on_the_device_without_any_host(menu, both):
    gone = menu.hosts.all()[0][0]
    turns(menu, "approve")
    assert top(menu).startswith("Forget this host?") and gone.hex()[:12] in top(menu)
    turns(menu, "approve")
    assert [identity for identity, _ in menu.hosts.all()] == [({FIRST.public, SECOND.public} - {gone}).pop()]
    await refused("unpaired", (both[1] if gone == FIRST.public else both[2]).identity())


async def test_the_owner_forgets_all_hosts_on_the_device(menu):
    turns(menu, "refuse", "refuse", "approve")
    assert top(menu).startswith("Forget all hosts?")
    turns(menu, "approve")
    assert len(menu.hosts) == 0
    assert "not paired" in top(menu)


@pytest.mark.parametrize("presses", [("approve", "refuse"), ("refuse", "refuse", "approve", "refuse")])
async def test_the_owner_who_says_no_in_the_menu_keeps_every_host(menu, presses):
    turns(menu, *presses)
    assert len(menu.hosts) == 2
    assert "All hosts?" in top(menu) or "Host 1 of 2" in top(menu)


async def test_a_menu_of_hosts_that_is_left_alone_closes(menu):
    pass_seconds(menu, APPROVAL_TIMEOUT)
    assert menu.menu is None and "ready" in top(menu)
    turns(menu, "approve", "approve")
    assert len(menu.hosts) == 2


async def test_a_request_takes_the_place_of_the_menu_of_hosts(menu, both):
    assert await both[1]._call("hosts_revoke", SECOND.public) == []
    assert menu.menu is None
    turns(menu, "refuse")
    await refused("refused", both[1]._call("hosts_revoke", SECOND.public))
    assert len(menu.hosts) == 2


async def test_a_device_without_hosts_has_an_empty_menu_of_them(tmp_path):
    app = device(tmp_path, answer=None)
    app.board._presses = ["menu:hostsmenu.show"]
    app.step(0)
    assert top(app) == "Leave the menu?"
    turns(app, "refuse", "approve")
    assert "not paired" in top(app)


# The maintenance exit


async def test_a_development_image_ends_its_program_on_its_owners_word(both):
    app, first, _, _ = both
    app.board.pages.clear()
    await first.maintenance()
    assert "Maintenance?" in "\n".join(lines[0] for lines, ask in app.board.pages if ask)
    assert app.leaving


async def test_an_owner_who_refuses_the_maintenance_exit_keeps_the_program(both):
    app, first, _, _ = both
    app.board.answer = "refuse"
    await refused("refused", first.maintenance())
    assert not app.leaving


async def test_a_production_image_has_no_maintenance_exit_and_asks_nobody(both, monkeypatch):
    app, first, _, _ = both
    app.board.pages.clear()
    monkeypatch.setattr("daric.made.KIND", "production")
    await refused("refused", first.maintenance())
    assert not app.leaving
    assert not [lines for lines, ask in app.board.pages if ask]


async def test_only_a_development_image_says_that_it_is_one(tmp_path, monkeypatch):
    assert device(tmp_path / "one").board.pages[-1][0][-1] == "for development"
    monkeypatch.setattr("daric.screens.KIND", "production")
    assert device(tmp_path / "two").board.pages[-1][0][-1] == "connect a phone"
