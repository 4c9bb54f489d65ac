"""What a display shows of a page, and what the two buttons say about it."""

import random

import pytest
from daric.panel import COLUMNS, DECIDE, ROWS, Panel, wrapped
from daric.screens import Screens
from daric.textentry import CODE, DIGITS, TextEntry
from daric_protocol.limits import PRESS_GUARD_MS
from daric_protocol.link import TICKS

PRESSES = ("left", "right", "hold left", "hold right")
QUESTION = [f"line {number}" for number in range(15)]  # three displays full


class Display:
    """Keeps what it is given; its clock is moved by the test."""

    def __init__(self, guard: int = PRESS_GUARD_MS, now: int = 0) -> None:
        self.seen: list[list[str]] = []
        self.now = now
        self.panel = Panel(self, lambda: self.now & TICKS, guard)

    def rows(self, rows: list[str]) -> None:
        self.seen.append(rows)

    def press(self, *presses: str) -> str | None:
        """Presses of a person who takes a second for each; the last one's answer."""
        answer = None
        for press in presses:
            self.now += 1000
            answer = self.panel.event(press)
        return answer


@pytest.fixture
def display():
    return Display()


# Rows


@pytest.mark.parametrize(
    "line, rows",
    [
        ("", [""]),
        ("sixteen letters.", ["sixteen letters."]),
        ("an earlier request may be signed", ["an earlier", " request may be", " signed"]),
        ("0x" + "a" * 30, ["0x" + "a" * 14, " " + "a" * 15, " a"]),
        (" name with a space", [" name with a", " space"]),
        ("a        b       c", ["a        b      ", " c"]),
    ],
)
def test_a_line_becomes_rows_that_begin_with_a_space_after_the_first(line, rows):
    assert list(wrapped(line)) == rows


@pytest.mark.parametrize("seed", range(20))
def test_no_row_is_too_long_and_no_character_is_lost_but_the_spaces_at_which_it_breaks(seed):
    draw = random.Random(seed)
    line = "".join(draw.choice("ab  c0") for _ in range(draw.randrange(120)))
    rows = list(wrapped(line))
    assert all(len(row) <= COLUMNS for row in rows)
    assert all(row.startswith(" ") for row in rows[1:])
    assert "".join(rows).replace(" ", "") == line.replace(" ", "")


def test_no_part_of_a_name_stands_where_a_label_does(display):
    name = " x" + " " * 13 + "Check code 123 456" + "Master:"
    display.panel.show(["New wallet", name], True)
    assert [row for row in display.seen[-1][:7] if row and not row.startswith(" ")] == ["New wallet"]


# Questions


def test_a_short_question_is_one_display_with_what_the_buttons_do(display):
    display.panel.show(["Pair?", "123 456"], True)
    assert display.seen == [["Pair?", "123 456", "", "", "", "", "", DECIDE]]
    assert display.press("hold right") == "approve"


def test_a_long_question_is_turned_with_the_right_button_and_back_with_the_left_one(display):
    display.panel.show(QUESTION, True)
    assert display.seen[-1] == [*QUESTION[:7], "1/3        next>"]
    assert display.press("right") is None
    assert display.seen[-1] == [*QUESTION[7:14], "<2/3       next>"]
    assert display.press("left") is None
    assert display.seen[-1][:7] == QUESTION[:7]
    assert display.press("left") is None
    assert len(display.seen) == 3
    display.press("right", "right")
    assert display.seen[-1] == [QUESTION[14], "", "", "", "", "", "", DECIDE]


def test_a_label_stays_with_what_it_names(display):
    display.panel.show(["a", "b", "c", "From:", " 1", " 2", " 3", "To:", " 4", " 5", " 6"], True)
    assert display.seen[-1][:7] == ["a", "b", "c", "From:", " 1", " 2", " 3"]
    display.panel.show(["a", "b", "c", "d", "From:", " 1", " 2", " 3", "To:", " 4"], True)
    assert display.seen[-1][:7] == ["a", "b", "c", "d", "", "", ""]
    display.press("right")
    assert display.seen[-1][:7] == ["From:", " 1", " 2", " 3", "To:", " 4", ""]


def test_what_is_longer_than_a_display_under_one_label_is_cut_where_it_has_to_be(display):
    lines = ["Message:", *(f" {number}" for number in range(20))]
    display.panel.show(lines, True)
    display.press("right", "right")
    assert [row for rows in display.seen for row in rows[:7]] == lines


