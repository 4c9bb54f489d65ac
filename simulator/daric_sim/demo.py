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
from typing import Any

from daric_protocol.evm import transaction
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from daric_sim import verify
from daric_sim.device import APPROVE, REFUSE, Screen, SimDevice

START_SECONDS = 30
STOP_SECONDS = 15
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
class House:
    """Everything that runs, in one directory."""

    home: Path
    device: SimDevice
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    compares: bool = False  # whether the phone is about to show six digits too
    code: str = ""  # the six digits that were the same on both screens
    codes: "queue.Queue[str]" = field(default_factory=queue.Queue)  # on the phone's screen

    def answer(self, screen: Screen) -> str:
        """The device's owner: where there are six digits, waits for the phone's and compares."""
        if not self.compares:
            return APPROVE
        code = self.codes.get(timeout=START_SECONDS)
        if code not in screen.text.replace(" ", ""):
            return REFUSE
        self.code = code
        return APPROVE


def run(keep: Path | None) -> int:
    """Run the demo; 0 if every check passed. keep: where to leave the state, by default nowhere."""
    console = Console()
    folder = Path(tempfile.mkdtemp(prefix="daric-demo-")) if keep is None else keep
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with SimDevice(folder / "device") as device:
            house = House(folder, device)
            device.answer = house.answer
            try:
                steps = _story(console, house)
            finally:
                _stop_services(house)
        _print_steps(console, steps)
    except (DemoError, verify.VerificationError, OSError) as error:
        console.print(f"the demo failed: {error}", style="bold red", markup=False)
        return 1
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    console.print("every check passed", style="bold green")
    return 0


def _story(console: Console, house: House) -> list[Step]:
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

        step("start auth, relay, cloud and device", lambda _: _start(house))
        step("pair phone and device", lambda _: _pair(house))
        group = step("create the 2-of-3 wallet", lambda bar: _create(house, bar))
        _print_group(console, group, house)
        kinds = {member["kind"]: member["index"] for member in group["members"]}
        pairs = [("phone", "cloud"), ("phone", "device"), ("cloud", "device")]
        for number, pair in enumerate(pairs):
            signers = sorted(kinds[kind] for kind in pair)
            step(f"{pair[0]} and {pair[1]} sign", partial(_sign_tx, house, group, signers, number))
        step("restart every process", lambda _: _restart(house))
        signers = sorted(kinds[kind] for kind in ("phone", "device"))
        step("sign a message from the shards on disk", lambda bar: _sign_message(house, group, signers, bar))
    return steps


# Processes


def _start(house: House) -> tuple[None, int, str]:
    home = house.home
    cloud_identity = _output("cloud", "--state", str(home / "cloud"), "--identity")
    service = _spawn(house, "serve", "--state", str(home / "service"), "--cloud", cloud_identity)
    cloud = _spawn(
        house, "cloud", "--state", str(home / "cloud"), "--service", service["url"], "--service-key", service["service"]
    )
    _output(
        "connect", "--home", str(home / "phone"), "--service", service["url"], "--key", service["service"],
        "--cloud", cloud["url"], "--cloud-identity", cloud_identity,
    )  # fmt: skip
    return None, 0, "ready"


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "daric_host.cli", *arguments]


