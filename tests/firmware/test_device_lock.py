"""The PIN: set at the device, asked for at the start, counted before it is checked; locking and wiping."""

import asyncio
import os
import random

import pytest
from daric.app import App
from daric.tablekey import TableKey
from daric_protocol import channel, platform
from daric_protocol.errors import DaricError
from daric_protocol.flows import create_terms, pair_terms
from daric_protocol.identity import Identity
from daric_protocol.limits import APPROVAL_TIMEOUT, PIN_TRIES, STRIKE_DELAY, STRIKES_BEFORE_DELAY, WIPE_HOLD
from daric_protocol.pairing import HostPairing

from tests.firmware.board import MemoryBoard, device, host_of, pair, pass_seconds, press, until
from tests.firmware.test_device_hosts import refused
from tests.firmware.test_device_sessions import make_wallet
from tests.sim.rig import DeviceParty, LocalParty, run_session

PIN, OTHER, CODE = "493021", "8675309", "00000000"
LOCKED = ["Daric", "locked", "press for PIN"]
NEW = "Daric not paired connect a phone"


def shown(app: App) -> str:
    return " ".join(app.board.pages[-1][0])


def typed(app: App, *texts: str) -> None:
    """Type on the page that is on."""
    press(app, *[f"text:{text}" for text in texts])


def patient(app: App) -> App:
    """Its person answers only what a test says."""
    app.board.answer = None
    return app


def with_pin(app: App, pin: str = PIN) -> App:
    patient(app).show_ready()
    press(app, "menu:pinflow.set_pin")
    typed(app, pin, pin)
    assert shown(app) == "The PIN is set"
    return app


def restarted(state) -> App:
    return App(MemoryBoard(state, None))


def unlock(app: App, pin: str = PIN) -> None:
    press(app, "approve")
    assert "PIN:" in shown(app), shown(app)
    typed(app, pin)


def wrong(app: App, count: int) -> None:
    """Type so many wrong PINs, each as soon as it may be."""
    for _ in range(count):
        pass_seconds(app, 1024)
        unlock(app, OTHER)


@pytest.fixture
async def locked(tmp_path):
    """(state, a device that has just started locked, what its host stores of it)."""
    first = device(tmp_path)
    pairing = await pair(host_of(first))
    with_pin(first)
    return tmp_path, restarted(tmp_path), pairing


# Setting


def test_a_device_without_a_pin_starts_unlocked(tmp_path):
    device(tmp_path)
    app = restarted(tmp_path)
    assert not app.locked
    assert NEW in shown(app)


async def test_a_device_with_a_pin_starts_locked_and_opens_by_it(locked):
    _, app, pairing = locked
    assert app.locked and app.custody is None
    assert app.board.pages[-1] == (LOCKED, False)
    unlock(app)
    assert not app.locked
    assert "ready 0 wallets" in shown(app)
    link = host_of(app)
    await link.connect(pairing)
    assert (await link.identity()).identity == pairing.identity


def test_the_pin_is_not_on_the_page_that_takes_it(locked):
    _, app, _ = locked
    press(app, "approve")
    for digit in "4":
        press(app, *["refuse"] * int(digit), "approve")
    assert "*" in shown(app) and "4" not in shown(app).split("> ")[0]


@pytest.mark.parametrize("pin", ["", "1", "123", "1" * 17, "12a4", "12 4"])
def test_what_is_no_pin_is_not_taken(tmp_path, pin):
    app = patient(device(tmp_path))
    press(app, "menu:pinflow.set_pin")
    typed(app, pin)
    assert shown(app).startswith("4 to 16 digits New PIN:")
    press(app, "refuse")


def test_two_different_pins_are_not_taken(tmp_path):
    app = patient(device(tmp_path))
    press(app, "menu:pinflow.set_pin")
    typed(app, PIN, OTHER)
    assert shown(app).startswith("They differ New PIN:")
    typed(app, PIN)
    pass_seconds(app, APPROVAL_TIMEOUT)
    assert app.lock is None
    assert not restarted(tmp_path).locked


