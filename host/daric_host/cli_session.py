"""Commands around sessions: join one, look at one, choose who takes part, bring certificates to latecomers."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from daric_protocol.errors import DaricError
from daric_protocol.evm import account
from daric_protocol.rounds.sign import Signature

from daric_host import parties
from daric_host.command import (
    DEFAULT_HOME,
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
    read_signers,
    run,
    service,
    wallet_app,
)
from daric_host.groups import GroupInfo, describe_group
from daric_host.joinlink import JoinLink, parse
from daric_host.keys import read_hex, read_key
from daric_host.offline import OfflineWallet
from daric_host.paired import PairedDevices
from daric_host.relay import SessionInfo
from daric_host.talk import Talk
from daric_host.wallet import Wallet

session_app = typer.Typer(help="Sessions that this phone sees.", no_args_is_help=True)
party_app = typer.Typer(help="Members of a wallet: who can take part, who shall.", no_args_is_help=True)
account_app = typer.Typer(help="The account of this phone.", no_args_is_help=True)
app.add_typer(session_app, name="session")
app.add_typer(party_app, name="party")
app.add_typer(account_app, name="account")

Session = Annotated[str, typer.Argument(help="the session's id, or its daric:join? link")]


@app.command()
def join(
    session: Session,
    device: Ports = [],  # noqa: B006
    invitation: Annotated[str, typer.Option(help="token of `daric account invite`, at the first start, hex")] = "",
    kind: Annotated[str, typer.Option(help="phone or browser, at the first start")] = "phone",
    name: Annotated[str, typer.Option(help="what others see, at the first start")] = "phone",
    at: Annotated[str, typer.Option(help="address of a phone that works offline: unix:PATH or tcp:HOST:PORT")] = "",
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """Take part in a session that another party proposed, registering this phone first if it is new."""
    talk = Talk(as_json, yes)

    async def work() -> dict[str, Any]:
        link = parse(session, at or service(home).url)
        token = read_hex(invitation, "an invitation") if invitation else b""
        opened = OfflineWallet if at else Wallet
        async with await opened.open(
            home, service(home), talk.approve, talk.event, kind=kind, name=name, invitation=token
        ) as wallet:
            if isinstance(wallet, OfflineWallet):
                await wallet.dial(at)
            devices = [await wallet.connect(port) for port in device]
            proposal = await wallet.join(link.session, link.initiator)
            await wallet.invite(proposal, devices)
            return _result(proposal.terms.op, await wallet.run(proposal))

    run(talk, work)


def _result(op: str, result: Any) -> dict[str, Any]:
    if isinstance(result, GroupInfo):
        return {"done": op, "group": result.id.hex(), "address": result.address}
    if isinstance(result, Signature):
        return {"done": op, "signature": result.encode().hex()}
    return {"done": op}


@session_app.command("list")
def session_list(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """The session in which this phone is active, if there is one."""
    talk = Talk(as_json)

    async def work() -> dict[str, Any]:
        async with await open_wallet(home, talk) as wallet:
            _, active = await wallet.relay.me()
            return {} if active is None else {JoinLink(active).text: (await wallet.relay.session(active)).state}

    run(talk, work)


@session_app.command("show")
def session_show(
    session: Session,
    png: Annotated[Path | None, typer.Option(help="write the QR code to this file")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Who has joined a session and when it expires; its link and QR code for the others."""
    talk = Talk(as_json)

    async def work() -> dict[str, Any]:
        url = service(home).url
        async with await open_wallet(home, talk) as wallet:
            info = await wallet.relay.session(parse(session, url).session)
        link = JoinLink.of(info.uuid, url, info.initiator)
        if png is not None:
            link.qr_png(png)
        talk.show(link.uri, link.qr_text())
        return _described(info, link)

    run(talk, work)


def _described(info: SessionInfo, link: JoinLink) -> dict[str, Any]:
    joined = {f"seat {one.seat}": f"{one.kind} {one.name}" for one in info.participants}
    left = max(0, info.expires - int(time.time()))
    state = {"session": link.text, "state": info.state, "joined": f"{len(joined)} of {info.needed}"}
    return {**state, "expires_in": f"{left} s", "link": link.uri, **joined}


