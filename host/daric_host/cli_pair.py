"""`daric pair ...`: the devices of this phone, and what two members of a wallet share to sign together."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from daric_protocol.errors import DaricError

from daric_host.command import Here, command, local, pair_app, read_group
from daric_host.keys import read_key
from daric_host.paired import PairedDevices


@command(pair_app, "new", asks=True)
async def pair_new(here: Here, port: str) -> dict[str, Any]:
    """Pair with the device at a serial port: compare six digits on both screens."""
    async with here.wallet() as wallet:
        device = await wallet.pair(port, here.talk.same_code)
        return {"device": device.identity.hex(), "name": device.name}


@command(pair_app, "list")
async def pair_list(here: Here) -> dict[str, Any]:
    """The paired devices."""
    with local(here.home) as party:
        devices = PairedDevices(party.store).all()
        return {device.identity.hex(): f"{device.name} at {device.path}" for device in devices}


@command(pair_app, "renew", ports=True, asks=True)
async def pair_renew(
    here: Here,
    group: Annotated[str, typer.Argument(help="id of a wallet, hex: a new set-up between two of its members")] = "",
    first: Annotated[int, typer.Argument(help="index of the one")] = 0,
    second: Annotated[int, typer.Argument(help="index of the other")] = 0,
) -> dict[str, Any]:
    """A new set-up between two members, which ends a ban; without a wallet: pair anew with the devices named."""
    if not group and not here.ports:
        raise DaricError("parameter", "name a wallet and two of its members, or the device to pair with anew")
    if not group:
        ports, here.ports = here.ports, []
        async with here.wallet() as wallet:
            renewed = [await wallet.pair(port, here.talk.same_code) for port in ports]
            return {device.identity.hex(): f"{device.name} at {device.path}" for device in renewed}
    async with here.wallet() as wallet:
        proposal = await wallet.propose_pair_setup(read_group(group), first, second)
        await wallet.invite(proposal, here.devices, here.cloud)
        await wallet.run(proposal)
        return {"renewed": f"{first} and {second}"}


@command(pair_app, "revoke")
async def pair_revoke(
    here: Here,
    identity: Annotated[str, typer.Argument(help="of the device, hex: `daric pair list`")],
    for_good: Annotated[bool, typer.Option("--account", help="also take it out of this account, for good")] = False,
) -> dict[str, Any]:
    """Forget a paired device at this host; its owner forgets this host on the device."""
    key = read_key(identity, "the identity of a device")
    if for_good:
        async with here.wallet() as wallet:
            wallet.devices.name(key)
            await wallet.relay.revoke(key)
    with local(here.home) as party:
        devices = PairedDevices(party.store)
        devices.name(key)
        devices.forget(key)
    return {"revoked": key.hex()}