def test_a_pin_is_changed_by_its_owner_alone(locked):
    state, app, _ = locked
    unlock(app)
    press(app, "menu:pinflow.set_pin")
    typed(app, OTHER)
    assert shown(app).startswith("Wrong PIN 9 tries left")
    pass_seconds(app, 3)
    typed(app, PIN, OTHER, OTHER)
    assert shown(app) == "The PIN is set"
    again = restarted(state)
    unlock(again)
    assert again.locked
    pass_seconds(again, 3)
    unlock(again, OTHER)
    assert not again.locked


def test_a_pin_is_removed_by_its_owner(locked):
    state, app, _ = locked
    unlock(app)
    press(app, "menu:pinflow.remove_pin")
    typed(app, PIN)
    assert shown(app).startswith("Remove the PIN?")
    press(app, "approve")
    assert shown(app) == "The PIN is removed"
    assert not restarted(state).locked


@pytest.mark.parametrize("row", ["remove_pin", "wipe_code", "lock_now"])
def test_without_a_pin_there_is_nothing_to_remove_or_lock(tmp_path, row):
    app = patient(device(tmp_path))
    press(app, f"menu:pinflow.{row}")
    assert shown(app) == "No PIN is set"
    assert app.restarting is None


async def test_a_stranger_takes_no_page_away_on_which_a_pin_is_typed(tmp_path):
    app = patient(device(tmp_path))
    press(app, "menu:pinflow.set_pin")
    stranger = host_of(app, 1)
    await refused("pairing", pair(stranger))
    for asked in (["panel", "display"], ["wipe"], ["restart"]):
        await refused("busy", stranger.factory(*asked))
    typed(app, PIN, PIN)
    assert shown(app) == "The PIN is set" and app.restarting is None


async def test_a_stranger_may_ask_on_for_the_wipe_while_its_owner_types_the_pin_for_it(tmp_path):
    app = with_pin(patient(device(tmp_path)))
    stranger = host_of(app, 1)
    assert await stranger.factory("wipe") == []
    press(app, "approve")
    assert await stranger.factory("wipe") == [] and shown(app).startswith("PIN:")
    typed(app, PIN)
    assert await stranger.factory("wipe") == [True] and app.wiped


async def test_a_pairing_that_began_before_the_owner_types_a_pin_is_over(tmp_path):
    app = patient(device(tmp_path))
    pairing = HostPairing(Identity(1), "stranger", os.urandom)
    revealed = message(app, channel.PAIR_START, 1, pairing.commitment)[2:]
    press(app, "menu:pinflow.set_pin")
    opening, _ = pairing.reveal(*revealed)
    assert message(app, channel.PAIR_OPEN, 2, *opening)[0] == channel.REFUSAL
    typed(app, PIN, PIN)
    assert shown(app) == "The PIN is set"


async def test_a_session_ends_what_the_owner_began_with_the_pin(tmp_path):
    app = patient(device(tmp_path))
    link = host_of(app)
    app.board.answer = "approve"
    await pair(link)
    patient(app)
    press(app, "menu:pinflow.set_pin")
    typed(app, PIN)
    await link.session_join(create_terms(os.urandom(16), 2, 2, os.urandom).encode())
    assert app.lock is None
    typed(app, PIN)
    assert not restarted(tmp_path).locked


# Tries


def test_a_wrong_pin_costs_a_try_and_time(locked):
    _, app, _ = locked
    unlock(app, OTHER)
    assert shown(app) == "Wrong PIN 9 tries left wait 2 s"
    press(app, "approve")
    assert "PIN:" not in shown(app)
    pass_seconds(app, 1)
    assert shown(app) == "Wrong PIN 9 tries left wait 1 s"
    pass_seconds(app, 1)
    unlock(app, OTHER)
    assert shown(app) == "Wrong PIN 8 tries left wait 4 s"


def test_the_wait_begins_anew_with_every_start(locked):
    state, app, _ = locked
    wrong(app, 3)
    again = restarted(state)
    assert shown(again) == "Wrong PIN 7 tries left wait 8 s"
    pass_seconds(again, 7)
    press(again, "approve")
    assert "PIN:" not in shown(again)


def test_the_right_pin_gives_all_tries_back(locked):
    state, app, _ = locked
    wrong(app, 9)
    pass_seconds(app, 1024)
    unlock(app)
    assert not app.locked
    again = restarted(state)
    assert shown(again) == " ".join(LOCKED)
    unlock(again, OTHER)
    assert "9 tries left" in shown(again)


