"""A whole device with a broken entropy source: out of order at the start, or from the moment it breaks."""

import pytest
from daric.app import App
from daric_protocol.errors import DaricError

from tests.firmware.board import MemoryBoard, device, host_of, pair

BROKEN = ["missing", "stuck", "biased", "leaning", "repeating", "failing"]


@pytest.mark.parametrize("entropy", BROKEN)
async def test_a_device_with_a_broken_source_never_starts(tmp_path, entropy):
    app = device(tmp_path, entropy=entropy)
    assert app.board.pages == [(["Daric", "out of order:", "entropy"], False)]
    assert app.vault is None and app.identity is None
    link = host_of(app)
    assert await link.hello() == 1
    with pytest.raises(DaricError) as caught:
        await pair(link)
    assert caught.value.name == "entropy"


def test_nothing_is_written_with_random_bytes_that_were_never_good(tmp_path):
    device(tmp_path, entropy="stuck")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("entropy", [name + "@70" for name in BROKEN if name != "missing"])
async def test_a_source_that_breaks_in_use_ends_what_is_under_way_and_all_that_follows(tmp_path, entropy):
    app = device(tmp_path, entropy=entropy)
    assert app.fault is None
    link = host_of(app)
    pairing = await pair(link)
    assert len(app.hosts) == 1
    key = b"\2" + bytes(32)
    fields = ["login", "daric", key, key, bytes(32), app.identity.public, key, 1, b""]
    with pytest.raises(DaricError) as caught:
        for _ in range(400):
            await link.auth(fields)
    assert caught.value.name == "entropy"
    for _ in range(3):
        app.step(0)
    assert app.board.pages[-1] == (["Daric", "out of order:", "entropy"], False)
    for again in (link.hosts, link.identity, lambda: link.connect(pairing), lambda: pair(link)):
        with pytest.raises(DaricError) as caught:
            await again()
        assert caught.value.name == "entropy"
    assert app.sessions is None


async def test_a_generator_that_starts_the_same_way_each_time_is_refused_at_the_second_start(tmp_path):
    first = device(tmp_path, entropy="seeded")
    assert first.fault is None
    second = device(tmp_path, entropy="seeded")
    assert second.fault.name == "entropy"
    assert second.identity is None
    with pytest.raises(DaricError) as caught:
        await pair(host_of(second))
    assert caught.value.name == "entropy"
    assert device(tmp_path).fault is None  # what was made before is there with a good source


async def test_a_seeded_generator_shows_after_a_wipe_too(tmp_path):
    from daric.flash import wipe

    app = device(tmp_path, entropy="seeded")
    wipe(app.vault.chip)
    for path in (tmp_path / "files").iterdir():
        path.unlink()
    assert device(tmp_path, entropy="seeded").fault.name == "entropy"


def test_what_comes_by_chance_is_mixed_in(tmp_path):
    drawn = []
    for chance in (b"", b"press"):
        app = App(MemoryBoard(tmp_path / f"device{len(chance)}"))
        mixed = []
        app.entropy.mix = mixed.append
        app.board.chance = chance
        for _ in range(3):
            app.step(0)
        drawn.append(mixed)
    assert drawn == [[], [b"press"]]


def test_a_board_that_erases_weakly_says_so(tmp_path):
    app = device(tmp_path)
    assert "erasing is weak" not in app.board.pages[-1][0]
    app.board.weak_erase = True
    app.show_ready()
    assert "erasing is weak" in app.board.pages[-1][0]


def test_each_turn_feeds_the_watchdog(tmp_path):
    app = device(tmp_path)
    before = app.board.watched
    for _ in range(7):
        app.step(0)
    assert app.board.watched == before + 7
