"""The gallery shows what the firmware shows now, and every screen that a person decides on."""

from pathlib import Path

import png
import pytest
from daric.dispatch import REQUESTS
from daric.menu import DEVICE
from daric.panel import COLUMNS, DECIDE, ROWS
from daric_protocol.evm.request import decode
from daric_protocol.terms import OPERATIONS
from daric_sim import gallery
from daric_sim.stage import Page, Stage

SCREENS = Path(__file__).resolve().parents[2] / "docs" / "screens"
# Which screen shows the question of a request that the owner decides on, or of a function in the menu.
ERRANDS = {
    "hosts_revoke": "pairing-forget",
    "hosts_revoke_all": "pairing-forget-all",
    "maintenance": "service-maintenance",
    "terms_sign": "ask-known",
    "backup_make": "backup-alone",
    "recovery_request": "recover-read",
    "update_end": "service-update",
    "wipe": "wipe-question",
    "policy_propose": "policy-propose",
    "address_show": "address-own",
    "factory_panel": "service-test-display",
    "factory_wipe": "wipe-question",
}
MENU = {
    "hostsmenu.show": "pairing-host",
    "review.raw_digests": "raw-allow",
    "pinflow.set_pin": "pin-new",
    "pinflow.remove_pin": "pin-remove",
    "pinflow.wipe_code": "pin-wipe-code",
    "pinflow.lock_now": "pin-locked",
    "pinflow.wipe": "wipe-question",
}


@pytest.fixture(scope="module")
def met():
    """What the scenes came by: operations of sessions, kinds of requests to sign."""
    return {"operations": set(), "kinds": set()}


@pytest.fixture(scope="module")
def taken(met):
    """The gallery's screens."""
    session = Stage.session

    def noted(stage, terms, roster, **changes):
        met["operations"].add(terms.op)
        if terms.op == "sign":
            met["kinds"].add(decode(terms.request).kind)
        session(stage, terms, roster, **changes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stage, "session", noted)
        return list(gallery.shots())


def dots(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        return [bytes(row) for row in png.Reader(file=file).read()[2]]


def test_the_pictures_are_those_of_the_firmware_as_it_is(taken):
    made = gallery.pictures(taken)
    assert sorted(made) == sorted(path.stem for path in SCREENS.glob("*.png"))
    stale = [name for name, rows in made.items() if dots(SCREENS / f"{name}.png") != [bytes(row) for row in rows]]
    assert stale == []


def test_the_page_shows_each_of_them_once(taken):
    assert (SCREENS / "index.md").read_text() == gallery.index(taken)
    assert len({shot.name for shot in taken}) == len(taken)


def test_every_request_that_the_owner_decides_on_is_shown(taken):
    asked = {row.split(" ")[0] for row in REQUESTS.strip().split("\n") if row.split(" ")[1] == "ask"}
    assert set(ERRANDS) == asked
    assert set(ERRANDS.values()) <= {shot.name for shot in taken}


def test_every_row_of_the_menu_and_what_follows_it_is_shown(taken):
    rows = {".".join(row.split(" ")[1:]) for row in DEVICE.strip().split("\n")}
    assert set(MENU) == rows
    assert set(MENU.values()) <= {shot.name for shot in taken}


def test_every_operation_and_every_kind_of_request_is_shown(taken, met):
    assert met == {"operations": set(OPERATIONS), "kinds": {0, 1, 2, 3, 4}}


def test_every_display_fits_and_every_question_ends_with_what_the_buttons_decide(taken):
    for shot in taken:
        displays = shot.page.displays()
        assert all(len(rows) <= ROWS and max(map(len, rows)) <= COLUMNS for rows in displays), shot.name
        if shot.page.ask:
            assert displays[-1][-1] == (shot.page.choice or DECIDE), shot.name


def test_a_changed_letter_is_another_picture():
    one, other = gallery.draw([["Amount:", " 1 ETH"], ["Amount:", " 9 ETH"]])
    assert one != other
    assert gallery.picture([one]) != gallery.picture([other])


def test_a_dark_display_has_no_lit_dot():
    [frame] = gallery.draw([[]])
    assert gallery.LIT not in b"".join(gallery.picture([frame]))


def test_a_question_of_many_rows_is_drawn_display_by_display():
    page = Page(tuple(f"line {number}" for number in range(40)), True)
    displays = page.displays()
    rows = gallery.picture(gallery.draw(displays))
    assert len(displays) == 6
    assert (len(rows[0]), len(rows)) == (4 * (256 + 8) + 8, 2 * (128 + 8) + 8)
