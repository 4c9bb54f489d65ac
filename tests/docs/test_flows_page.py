"""docs/flows.md has a row for every step of the requirement document, each with code and a test that are there."""

import re

import pytest
from daric_sim.processes import PROCESSES

from tests.docs import pages
from tests.docs.test_references import SYMBOL, symbols

LINES = pages.read("tests/docs/requirement_steps.txt").splitlines()
STEPS = [tuple(line.split(" / ", 2)) for line in LINES if not line.startswith("#")]
TEXT = pages.read("docs/flows.md")


def rows_of(text):
    """(section, number) -> the cells of each row that begins with a number."""
    found = {}
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, _, body = section.partition("\n")
        for number, rest in re.findall(r"^\| ([0-9]+(?:\.[0-9]+)*)\. (.*) \|$", body, re.MULTILINE):
            found.setdefault((title, number), []).append(rest.split(" | "))
    return found


def fault(rows, section, number):
    """What is wrong with a step's row; empty if nothing is."""
    here = rows.get((section, number), [])
    if len(here) != 1:
        return f"{len(here)} rows"
    if len(here[0]) != 3:
        return "a row has a step, code and a test"
    code, tests = (SYMBOL.findall(cell) for cell in here[0][1:])
    if not code or not tests:
        return "no code or no test"
    if any(path.startswith("tests/") for path, _ in code):
        return "a test is no code"
    if not all(path.startswith("tests/") and name.startswith("test_") for path, name in tests):
        return "not a test"
    lost = [f"{path}::{name}" for path, name in code + tests if not exists(path, name)]
    return " ".join(lost)


def exists(path, name):
    return (pages.ROOT / path).is_file() and name in symbols(path)


ROWS = rows_of(TEXT)


@pytest.mark.parametrize(("section", "number", "words"), STEPS)
def test_every_step_of_the_requirements_has_its_row(section, number, words):
    assert fault(ROWS, section, number) == "", words


def test_every_numbered_row_is_a_step_of_the_requirements():
    assert set(ROWS) <= {(section, number) for section, number, _ in STEPS}


def test_the_list_of_steps_names_each_once_and_leaves_no_gap():
    places = [(section, number) for section, number, _ in STEPS]
    assert len(places) == len(set(places)) > 200
    for section, number in places:
        above, _, last = number.rpartition(".")
        before = f"{above}.{int(last) - 1}" if above else str(int(last) - 1)
        assert last == "1" or (section, before) in places, (section, number)
        assert not above or (section, above) in places, (section, number)


def test_every_process_of_the_walk_is_measured():
    measured = pages.rows(pages.read("docs/performance.md"), "process")
    assert {row[0] for row in measured} == {name for name, _ in PROCESSES}


GOOD = "## Signing\n| 1. ask | `host/daric_host/wallet.py::Wallet.run` | `tests/docs/test_flows_page.py::test_a` |\n"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "0 rows"),
        (GOOD.replace("1. ask", "1.1. ask"), "0 rows"),
        (GOOD.replace("Signing", "Export"), "0 rows"),
        (GOOD + GOOD.splitlines()[1] + "\n", "2 rows"),
        (GOOD.replace("Wallet.run", "Wallet.dance"), "host/daric_host/wallet.py::Wallet.dance"),
        (GOOD.replace("wallet.py", "nowhere.py"), "host/daric_host/nowhere.py::Wallet.run"),
        (GOOD.replace("::test_a", "::exists"), "not a test"),
        (GOOD.replace("host/daric_host/wallet.py::Wallet.run", "tests/docs/pages.py::read"), "a test is no code"),
        (GOOD.replace("`host/daric_host/wallet.py::Wallet.run`", "as above"), "no code or no test"),
        (GOOD.replace("`tests/docs/test_flows_page.py::test_a`", "later"), "no code or no test"),
        (GOOD, "tests/docs/test_flows_page.py::test_a"),
    ],
)
def test_a_step_without_code_or_test_is_noticed(text, wrong):
    assert fault(rows_of(text), "Signing", "1").startswith(wrong)
