"""PIN stretching: RFC 8018 by hand is what the library computes, and a board's speed decides how often."""

import hashlib

import pytest
from daric import stretch
from daric_protocol.limits import STRETCH_MAX, STRETCH_MIN

from tests.micropython_runner import run_micropython


@pytest.mark.parametrize("pin", [b"0000", b"493021", b"1234567890123456"])
@pytest.mark.parametrize("iterations", [1, 2, 1000])
def test_both_forms_agree(pin, iterations):
    salt = hashlib.sha256(pin).digest()[:16]
    expected = hashlib.pbkdf2_hmac("sha256", pin, salt, iterations)
    assert stretch.plain(pin, salt, iterations) == expected
    assert stretch.stretch(bytearray(pin), salt, iterations) == expected


def test_micropython_computes_the_same(tmp_path):
    script = tmp_path / "stretched.py"
    script.write_text(
        "import gc\nfrom daric.stretch import stretch\ngc.threshold(4096)\nfed = []\n"
        "print(stretch(bytearray(b'493021'), bytes(16), 600, lambda: fed.append(1)).hex(), len(fed), gc.threshold())"
    )
    digest, fed, threshold = run_micropython(script, firmware=True).split()
    assert digest == hashlib.pbkdf2_hmac("sha256", b"493021", bytes(16), 600).hex()
    assert int(fed) == 2 and int(threshold) == 4096


class Board:
    """A board that needs so many microseconds for an iteration."""

    def __init__(self, micros, target):
        self.STRETCH_MS = target
        self.spent = 0
        self.micros = micros

    def ticks(self):
        return self.spent // 1000

    def watch(self):
        pass


@pytest.mark.parametrize(("micros", "target", "expected"), [(400, 1000, 2500), (15, 1000, 66666), (5, 20, 4000)])
def test_the_count_fits_the_boards_speed(monkeypatch, micros, target, expected):
    board = Board(micros, target)

    def work(pin, salt, iterations, watch):
        board.spent += iterations * micros

    monkeypatch.setattr(stretch, "stretch", work)
    assert abs(stretch.calibrated(board) - expected) <= expected // 10


@pytest.mark.parametrize("micros", [0, 100_000])
def test_a_strange_clock_leaves_the_count_within_its_limits(monkeypatch, micros):
    board = Board(micros, 1000)

    def work(pin, salt, iterations, watch):
        board.spent += iterations * micros

    monkeypatch.setattr(stretch, "stretch", work)
    assert stretch.calibrated(board) in (STRETCH_MIN, STRETCH_MAX)
