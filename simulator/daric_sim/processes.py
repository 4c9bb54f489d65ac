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
from daric_sim import walk_backup as backup
from daric_sim import walk_members as members
from daric_sim import walk_signing as signing
from daric_sim.scene import Scene, Step
from daric_sim.walk import Done, Walk

PROCESSES: tuple[tuple[str, Callable[[Walk], Done]], ...] = (
    ("start, pair the device", members.begin),
    ("1 new wallet", members.create),
    ("2 import a phrase", members.import_phrase),
    ("2 import a key", members.import_key),
    ("3 add party C", members.add),
    ("1 many wallets", members.create_more),
    ("master role", members.master),
    ("3 add the device, drop the cloud", members.add_and_drop),
    ("4 add the device only", members.add_only),
    ("5 remove party C", members.remove),
    ("5 remove all but phone and cloud", members.remove_to_two),
    ("6 refresh", members.refresh),
    ("6 refresh, asked by the device", members.refresh_by_device),
    ("7 party selection", signing.select),
    ("8 sign", signing.sign),
    ("8 sign for an account below", signing.sign_below),
    ("8 sign without the phone", signing.sign_without_a),
    ("9 export", signing.export),
    ("9 export to the device", signing.export_to_device),
    ("offline: phone and device", signing.sign_offline),
    ("offline: export", signing.export_offline),
    ("offline: two phones", signing.sign_nearby),
    ("10 backup, t-of-n", backup.back_up),
    ("10 recovery, t-of-n", backup.recover),
    ("11 backup with phone and cloud", backup.back_up_by_two),
    ("11 recovery with phone and cloud", backup.recover_by_two),
    ("5 delete the cloud's shard", members.delete_cloud_shard),
)
"""Row of the table and who does it, in the order of the walk; the number is the process's."""


def run(keep: Path | None) -> int:
    """Walk through all processes; 0 if every check passed. keep: where to leave the state, by default nowhere."""
    return demo.perform(keep, _story, _print)


def _story(console: Console, scene: Scene) -> list[Step]:
    walk = Walk(scene)
    steps = []
    for name, process in PROCESSES:
        console.print(name, end=" ", style="bold")
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
    for one in sorted(steps, key=_place):
        table.add_row(one.name, one.parties, f"{one.seconds:.1f}", str(one.sent) if one.sent else "", one.verified)
    console.print(table)
    console.print("bytes: sealed frames sent by phones and devices", style="dim")


def _place(step: Step) -> int:
    """Where a row stands: by the number of its process, those without one at the end."""
    number = step.name.split()[0]
    return int(number) if number.isdigit() else len(PROCESSES)
