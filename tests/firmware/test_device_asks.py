"""The owner begins: the menu of an idle device, terms that the device signs, text by two buttons."""

import os

import pytest
from daric.menu import DEVICE
from daric.textentry import CODE, TextEntry
from daric_protocol import flows
from daric_protocol.identity import Identity, verify
from daric_protocol.limits import APPROVAL_TIMEOUT
from daric_protocol.terms import Terms

from tests.firmware.board import device, host_of, pair, pass_seconds, press
from tests.firmware.test_device_hosts import refused
from tests.firmware.test_device_sessions import make_wallet
from tests.sim.rig import DeviceParty, LocalParty, run_session


@pytest.fixture
async def wallet(tmp_path):
    """(device, link, the other member, terms of the wallet that both made)."""
    app = device(tmp_path)
    link = host_of(app)
    await pair(link)
    party = LocalParty(5)
    return app, link, party, await make_wallet(link, [party])


# The menu

OF_THE_DEVICE = [row.split(" ") for row in DEVICE.strip().split("\n")]


async def test_a_choice_in_the_menu_is_told_once(wallet):
    app, link, _, terms = wallet
    app.show_ready()
    press(app, "menu:refresh:1")
    assert app.board.pages[-1][0] == ["Go on at the", "phone"]
    assert await link.wanted() == ("refresh", terms.group)
    assert await link.wanted() is None


@pytest.mark.parametrize("op", ["refresh", "backup", "export"])
async def test_a_group_may_be_named_by_its_id(wallet, op):
    app, link, _, terms = wallet
    press(app, f"menu:{op}:{terms.group.hex()}")
    assert await link.wanted() == (op, terms.group)


@pytest.mark.parametrize(
    "answer", ["menu:refresh:2", "menu:refresh:0", "menu:sign:1", "menu:refresh", "menu:", "menu:refresh:1:1", "text:A"]
)
async def test_what_the_menu_does_not_have_is_no_choice(wallet, answer):
    app, link, _, _ = wallet
    press(app, answer)
    assert await link.wanted() is None


async def test_two_buttons_page_through_the_menu(wallet):
    app, link, _, terms = wallet
    app.board.answer = None
    app.show_ready()
    press(app, "approve")
    assert app.board.pages[-1] == (["New shares?", " Savings", " " + terms.group.hex()[:8]], True)
    press(app, "refuse", "refuse")
    assert app.board.pages[-1][0][0] == "Export the key?"
    for row in OF_THE_DEVICE:
        press(app, "refuse")
        assert app.board.pages[-1][0] == [row[0].replace("_", " ") + "?"]
    press(app, "refuse")
    assert app.board.pages[-1][0] == ["Leave the menu?"]
    press(app, "refuse", "refuse", "approve")
    assert await link.wanted() == ("backup", terms.group)


async def test_the_menu_can_be_left(wallet):
    app, link, _, _ = wallet
    app.board.answer = None
    press(app, "approve", *["refuse"] * (3 + len(OF_THE_DEVICE)), "approve")
    assert app.board.pages[-1][0][:2] == ["Daric", "ready"]
    assert await link.wanted() is None


async def test_a_device_without_a_wallet_has_the_menu_of_the_device_alone(tmp_path):
    app = device(tmp_path, None)
    before = len(app.board.pages)
    press(app, "menu:refresh:1")
    assert len(app.board.pages) == before
    press(app, "approve")
    assert app.board.pages[-1][0] == [OF_THE_DEVICE[0][0].replace("_", " ") + "?"]


async def test_a_menu_that_the_owner_left_closes(wallet):
    app = wallet[0]
    app.board.answer = None
    press(app, "approve")
    pass_seconds(app, APPROVAL_TIMEOUT)
    assert app.board.pages[-1][0][:2] == ["Daric", "ready"]


async def test_a_choice_that_no_host_asked_for_is_forgotten(wallet):
    app, link, _, _ = wallet
    press(app, "menu:export:1")
    pass_seconds(app, APPROVAL_TIMEOUT)
    assert await link.wanted() is None


async def test_a_device_in_a_session_has_no_menu(wallet):
    app, link, _, _ = wallet
    app.board.answer = None
    await link.session_join(flows.create_terms(os.urandom(16), 2, 2, os.urandom).encode())
    press(app, "menu:refresh:1", "approve")
    assert await link.wanted() is None
    assert app.sessions.active