@session_app.command("cancel")
def session_cancel(session: Session, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """End a session for everybody, as each of its parties may."""
    talk = Talk(as_json)

    async def work() -> dict[str, Any]:
        link = parse(session, service(home).url)
        async with await open_wallet(home, talk) as wallet:
            await wallet.relay.abort(link.session)
            return {"cancelled": link.text}

    run(talk, work)


@party_app.command("list")
def party_list(
    group: Group,
    device: Ports = [],  # noqa: B006
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """The members of a wallet: kind, name, when seen last, whether they can take part now."""
    talk = Talk(as_json)

    async def work() -> dict[str, Any]:
        async with await open_wallet(home, talk) as wallet:
            for port in device:
                await wallet.connect(port)
            found = await wallet.parties(read_group(group), cloud_url(home))
            return {str(one.index): _line(one) for one in found}

    run(talk, work)


def _line(one: parties.PartyState) -> str:
    when = datetime.fromtimestamp(one.last_seen, UTC).isoformat(" ") if one.last_seen else "at an unknown time"
    return f"{one.kind} {one.name}, seen {when}, {'usable' if one.usable else one.note}"


@party_app.command("select")
def party_select(
    group: Group,
    indexes: Annotated[str, typer.Argument(help="exactly the threshold's number of members, such as 1,3")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Choose who takes part from now on where --signers is not given."""
    talk = Talk(as_json)

    async def work() -> dict[str, Any]:
        with local(home) as party:
            chosen = parties.select(party.custody, read_group(group), read_signers(indexes))
            return {"selected": ",".join(str(index) for index in chosen)}

    run(talk, work)


@account_app.command("invite")
def account_invite(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """A token that lets one more phone or browser into this account: `daric join --invitation`."""
    talk = Talk(as_json)

    async def work() -> dict[str, Any]:
        async with await open_wallet(home, talk) as wallet:
            invitation = await wallet.relay.invite()
            return {"invitation": invitation.token.hex(), "expires": invitation.expires}

    run(talk, work)


@wallet_app.command("settle")
def wallet_settle(
    group: Group,
    device: Ports = [],  # noqa: B006
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """After a session that broke at its end: bring the certificate to whoever missed it."""
    talk = Talk(as_json)

    async def work() -> dict[str, Any]:
        async with await open_wallet(home, talk) as wallet:
            for port in device:
                await wallet.connect(port)
            settled = await wallet.settle(read_group(group), cloud_url(home))
            return {"group": settled.id.hex(), "epoch": settled.epoch, "pending": len(settled.pending)}

    run(talk, work)


@wallet_app.command("address")
def wallet_address(
    group: Group,
    kind: Annotated[str, typer.Option(help="eoa, or " + ", ".join(sorted(account.KINDS)))] = "eoa",
    salt: Annotated[int, typer.Option(min=0, help="of a smart account")] = 0,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """The address of a wallet's key, or of a smart account that it will own."""
    talk = Talk(as_json)

    async def work() -> dict[str, Any]:
        with local(home) as party:
            info = describe_group(party.custody, read_group(group))
            if kind != "eoa" and kind not in account.KINDS:
                raise DaricError("parameter", f"{kind} is no kind of account")
            return {"address": info.address if kind == "eoa" else info.account_address(kind, salt)}

    run(talk, work)


@pair_app.command("revoke")
def pair_revoke(
    device: Annotated[str, typer.Argument(help="identity of the device, hex: `daric pair list`")],
    for_good: Annotated[bool, typer.Option("--account", help="also take it out of this account, for good")] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Forget a paired device at this host; its owner forgets this host on the device."""
    talk = Talk(as_json)

    async def work() -> dict[str, Any]:
        identity = read_key(device, "the identity of a device")
        if for_good:
            async with await open_wallet(home, talk) as wallet:
                wallet.devices.name(identity)
                await wallet.relay.revoke(identity)
        with local(home) as party:
            devices = PairedDevices(party.store)
            devices.name(identity)
            devices.forget(identity)
        return {"revoked": identity.hex()}

    run(talk, work)
