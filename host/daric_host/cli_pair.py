"""`daric pair ...`: the devices of this phone, and what two members of a wallet share to sign together."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from daric_protocol.errors import DaricError
from daric_protocol.sessionlog import LogEntry

from daric_host.command import Here, app, command, local, pair_app, read_group
from daric_host.device import DeviceLink, LockState
from daric_host.flashing import factory
from daric_host.keys import read_key
from daric_host.paired import PairedDevices
from daric_host.proposal import Event


@command(pair_app, "new", asks=True)
async def pair_new(here: Here, port: str) -> dict[str, Any]:
    """Pair with the device at a serial port: compare six digits on both screens."""
    async with here.wallet() as wallet:
        device = await wallet.pair(port, here.talk.same_code)
        return {"device": device.identity.hex(), "name": device.name}


@command(pair_app, "list", ports=True)
async def pair_list(here: Here) -> dict[str, Any]:
    """The paired devices; with --device also the hosts that this device is paired with, as it says itself."""
    if not here.ports:
        with local(here.home) as party:
            devices = PairedDevices(party.store).all()
            return {device.identity.hex(): f"{device.name} at {device.path}" for device in devices}
    async with here.wallet() as wallet:
        found: dict[str, Any] = {}
        for device in here.devices:
            for identity, name in await wallet.hosts(device):
                mine = ", this phone" if identity == wallet.identity else ""
                found[identity.hex()] = f"host {name} of device {wallet.devices.name(device)}{mine}"
        return found


@command(pair_app, "log", ports=True)
async def pair_log(here: Here) -> dict[str, Any]:
    """The sessions that the device named by --device took part in, as it recorded them; the record is verified."""
    if len(here.ports) != 1:
        raise DaricError("parameter", "name the one device whose record is to be read")
    async with here.wallet() as wallet:
        log = await wallet.log(here.devices[0])
        facts = await wallet.facts(here.devices[0])
    found: dict[str, Any] = {"device": here.devices[0].hex(), "arithmetic": facts.arithmetic}
    found |= {"count": log.count, "gone": log.gone, "head": log.head.hex()}
    if here.talk.as_json:
        return {**found, "sessions": [_entry(entry) for entry in log.entries]}
    return {**found, **{str(entry.number): _line(entry) for entry in log.entries}}


def _entry(entry: LogEntry) -> dict[str, Any]:
    """An entry as JSON."""
    return {
        "number": entry.number,
        "missed": entry.missed,
        "session": entry.session.hex(),
        "process": entry.op,
        "group": entry.group.hex(),
        "peers": [peer.hex() for peer in entry.peers],
        "digest": entry.digest.hex(),
        "outcome": entry.outcome,
    }


def _line(entry: LogEntry) -> str:
    """An entry as a person reads it."""
    line = f"{entry.op} {entry.outcome}, session {entry.session.hex()}, wallet {entry.group.hex()}"
    if entry.peers:
        line += ", with " + ", ".join(peer.hex() for peer in entry.peers)
    if entry.digest:
        line += f", of digest {entry.digest.hex()}"
    return line + (f"; {entry.missed} before it not recorded" if entry.missed else "")


@command(app, "info")
async def info(here: Here, port: str) -> dict[str, Any]:
    """What the device at a serial port is and runs, and what multiplies points there.

    A paired one tells only its hosts, and them also how often the blocks of each raw flash area were erased.
    """
    with local(here.home) as party:
        async with await DeviceLink.open(port, party.identity) as device:
            try:
                facts = await factory.info(device)
            except DaricError as error:
                if error.name != "unpaired":
                    raise
                await device.connect(PairedDevices(party.store).find(port))
                facts = await factory.info(device)
            wear = {"wear": await device.wear()} if device.sealed else {}
            return facts.as_json() | wear


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


@command(pair_app, "unlock")
async def pair_unlock(here: Here, port: str) -> dict[str, Any]:
    """Wait until the owner of the device at a serial port has typed its PIN on it."""

    def watch(state: LockState) -> None:
        wait = f"a try in {state.seconds} s" if state.seconds else "type the PIN on the device"
        here.talk.event(Event("advice", "device", {"text": f"{wait}; {state.tries} tries left"}))

    with local(here.home) as party:
        device = await DeviceLink.open(port, party.identity)
        try:
            await device.unlock(watch)
        finally:
            await device.close()
    return {"unlocked": port}


@command(pair_app, "lock", ports=True)
async def pair_lock(here: Here) -> dict[str, Any]:
    """Lock the devices named by --device now: each waits for its PIN."""
    async with here.wallet() as wallet:
        for device in here.devices:
            await wallet.lock(device)
    return {"locked": [device.hex() for device in here.devices]}


@command(pair_app, "revoke", ports=True, asks=True)
async def pair_revoke(
    here: Here,
    identity: Annotated[
        str, typer.Argument(help="of a device, or of another host of the one named by --device, hex")
    ] = "",
    for_good: Annotated[bool, typer.Option("--account", help="also take it out of this account, for good")] = False,
    every: Annotated[bool, typer.Option("--all", help="every host of the device named by --device")] = False,
) -> dict[str, Any]:
    """End a pairing: at this host, with --device at the device too; or that of other hosts, which the device asks."""
    if every:
        if identity or len(here.ports) != 1:
            raise DaricError("parameter", "name the one device that is to forget every host, and no identity")
        async with here.wallet() as wallet:
            await wallet.revoke_all(here.devices[0])
        return {"revoked": "all"}
    key = read_key(identity, "the identity of a device or host")
    if not here.ports and not for_good:
        with local(here.home) as party:
            devices = PairedDevices(party.store)
            devices.name(key)
            devices.forget(key)
        return {"revoked": key.hex()}
    async with here.wallet() as wallet:
        own = key in [device.identity for device in wallet.devices.all()]
        if not own and not here.devices:
            wallet.devices.name(key)
        if for_good:
            await wallet.relay.revoke(key)
        if own:
            await wallet.revoke(key)
        elif here.devices:
            await wallet.revoke(here.devices[0], key)
    return {"revoked": key.hex()}


@command(pair_app, "maintenance", ports=True, asks=True)
async def pair_maintenance(here: Here) -> dict[str, Any]:
    """End the program of the device named by --device, if its image is a development one and its owner agrees."""
    if len(here.ports) != 1:
        raise DaricError("parameter", "name the one device whose program is to end")
    async with here.wallet() as wallet:
        await wallet.maintenance(here.devices[0])
    return {"maintenance": here.devices[0].hex()}
