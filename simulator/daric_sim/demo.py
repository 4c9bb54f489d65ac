"""`daric demo`: phone, cloud and device make a 2-of-3 wallet, and every pair of them signs. Nothing is faked.

Auth, relay and cloud are processes of their own on loopback, the phone is the command line in a process of its own,
the device is the firmware on the real MicroPython behind a pty. What they sign is verified by coincurve and
eth-account. Everything stops and is removed at the end.
"""

import json
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from daric_protocol.evm import transaction
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from daric_sim import verify
from daric_sim.device import APPROVE, REFUSE, Screen, SimDevice
from daric_sim.house import START_SECONDS, House, HouseError, daric

LAST_ROUND = {"create": 4, "sign": 3}
RECIPIENT = bytes.fromhex("000000000000000000000000000000000000dEaD")


class DemoError(Exception):
    """A step failed, or a check on its result."""


@dataclass
class Step:
    """A row of the table at the end."""

    name: str
    seconds: float
    sent: int
    verified: str


@dataclass
class Scene:
    """Everything that runs, in one directory."""

    home: Path
    device: SimDevice
    house: House
    compares: bool = False  # whether the phone is about to show six digits too
    code: str = ""  # the six digits that were the same on both screens
    codes: "queue.Queue[str]" = field(default_factory=queue.Queue)  # on the phone's screen

    def answer(self, screen: Screen) -> str:
        """The device's owner: where there are six digits, waits for the phone's and compares."""
        if not self.compares:
            return APPROVE
        try:
            code = self.codes.get(timeout=START_SECONDS)
        except queue.Empty:
            return REFUSE
        if code not in screen.text.replace(" ", ""):
            return REFUSE
        self.code = code
        return APPROVE


def run(keep: Path | None) -> int:
    """Run the demo; 0 if every check passed. keep: where to leave the state, by default nowhere."""
    console = Console()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    folder = Path(tempfile.mkdtemp(prefix="daric-demo-")) if keep is None else keep
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with SimDevice(folder / "device") as device:
            scene = Scene(folder, device, House(folder))
            device.answer = scene.answer
            try:
                steps = _story(console, scene)
            finally:
                scene.house.stop()
        _print_steps(console, steps)
    except (DemoError, HouseError, verify.VerificationError, OSError, subprocess.SubprocessError) as error:
        console.print(f"the demo failed: {error}", style="bold red", markup=False)
        return 1
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    console.print("every check passed", style="bold green")
    return 0


def _stop(number: int, _frame: FrameType | None) -> None:
    """A signal ends the demo as an error does: every process stops, nothing stays behind."""
    sys.exit(128 + number)


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


# Processes


def _start(scene: Scene) -> tuple[None, int, str]:
    house = scene.house
    house.start()
    connect = daric(
        "connect", "--home", str(scene.home / "phone"), "--service", house.url, "--key", house.key.hex(),
        "--cloud", house.cloud_url, "--cloud-identity", house.cloud_identity.hex(),
    )  # fmt: skip
    subprocess.run(connect, check=True, timeout=START_SECONDS, stdout=subprocess.DEVNULL)
    return None, 0, "ready"


def _restart(scene: Scene) -> tuple[None, int, str]:
    scene.house.stop()
    scene.device.restart()
    return _start(scene)


# The phone


Watch = Callable[[dict[str, Any]], None]


def _phone(scene: Scene, *arguments: str, watch: Watch = lambda line: None) -> dict[str, Any]:
    """Run a command of the phone in a process of its own; its person compares what both screens show.

    The result has `sent` added: bytes of the sealed frames of this host's seats.
    """
    command = daric(*arguments, "--home", str(scene.home / "phone"), "--json")
    with (scene.home / "phone.log").open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
        )
    try:
        return _conversation(scene, process, " ".join(arguments[:2]), watch)
    finally:
        process.kill()
        process.wait()


def _conversation(scene: Scene, process: "subprocess.Popen[str]", name: str, watch: Watch) -> dict[str, Any]:
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_pour, args=(process, lines), daemon=True).start()
    result: dict[str, Any] = {}
    sent = 0
    while (text := lines.get()) is not None:
        line = json.loads(text)
        if line["kind"] == "ask":
            if line.get("code"):
                scene.codes.put(line["code"])
            assert process.stdin is not None
            process.stdin.write("yes\n")
            process.stdin.flush()
        elif line["kind"] == "error":
            raise DemoError(f"daric {name}: {line['error']}: {line['detail']}")
        elif line["kind"] == "result":
            result = line
        elif line["event"] == "ended":
            sent += line["sent"]
        watch(line)
    if process.wait():
        raise DemoError(f"daric {name} ended with {process.returncode}, see phone.log")
    return {**result, "sent": sent}


def _pour(process: "subprocess.Popen[str]", lines: "queue.Queue[str | None]") -> None:
    assert process.stdout is not None
    for text in process.stdout:
        lines.put(text)
    lines.put(None)


def _progress(op: str, bar: Callable[[float], None]) -> Watch:
    """Moves a bar with the slowest seat's round."""
    rounds: dict[str, int] = {}

    def watch(line: dict[str, Any]) -> None:
        if line["kind"] == "event" and line["event"] == "state":
            rounds[line["seat"]] = line["round"]
            bar(max(0, min(rounds.values())) / (LAST_ROUND[op] + 1))

    return watch


def _pair(scene: Scene) -> tuple[None, int, str]:
    scene.compares = True
    _phone(scene, "pair", "new", scene.device.path)
    return None, 0, f"same six digits, {scene.code}"


def _create(scene: Scene, bar: Callable[[float], None]) -> tuple[dict[str, Any], int, str]:
    group = _phone(
        scene, "wallet", "create", "Demo wallet", "-t", "2", "--device", scene.device.path,
        watch=_progress("create", bar),
    )  # fmt: skip
    scene.compares = False
    return group, group["sent"], f"same check code, {scene.code}"


def _sign_tx(
    scene: Scene, group: dict[str, Any], signers: list[int], nonce: int, bar: Callable[[float], None]
) -> tuple[None, int, str]:
    tx = transaction.Transaction(
        type=2, nonce=nonce, gas_limit=21000, to=RECIPIENT, value=10**15 * (nonce + 1), data=b"", chain_id=11155111,
        max_fee=30 * 10**9, priority_fee=10**9,
    )  # fmt: skip
    signed = _phone(
        scene, "sign", "tx", group["group"], tx.encode().hex(), "--signers", ",".join(map(str, signers)),
        "--device", scene.device.path, watch=_progress("sign", bar),
    )  # fmt: skip
    return None, signed["sent"], verify.transaction(signed["signed"], tx.encode(), group)


def _sign_message(
    scene: Scene, group: dict[str, Any], signers: list[int], bar: Callable[[float], None]
) -> tuple[None, int, str]:
    text = "Daric: shards from disk"
    signed = _phone(
        scene, "sign", "message", group["group"], text, "--signers", ",".join(map(str, signers)),
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
    console.print(f"check code  {scene.code}")
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
