"""`daric`: every command is a thin shell over one call of the SDK. Exit codes are the numbers of the error table."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from daric_protocol.errors import DaricError
from daric_protocol.evm import message, transaction
from daric_protocol.evm import request as requests

from daric_host.groups import GroupInfo
from daric_host.talk import Talk
from daric_host.wallet import Service, Wallet

app = typer.Typer(name="daric", help="A MicroPython device as a party of a threshold wallet.", no_args_is_help=True)
pair_app = typer.Typer(help="Devices of this wallet.", no_args_is_help=True)
wallet_app = typer.Typer(help="Wallets (groups) of this phone.", no_args_is_help=True)
sign_app = typer.Typer(help="Sign with exactly the threshold's number of members.", no_args_is_help=True)
sim_app = typer.Typer(help="Simulated devices.", no_args_is_help=True)
app.add_typer(pair_app, name="pair")
app.add_typer(wallet_app, name="wallet")
app.add_typer(sign_app, name="sign")
app.add_typer(sim_app, name="sim")

Home = Annotated[Path, typer.Option(envvar="DARIC_HOME", help="directory of this phone's wallet")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object a line")]
Yes = Annotated[bool, typer.Option("--yes", help="confirm every question: only where a person looks elsewhere")]
Ports = Annotated[list[str], typer.Option("--device", help="serial port of a paired device that takes part")]
Group = Annotated[str, typer.Argument(help="id of the wallet, hex")]
Signers = Annotated[str, typer.Option(help="indexes of the members that sign, such as 1,3")]
DEFAULT_HOME = Path.home() / ".daric"
SERVICE = "service.json"


def _service(home: Path) -> tuple[Service, str]:
    """(service, URL of the cloud party) that `daric connect` stored."""
    try:
        stored = json.loads((home / SERVICE).read_text())
        service = Service(stored["url"], bytes.fromhex(stored["key"]), bytes.fromhex(stored["cloud_identity"]))
        return service, stored["cloud"]
    except (OSError, ValueError, KeyError) as error:
        raise DaricError("parameter", "no service is known yet: run `daric connect` first") from error


def _run(talk: Talk, work: Callable[[], Awaitable[dict[str, Any]]]) -> None:
    """Run a command to its result, or to the exit code of its error."""

    async def whole() -> dict[str, Any]:
        return await work()

    try:
        talk.result(asyncio.run(whole()))
    except DaricError as error:
        raise typer.Exit(talk.error(error)) from None


async def _open(home: Path, talk: Talk) -> Wallet:
    return await Wallet.open(home, _service(home)[0], talk.approve, talk.event)


def _shown(group: GroupInfo) -> dict[str, Any]:
    members = [{"index": m.index, "kind": m.kind, "name": m.name, "identity": m.identity.hex()} for m in group.members]
    return {
        "group": group.id.hex(),
        "name": group.name,
        "threshold": group.threshold,
        "epoch": group.epoch,
        "public_key": group.public_key.hex(),
        "address": group.address,
        "account_address": group.account_address(),
        "me": group.me,
        "members": members,
    }


@app.command()
def connect(
    service: Annotated[str, typer.Option(help="URL of auth, sessions and relay")],
    key: Annotated[str, typer.Option(help="their public key, hex: `daric serve --public-key`")],
    cloud: Annotated[str, typer.Option(help="URL of the cloud party")] = "",
    cloud_identity: Annotated[str, typer.Option(help="its identity, hex: `daric cloud --identity`")] = "",
    home: Home = DEFAULT_HOME,
) -> None:
    """Remember which services this phone uses, and the keys that it pins."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    stored = {"url": service, "key": key, "cloud": cloud, "cloud_identity": cloud_identity}
    (home / SERVICE).write_text(json.dumps(stored) + "\n")


@pair_app.command("new")
def pair_new(port: str, home: Home = DEFAULT_HOME, as_json: AsJson = False, yes: Yes = False) -> None:
    """Pair with the device at a serial port: compare six digits on both screens."""
    talk = Talk(as_json, yes)

    async def work() -> dict[str, Any]:
        async with await _open(home, talk) as wallet:
            device = await wallet.pair(port, talk.same_code)
            return {"device": device.identity.hex(), "name": device.name}

    _run(talk, work)