async def test_the_last_wrong_pin_wipes_the_device(locked):
    state, app, pairing = locked
    wrong(app, PIN_TRIES)
    assert shown(app) == "Wiping please wait"
    pass_seconds(app, 2)
    assert app.board.resets
    again = restarted(state)
    assert NEW in shown(again)
    assert again.identity.public != pairing.identity


def test_a_try_is_counted_before_anything_is_compared(locked, monkeypatch):
    state, app, _ = locked
    left = []

    def no_power(self, *_):
        left.append(self.left)
        raise OSError(5)

    monkeypatch.setattr(TableKey, "_stretch", no_power)
    unlock(app)
    assert left == [PIN_TRIES - 1]
    assert "9 tries left" in shown(restarted(state))


def test_a_try_that_cannot_be_counted_is_none(locked, monkeypatch):
    """A flash that does not take the mark, or that shows another one, gets no PIN to compare."""
    _, app, _ = locked
    monkeypatch.setattr("daric.board.flashfile.FlashFile.program", lambda *_: None)
    monkeypatch.setattr(TableKey, "_stretch", lambda *_: pytest.fail("the PIN was compared"))
    unlock(app)
    assert shown(app) == "Daric out of order: storage" and app.locked


# The wipe code


def with_wipe_code(state) -> App:
    app = with_pin(device(state))
    app.show_ready()
    press(app, "menu:pinflow.wipe_code")
    typed(app, PIN, CODE, CODE)
    assert shown(app) == "The wipe code is set"
    return restarted(state)


def test_the_wipe_code_looks_like_a_wrong_pin_and_wipes(tmp_path):
    app = with_wipe_code(tmp_path)
    unlock(app, OTHER)
    pass_seconds(app, 2)
    unlock(app, CODE)
    assert shown(app) == "Wrong PIN 8 tries left wait 4 s"
    pass_seconds(app, 2)
    assert app.board.resets
    assert NEW in shown(restarted(tmp_path))


def test_the_pin_opens_beside_a_wipe_code_and_stays_another_number(tmp_path):
    app = with_wipe_code(tmp_path)
    unlock(app)
    assert not app.locked
    press(app, "menu:pinflow.set_pin")
    typed(app, PIN, CODE, CODE)
    assert shown(app) == "This is the wipe code."
    app.show_ready()
    press(app, "menu:pinflow.wipe_code")
    typed(app, PIN, PIN, PIN)
    assert shown(app) == "This is the PIN."
    again = restarted(tmp_path)
    unlock(again)
    assert not again.locked


def test_the_wipe_code_stays_when_the_pin_changes_and_goes_with_it(tmp_path):
    app = with_wipe_code(tmp_path)
    unlock(app)
    press(app, "menu:pinflow.set_pin")
    typed(app, PIN, OTHER, OTHER)
    app.show_ready()
    press(app, "menu:pinflow.set_pin")
    typed(app, CODE)
    assert app.wiped
    app = with_wipe_code(tmp_path)
    unlock(app)
    press(app, "menu:pinflow.remove_pin")
    typed(app, PIN)
    press(app, "approve")
    with_pin(app)
    again = restarted(tmp_path)
    unlock(again, CODE)
    pass_seconds(again, 2)
    assert not again.board.resets and again.locked


# What a locked device answers


def message(app: App, *fields) -> list:
    return platform.cbor_decode(app.dispatcher.answer(platform.cbor_encode(list(fields))))


@pytest.mark.parametrize("kind", [1, 2, 3, 4, 5, 8, 9, 255])
@pytest.mark.parametrize("fields", [[], [b""], [bytes(32)], [bytes(33), bytes(32)], [1, 2, 3]])
def test_a_locked_device_answers_nothing_else(locked, kind, fields):
    _, app, _ = locked
    assert message(app, kind, 5, *fields)[::2] == [channel.REFUSAL, DaricError("locked").number]


