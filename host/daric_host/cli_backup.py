"""`daric backup ...` and `daric recover`: the share of a device, split among holders and brought back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from daric_protocol.errors import DaricError

from daric_host.backups import PATIENCE, BackupInfo
from daric_host.command import Group, Here, app, command, read_group, read_signers
from daric_host.groups import GroupInfo
from daric_host.keys import read_id
from daric_host.proposal import Event

UNASKED = "The cloud party does not answer: what it alone knows is missing here."

backup_app = typer.Typer(help="Backups of a device's share.", no_args_is_help=True)
app.add_typer(backup_app, name="backup")

Holders = Annotated[str, typer.Option(help="indexes of the members that hold pieces, such as 1,3,4")]
Backup = Annotated[str, typer.Option(help="id of a backup, hex: `daric backup list`; else the newest")]
InSession = Annotated[
    bool, typer.Option("--session/--no-session", help="--no-session: this phone and the cloud alone hold the pieces")
]


def _indexes(text: str) -> list[int]:
    return read_signers(text) if text else []


def _backup_id(text: str) -> bytes:
    return read_id(text, "the id of a backup") if text else b""


def _identity(group: GroupInfo, index: int) -> bytes:
    """The identity of the member with an index; empty for 0. Raises DaricError("member")."""
    if index and index not in [member.index for member in group.members]:
        raise DaricError("member", f"the wallet has no member {index}")
    return next((member.identity for member in group.members if member.index == index), b"")


def _shown(one: BackupInfo) -> dict[str, Any]:
    """A backup for a program: what commands print."""
    made = datetime.fromtimestamp(one.made, UTC).isoformat(" ") if one.made else "this phone has no piece"
    locked = datetime.fromtimestamp(one.locked_until, UTC).isoformat(" ") if one.locked_until else ""
    return {
        "backup": one.id.hex(),
        "device": one.device,
        "epoch": one.epoch,
        "threshold": one.threshold,
        "holders": list(one.holders),
        "made": made,
        "good": one.good,
        "note": one.note,
        "tries": one.tries,
        "locked_until": locked,
    }


def _line(one: BackupInfo) -> str:
    """The same in a line for a person."""
    held = f"{one.threshold} of members {', '.join(str(index) for index in one.holders)}"
    state = "good" if one.good else one.note
    made = f", made {datetime.fromtimestamp(one.made, UTC).isoformat(' ')}" if one.made else ""
    tries = f", {one.tries} wrong codes at the cloud" if one.tries else ""
    return f"device {one.device}, epoch {one.epoch}, {held}{made}{tries}: {state}"


@command(backup_app, "create", ports=True, asks=True)
async def backup_create(
    here: Here,
    group: Group,
    holders: Holders = "",
    threshold: Annotated[int, typer.Option("-t", "--threshold", help="pieces that bring the share back")] = 2,
    of: Annotated[int, typer.Option(help="index of the device, where several are connected")] = 0,
    session: InSession = True,
) -> dict[str, Any]:
    """Back a device's share up; the device shows who can reach the key, and the recovery code, once."""
    async with here.wallet() as wallet:
        info = wallet.group(read_group(group))
        device = _identity(info, of)
        made = await wallet.backups.create(
            info.id, _indexes(holders), threshold, device=device, session=session, cloud=here.cloud
        )
        return _shown(made)


@command(backup_app, "verify", ports=True, asks=True)
async def backup_verify(
    here: Here, group: Group, backup: Backup = "", holders: Holders = "", session: InSession = True
) -> dict[str, Any]:
    """Prove that a backup's pieces are there and good, without rebuilding the share."""
    async with here.wallet() as wallet:
        good = await wallet.backups.verify(
            read_group(group), _backup_id(backup), _indexes(holders), session=session, cloud=here.cloud
        )
        return {"good": ",".join(str(number) for number in good)}


@command(backup_app, "list")
async def backup_list(here: Here, group: Group) -> dict[str, Any]:
    """The backups of a wallet: whose, when made, by whom held, whether they are good for the current epoch."""
    async with here.wallet() as wallet:
        name = read_group(group)
        try:
            found = await wallet.backups.list(name, here.cloud)
        except DaricError as error:
            if error.name != "service":
                raise
            here.talk.event(Event("advice", "", {"text": UNASKED}))
            found = await wallet.backups.list(name)
        if here.talk.as_json:
            return {"backups": [_shown(one) for one in found]}
        return {one.id.hex(): _line(one) for one in found}


@command(app, "recover", ports=True, asks=True)
async def recover(
    here: Here,
    group: Group,
    backup: Backup = "",
    members: Annotated[
        str, typer.Option(help="indexes of those who take part beside the device; else this phone and the cloud")
    ] = "",
    session: InSession = True,
    wait: Annotated[float, typer.Option(help="seconds that another phone has to join its pair set-up")] = PATIENCE,
) -> dict[str, Any]:
    """Give a new or wiped device the share of the one that was lost; its owner types the recovery code on it."""
    async with here.wallet() as wallet:
        back = await wallet.backups.recover(
            read_group(group),
            backup_id=_backup_id(backup),
            members=_indexes(members),
            session=session,
            cloud=here.cloud,
            patience=wait,
        )
        return {
            "recovered": back.index,
            "address": back.group.address,
            "bad_pieces": list(back.bad),
            "paired": list(back.paired),
            "unpaired": list(back.unpaired),
        }


__all__ = ["backup_app"]