@pytest.mark.parametrize("seed", range(20))
def test_every_row_of_any_page_is_on_the_display_once_and_in_order(seed):
    draw = random.Random(seed)
    display = Display()
    lines = [" " * draw.randrange(2) + "x" * draw.randrange(1, 40) for _ in range(draw.randrange(1, 40))]
    display.panel.show(lines, True)
    while display.panel.page < display.panel.pages - 1:
        display.press("right")
    assert [row for rows in display.seen for row in rows[:7] if row] == [row for line in lines for row in wrapped(line)]


def test_every_row_of_every_display_fits(display):
    display.panel.show([f"word {number} of a long story" for number in range(600)], True)
    for _ in range(display.panel.pages):
        display.press("right")
    assert display.panel.page == display.panel.pages - 1 > 150
    assert all(len(rows) == ROWS and max(map(len, rows)) <= COLUMNS for rows in display.seen)


def test_a_question_is_approved_at_its_end_alone(display):
    display.panel.show(QUESTION, True)
    assert display.press("hold right", "right", "hold right") is None
    assert display.press("right", "hold right") == "approve"


@pytest.mark.parametrize("turns", range(3))
def test_a_question_is_refused_anywhere(display, turns):
    display.panel.show(QUESTION, True)
    assert display.press(*["right"] * turns) is None
    assert display.press("hold left") == "refuse"


def test_a_short_press_decides_nothing(display):
    display.panel.show(["Pair?"], True)
    assert display.press("right", "left", "right") is None


@pytest.mark.parametrize("seed", range(30))
def test_whatever_is_pressed_nothing_is_approved_before_all_of_it_was_on_the_display(seed):
    draw = random.Random(seed)
    display = Display()
    display.panel.show(QUESTION, True)
    while (answer := display.press(draw.choice(PRESSES))) is None:
        pass
    seen = {row for rows in display.seen for row in rows}
    assert answer == "refuse" or seen.issuperset(QUESTION)


def test_a_press_that_began_before_the_page_approves_nothing(display):
    display.now = 5000
    display.panel.show(["Send 1 ETH?"], True)
    display.now = 9000
    assert display.panel.event("hold right", 4999) is None
    assert display.panel.event("hold left", 4999) is None
    assert display.panel.event("hold right", 5000 + PRESS_GUARD_MS - 1) is None
    assert display.panel.event("hold right", 5000 + PRESS_GUARD_MS) == "approve"


def test_a_press_that_began_before_the_last_rows_approves_nothing(display):
    display.panel.show(QUESTION, True)
    display.press("right", "right")
    turned = display.now
    display.now += 4000
    assert display.panel.event("hold right", turned - 1) is None
    assert display.panel.event("hold right", turned + 100) is None
    assert display.panel.event("hold right", turned + PRESS_GUARD_MS) == "approve"


def test_a_page_that_changes_under_the_finger_has_to_be_read_and_held_again(display):
    display.panel.show(["Send 1 ETH?"], True)
    display.now = 2000
    display.panel.show(["Send 9 ETH?"], True)
    display.now = 3000
    assert display.panel.event("hold right", 1500) is None
    assert display.panel.event("hold right", 2600) == "approve"


def test_the_clock_of_presses_may_begin_anew(display):
    display.now = TICKS - 100
    display.panel.show(["Pair?"], True)
    display.now = TICKS + 2000
    assert display.panel.event("hold right", TICKS - 200) is None
    assert display.panel.event("hold right", 1000) == "approve"


def test_a_new_question_begins_with_its_first_rows(display):
    display.panel.show(QUESTION, True)
    display.press("right", "right")
    display.panel.show(QUESTION, True)
    assert display.panel.page == 0
    assert display.press("hold right") is None


# Choices, and pages that ask nothing


def test_a_choice_answers_to_short_presses(display):
    display.panel.show(["Back up?", " Savings"], True, "", "<next      pick>")
    assert display.seen[-1] == ["Back up?", " Savings", "", "", "", "", "", "<next      pick>"]
    assert [display.press(press) for press in PRESSES] == ["refuse", "approve", "refuse", "approve"]


def test_a_choice_that_began_on_another_page_is_none(display):
    display.now = 100
    display.panel.show(["Back up?"], True, "", "<next      pick>")
    assert display.panel.event("right", 99) is None


def test_of_a_choice_that_is_too_long_the_end_is_on_the_display(display):
    display.panel.show(QUESTION, True, "", "<next      pick>")
    assert display.seen[-1] == [*QUESTION[8:], "<next      pick>"]


