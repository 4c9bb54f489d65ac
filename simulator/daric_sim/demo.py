"""`daric demo`: phone, cloud and device make a 2-of-3 wallet, and every pair of them signs. Nothing is faked.

Auth, relay and cloud are processes of their own on loopback, the phone is the command line in a process of its own,
the device is the firmware on the real MicroPython behind a pty. What they sign is verified by coincurve and
eth-account. Everything stops and is removed at the end.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from daric_protocol.evm import transaction
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from daric_sim import verify
from daric_sim.house import HouseError
from daric_sim.scene import DemoError, Scene, Step, Watch, stop_on_signals

LAST_ROUND = {"create": 4, "sign": 3}
WIDTH = 140  # of the table where it is no terminal that sets one
RECIPIENT = bytes.fromhex("000000000000000000000000000000000000dEaD")
FAILURES = (DemoError, HouseError, verify.VerificationError, OSError, subprocess.SubprocessError)


def run(keep: Path | None) -> int:
    """Run the demo; 0 if every check passed. keep: where to leave the state, by default nowhere."""
    return perform(keep, _story, _print_steps)


def perform(
    keep: Path | None, story: Callable[[Console, Scene], list[Step]], show: Callable[[Console, list[Step]], None]
) -> int:
    """A story in a scene of its own, then its table; 1 if a step or a check failed, with all processes stopped."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    stop_on_signals()
    folder = Path(tempfile.mkdtemp(prefix="daric-demo-")) if keep is None else keep
    try:
        with Scene(folder) as scene:
            steps = story(console, scene)
        show(console, steps)
    except FAILURES as error:
        console.print(f"the demo failed: {error}", style="bold red", markup=False)
        return 1
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    console.print("every check passed", style="bold green")
    return 0


def _story(console: Console, scene: Scene) -> list[Step]:
    steps: list[Step] = []
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console
    ) as bars:

        def step(name: str, work: Callable[[Callable[[float], None]], tuple[Any, int, str]]) -> Any:
            task = bars.add_task(name, total=1.0)
            started = time.monotonic()
            value, sent, verified = work(lambda share: bars.update(task, completed=share))
            bars.update(task, completed=1.0)
            steps.append(Step(name, time.monotonic() - started, sent, verified))
            return value

        step("start auth, relay, cloud and device", lambda _: _start(scene))
        step("pair phone and device", lambda _: _pair(scene))
        group = step("create the 2-of-3 wallet", lambda bar: _create(scene, bar))
        _print_group(console, group, scene)
        kinds = {member["kind"]: member["index"] for member in group["members"]}
        pairs = [("phone", "cloud"), ("phone", "device"), ("cloud", "device")]
        for number, pair in enumerate(pairs):
            signers = sorted(kinds[kind] for kind in pair)
            step(f"{pair[0]} and {pair[1]} sign", partial(_sign_tx, scene, group, signers, number))
        step("restart every process", lambda _: _restart(scene))
        signers = sorted(kinds[kind] for kind in ("phone", "device"))
        step("sign a message from the shards on disk", lambda bar: _sign_message(scene, group, signers, bar))
    return steps


def _start(scene: Scene) -> tuple[None, int, str]:
    scene.start()
    return None, 0, "ready"


def _restart(scene: Scene) -> tuple[None, int, str]:
    scene.restart()
    return None, 0, "ready"


def _progress(op: str, bar: Callable[[float], None]) -> Watch:
    """Moves a bar with the slowest seat's round."""
    rounds: dict[str, int] = {}

    def watch(line: dict[str, Any]) -> None:
        if line["kind"] == "event" and line["event"] == "state":
            rounds[line["seat"]] = line["round"]
            bar(max(0, min(rounds.values())) / (LAST_ROUND[op] + 1))

    return watch


def _pair(scene: Scene) -> tuple[None, int, str]:
    scene.a.run("pair", "new", scene.device.path)
    return None, 0, f"same six digits, {scene.codes.code}"


def _create(scene: Scene, bar: Callable[[float], None]) -> tuple[dict[str, Any], int, str]:
    scene.codes.fresh()
    group = scene.a.run(
        "wallet", "create", "Demo wallet", "-t", "2", "--device", scene.device.path, watch=_progress("create", bar)
    )
    return group, group["sent"], f"same check code, {scene.codes.code}"


def _sign_tx(
    scene: Scene, group: dict[str, Any], signers: list[int], nonce: int, bar: Callable[[float], None]
) -> tuple[None, int, str]:
    tx = transaction.Transaction(
        type=2, nonce=nonce, gas_limit=21000, to=RECIPIENT, value=10**15 * (nonce + 1), data=b"", chain_id=11155111,
        max_fee=30 * 10**9, priority_fee=10**9,
    )  # fmt: skip
    signed = scene.a.run(
        "sign", "tx", group["group"], tx.encode().hex(), "--signers", ",".join(map(str, signers)),
        "--device", scene.device.path, watch=_progress("sign", bar),
    )  # fmt: skip
    return None, signed["sent"], verify.transaction(signed["signed"], tx.encode(), group)


def _sign_message(
    scene: Scene, group: dict[str, Any], signers: list[int], bar: Callable[[float], None]
) -> tuple[None, int, str]:
    text = "Daric: shards from disk"
    signed = scene.a.run(
        "sign", "message", group["group"], text, "--signers", ",".join(map(str, signers)),
        "--device", scene.device.path, watch=_progress("sign", bar),
    )  # fmt: skip
    return None, signed["sent"], verify.message(signed["signature"], text, group)


# The screen


def _print_group(console: Console, group: dict[str, Any], scene: Scene) -> None:
    title = f"wallet {group['name']}: {group['threshold']} of {len(group['members'])}"
    table = Table(title=title, title_justify="left")
    for column in ("index", "party", "identity"):
        table.add_column(column)
    for member in group["members"]:
        table.add_row(str(member["index"]), f"{member['kind']} ({member['name']})", member["identity"])
    console.print(table)
    console.print(f"check code  {scene.codes.code}")
    console.print(f"group       {group['group']}, epoch {group['epoch']}")
    console.print(f"address     {group['address']}")
    console.print(f"AA address  {group['account_address']}")


def _print_steps(console: Console, steps: list[Step]) -> None:
    table = Table(title="what happened", title_justify="left")
    table.add_column("step")
    table.add_column("seconds", justify="right")
    table.add_column("bytes sent by phone and device", justify="right")
    table.add_column("verified")
    for one in steps:
        table.add_row(one.name, f"{one.seconds:.1f}", str(one.sent) if one.sent else "", one.verified)
    console.print(table)
