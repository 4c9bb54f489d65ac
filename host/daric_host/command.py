"""What the commands of `daric` share: their groups, options, and the way from an error to an exit code.

    @command(wallet_app, "refresh", ports=True, asks=True)
    async def wallet_refresh(here: Here, group: Group) -> dict[str, Any]:
        async with here.wallet() as wallet: ...
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer
from daric_protocol.errors import DaricError

from daric_host.keys import read_id
from daric_host.offline import OfflineWallet
from daric_host.party import Party
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
Signers = Annotated[str, typer.Option(help="indexes of the members that sign, such as 1,3; else `daric party select`")]
DEFAULT_HOME = Path.home() / ".daric"
SERVICE = "service.json"
OFFLINE = ContextVar("offline", default=(False, ""))  # of this command: whether, and the address where others meet


Work = Callable[..., Awaitable[dict[str, Any]]]


@dataclass
class Here:
    """Where a command runs. ports: of the devices that take part. devices: their identities, once a wallet is open."""

    home: Path
    talk: Talk
    ports: list[str]
    devices: list[bytes] = field(default_factory=list)

    @property
    def cloud(self) -> str:
        """URL of the cloud party; empty if none is known."""
        return cloud_url(self.home)

    @asynccontextmanager
    async def wallet(self) -> AsyncIterator[Wallet]:
        """The wallet of this directory with its devices connected."""
        async with await open_wallet(self.home, self.talk) as wallet:
            for port in self.ports:
                self.devices.append(await wallet.connect(port))
            yield wallet


def command(group: typer.Typer, name: str, *, ports: bool = False, asks: bool = False) -> Callable[[Work], Work]:
    """Make a function a command: it is given a Here and the options that it names, and returns what is printed.

    ports: the command has --device. asks: it asks the person, and has --yes. Every command has --home and --json.
    """
    shared: list[tuple[str, Any, Any]] = [("home", Home, DEFAULT_HOME), ("as_json", AsJson, False)]
    shared += [("device", Ports, [])] if ports else []
    shared += [("yes", Yes, False)] if asks else []

    def decorate(work: Work) -> Work:
        options = [Parameter(one, Parameter.POSITIONAL_OR_KEYWORD, default=d, annotation=a) for one, a, d in shared]
        own = list(signature(work, eval_str=True).parameters.values())[1:]

        def entry(**given: Any) -> None:
            talk = Talk(given.pop("as_json"), given.pop("yes", False))
            here = Here(given.pop("home"), talk, given.pop("device", []))
            run(talk, partial(work, here, **given))

        entry.__signature__ = Signature([*own, *options])  # type: ignore[attr-defined]
        entry.__annotations__ = {one.name: one.annotation for one in (*own, *options)}
        entry.__doc__ = work.__doc__
        group.command(name)(entry)
        return work

    return decorate


def service(home: Path) -> Service:
    """The services that `daric connect` stored."""
    stored = _stored(home)
    return Service(stored["url"], bytes.fromhex(stored["key"]), bytes.fromhex(stored["cloud_identity"]))


def storage_url(home: Path) -> str:
    """URL of the user's cloud storage that `daric connect` stored; empty for the folder beside the wallet."""
    return _stored(home).get("storage", "")


def cloud_url(home: Path) -> str:
    """URL of the cloud party that `daric connect` stored; empty if there is none."""
    return _stored(home)["cloud"]


def _stored(home: Path) -> dict[str, str]:
    try:
        return dict(json.loads((home / SERVICE).read_text()))
    except (OSError, ValueError) as error:
        raise DaricError("parameter", "no service is known yet: run `daric connect` first") from error


def run(talk: Talk, work: Callable[[], Awaitable[dict[str, Any]]]) -> None:
    """Run a command to its result, or to the exit code of its error."""

    async def whole() -> dict[str, Any]:
        return await work()

    try:
        talk.result(asyncio.run(whole()))
    except DaricError as error:
        raise typer.Exit(talk.error(error)) from None
    except OSError as error:
        raise typer.Exit(talk.error(DaricError("storage", str(error)))) from None


@app.callback()
def everywhere(
    offline: Annotated[bool, typer.Option("--offline", help="without any service: this phone and its devices")] = False,
    listen: Annotated[str, typer.Option(help="offline, with others at this address: unix:PATH or tcp:HOST:PORT")] = "",
) -> None:
    """Threshold wallets with a device as one of the parties."""
    OFFLINE.set((offline or bool(listen), listen))


async def open_wallet(home: Path, talk: Talk) -> Wallet:
    """The wallet of a directory, logged in; with --offline or --listen without the services."""
    offline, listen = OFFLINE.get()
    if not offline:
        return await Wallet.open(home, service(home), talk.approve, talk.event, storage=storage_url(home))
    wallet = await OfflineWallet.open(home, service(home), talk.approve, talk.event, storage=storage_url(home))
    try:
        if listen:
            await wallet.serve(listen)
    except BaseException:
        await wallet.close()
        raise
    return wallet


@contextmanager
def local(home: Path) -> Iterator[Party]:
    """This phone without the services: what is stored can be shown offline."""
    party = Party(home, "phone")
    try:
        yield party
    finally:
        party.close()


def read_group(text: str) -> bytes:
    """The id of a wallet. Raises DaricError("parameter")."""
    return read_id(text, "the id of a wallet")


def read_signers(text: str) -> list[int]:
    """Indexes of members. Raises DaricError("parameter")."""
    try:
        return [int(index) for index in text.split(",")]
    except ValueError:
        raise DaricError("parameter", "signers are indexes with commas between them, such as 1,3") from None
