"""A bare board: the real MicroPython with its prompt behind a pty, flashed through mpremote's raw REPL."""

import dataclasses
import hashlib

import pytest
from daric_host.flashing import build, compiling, installing
from daric_host.flashing.bench import Host
from daric_host.flashing.installing import KEEP, RESUME, WRITE
from daric_host.flashing.ports import Port
from daric_host.flashing.probing import CLOSED, MICROPYTHON, OTHER, probe
from daric_host.flashing.rawboard import RawBoard, runs_on
from daric_host.flashing.signedimage import SignedImage
from daric_host.transport import SerialTransport
from daric_protocol.errors import DaricError
from daric_protocol.imagehead import ROMFS
from daric_sim.stockboard import StockBoard

QUIET = lambda name: lambda done, total: None  # noqa: E731 - a step nobody watches


class Unplugged(Exception):
    """The tool dies here."""


def small(board="virtual", kind="development", **more):
    """An image of the four files that start one, and a payload of a few pieces."""
    sources = dict.fromkeys(compiling.STARTED, b"x = 1\n")
    for inside, path in ((compiling.LOADER, "daric/loader.py"), (compiling.CODE_FLASH, "daric/board/code_virtual.py")):
        sources[inside] = (compiling.FIRMWARE.parent / path).read_bytes()
    contents = {**compiling.contents(sources), "data.bin": bytes(range(256)) * 24, **more}
    return SignedImage.make(contents, ROMFS, version="1.2.3", board=board, kind=kind, micropython=build.MICROPYTHON)


@pytest.fixture(scope="module")
def image():
    return small()


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with StockBoard(tmp_path_factory.mktemp("board")) as board:
        yield board, Port(board.path, known="simulated")


@pytest.fixture
def raw(bench):
    with RawBoard(bench[1]) as board:
        yield board


def named(name, call, *arguments):
    with pytest.raises(DaricError) as caught:
        call(*arguments)
    assert caught.value.name == name
    return caught.value.detail


def test_a_bare_board_says_what_it_is(raw, image):
    facts = raw.facts()
    assert facts.version >= (1, 28) and facts.architecture == "x64" and facts.free > 100_000
    installing.check_fits(image, facts, "x64")
    assert "prompt" in named("parameter", installing.check_fits, small(kind="production"), facts, "x64")
    assert "armv6m" in named("parameter", installing.check_fits, image, facts, "armv6m")
    named("parameter", installing.check_fits, small(), type(facts)((1, 27, 9), "p", "m", "x64", b"", 1), "x64")


def test_a_prompt_that_was_sent_noise_is_still_a_prompt(bench):
    line = SerialTransport(bench[1].path)
    line.write(b"\x04\x00\x05\x01 noise \x02\x05\r\x04")
    line.close()
    with RawBoard(bench[1]) as raw:
        assert raw.value("6 * 7") == 42


def test_code_runs_on_the_same_architecture_or_on_one_that_contains_it():
    assert runs_on("armv6m", "armv7emsp") and runs_on("armv7emsp", "armv7emdp") and runs_on("x64", "x64")
    assert not runs_on("armv7emdp", "armv7emsp") and not runs_on("x64", "") and not runs_on("xtensawin", "rv32imc")


def test_what_python_raises_there_is_told_here(raw):
    assert "ZeroDivisionError" in named("internal", raw.run, "1/0")
    named("link", raw.value, "lambda: 0")
    assert raw.value("41 + 1") == 42


def test_a_file_is_written_whole_and_its_hash_is_the_boards(raw):
    data = bytes(range(256)) * 5
    raw.put("some.bin", data)
    assert raw.digest("some.bin") == hashlib.sha256(data).digest()
    assert raw.digest("none") is None and "some.bin.new" not in raw.names()


def test_a_board_whose_flash_forgets_keeps_the_old_file(raw, monkeypatch):
    raw.put("kept.bin", b"old")
    monkeypatch.setattr(raw, "digest", lambda name: bytes(32))
    named("storage", raw.put, "kept.bin", b"new")
    monkeypatch.undo()
    assert raw.digest("kept.bin") == hashlib.sha256(b"old").digest()


