"""`daric member ...` and `daric cloud-shard delete`: who holds a wallet's shards, while its key and addresses stay."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from daric_protocol.errors import DaricError

from daric_host.command import Group, Here, Signers, app, command, read_group, read_signers
from daric_host.groups import GroupInfo, shown
from daric_host.parties import selected
from daric_host.wallet import Wallet

member_app = typer.Typer(help="Members of a wallet.", no_args_is_help=True)
cloud_shard_app = typer.Typer(help="The shard that the cloud party holds.", no_args_is_help=True)
app.add_typer(member_app, name="member")
app.add_typer(cloud_shard_app, name="cloud-shard")

Threshold = Annotated[int, typer.Option("-t", "--threshold", help="how many sign afterwards; 0: as many as now")]


@command(member_app, "add", ports=True, asks=True)
async def member_add(
    here: Here,
    group: Group,
    others: Annotated[int, typer.Option(help="phones or browsers that join by the session id")] = 0,
    new_device: Annotated[list[str], typer.Option(help="serial port of a paired device that becomes a member")] = [],  # noqa: B006
    drop: Annotated[list[int], typer.Option(help="index of a member that is none afterwards, such as the cloud")] = [],  # noqa: B006
    threshold: Threshold = 0,
) -> dict[str, Any]:
    """Add members. All who stay take part, named devices and the cloud among them; the new ones join."""
    async with here.wallet() as wallet:
        before = wallet.group(read_group(group))
        if others + len(new_device) < 1:
            raise DaricError("parameter", "nobody new is named: use --others or --new-device")
        await _connect_new(here, wallet, before, new_device)
        newcomers = others + len(new_device)
        proposal = await wallet.propose_reshare(before.id, threshold or before.threshold, newcomers, drop)
        number = _cloud_index(wallet, before)
        await wallet.invite(proposal, here.devices, here.cloud if number and number not in drop else "")
        return await _after(here, wallet, await wallet.run(proposal), number in drop)


@command(member_app, "remove", ports=True, asks=True)
async def member_remove(
    here: Here,
    group: Group,
    index: Annotated[list[int], typer.Argument(help="indexes of the members to remove")],
    threshold: Threshold = 0,
) -> dict[str, Any]:
    """Remove members. All others take part; the removed ones are told, and their shards fit no new one."""
    async with here.wallet() as wallet:
        before = wallet.group(read_group(group))
        proposal = await wallet.propose_reshare(before.id, threshold or before.threshold, 0, index)
        await wallet.invite(proposal, here.devices, here.cloud)
        return await _after(here, wallet, await wallet.run(proposal), _cloud_index(wallet, before) in index)


@command(member_app, "add-only", ports=True, asks=True)
async def member_add_only(
    here: Here,
    group: Group,
    helpers: Signers = "",
    new_device: Annotated[str, typer.Option(help="serial port of a paired device; else a phone joins by the id")] = "",
    pair: Annotated[
        bool, typer.Option("--pair/--later", help="pair set-ups with whoever is here at once, or before signing")
    ] = True,
) -> dict[str, Any]:
    """Add one member, by exactly the threshold's number of others; no other shard changes."""
    async with here.wallet() as wallet:
        before = wallet.group(read_group(group))
        indexes = read_signers(helpers) if helpers else selected(wallet.party.custody, before.id)
        await _connect_new(here, wallet, before, [new_device] if new_device else [])
        proposal = await wallet.propose_enrol(before.id, indexes)
        await wallet.invite(proposal, here.devices)
        if _cloud_index(wallet, before) in indexes:
            await wallet.invite_cloud(proposal, here.cloud)
        after = await wallet.run(proposal)
        await wallet.settle(before.id, here.cloud)
        new = max(member.index for member in after.members)
        paired, left = await wallet.pair_up(before.id, new, here.cloud) if pair else ([], [])
        return {**shown(after), "added": new, "paired": paired, "pair_before_signing": left}


@command(cloud_shard_app, "delete", ports=True, asks=True)
async def cloud_shard_delete(here: Here, group: Group, threshold: Threshold = 0) -> dict[str, Any]:
    """Go on without the cloud: all others take new shards, the cloud erases its own and signs a receipt."""
    async with here.wallet() as wallet:
        before = wallet.group(read_group(group))
        number = _cloud_index(wallet, before)
        if number:
            proposal = await wallet.propose_reshare(before.id, threshold or before.threshold, 0, [number])
            await wallet.invite(proposal, here.devices)
            await wallet.run(proposal)
        return await _after(here, wallet, wallet.group(before.id), True)


async def _connect_new(here: Here, wallet: Wallet, group: GroupInfo, ports: list[str]) -> None:
    """Connect devices that are to become members. Raises DaricError("member") for one that is."""
    for port in ports:
        if wallet.devices.find(port).identity in [member.identity for member in group.members]:
            raise DaricError("member", f"the device at {port} is a member already")
        here.devices.append(await wallet.connect(port))


def _cloud_index(wallet: Wallet, group: GroupInfo) -> int:
    """The index of the known cloud party; 0 if it is no member."""
    return next((one.index for one in group.members if one.identity == wallet.service.cloud), 0)


async def _after(here: Here, wallet: Wallet, after: GroupInfo, without_cloud: bool) -> dict[str, Any]:
    """Tell those who are away; let a cloud party that was left out erase its shard. What is printed."""
    if not without_cloud:
        await wallet.settle(after.id, here.cloud)
        return shown(after)
    receipt = await wallet.delete_cloud_shard(after.id, here.cloud)
    erased = datetime.fromtimestamp(receipt.time, UTC).isoformat(" ")
    return {**shown(after), "cloud_erased": erased, "receipt": receipt.encode().hex()}
