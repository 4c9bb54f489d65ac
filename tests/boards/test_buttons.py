"""Two buttons: bouncing contacts, short and long presses, both at once."""

import pytest
from daric.board.buttons import DEBOUNCE_MS, HOLD_MS, Buttons

from tests.boards.fakes import Clock, Pin


class Fingers:
    def __init__(self, clock: Clock) -> None:
        self.left, self.right = Pin("left"), Pin("right")
        self.buttons = Buttons(self.left, self.right, clock.ticks)
        self.clock = clock
        clock.every.append(self.buttons.sample)

    def press(self, pin: Pin, milliseconds: int) -> None:
        pin.level = 0
        self.clock.pass_(milliseconds)
        pin.level = 1
        self.clock.pass_(DEBOUNCE_MS + 2)

    def presses(self) -> list[str]:
        out = []
        while (press := self.buttons.take()) is not None:
            out.append(press[0])
        return out


@pytest.fixture
def fingers(clock: Clock) -> Fingers:
    return Fingers(clock)


def test_a_short_press_counts_when_the_button_is_let_go(fingers):
    fingers.left.level = 0
    fingers.clock.pass_(200)
    assert fingers.presses() == []
    fingers.left.level = 1
    fingers.clock.pass_(DEBOUNCE_MS + 2)
    assert fingers.presses() == ["left"]


def test_a_long_press_counts_while_the_button_is_down_and_only_once(fingers):
    fingers.right.level = 0
    fingers.clock.pass_(HOLD_MS - 1)
    assert fingers.presses() == []
    fingers.clock.pass_(5)
    assert fingers.presses() == ["hold right"]
    fingers.clock.pass_(3 * HOLD_MS)
    fingers.right.level = 1
    fingers.clock.pass_(100)
    assert fingers.presses() == []


def test_a_press_tells_when_it_began(fingers):
    began = fingers.clock.now
    fingers.press(fingers.left, 300)
    press, ticks = fingers.buttons.take()
    assert (press, 0 <= ticks - began <= 2) == ("left", True)
    began = fingers.clock.now
    fingers.press(fingers.right, HOLD_MS + 50)
    press, ticks = fingers.buttons.take()
    assert (press, 0 <= ticks - began <= 2) == ("hold right", True)


@pytest.mark.parametrize("bounces", [1, 5, 20])
def test_a_bouncing_contact_is_one_press(fingers, bounces):
    for end in (0, 1):
        for _ in range(bounces):
            fingers.left.level = end
            fingers.clock.pass_(2)
            fingers.left.level = 1 - end
            fingers.clock.pass_(3)
        fingers.left.level = end
        fingers.clock.pass_(150)
    assert fingers.presses() == ["left"]


def test_a_spark_shorter_than_a_contact_needs_is_none(fingers):
    for _ in range(50):
        fingers.press(fingers.right, DEBOUNCE_MS - 3)
    assert fingers.presses() == []


def test_a_contact_that_opens_for_a_moment_does_not_end_a_long_press(fingers):
    fingers.right.level = 0
    fingers.clock.pass_(HOLD_MS // 2)
    fingers.right.level = 1
    fingers.clock.pass_(5)
    fingers.right.level = 0
    fingers.clock.pass_(HOLD_MS // 2 + 10)
    assert fingers.presses() == ["hold right"]


@pytest.mark.parametrize("gap", [0, 40, 400])
def test_both_buttons_together_are_no_press_of_either(fingers, gap):
    fingers.left.level = 0
    fingers.clock.pass_(gap)
    fingers.right.level = 0
    fingers.clock.pass_(3 * HOLD_MS)
    assert fingers.buttons.held()
    fingers.left.level = 1
    fingers.clock.pass_(2 * HOLD_MS)
    assert not fingers.buttons.held()
    fingers.right.level = 1
    fingers.clock.pass_(100)
    assert fingers.presses() == []
    fingers.press(fingers.right, 100)
    assert fingers.presses() == ["right"]


def test_presses_wait_in_their_order_and_no_more_than_anybody_means(fingers):
    for _ in range(4):
        fingers.press(fingers.left, 60)
        fingers.press(fingers.right, 60)
    assert fingers.presses() == ["left", "right", "left", "right"]


def test_the_counter_of_milliseconds_may_begin_again(fingers):
    fingers.clock.now = (1 << 30) - 300
    fingers.press(fingers.right, HOLD_MS + 10)
    assert fingers.presses() == ["hold right"]


def test_a_button_that_is_down_at_the_start_is_a_press_that_began_then(clock):
    stuck = Pin("left")
    stuck.level = 0
    buttons = Buttons(stuck, Pin("right"), clock.ticks)
    clock.every.append(buttons.sample)
    clock.pass_(HOLD_MS + 60)
    assert buttons.take()[0] == "hold left"
    assert not buttons.held()