def test_flashing_does_what_was_planned_and_nothing_twice(tmp_path, image):
    with StockBoard(tmp_path) as board, RawBoard(Port(board.path)) as raw:
        first = installing.plan(raw, image)
        assert [change.name for change in first] == ["loader.mpy", "codeflash.mpy", "code slot", "boot.py", "main.py"]
        assert {change.what for change in first} == {WRITE}
        died_at = interrupt(raw, image, "write the code slot", 3)
        assert 0 < died_at < image.manifest.size
        assert [change.what for change in installing.plan(raw, image)] == [KEEP, KEEP, RESUME, WRITE, WRITE]
        assert "boot.py" not in raw.names()  # the prompt stays until everything else is there
        sent = installing.install(raw, image, QUIET)
        assert sent < image.manifest.size
        assert raw.value("(_s.running(), _s.on_trial())") == (0, False)
        files = board.files()
        assert {name: files[name] for name in compiling.BASE} == installing.base_files(image)


def test_a_board_that_lost_power_while_it_was_flashed_is_flashed_again(tmp_path, image):
    with StockBoard(tmp_path) as board:
        port = Port(board.path)
        for step in ("write loader.mpy", "write the code slot", "write main.py"):
            with RawBoard(port) as raw:
                interrupt(raw, image, step, 0)
                board.kill()
            board.start()
        with RawBoard(port) as raw:
            assert installing.install(raw, image, QUIET) == len(image.contents()["main.py"])
            assert raw.value("_s.whole(_s.running())") is True


def test_a_code_slot_with_a_wrong_byte_is_told_and_written_anew(tmp_path, image, monkeypatch):
    with StockBoard(tmp_path) as board, RawBoard(Port(board.path)) as raw:
        good = image.payload
        flipped = good[:300] + bytes([good[300] ^ 1]) + good[301:]
        files = installing.base_files(image)
        monkeypatch.setattr(installing, "base_files", lambda _: files)
        wrong = dataclasses.replace(image, payload=flipped)
        assert "flash it again" in named("storage", installing.install, raw, wrong, QUIET)
        assert "boot.py" not in raw.names()
        installing.install(raw, image, QUIET)
        assert raw.value("_s.whole(_s.running())") is True


def interrupt(raw, image, wanted, moves):
    """Flash until the bar of one step has moved so often; how far it was."""
    seen = []

    def step(name):
        def move(done, total):
            if name == wanted:
                seen.append(done)
                if len(seen) > moves:
                    raise Unplugged

        return move

    with pytest.raises(Unplugged):
        installing.install(raw, image, step)
    return seen[-1]


def test_an_image_without_room_or_without_a_start_is_refused(raw, image):
    named("storage", installing.install, raw, small(**{"big.bin": bytes(2 << 20)}), QUIET)
    contents = {name: data for name, data in image.contents().items() if name != "loader.mpy"}
    what = {"version": "1.2.3", "board": "virtual", "kind": "development", "micropython": build.MICROPYTHON}
    broken = SignedImage.make(contents, ROMFS, **what)
    assert "loader.mpy" in named("parameter", installing.install, raw, broken, QUIET)


def test_what_is_at_a_port_is_found_out(bench):
    found = probe(bench[1], Host())
    assert found.what == MICROPYTHON and found.as_json()["architecture"] == "x64"


def test_ports_that_are_unknown_gone_or_silent_are_told_apart(bench, tmp_path, monkeypatch):
    import os
    import pty

    unknown = probe(Port(bench[1].path), Host())
    assert unknown.what == CLOSED and "--force-port" in unknown.why
    assert probe(Port("/dev/none", known="x"), Host()).what == CLOSED
    monkeypatch.setattr(RawBoard.__init__, "__defaults__", (1,))
    ours, theirs = pty.openpty()
    silent = probe(Port(os.ttyname(theirs), known="x"), Host())
    os.close(ours), os.close(theirs)
    assert silent.what == OTHER and "prompt" in silent.why
    named("port", RawBoard, Port(str(tmp_path / "none")))
