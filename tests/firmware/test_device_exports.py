"""An export to the device: key and phrase are on its own screen, page by page, and nowhere else."""

import os

import pytest
from daric import secretpages
from daric_protocol import flows
from daric_protocol.errors import DaricError
from daric_protocol.limits import SECRET_TIMEOUT
from daric_protocol.rounds.export import Exported

from tests.firmware.board import device, host_of, pair, pass_seconds
from tests.firmware.test_device_hosts import refused
from tests.firmware.test_device_sessions import make_wallet
from tests.sim.rig import DeviceParty, LocalParty, run_session

ZERO_PHRASE = ["abandon"] * 11 + ["about"]  # BIP39, entropy of 16 zeros


@pytest.fixture
async def wallet(tmp_path):
    app = device(tmp_path)
    link = host_of(app)
    await pair(link)
    party = LocalParty(5)
    terms = await make_wallet(link, [party])
    app.board.pages.clear()
    return app, link, party, terms.group


async def export(wallet, to_device: bool = True):
    app, link, party, group = wallet
    roster = party.custody.roster(group)
    initiator = roster.index_of(app.identity.public if to_device else party.identity.public)
    terms = flows.export_terms(os.urandom(16), group, roster, [1, 2], initiator, "moving out")
    return await run_session(terms, [DeviceParty(link), party])


def pages_shown(app) -> str:
    return "\n".join(line for lines, _ in app.board.pages for line in lines)


def secret_of(app, party, group) -> str:
    """The key, put together of both shares."""
    from daric_protocol.polynomial import lagrange
    from daric_protocol.tagged import Q

    shards = [app.custody.shard(group), party.custody.shard(group)]
    return f"{sum(lagrange([1, 2], shard.me) * shard.s for shard in shards) % Q:064x}"


async def test_the_key_is_on_the_screen_and_the_host_sees_nothing_of_it(wallet):
    app, _, party, group = wallet
    outcomes = await export(wallet)
    assert outcomes == [("done", None), ("done", None)]
    assert secret_of(app, party, group) in pages_shown(app).replace("\n", "")


async def test_a_device_that_gives_its_share_shows_no_key(wallet):
    app, _, party, group = wallet
    (state, result), (_, exported) = await export(wallet, to_device=False)
    assert (state, result) == ("done", None)
    assert f"{exported.secret:064x}" == secret_of(app, party, group)
    assert "SECRET KEY" not in pages_shown(app)


async def test_the_key_stays_on_the_screen_until_the_owner_closes_it(wallet):
    app, link, _, _ = wallet
    app.board.answer = None
    session = export(wallet)
    for answer in ("approve",):
        app.board.show = showing(app.board, answer)
    await session
    assert app.secret is not None
    await refused("busy", link.session_join(flows.create_terms(os.urandom(16), 2, 2, os.urandom).encode()))
    await refused("busy", link.sign_terms(flows.create_terms(os.urandom(16), 2, 2, os.urandom)))
    for answer in ("approve", "refuse", "approve"):
        app.board.press(answer)
        app.step(0)
    assert app.board.pages[-1][0] == ["Written down?", "Then close this"]
    app.board.press("approve")
    app.step(0)
    assert app.secret is None
    assert app.board.pages[-1][0][:2] == ["Daric", "ready"]


def showing(board, answer: str):
    """A board whose owner agrees to the export and then looks at its pages in peace."""
    original = type(board).show

    def show(lines, ask, typed="", choice=""):
        original(board, lines, ask, typed, choice)
        if ask and "EXPORT THE KEY" in lines:
            board.press(answer)

    return show


async def test_a_key_does_not_stay_on_a_screen_for_ever(wallet):
    app = wallet[0]
    app.board.answer = None
    app.board.show = showing(app.board, "approve")
    await export(wallet)
    assert app.secret is not None
    pass_seconds(app, SECRET_TIMEOUT)
    assert app.secret is None
    assert app.board.pages[-1][0][:2] == ["Daric", "ready"]


async def test_the_session_that_is_over_holds_no_key(wallet):
    app = wallet[0]
    await export(wallet)
    assert app.sessions._session is None
    assert app.sessions._status[5] is None


def test_an_imported_phrase_follows_the_key_in_pages_of_four_words():
    shown = secretpages.pages(Exported(1, bytes(16)))
    assert shown[0] == ["SECRET KEY", "0" * 16, "0" * 16, "0" * 16, "0" * 15 + "1"]
    assert [line for page in shown[1:-1] for line in page[1:]] == [
        f"{n:2} {word}" for n, word in enumerate(ZERO_PHRASE, 1)
    ]
    assert {page[0] for page in shown[1:-1]} == {"PHRASE, 12 words"}


@pytest.mark.parametrize("length", [16, 20, 24, 28, 32])
def test_the_words_are_those_of_the_host(length):
    from daric_host import phrase

    for entropy in (bytes(length), b"\xff" * length, os.urandom(length)):
        assert " ".join(secretpages.phrase(entropy)) == phrase.phrase(entropy)


def test_every_line_fits_the_screen():
    for page in secretpages.pages(Exported(2**255, b"\xff" * 32)):
        assert len(page) <= 5
        assert max(len(line) for line in page) <= 17


def test_without_its_word_list_the_key_is_shown_all_the_same(monkeypatch):
    monkeypatch.setattr(secretpages, "_path", lambda: "/nowhere/words.bin")
    with pytest.raises(DaricError):
        secretpages.phrase(bytes(16))
    shown = secretpages.pages(Exported(1, bytes(16)))
    assert shown[1] == ["The phrase", "cannot be shown"]


def test_the_devices_word_list_is_the_hosts():
    from pathlib import Path

    from daric_host.phrase import LIST

    data = Path(secretpages.__file__).with_name("words.bin").read_bytes()
    words = [data[at : at + 8].decode().rstrip() for at in range(0, len(data), 8)]
    assert words == LIST.read_text().split() and len(words) == 2048
