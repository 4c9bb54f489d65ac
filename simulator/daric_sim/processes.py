"""`daric demo --all`: every process of the requirements from the command line, each result checked by other software.

Party A's phone, party C's phone, the services and the cloud are processes of their own, the device is the firmware on
the real MicroPython. docs/flows.md says which step of the requirements is where.
"""

import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from daric_sim import demo
from daric_sim.scene import Scene, Step
from daric_sim.walk import Done, Walk

PROCESSES: tuple[tuple[str, Callable[[Walk], Done]], ...] = (
    ("start, pair the device", Walk.begin),
    ("1 new wallet", Walk.create),
    ("1 many wallets, party C", Walk.create_more),
    ("3 add a member, drop the cloud", Walk.add),
    ("5 remove a member", Walk.remove),
    ("6 refresh", Walk.refresh),
    ("7 party selection", Walk.select),
    ("8 sign", Walk.sign_everything),
    ("8 sign without the phone", Walk.sign_without_a),
    ("offline: phone and device", Walk.sign_offline),
    ("offline: two phones", Walk.sign_nearby),
)
"""Row of the table and who does it, in the order of the walk."""


def run(keep: Path | None) -> int:
    """Walk through all processes; 0 if every check passed. keep: where to leave the state, by default nowhere."""
    return demo.perform(keep, _story, _print)


def _story(console: Console, scene: Scene) -> list[Step]:
    walk = Walk(scene)
    steps = []
    for name, process in PROCESSES:
        console.print(name, end=" ", style="bold")
        scene.codes.fresh()
        started = time.monotonic()
        done = process(walk)
        seconds = time.monotonic() - started
        steps.append(Step(name, seconds, done.sent, done.verified, done.parties))
        console.print(f"{seconds:.1f} s", highlight=False)
    return steps


def _print(console: Console, steps: list[Step]) -> None:
    table = Table(title="every process", title_justify="left", show_lines=True)
    table.add_column("process")
    table.add_column("parties")
    table.add_column("seconds", justify="right")
    table.add_column("bytes", justify="right")
    table.add_column("verified by")
    for one in steps:
        table.add_row(one.name, one.parties, f"{one.seconds:.1f}", str(one.sent) if one.sent else "", one.verified)
    console.print(table)
    console.print("bytes: sealed frames sent by phones and devices", style="dim")