async def test_what_was_picked_runs_with_the_device_as_the_one_that_asks(wallet):
    app, link, party, _ = wallet
    press(app, "menu:refresh:1")
    _, group = await link.wanted()
    refresh = flows.refresh_terms(os.urandom(16), group, party.custody.roster(group))
    signature = await link.sign_terms(refresh)
    refresh.initiator, refresh.signature = app.identity.public, signature
    outcomes = await run_session(refresh, [DeviceParty(link), party])
    assert [state for state, _ in outcomes] == ["done", "done"], outcomes
    assert any("Asked by:" in lines for lines, ask in app.board.pages if ask)


async def test_what_concerns_the_device_itself_is_in_the_menu_after_the_wallets(wallet):
    app, link, _, _ = wallet
    app.board.answer = None
    app.show_ready()
    press(app, "approve", "refuse", "refuse", "refuse")
    assert app.board.pages[-1] == (["Paired hosts?"], True)
    assert app.board.visible[-1] == "<next      pick>"
    press(app, "approve")
    assert app.board.pages[-1][0][0] == "Host 1 of 1"
    assert await link.wanted() is None


async def test_the_rows_of_the_device_come_one_after_another_and_then_the_way_out(tmp_path):
    app = device(tmp_path, answer=None)
    press(app, "approve")
    titles = []
    while app.board.pages[-1][0] != ["Leave the menu?"]:
        titles.append(app.board.pages[-1][0])
        press(app, "refuse")
    rows = [row.split(" ")[0].replace("_", " ") for row in DEVICE.strip().split("\n")]
    assert titles == [[row + "?"] for row in rows]
    press(app, "approve")
    assert app.board.pages[-1][0][:2] == ["Daric", "not paired"]


@pytest.mark.parametrize(
    "answer",
    ["menu:pinflow._wiped", "menu:pinflow.lock_request", "menu:pinflow", "menu:hostsmenu.show:1", "menu:os.system"],
)
async def test_what_is_no_row_of_the_menu_is_not_called(tmp_path, answer):
    app = device(tmp_path, answer=None)
    before = len(app.board.pages)
    press(app, answer)
    assert len(app.board.pages) == before
    assert app.restarting is None


async def test_a_device_in_a_session_calls_no_row_of_its_menu(wallet):
    app, link, _, _ = wallet
    app.board.answer = None
    await link.session_join(flows.create_terms(os.urandom(16), 2, 2, os.urandom).encode())
    press(app, "menu:hostsmenu.show")
    assert app.board.pages[-1][0][0] != "Host 1 of 1"
    assert app.sessions.active


# Terms


async def test_a_device_signs_terms_when_its_owner_agrees(wallet):
    app, link, party, terms = wallet
    app.board.pages.clear()
    asked = flows.export_terms(os.urandom(16), terms.group, party.custody.roster(terms.group), [1, 2], 1, "moving")
    signature = await link.sign_terms(asked)
    signed = Terms(*[getattr(asked, name) for name in asked.NAMES])
    signed.initiator = app.identity.public
    assert verify(app.identity.public, signed.digest(), signature)
    [question] = [lines for lines, ask in app.board.pages if ask]
    assert question[0] == "Ask for this?"
    assert "EXPORT THE KEY" in question and " moving" in question


async def test_a_device_signs_the_terms_of_a_new_wallet_and_names_it(wallet):
    app, link, _, _ = wallet
    app.board.pages.clear()
    await link.sign_terms(flows.create_terms(os.urandom(16), 2, 3, os.urandom, "Holidays"))
    [question] = [lines for lines, ask in app.board.pages if ask]
    assert question == ["Ask for this?", "New wallet", " Holidays", "2 of 3 sign"]


async def test_newcomers_of_a_reshare_are_counted_in_the_question(wallet):
    app, link, party, terms = wallet
    app.board.pages.clear()
    await link.sign_terms(flows.reshare_terms(os.urandom(16), party.custody, terms.group, 2, 1))
    assert "and 1 who come new" in app.board.pages[0][0]


async def test_an_owner_who_refuses_gives_no_signature(wallet):
    app, link, party, terms = wallet
    app.board.answer = "refuse"
    roster = party.custody.roster(terms.group)
    await refused("refused", link.sign_terms(flows.refresh_terms(os.urandom(16), terms.group, roster)))


async def test_terms_of_a_group_that_the_device_does_not_have_are_not_signed(wallet):
    _, link, party, terms = wallet
    roster = party.custody.roster(terms.group)
    await refused("group", link.sign_terms(flows.refresh_terms(os.urandom(16), bytes(16), roster)))