@pytest.mark.parametrize("seed", range(3))
def test_random_messages_open_nothing_and_put_no_question_but_the_pin_and_the_wipe(locked, seed):
    _, app, _ = locked
    draw = random.Random(seed)
    answered = (channel.HELLO, channel.UNLOCK, channel.WIPE, channel.REFUSAL)
    for _ in range(300):
        fields = [
            draw.choice([draw.randrange(12), draw.randrange(1 << 32), draw.randbytes(draw.randrange(70)), "lock"])
        ]
        fields += [
            draw.choice([draw.randrange(300), b"", draw.randbytes(33), [], "wipe"]) for _ in range(draw.randrange(4))
        ]
        data = platform.cbor_encode(fields)
        if draw.random() < 0.3:
            data = draw.randbytes(draw.randrange(1, 60))
        reply = platform.cbor_decode(app.dispatcher.answer(data))
        assert reply[0] in answered
        app.step(0)
        asked = [lines for lines, ask in app.board.pages if ask]
        assert all("PIN:" in lines or lines[0] == "WIPE THE DEVICE?" for lines in asked)
    assert app.locked and not app.wiped and app.fault is None


async def test_a_paired_host_of_a_locked_device_hears_that_it_is(locked):
    _, app, pairing = locked
    link = host_of(app)
    await link.hello()
    await refused("locked", link.connect(pairing))
    await refused("locked", link.pair(lambda code: True))


async def test_a_stranger_puts_the_page_for_the_pin_on_the_screen_and_no_more(locked):
    _, app, _ = locked
    link = host_of(app, 1)
    state = await link.lock_state()
    assert (state.locked, state.seconds, state.tries) == (True, 0, PIN_TRIES)
    assert "PIN:" in shown(app)
    typed(app, OTHER)
    state = await link.lock_state()
    assert (state.locked, state.seconds, state.tries) == (True, 2, PIN_TRIES - 1)


async def test_a_host_waits_until_the_pin_was_typed(locked):
    _, app, pairing = locked
    link = host_of(app)
    app.board.typing = f"text:{PIN}"
    states = []
    await link.unlock(states.append)
    assert [state.locked for state in states] == [True]
    await link.connect(pairing)
    assert not (await link.lock_state()).locked


@pytest.mark.parametrize("kind", [channel.UNLOCK, channel.WIPE])
def test_a_request_about_the_lock_has_no_more_fields(locked, kind):
    _, app, _ = locked
    assert message(app, kind, 5, 1)[0] == channel.REFUSAL
    assert app.locked and not app.wiped


async def test_a_host_cannot_wipe_a_locked_device_without_its_owner(locked):
    state, app, _ = locked
    app.board.answer = "refuse"
    await refused("refused", host_of(app, 1).wipe_locked())
    assert not app.wiped
    app.board.answer = "approve"
    await host_of(app, 1).wipe_locked()
    pass_seconds(app, 2)
    assert app.board.resets
    assert not restarted(state).locked


async def test_a_host_takes_no_page_away_on_which_the_pin_is_typed(locked):
    _, app, _ = locked
    press(app, "approve")
    await refused("busy", host_of(app, 1).wipe_locked())
    typed(app, PIN)
    assert not app.locked
    await refused("unpaired", host_of(app, 1).wipe_locked())


async def test_a_question_to_wipe_that_nobody_answers_ends(locked):
    _, app, _ = locked
    assert message(app, channel.WIPE, 5) == [channel.WIPE, 5, 0]
    pass_seconds(app, APPROVAL_TIMEOUT)
    assert message(app, channel.WIPE, 6) == [channel.REFUSAL, 6, DaricError("timeout").number]
    assert shown(app) == " ".join(LOCKED)


# Locking, wiping, holding


async def test_a_host_locks_the_device(tmp_path):
    app = device(tmp_path)
    link = host_of(app)
    await pair(link)
    await refused("pin", link.lock())
    with_pin(app)
    await link.lock()
    await refused("locked", link.identity())
    pass_seconds(app, 2)
    assert app.board.resets


async def test_the_owner_types_the_pin_before_a_host_wipes_the_device(tmp_path):
    app = device(tmp_path)
    link = host_of(app)
    await pair(link)
    with_pin(app)
    app.board.answer = "approve"
    app.board.typing = f"text:{PIN}"
    await link.wipe()
    assert app.wiped and shown(app) == "Wiping please wait"
    pass_seconds(app, 2)
    assert app.board.resets
    assert not restarted(tmp_path).locked


