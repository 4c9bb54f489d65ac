"""The person at the bench: only who compared the codes says yes."""

import io

import pytest
from daric_host.flashing.operator import Terminal
from daric_host.flashing.ports import Port

PORT = Port("/dev/ttyACM0")


class Typed(io.StringIO):
    """Standard input of a person, or of a program."""

    def __init__(self, text, terminal=True):
        super().__init__(text)
        self._terminal = terminal

    def isatty(self):
        return self._terminal


@pytest.mark.parametrize(
    ("typed", "agreed"),
    [("y\n", True), (" YES \n", True), ("\n", False), ("n\n", False), ("", False), ("123456\n", False)],
)
def test_only_a_clear_yes_agrees(monkeypatch, capsys, typed, agreed):
    monkeypatch.setattr("sys.stdin", Typed(typed))
    assert Terminal().same_code(PORT, "123456") is agreed
    assert "123 456" in capsys.readouterr().err


def test_without_a_person_nobody_agrees(monkeypatch):
    monkeypatch.setattr("sys.stdin", Typed("y\n", terminal=False))
    assert Terminal().same_code(PORT, "123456") is False


def test_whoever_says_yes_on_the_command_line_is_asked_nothing(monkeypatch, capsys):
    assert Terminal(yes=True).same_code(PORT, "123456") is True
    Terminal(yes=True).look(PORT, "hold the button")
    assert capsys.readouterr().err == "/dev/ttyACM0: at the device: hold the button\n"
