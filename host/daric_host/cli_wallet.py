"""`daric wallet ...`: make wallets, bring a key into one, show them, renew their shards."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from daric_protocol.errors import DaricError
from daric_protocol.evm import account, address
from daric_protocol.flows.proposals import Secret

from daric_host import ownerpolicy
from daric_host.command import Group, Here, command, local, read_group, wallet_app
from daric_host.groups import current_groups, describe_group, shown
from daric_host.hdkey import ACCOUNT
from daric_host.keys import read_key, read_path
from daric_host.ownkey import secret_of_key, secret_of_phrase
from daric_host.wallet import Wallet

Threshold = Annotated[int, typer.Option("-t", "--threshold", help="how many sign")]
Others = Annotated[int, typer.Option(help="phones or browsers that join by the session id")]
WithCloud = Annotated[bool, typer.Option("--cloud/--no-cloud", help="whether the cloud party is a member")]
Master = Annotated[
    str, typer.Option(help="who alone may ask for anything later: phone, a device's port, or an identity in hex")
]


@command(wallet_app, "create", ports=True, asks=True)
async def wallet_create(
    here: Here,
    name: str,
    threshold: Threshold = 2,
    others: Others = 0,
    with_cloud: WithCloud = True,
    master: Master = "",
) -> dict[str, Any]:
    """Make a new wallet with this phone, the named devices, the cloud, and whoever joins."""
    async with here.wallet() as wallet:
        parties = 1 + len(here.devices) + others + with_cloud
        proposal = await wallet.propose_group(name, threshold, parties, _master(here, wallet, master))
        await wallet.invite(proposal, here.devices, here.cloud if with_cloud else "")
        return shown(await wallet.run(proposal))


@command(wallet_app, "import", ports=True, asks=True)
async def wallet_import(
    here: Here,
    name: str,
    threshold: Threshold = 2,
    others: Others = 0,
    with_cloud: WithCloud = True,
    master: Master = "",
    path: Annotated[str, typer.Option(help="where below the phrase the account's key is")] = ACCOUNT,
    with_passphrase: Annotated[bool, typer.Option("--passphrase", help="the phrase has one: asked for")] = False,
    bare_key: Annotated[bool, typer.Option("--key", help="a secret key in hex, or an xprv; no phrase")] = False,
) -> dict[str, Any]:
    """Make a wallet of a recovery phrase of 12 to 24 words, which is asked for, or of a secret key."""
    secret = await _secret(here, path, with_passphrase, bare_key)
    async with here.wallet() as wallet:
        parties = 1 + len(here.devices) + others + with_cloud
        known = "" if bare_key else path
        proposal = await wallet.propose_import(
            name, threshold, parties, secret, known, _master(here, wallet, master)
        )
        await wallet.invite(proposal, here.devices, here.cloud if with_cloud else "")
        return shown(await wallet.run(proposal))


async def _secret(here: Here, path: str, with_passphrase: bool, bare_key: bool) -> Secret:
    if bare_key:
        return secret_of_key(await here.talk.secret("key"))
    phrase = await here.talk.secret("phrase")
    return secret_of_phrase(phrase, await here.talk.secret("passphrase") if with_passphrase else "", path)


def _master(here: Here, wallet: Wallet, text: str) -> bytes:
    """The identity of who is meant; empty for nobody."""
    if text in here.ports:
        return here.devices[here.ports.index(text)]
    if text in ("", "phone"):
        return wallet.identity if text else b""
    identity = read_key(text, "the master's identity")
    if identity == wallet.service.cloud:
        raise DaricError("parameter", "the cloud party asks for nothing, so it cannot be the master")
    return identity


@command(wallet_app, "list")
async def wallet_list(here: Here) -> dict[str, Any]:
    """The wallets of this phone."""
    with local(here.home) as party:
        return {group.id.hex(): f"{group.name} {group.address}" for group in current_groups(party.custody)}


@command(wallet_app, "show")
async def wallet_show(here: Here, group: Group) -> dict[str, Any]:
    """Members, threshold, epoch and addresses of a wallet."""
    with local(here.home) as party:
        return shown(describe_group(party.custody, read_group(group)))


@command(wallet_app, "address", ports=True)
async def wallet_address(
    here: Here,
    group: Group,
    kind: Annotated[str, typer.Option(help="eoa, or " + ", ".join(sorted(account.KINDS)))] = "eoa",
    salt: Annotated[int, typer.Option(min=0, help="of a smart account")] = 0,
    path: Annotated[str, typer.Option(help="account below the wallet's key, such as 0/0; no level is hardened")] = "",
) -> dict[str, Any]:
    """The address of a wallet's key, of an account below it, or of a smart account that it will own.

    With --device the device computes it too and shows it, and its owner compares.
    """
    below = read_path(path)
    if kind != "eoa" and kind not in account.KINDS:
        raise DaricError("parameter", f"{kind} is no kind of account")
    if here.ports:
        async with here.wallet() as wallet:
            device = here.devices[0]
            shown_there = await wallet.show_address(
                device, read_group(group), "" if kind == "eoa" else kind, salt, below
            )
            return {"address": address.to_text(shown_there), "compared": device.hex()}
    with local(here.home) as party:
        info = describe_group(party.custody, read_group(group))
        if kind != "eoa":
            return {"address": info.account_address(kind, salt, below)}
        return {"address": info.child_address(below)}


@command(wallet_app, "policy", ports=True)
async def wallet_policy(
    here: Here,
    group: Group,
    daily: Annotated[list[str], typer.Option(help="CHAIN:COINS a day, fees counted, such as 1:0.5")] = [],  # noqa: B006
    to: Annotated[list[str], typer.Option(help="address of a recipient; no other one gets anything")] = [],  # noqa: B006
    cosigner: Annotated[list[int], typer.Option(help="index of a member that has to sign too")] = [],  # noqa: B006
    allow: Annotated[
        list[str], typer.Option(help="signed although it cannot be measured: " + ", ".join(ownerpolicy.ALLOWED))
    ] = [],  # noqa: B006
    remove: Annotated[bool, typer.Option("--remove", help="the wallet gets rid of its policy")] = False,
) -> dict[str, Any]:
    """What the owner of the device named by --device lets it sign for a wallet; with options, proposes that anew."""
    if len(here.ports) != 1:
        raise DaricError("parameter", "name the one device whose policy is meant")
    asked = bool(daily or to or cosigner or allow)
    if remove and asked:
        raise DaricError("parameter", "a policy is removed or proposed, not both")
    policy = None
    if asked:
        amounts = [ownerpolicy.read_daily(one) for one in daily]
        recipients = [address.from_text(one) for one in to]
        policy = ownerpolicy.make_policy(amounts, recipients, cosigner, ownerpolicy.read_allowed(allow))
    async with here.wallet() as wallet:
        if asked or remove:
            await wallet.propose_policy(here.devices[0], read_group(group), policy)
        return ownerpolicy.shown(await wallet.policy(here.devices[0], read_group(group)))


@command(wallet_app, "refresh", ports=True, asks=True)
async def wallet_refresh(here: Here, group: Group) -> dict[str, Any]:
    """New shards of the same key for the same members; whoever stole old ones has nothing."""
    async with here.wallet() as wallet:
        proposal = await wallet.propose_refresh(read_group(group))
        await wallet.invite(proposal, here.devices, here.cloud)
        return shown(await wallet.run(proposal))


@command(wallet_app, "master", ports=True, asks=True)
async def wallet_master(
    here: Here,
    group: Group,
    index: Annotated[int, typer.Argument(min=0, help="of the member that alone may ask from now on; 0: every one may")],
) -> dict[str, Any]:
    """Change who is the master of a wallet; all its members agree."""
    async with here.wallet() as wallet:
        proposal = await wallet.propose_master(read_group(group), index)
        await wallet.invite(proposal, here.devices, here.cloud)
        return shown(await wallet.run(proposal))


@command(wallet_app, "settle", ports=True)
async def wallet_settle(here: Here, group: Group) -> dict[str, Any]:
    """After a session that broke at its end: bring certificates and changes to whoever missed them."""
    async with here.wallet() as wallet:
        settled = await wallet.settle(read_group(group), here.cloud)
        return {"group": settled.id.hex(), "epoch": settled.epoch, "pending": len(settled.pending)}