async def test_terms_that_somebody_signed_are_not_signed_again(wallet):
    _, link, party, terms = wallet
    roster = party.custody.roster(terms.group)
    signed = flows.refresh_terms(os.urandom(16), terms.group, roster).signed(
        party.identity.public, party.custody.sign_identity
    )
    await refused("parameter", link.sign_terms(signed))


async def test_a_device_that_is_not_the_master_asks_for_nothing(wallet):
    _, link, party, terms = wallet
    roster = party.custody.roster(terms.group)
    master = roster.index_of(party.identity.public)
    change = flows.master_terms(os.urandom(16), terms.group, roster, master)
    outcomes = await run_session(change, [DeviceParty(link), party])
    assert [state for state, _ in outcomes] == ["done", "done"], outcomes
    roster = party.custody.roster(terms.group)
    await refused("master", link.sign_terms(flows.refresh_terms(os.urandom(16), terms.group, roster)))
    assert len(await link.group_changes(terms.group)) == len(party.custody.changes(terms.group)) == 1


@pytest.mark.parametrize("terms", [b"", b"\x80", b"\x9f", 7, None, [], "terms"])
async def test_what_are_no_terms_is_refused(wallet, terms):
    await refused("encoding", wallet[1]._call("terms_sign", terms))


@pytest.mark.parametrize("group", [b"", bytes(15), 7, None])
async def test_what_is_no_group_has_no_changes(wallet, group):
    await refused("encoding", wallet[1]._call("group_changes", group))


async def test_a_group_that_is_not_there_has_no_changes(wallet):
    await refused("group", wallet[1].group_changes(bytes(16)))


@pytest.mark.parametrize(
    "request_",
    [
        ("hosts_list", 1), ("menu_wanted", 1), ("terms_sign",), ("terms_sign", b"", b""), ("hosts_revoke",),
        ("log",), ("log", 0, 0),
        ("backup_make", bytes(16)), ("recovery_request", b""), ("recovery_restore", b""), ("group_changes",),
    ],
)  # fmt: skip
async def test_a_wrong_number_of_parameters_is_refused(wallet, request_):
    await refused("parameter", wallet[1]._call(*request_))


async def test_an_unpaired_host_asks_for_none_of_it(tmp_path):
    app = device(tmp_path)
    link = host_of(app)
    await pair(link)
    app.hosts.revoke(Identity(4711).public)
    for request_ in (link.hosts(), link.wanted(), link.group_changes(bytes(16)), link.revoke(bytes(33))):
        await refused("unpaired", request_)


# Text by two buttons


def type_with_two_buttons(entry: TextEntry, text: str) -> str | None:
    """The presses of a person who types and is done."""
    for character in text:
        for choice in (next(group for group in entry._groups if character in group), character):
            answer = choose(entry, choice)
            assert answer is None
    return choose(entry, "done")


def choose(entry: TextEntry, choice: str) -> str | None:
    for _ in range(40):
        if entry.page()[-1] == "> " + choice:
            return entry.press("approve")
        assert entry.press("refuse") is None
    raise AssertionError(choice)


@pytest.mark.parametrize("text", [CODE[:16], CODE[16:], "A", "7777777777777777"])
def test_every_character_can_be_typed_with_two_buttons(text):
    assert type_with_two_buttons(TextEntry(["Code:"]), text) == "text:" + text


def test_the_text_so_far_is_on_the_page():
    entry = TextEntry(["Code:"])
    for choice in ("ABCDEFGH", "C", "YZ234567", "4"):
        choose(entry, choice)
    assert entry.page()[:2] == ["Code:", "C4"]


def test_the_last_character_can_be_taken_back():
    entry = TextEntry(["Code:"])
    for choice in ("ABCDEFGH", "A", "ABCDEFGH", "B", "delete last"):
        choose(entry, choice)
    assert choose(entry, "done") == "text:A"


def test_a_wrong_group_can_be_left():
    entry = TextEntry(["Code:"])
    for choice in ("ABCDEFGH", "back", "IJKLMNOP", "K"):
        choose(entry, choice)
    assert choose(entry, "done") == "text:K"


def test_a_text_can_be_given_up():
    assert choose(TextEntry(["Code:"]), "cancel") == "refuse"


def test_there_is_nothing_to_delete_or_finish_at_the_beginning():
    entry = TextEntry(["Code:"])
    with pytest.raises(AssertionError):
        choose(entry, "done")


def test_an_answer_of_another_page_changes_no_text():
    entry = TextEntry(["Code:"])
    before = entry.page()
    assert entry.press("menu:refresh:1") is None
    assert entry.page() == before