async def test_who_does_not_know_the_pin_cannot_agree_to_a_wipe(tmp_path):
    app = device(tmp_path)
    link = host_of(app)
    await pair(link)
    with_pin(app)
    app.board.answer = "approve"
    app.board.typing = f"text:{OTHER}"
    asked = asyncio.create_task(link.wipe())
    await until(app, lambda: "tries left wait" in shown(app))
    app.board.typing = None
    pass_seconds(app, 2)
    assert "PIN: > 0" in shown(app)
    pass_seconds(app, APPROVAL_TIMEOUT)
    await refused("refused", asked)
    assert not app.wiped and app.lock is None


def test_the_owner_wipes_the_device_in_the_menu(tmp_path):
    app = with_pin(device(tmp_path))
    app.show_ready()
    press(app, "menu:pinflow.wipe", "refuse")
    assert not app.wiped
    press(app, "menu:pinflow.wipe", "approve")
    typed(app, OTHER)
    assert not app.wiped
    pass_seconds(app, 3)
    typed(app, PIN)
    assert app.wiped


def test_both_buttons_wipe_a_locked_device(locked):
    state, app, _ = locked
    app.board.both_held = True
    app.step(0)
    pass_seconds(app, WIPE_HOLD - 2)
    assert shown(app).startswith("Keep holding: WIPE in 2 s")
    app.board.both_held = False
    app.step(0)
    assert app.board.pages[-1] == (LOCKED, False)
    app.board.both_held = True
    app.step(0)
    pass_seconds(app, WIPE_HOLD - 1)
    assert not app.wiped
    pass_seconds(app, 1)
    assert app.wiped
    assert not restarted(state).locked


def test_both_buttons_do_nothing_on_an_open_device(tmp_path):
    app = patient(device(tmp_path))
    app.board.both_held = True
    app.step(0)
    pass_seconds(app, 2 * WIPE_HOLD)
    assert not app.wiped


def test_both_buttons_wipe_a_device_that_is_out_of_order(tmp_path):
    app = device(tmp_path)
    app.board.chip().erase(1)
    app.board.chip().erase(3)
    broken = restarted(tmp_path)
    assert broken.fault is not None and broken.fault.name == "storage"
    broken.board.both_held = True
    broken.step(0)
    pass_seconds(broken, WIPE_HOLD)
    pass_seconds(broken, 2)
    assert broken.board.resets
    assert restarted(tmp_path).fault is None


# After three strikes


async def struck_out(state):
    """(device with a PIN, its link, the other member, terms of a new set-up of the pair after the day's wait)."""
    app = device(state)
    link = host_of(app)
    await pair(link)
    party = LocalParty(5)
    group = (await make_wallet(link, [party])).group
    for _ in range(STRIKES_BEFORE_DELAY):
        app.custody.bans.add(group, party.identity.public, True)
    with_pin(app)
    roster = party.custody.roster(group)
    mine = roster.index_of(app.identity.public)
    other = roster.index_of(party.identity.public)
    await refused("banned", link.session_join(pair_terms(os.urandom(16), group, roster, mine, other).encode()))
    app.board.seconds += STRIKE_DELAY
    return app, link, party, pair_terms(os.urandom(16), group, roster, mine, other)


async def test_a_new_set_up_after_three_strikes_takes_the_pin(tmp_path):
    app, link, party, terms = await struck_out(tmp_path)
    app.board.answer = "approve"
    app.board.typing = f"text:{PIN}"
    app.board.pages.clear()
    outcomes = await run_session(terms, [DeviceParty(link), party])
    assert [state for state, _ in outcomes] == ["done", "done"], outcomes
    asked = [lines[0] for lines, ask in app.board.pages if ask]
    assert asked == ["WARNING", "PIN:"]


async def test_who_types_no_pin_makes_no_new_set_up_after_three_strikes(tmp_path):
    app, link, party, terms = await struck_out(tmp_path)
    app.board.answer = "approve"
    app.board.typing = None
    running = asyncio.create_task(run_session(terms, [DeviceParty(link), party]))
    await until(app, lambda: app.lock is not None)
    pass_seconds(app, APPROVAL_TIMEOUT)
    assert {state for state, _ in await running} == {"failed"}
    assert app.custody.bans.is_banned(terms.group, party.identity.public)
