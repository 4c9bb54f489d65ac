"""Commands around sessions: join one, look at one, choose who takes part."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from daric_protocol.errors import DaricError
from daric_protocol.rounds.sign import Signature

from daric_host import parties
from daric_host.command import (
    Group,
    Here,
    app,
    command,
    local,
    read_group,
    read_signers,
    service,
    storage_url,
)
from daric_host.groups import GroupInfo
from daric_host.joinlink import JoinLink, parse
from daric_host.keys import read_hex
from daric_host.offline import OfflineWallet
from daric_host.relay import SessionInfo
from daric_host.wallet import Wallet

session_app = typer.Typer(help="Sessions that this phone sees.", no_args_is_help=True)
party_app = typer.Typer(help="Members of a wallet: who can take part, who shall.", no_args_is_help=True)
account_app = typer.Typer(help="The account of this phone.", no_args_is_help=True)
app.add_typer(session_app, name="session")
app.add_typer(party_app, name="party")
app.add_typer(account_app, name="account")

WANTED_POLL = 0.5  # seconds
Session = Annotated[str, typer.Argument(help="the session's id, or its daric:join? link")]


@command(app, "join", ports=True, asks=True)
async def join(
    here: Here,
    session: Session,
    invitation: Annotated[str, typer.Option(help="token of `daric account invite`, at the first start, hex")] = "",
    kind: Annotated[str, typer.Option(help="phone or browser, at the first start")] = "phone",
    name: Annotated[str, typer.Option(help="what others see, at the first start")] = "phone",
    at: Annotated[str, typer.Option(help="address of a phone that works offline: unix:PATH or tcp:HOST:PORT")] = "",
) -> dict[str, Any]:
    """Take part in a session that another party proposed, registering this phone first if it is new."""
    link = parse(session, at or service(here.home).url)
    token = read_hex(invitation, "an invitation") if invitation else b""
    opened = OfflineWallet if at else Wallet
    async with await opened.open(
        here.home,
        service(here.home),
        here.talk.approve,
        here.talk.event,
        kind=kind,
        name=name,
        invitation=token,
        storage=storage_url(here.home),
    ) as wallet:
        if isinstance(wallet, OfflineWallet):
            await wallet.dial(at)
        here.devices = [await wallet.connect(port) for port in here.ports]
        proposal = await wallet.join(link.session, link.initiator, link.secret)
        await wallet.invite(proposal, here.devices)
        return _result(proposal.terms.op, await wallet.run(proposal))


def _result(op: str, result: Any) -> dict[str, Any]:
    if isinstance(result, GroupInfo):
        return {"done": op, "group": result.id.hex(), "address": result.address}
    if isinstance(result, Signature):
        return {"done": op, "signature": result.encode().hex()}
    return {"done": op}


@command(session_app, "list")
async def session_list(here: Here) -> dict[str, Any]:
    """The session in which this phone is active, if there is one."""
    async with here.wallet() as wallet:
        _, active = await wallet.relay.me()
        return {} if active is None else {JoinLink(active).text: (await wallet.relay.session(active)).state}


@command(session_app, "show")
async def session_show(
    here: Here,
    session: Session,
    png: Annotated[Path | None, typer.Option(help="write the QR code to this file")] = None,
) -> dict[str, Any]:
    """Who has joined a session and when it expires; its link and QR code for the others."""
    url = service(here.home).url
    async with here.wallet() as wallet:
        info = await wallet.relay.session(parse(session, url).session)
    link = JoinLink.of(info.uuid, url, info.initiator)
    if png is not None:
        link.qr_png(png)
    here.talk.show(link.uri, link.qr_text())
    return _described(info, link)


def _described(info: SessionInfo, link: JoinLink) -> dict[str, Any]:
    joined = {f"seat {one.seat}": f"{one.kind} {one.name}" for one in info.participants}
    left = max(0, info.expires - int(time.time()))
    state = {"session": link.text, "state": info.state, "joined": f"{len(joined)} of {info.needed}"}
    return {**state, "expires_in": f"{left} s", "link": link.uri, **joined}


@command(session_app, "cancel")
async def session_cancel(here: Here, session: Session) -> dict[str, Any]:
    """End a session for everybody, as each of its parties may."""
    link = parse(session, service(here.home).url)
    async with here.wallet() as wallet:
        await wallet.relay.abort(link.session)
        return {"cancelled": link.text}


@command(session_app, "wanted", ports=True, asks=True)
async def session_wanted(
    here: Here,
    members: Annotated[str, typer.Option(help="who takes part in an export, or holds the pieces of a backup")] = "",
    wait: Annotated[float, typer.Option(help="seconds in which somebody may pick something on the device")] = 60,
) -> dict[str, Any]:
    """Run what the owner of the device picks in its menu: a refresh, a backup or an export that the device asks for."""
    if len(here.ports) != 1:
        raise DaricError("parameter", "name the one device that is asked: --device")
    async with here.wallet() as wallet:
        deadline = time.monotonic() + wait
        while True:
            proposal = await wallet.propose_wanted(here.devices[0], read_signers(members) if members else ())
            if proposal is not None:
                await wallet.invite(proposal, here.devices, here.cloud)
                return _result(proposal.terms.op, await wallet.run(proposal))
            if time.monotonic() >= deadline:
                raise DaricError("timeout", "nothing was picked on the device")
            await asyncio.sleep(WANTED_POLL)


@command(party_app, "list", ports=True)
async def party_list(here: Here, group: Group) -> dict[str, Any]:
    """The members of a wallet: kind, name, when seen last, whether they can take part now."""
    async with here.wallet() as wallet:
        found = await wallet.parties(read_group(group), here.cloud)
        return {str(one.index): _line(one) for one in found}


def _line(one: parties.PartyState) -> str:
    when = datetime.fromtimestamp(one.last_seen, UTC).isoformat(" ") if one.last_seen else "at an unknown time"
    return f"{one.kind} {one.name}, seen {when}, {'usable' if one.usable else one.note}"


@command(party_app, "select")
async def party_select(
    here: Here,
    group: Group,
    indexes: Annotated[str, typer.Argument(help="exactly the threshold's number of members, such as 1,3")],
) -> dict[str, Any]:
    """Choose who takes part from now on where --signers is not given."""
    with local(here.home) as party:
        chosen = parties.select(party.custody, read_group(group), read_signers(indexes))
        return {"selected": ",".join(str(index) for index in chosen)}


@command(account_app, "invite")
async def account_invite(here: Here) -> dict[str, Any]:
    """A token that lets one more phone or browser into this account: `daric join --invitation`."""
    async with here.wallet() as wallet:
        invitation = await wallet.relay.invite()
        return {"invitation": invitation.token.hex(), "expires": invitation.expires}
