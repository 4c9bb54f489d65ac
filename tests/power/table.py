"""The table of docs/security.md, section "Power cuts": process by process what the cuts left behind."""

from collections import Counter
from pathlib import Path

from tests.power.process import NEW, OLD, Process
from tests.power.processes import PROCESSES, FirstStart
from tests.power.sweep import Row, sweep, sweep_restarts

PAGE = Path(__file__).resolve().parents[2] / "docs" / "security.md"
BEGIN = "| process | flash operations | cuts | what they left | states signed from |\n|---|---|---|---|---|\n"
END = "\n\n"
RESTARTS = "the start after a cut, cut again"
RESTART_STRIDE = 97  # every 97th operation of the first run, every operation of the start after it


def row_of(kind: type[Process]) -> str:
    """One process cut at every operation."""
    return line(sweep(kind()))


def restarts() -> str:
    """The last row: second cuts, of all processes together."""
    total = Row(RESTARTS)
    for kind in PROCESSES:
        if kind is not FirstStart:
            row = sweep_restarts(kind(), RESTART_STRIDE)
            total.operations += row.operations
            total.cuts += row.cuts
            total.outcomes += row.outcomes
    return line(total)


def line(row: Row) -> str:
    """A row as the page has it."""
    signed = f"{row.states}" if row.states else "-"
    if row.signed["signs after a new set-up"]:
        signed += ", some after a new pair set-up"
    return f"| {row.name} | {row.operations} | {row.cuts} | {_outcomes(row.outcomes)} | {signed} |"


def _outcomes(outcomes: Counter) -> str:
    order = [OLD, *sorted(set(outcomes) - {OLD, NEW}), NEW]
    return ", ".join(f"{outcomes[name]} {name}" for name in order if outcomes[name])


def stored() -> list[str]:
    """The rows on the page."""
    return PAGE.read_text().split(BEGIN)[1].split(END)[0].splitlines()


def store(rows: list[str]) -> None:
    """Put rows on the page instead of those there."""
    before, rest = PAGE.read_text().split(BEGIN)
    PAGE.write_text(before + BEGIN + "\n".join(rows) + END + rest.split(END, 1)[1])


def name_of(row: str) -> str:
    return row.split(" | ", maxsplit=1)[0].removeprefix("| ")
