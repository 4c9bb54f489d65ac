"""`daric wallet refresh` and `daric member ...`: who holds a wallet's shards, while its key and addresses stay."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from daric_protocol.errors import DaricError

from daric_host.command import (
    DEFAULT_HOME,
    AsJson,
    Group,
    Home,
    Ports,
    Yes,
    app,
    cloud_url,
    open_wallet,
    read_group,
    run,
    wallet_app,
)  # fmt: skip
from daric_host.groups import shown
from daric_host.talk import Talk

member_app = typer.Typer(help="Members of a wallet: every change gives all of them new shards.", no_args_is_help=True)
app.add_typer(member_app, name="member")

Threshold = Annotated[int, typer.Option("-t", "--threshold", help="how many sign afterwards; 0: as many as now")]


@wallet_app.command("refresh")
def wallet_refresh(
    group: Group,
    device: Ports = [],  # noqa: B006
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """New shards of the same key for the same members; whoever stole old ones has nothing."""
    talk = Talk(as_json, yes)

    async def work() -> dict[str, Any]:
        async with await open_wallet(home, talk) as wallet:
            identities = [await wallet.connect(port) for port in device]
            proposal = await wallet.propose_refresh(read_group(group))
            await wallet.invite(proposal, identities, cloud_url(home))
            return shown(await wallet.run(proposal))

    run(talk, work)


@member_app.command("add")
def member_add(
    group: Group,
    others: Annotated[int, typer.Option(help="phones or browsers that join by the session id")] = 0,
    new_device: Annotated[list[str], typer.Option(help="serial port of a paired device that becomes a member")] = [],  # noqa: B006
    drop: Annotated[list[int], typer.Option(help="index of a member that is none afterwards, such as the cloud")] = [],  # noqa: B006
    threshold: Threshold = 0,
    device: Ports = [],  # noqa: B006
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """Add members. All who stay take part, named devices and the cloud among them; the new ones join."""
    talk = Talk(as_json, yes)

    async def work() -> dict[str, Any]:
        async with await open_wallet(home, talk) as wallet:
            before = wallet.group(read_group(group))
            if others + len(new_device) < 1:
                raise DaricError("parameter", "nobody new is named: use --others or --new-device")
            identities = [await wallet.connect(port) for port in [*device, *new_device]]
            proposal = await wallet.propose_reshare(
                before.id, threshold or before.threshold, others + len(new_device), drop
            )
            stays = any(one.identity == wallet.service.cloud and one.index not in drop for one in before.members)
            await wallet.invite(proposal, identities, cloud_url(home) if stays else "")
            after = shown(await wallet.run(proposal))
            await wallet.settle(before.id, cloud_url(home))
            return after

    run(talk, work)


@member_app.command("remove")
def member_remove(
    group: Group,
    index: Annotated[list[int], typer.Argument(help="indexes of the members to remove")],
    threshold: Threshold = 0,
    device: Ports = [],  # noqa: B006
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """Remove members. All others take part; the removed ones are told, and their shards fit no new one."""
    talk = Talk(as_json, yes)

    async def work() -> dict[str, Any]:
        async with await open_wallet(home, talk) as wallet:
            before = wallet.group(read_group(group))
            identities = [await wallet.connect(port) for port in device]
            proposal = await wallet.propose_reshare(before.id, threshold or before.threshold, 0, index)
            await wallet.invite(proposal, identities, cloud_url(home))
            after = shown(await wallet.run(proposal))
            await wallet.settle(before.id, cloud_url(home))
            return after

    run(talk, work)
