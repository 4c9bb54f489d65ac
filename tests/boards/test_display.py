"""The display's bytes, and the light that stands in for one."""

import pytest

from tests.boards.fakes import I2C, Clock, Pin

ADDRESS = 0x3C


@pytest.fixture
def display_module(board_modules):
    from daric.board import ssd1306

    return ssd1306


def test_the_display_is_set_up_by_commands_and_turned_on_last(display_module):
    bus = I2C()
    display_module.Display(bus)
    assert [address for address, _ in bus.writes] == [ADDRESS]
    sent = bus.writes[0][1]
    assert sent[0] == 0  # what follows are commands
    assert (sent[1], sent[-1]) == (0xAE, 0xAF)
    for command in (b"\xa8\x3f", b"\x8d\x14", b"\x20\x00", b"\xda\x12"):  # 64 rows, pump, addressing, wiring
        assert command in sent


def test_rows_are_drawn_one_below_another(display_module):
    bus = I2C()
    display = display_module.Display(bus)
    rows = [chr(ord("A") + number) + " " * 15 for number in range(8)]
    display.rows(rows)
    where, data = bus.writes[-2][1], bus.writes[-1][1]
    assert where == bytes([0, 0x21, 0, 127, 0x22, 0, 7])  # all columns, all pages
    assert (data[0], len(data)) == (0x40, 1025)
    for number in range(8):
        page = data[1 + 128 * number : 1 + 128 * (number + 1)]
        assert page == (chr(ord("A") + number) * 8 + " " * 120).encode()


def test_a_new_page_leaves_nothing_of_the_old_one(display_module):
    bus = I2C()
    display = display_module.Display(bus)
    display.rows(["X" * 16] * 8)
    display.rows(["Y"])
    data = bus.writes[-1][1]
    assert data[1:9] == b"Y" * 8
    assert not any(data[9:])


def test_what_is_not_ascii_is_a_question_mark(display_module):
    bus = I2C()
    display_module.Display(bus).rows(["a\u0430\n\x7f"])
    assert bus.writes[-1][1][1:33] == b"a" * 8 + b"?" * 24


def test_more_rows_than_there_are_do_not_reach_beyond_the_display(display_module):
    bus = I2C()
    display_module.Display(bus).rows(["Z" * 16] * 12)
    assert len(bus.writes[-1][1]) == 1025


def test_a_board_without_its_display_does_not_start(display_module):
    with pytest.raises(OSError, match="19"):
        display_module.Display(I2C(present=False))


def test_a_display_that_goes_away_is_an_error_and_not_a_blind_page(display_module):
    bus = I2C()
    display = display_module.Display(bus)
    bus.present = False
    with pytest.raises(OSError, match="19"):
        display.rows(["Send 1 ETH?"])


class Blinks:
    """What somebody sees of a light."""

    def __init__(self, clock: Clock, inverted: bool = False) -> None:
        from daric.board.led import Light

        self.pin = Pin("light")
        Pin.clock = clock
        self.clock = clock
        self.light = Light(self.pin, inverted)
        self.lit = 0 if inverted else 1

    def watch(self, milliseconds: int) -> list[tuple[int, int]]:
        """(milliseconds on, milliseconds off) of each flash that began and ended."""
        self.pin.written.clear()
        for _ in range(milliseconds):
            self.light.tick(self.clock.ticks())
            self.clock.pass_(1)
        turns = [self.pin.written[0]] if self.pin.written else []
        for turn in self.pin.written:
            if turn[1] != turns[-1][1]:
                turns.append(turn)
        if turns and turns[0][1] != self.lit:
            turns.pop(0)
        times = [at for at, _ in turns]
        return [(times[n + 1] - times[n], times[n + 2] - times[n + 1]) for n in range(0, len(times) - 2, 2)]


def test_a_light_winks_while_nothing_is_asked_and_blinks_while_something_is(clock):
    blinks = Blinks(clock)
    assert [round(on, -1) for on, _ in blinks.watch(10_000)] == [60] * 3
    blinks.light.rows(["Send 1 ETH", "hold: <no   yes>"], True)
    assert len(blinks.watch(5_000)) >= 9


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("code", ["123456", "907000", "000000", "999999"])
def test_a_code_is_blinked_digit_by_digit_and_again(clock, code, inverted):
    blinks = Blinks(clock, inverted)
    blinks.light.rows(["Pair with a host?", "Same code there?", code[:3] + " " + code[3:]], True)
    flashes = blinks.watch(120_000)
    read, count = "", 0
    for on, off in flashes:
        count += 0 if on > 500 else 1
        if off > 1000:
            read += str(count)
            count = 0
            if off > 2000:
                read += "|"
    assert read.split("|")[:2] == [code, code]


def test_a_page_without_a_code_of_six_digits_blinks_none(clock):
    blinks = Blinks(clock)
    for rows in (["12345"], ["1234567"], ["12 345x"], []):
        blinks.light.rows(rows, True)
        assert {(on, off) for on, off in blinks.watch(3_000)} <= {(250, 250), (251, 251), (251, 250), (250, 251)}