@pair_app.command("list")
def pair_list(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """The paired devices."""
    talk = Talk(as_json)

    async def work() -> dict[str, Any]:
        async with await _open(home, talk) as wallet:
            return {device.identity.hex(): f"{device.name} at {device.path}" for device in wallet.devices.all()}

    _run(talk, work)


@pair_app.command("renew")
def pair_renew(
    group: Group,
    first: int,
    second: int,
    device: Ports = [],  # noqa: B006
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """Make a new set-up between two members of a wallet, which ends a ban between them."""
    talk = Talk(as_json, yes)

    async def work() -> dict[str, Any]:
        async with await _open(home, talk) as wallet:
            identities = [await wallet.connect(port) for port in device]
            proposal = await wallet.propose_pair_setup(bytes.fromhex(group), first, second)
            await wallet.invite(proposal, identities, _service(home)[1])
            await wallet.run(proposal)
            return {"renewed": f"{first} and {second}"}

    _run(talk, work)


@wallet_app.command("create")
def wallet_create(
    name: str,
    threshold: Annotated[int, typer.Option("-t", "--threshold")] = 2,
    others: Annotated[int, typer.Option(help="phones or browsers that join by the session id")] = 0,
    device: Ports = [],  # noqa: B006
    with_cloud: Annotated[bool, typer.Option("--cloud/--no-cloud")] = True,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """Make a new wallet with this phone, the named devices, the cloud, and whoever joins."""
    talk = Talk(as_json, yes)

    async def work() -> dict[str, Any]:
        async with await _open(home, talk) as wallet:
            identities = [await wallet.connect(port) for port in device]
            proposal = await wallet.propose_group(name, threshold, 1 + len(device) + others + with_cloud)
            await wallet.invite(proposal, identities, _service(home)[1] if with_cloud else "")
            return _shown(await wallet.run(proposal))

    _run(talk, work)


@wallet_app.command("list")
def wallet_list(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """The wallets of this phone."""
    talk = Talk(as_json)

    async def work() -> dict[str, Any]:
        async with await _open(home, talk) as wallet:
            return {group.id.hex(): f"{group.name} {group.address}" for group in wallet.groups()}

    _run(talk, work)


@wallet_app.command("show")
def wallet_show(group: Group, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Members, threshold, epoch and addresses of a wallet."""
    talk = Talk(as_json)

    async def work() -> dict[str, Any]:
        async with await _open(home, talk) as wallet:
            return _shown(wallet.group(bytes.fromhex(group)))

    _run(talk, work)


async def _sign(wallet: Wallet, home: Path, group: str, signers: str, ports: list[str], request: bytes) -> Any:
    group_id, indexes = bytes.fromhex(group), [int(index) for index in signers.split(",")]
    devices = [await wallet.connect(port) for port in ports]
    proposal = await wallet.propose_signature(group_id, request, indexes)
    await wallet.invite(proposal, devices, _service(home)[1])
    return await wallet.run(proposal)


@sign_app.command("tx")
def sign_tx(
    group: Group,
    unsigned: Annotated[str, typer.Argument(help="unsigned serialised transaction (legacy, 2930 or 1559), hex")],
    signers: Signers,
    device: Ports = [],  # noqa: B006
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """Sign an EVM transaction; prints it ready to be sent."""
    talk = Talk(as_json, yes)
    payload = bytes.fromhex(unsigned.removeprefix("0x"))

    async def work() -> dict[str, Any]:
        request = requests.Request(requests.TRANSACTION, payload).encode()
        async with await _open(home, talk) as wallet:
            signature = await _sign(wallet, home, group, signers, device, request)
            signed = transaction.attach_signature(payload, signature.r, signature.s, signature.recid)
            return {"signed": "0x" + signed.hex(), "hash": "0x" + transaction.transaction_hash(signed).hex()}

    _run(talk, work)


@sign_app.command("message")
def sign_message(
    group: Group,
    text: str,
    signers: Signers,
    device: Ports = [],  # noqa: B006
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """Sign a text as an EIP-191 personal message."""
    talk = Talk(as_json, yes)

    async def work() -> dict[str, Any]:
        request = requests.Request(requests.MESSAGE, text.encode()).encode()
        async with await _open(home, talk) as wallet:
            signature = await _sign(wallet, home, group, signers, device, request)
            return {"signature": "0x" + message.signature_bytes(signature.r, signature.s, signature.recid).hex()}

    _run(talk, work)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, add_help_option=False)
def serve(context: typer.Context) -> None:
    """Auth, sessions and relay in one process; `daric serve --help` has its options."""
    from daric_host.services.__main__ import main as run

    raise typer.Exit(run(context.args))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, add_help_option=False)
def cloud(context: typer.Context) -> None:
    """The cloud party; `daric cloud --help` has its options."""
    from daric_host.services.cloud import main as run

    raise typer.Exit(run(context.args))


@sim_app.command("device")
def sim_device(
    state: Annotated[Path, typer.Option(help="directory of the device's flash")],
    answer: Annotated[str, typer.Option(help="approve, refuse or wait (then type approve or refuse)")] = "approve",
    runtime: Annotated[str, typer.Option(help="micropython or cpython")] = "micropython",
) -> None:
    """Start a device on a pty and print its path; screens appear as they are shown. Ends with Ctrl-C."""
    from daric_sim.console import run

    raise typer.Exit(run(state, answer, runtime))


@app.command()
def demo(
    keep: Annotated[Path | None, typer.Option(help="keep all state in this directory")] = None,
) -> None:
    """Make a 2-of-3 wallet with phone, cloud and device, and sign with every pair of them."""
    from daric_sim.demo import run

    raise typer.Exit(run(keep))


from daric_host import cli_sign  # noqa: E402, F401 - its commands use what stands above


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    sys.exit(app())