def test_a_page_that_asks_nothing_tells_of_any_press(display):
    display.panel.show(["Daric", "ready"], False)
    assert display.seen[-1] == ["Daric", "ready"]
    assert [display.press(press) for press in ("right", "left")] == ["approve", "refuse"]


@pytest.mark.parametrize("days", [1, 7, 20])
def test_a_device_that_waited_for_long_still_has_buttons(display, days):
    display.panel.show(["Daric", "ready"], False)
    display.now += days * 24 * 3600 * 1000
    assert display.press("right") == "approve"


def test_a_long_page_that_asks_nothing_can_be_read_to_its_end(display):
    display.panel.show(QUESTION[:8], False)
    assert display.seen[-1] == QUESTION[:8]
    display.panel.show(QUESTION, False)
    assert display.press("right", "right") is None
    assert display.seen[-1] == [QUESTION[14], "", "", "", "", "", "", "<3/3"]
    assert display.press("right") == "approve"


def test_an_empty_page_is_a_page(display):
    display.panel.show([], False)
    assert display.seen[-1] == []


# Text


def typed(entry: TextEntry, *choices: str) -> str | None:
    answer = None
    for choice in choices:
        while entry.page()[-1] != "> " + choice:
            assert entry.press("refuse") is None
        answer = entry.press("approve")
    return answer


def test_digits_are_chosen_one_by_one():
    entry = TextEntry(["PIN:"], DIGITS)
    assert typed(entry, "4", "7", "1", "1", "done") == "text:4711"


def test_a_hidden_text_is_not_on_the_page_but_its_length_is():
    entry = TextEntry(["PIN:"], DIGITS, True)
    typed(entry, "4", "7", "1")
    assert entry.page()[:2] == ["PIN:", "***"]
    assert typed(entry, "delete last", "done") == "text:47"


def test_digits_are_no_choice_where_letters_are_asked_for():
    entry = TextEntry(["Code:"], CODE)
    choices = set()
    for _ in range(10):
        choices.add(entry.page()[-1])
        entry.press("refuse")
    assert choices == {"> ABCDEFGH", "> IJKLMNOP", "> QRSTUVWX", "> YZ234567", "> cancel"}


@pytest.mark.parametrize("count", range(1, 20))
def test_a_question_that_leaves_no_room_for_the_text_is_read_first(count):
    display = Display()
    lines = [f"line {number}" for number in range(count)]
    entry = TextEntry(lines, DIGITS)
    for _ in range(count):
        display.panel.show(entry.page(), True, DIGITS, entry.FOOTER)
        if entry.page()[-1] != "> go on":
            break
        entry.press("approve")
    typed(entry, *["1"] * 16)
    display.panel.show(entry.page(), True, DIGITS, entry.FOOTER)
    assert display.seen[-1][display.seen[-1].index("> 0") - 1] == "1" * 16
    assert {row for rows in display.seen for row in rows}.issuperset(lines)


def test_a_question_for_a_text_can_be_given_up_before_it_is_read():
    assert typed(TextEntry(QUESTION, DIGITS), "cancel") == "refuse"


class Keys:
    """A board that gives what the test wants and keeps what it is shown."""

    def __init__(self) -> None:
        self.shown: list[tuple] = []
        self.next: str | None = None

    def show(self, lines, ask, typed="", choice=""):
        self.shown.append((list(lines), ask, typed, choice))

    def button(self):
        answer, self.next = self.next, None
        return answer


def test_screens_say_how_the_buttons_choose():
    keys = Keys()
    screens = Screens(keys)
    screens.show(["New PIN:"], lambda answer: None, DIGITS, True)
    assert keys.shown[-1] == (["New PIN:", "> 0"], True, DIGITS, "<next      take>")
    keys.next = "approve"
    screens.poll()
    assert keys.shown[-1] == (["New PIN:", "*", "> 0"], True, DIGITS, "<next      take>")
    screens.show(["Pick?"], lambda answer: None, choice="<no        yes>")
    assert keys.shown[-1] == (["Pick?"], True, "", "<no        yes>")


def test_a_text_is_no_answer_to_a_question():
    keys, answers = Keys(), []
    screens = Screens(keys)
    screens.show(["Pair?"], answers.append)
    for keys.next in ("text:4711", "menu:refresh:1", "nonsense"):
        screens.poll()
    assert answers == []