def _output(*arguments: str) -> str:
    done = subprocess.run(_command(*arguments), capture_output=True, text=True, timeout=START_SECONDS, check=False)
    if done.returncode:
        raise DemoError(f"daric {arguments[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def _spawn(house: House, name: str, *arguments: str) -> dict[str, Any]:
    """Start a service and read its ready file, which it writes once it listens."""
    state = Path(arguments[1])
    state.mkdir(parents=True, exist_ok=True)
    ready = state / "ready.json"
    ready.unlink(missing_ok=True)
    with (state / "log").open("ab") as log:
        process = subprocess.Popen(_command(name, *arguments), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    house.processes[name] = process
    deadline = time.monotonic() + START_SECONDS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise DemoError(f"daric {name} did not start: {(state / 'log').read_text()[-2000:]}")
        time.sleep(0.05)
    return dict(json.loads(ready.read_text()))


def _stop_services(house: House) -> None:
    for process in house.processes.values():
        process.send_signal(signal.SIGTERM)
    for process in house.processes.values():
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    house.processes.clear()


def _restart(house: House) -> tuple[None, int, str]:
    _stop_services(house)
    house.device.restart()
    return _start(house)


# The phone


Watch = Callable[[dict[str, Any]], None]


def _phone(house: House, *arguments: str, watch: Watch = lambda line: None) -> dict[str, Any]:
    """Run a command of the phone in a process of its own; its person compares what both screens show.

    The result has `sent` added: bytes of the sealed frames of this host's seats.
    """
    command = _command(*arguments, "--home", str(house.home / "phone"), "--json")
    with (house.home / "phone.log").open("ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_pour, args=(process, lines), daemon=True).start()
    result: dict[str, Any] = {}
    sent = 0
    while (text := lines.get()) is not None:
        line = json.loads(text)
        if line["kind"] == "ask":
            if line.get("code"):
                house.codes.put(line["code"])
            assert process.stdin is not None
            process.stdin.write("yes\n")
            process.stdin.flush()
        elif line["kind"] == "error":
            process.wait()
            raise DemoError(f"daric {' '.join(arguments[:2])}: {line['error']}: {line['detail']}")
        elif line["kind"] == "result":
            result = line
        elif line["event"] == "ended":
            sent += line["sent"]
        watch(line)
    if process.wait():
        raise DemoError(f"daric {' '.join(arguments[:2])} ended with {process.returncode}, see phone.log")
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


def _pair(house: House) -> tuple[None, int, str]:
    house.compares = True
    _phone(house, "pair", "new", house.device.path)
    return None, 0, f"same six digits, {house.code}"


def _create(house: House, bar: Callable[[float], None]) -> tuple[dict[str, Any], int, str]:
    group = _phone(
        house, "wallet", "create", "Demo wallet", "-t", "2", "--device", house.device.path,
        watch=_progress("create", bar),
    )  # fmt: skip
    house.compares = False
    return group, group["sent"], f"same check code, {house.code}"


def _sign_tx(
    house: House, group: dict[str, Any], signers: list[int], nonce: int, bar: Callable[[float], None]
) -> tuple[None, int, str]:
    tx = transaction.Transaction(
        type=2, nonce=nonce, gas_limit=21000, to=RECIPIENT, value=10**15 * (nonce + 1), data=b"", chain_id=11155111,
        max_fee=30 * 10**9, priority_fee=10**9,
    )  # fmt: skip
    signed = _phone(
        house, "sign", "tx", group["group"], tx.encode().hex(), "--signers", ",".join(map(str, signers)),
        "--device", house.device.path, watch=_progress("sign", bar),
    )  # fmt: skip
    return None, signed["sent"], verify.transaction(signed["signed"], tx.encode(), group)


def _sign_message(
    house: House, group: dict[str, Any], signers: list[int], bar: Callable[[float], None]
) -> tuple[None, int, str]:
    text = "Daric: shards from disk"
    signed = _phone(
        house, "sign", "message", group["group"], text, "--signers", ",".join(map(str, signers)),
        "--device", house.device.path, watch=_progress("sign", bar),
    )  # fmt: skip
    return None, signed["sent"], verify.message(signed["signature"], text, group)


# The screen


def _print_group(console: Console, group: dict[str, Any], house: House) -> None:
    title = f"wallet {group['name']}: {group['threshold']} of {len(group['members'])}"
    table = Table(title=title, title_justify="left")
    for column in ("index", "party", "identity"):
        table.add_column(column)
    for member in group["members"]:
        table.add_row(str(member["index"]), f"{member['kind']} ({member['name']})", member["identity"])
    console.print(table)
    console.print(f"check code  {house.code}")
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
