"""Commands that use the key: sign, send what was signed, export."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from daric_protocol.errors import DaricError
from daric_protocol.evm import address, forms, message, transaction, userop
from daric_protocol.evm import request as requests
from daric_protocol.limits import RECEIPT_TIMEOUT, SIGN_REQUEST_BYTES

from daric_host.command import Group, Here, Signers, app, command, read_group, read_signers, sign_app
from daric_host.hdkey import ACCOUNT
from daric_host.keys import read_hex, read_path
from daric_host.node import Node
from daric_host.parties import selected
from daric_host.wallet import Wallet

Below = Annotated[
    str, typer.Option("--path", help="account below the wallet's key, such as 0/5; no level can be hardened")
]
JSON_BYTES = 16 * SIGN_REQUEST_BYTES  # JSON is far longer than the request that is made from it


def _read(path: str) -> Any:
    """The JSON in a file, or on standard input for `-`."""
    try:
        if path == "-":
            text = sys.stdin.buffer.read(JSON_BYTES + 1)
        else:
            with open(path, "rb") as file:
                text = file.read(JSON_BYTES + 1)
        if len(text) <= JSON_BYTES:
            return json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise DaricError("request", f"{path} is no JSON that can be read") from error
    raise DaricError("request", f"{path} has more than {JSON_BYTES} bytes")


def _chosen(wallet: Wallet, group_id: bytes, signers: str) -> list[int]:
    return read_signers(signers) if signers else selected(wallet.party.custody, group_id)


async def _sign(here: Here, wallet: Wallet, group: str, signers: str, request: bytes) -> Any:
    group_id = read_group(group)
    indexes = _chosen(wallet, group_id, signers)
    await wallet.prepare(group_id, indexes, here.cloud)
    proposal = await wallet.propose_signature(group_id, request, indexes)
    await wallet.invite(proposal, here.devices, here.cloud)
    return await wallet.run(proposal)


@command(sign_app, "tx", ports=True, asks=True)
async def sign_tx(
    here: Here,
    group: Group,
    unsigned: Annotated[str, typer.Argument(help="unsigned serialised transaction (legacy, 2930 or 1559), hex")],
    signers: Signers = "",
    path: Below = "",
) -> dict[str, Any]:
    """Sign an EVM transaction; prints it ready to be sent."""
    payload = read_hex(unsigned, "the transaction")
    request = requests.Request(requests.TRANSACTION, payload, read_path(path)).encode()
    async with here.wallet() as wallet:
        signature = await _sign(here, wallet, group, signers, request)
        signed = transaction.attach_signature(payload, signature.r, signature.s, signature.recid)
        return {"signed": "0x" + signed.hex(), "hash": "0x" + transaction.transaction_hash(signed).hex()}


@command(sign_app, "message", ports=True, asks=True)
async def sign_message(
    here: Here,
    group: Group,
    text: str,
    signers: Signers = "",
    path: Below = "",
) -> dict[str, Any]:
    """Sign a text as an EIP-191 personal message."""
    request = requests.Request(requests.MESSAGE, text.encode(), read_path(path)).encode()
    async with here.wallet() as wallet:
        signature = await _sign(here, wallet, group, signers, request)
        return {"signature": "0x" + message.signature_bytes(signature.r, signature.s, signature.recid).hex()}


@command(sign_app, "typed-data", ports=True, asks=True)
async def sign_typed_data(
    here: Here,
    group: Group,
    file: Annotated[str, typer.Argument(help="JSON of eth_signTypedData_v4; - reads standard input and takes --yes")],
    signers: Signers = "",
    path: Below = "",
) -> dict[str, Any]:
    """Sign EIP-712 typed data."""
    payload = forms.typed_data_payload(_read(file))
    request = requests.Request(requests.TYPED_DATA, payload, read_path(path)).encode()
    async with here.wallet() as wallet:
        made = await _sign(here, wallet, group, signers, request)
        return {"signature": "0x" + message.signature_bytes(made.r, made.s, made.recid).hex()}


@command(sign_app, "user-op", ports=True, asks=True)
async def sign_user_op(
    here: Here,
    group: Group,
    file: Annotated[
        str, typer.Argument(help="JSON of a user operation for a bundler; - reads standard input and takes --yes")
    ],
    chain_id: Annotated[int, typer.Option(help="the chain that it is for")],
    signers: Signers = "",
    version: Annotated[str, typer.Option("--entry-point", help="version of the EntryPoint: 0.6, 0.7 or 0.8")] = "0.7",
    entry_point: Annotated[
        str, typer.Option("--entry-point-address", help="where it is no usual deployment of this version")
    ] = "",
    path: Below = "",
) -> dict[str, Any]:
    """Sign an ERC-4337 user operation as the owner of its account; prints it ready for a bundler."""
    value = _read(file)
    place = address.from_text(entry_point) if entry_point else None
    payload = forms.user_operation_payload(value, version, chain_id, place)
    request = requests.Request(requests.USER_OPERATION, payload, read_path(path)).encode()
    async with here.wallet() as wallet:
        made = await _sign(here, wallet, group, signers, request)
        signature = "0x" + message.signature_bytes(made.r, made.s, made.recid).hex()
        signed = {**value, "signature": signature}
        return {
            "signature": signature,
            "hash": "0x" + userop.operation_hash(userop.decode(payload)).hex(),
            "user_operation": signed if here.talk.as_json else json.dumps(signed),
        }


@command(app, "send")
async def send(
    here: Here,
    signed: Annotated[str, typer.Argument(help="signed transaction, hex: what `daric sign tx` prints")],
    node: Annotated[str, typer.Option(help="URL of a node's JSON-RPC endpoint")],
    timeout: Annotated[float, typer.Option(help="seconds to wait for a block that has it")] = RECEIPT_TIMEOUT,
) -> dict[str, Any]:
    """Send a signed transaction to its chain and wait for the receipt."""
    try:
        raw = bytes.fromhex(signed.removeprefix("0x"))
    except ValueError as error:
        raise DaricError("encoding", "a signed transaction is an even number of hexadecimal digits") from error
    async with Node(node) as chain:
        name = await chain.send_raw_transaction(raw)
        receipt = await chain.wait_for_receipt(name, timeout)
    if not receipt.succeeded:
        raise DaricError("chain", f"0x{name.hex()} is in block {receipt.block}, but it failed there")
    result = {"hash": "0x" + name.hex(), "block": receipt.block, "gas_used": receipt.gas_used}
    return result if receipt.contract is None else {**result, "contract": receipt.contract}


@command(app, "export", ports=True, asks=True)
async def export(
    here: Here,
    group: Group,
    purpose: Annotated[str, typer.Option(help="what for: shown to everybody who takes part")],
    signers: Signers = "",
    to_device: Annotated[bool, typer.Option(help="the key goes to the device, which alone shows it")] = False,
    with_passphrase: Annotated[bool, typer.Option("--passphrase", help="the phrase had one: asked for")] = False,
    path: Annotated[str, typer.Option(help="where the imported phrase's key is, if not where this phone knows")] = "",
    account: Annotated[str, typer.Option(help="also the key of this account below it, such as 0/0")] = "",
) -> dict[str, Any]:
    """Give the secret key, and the phrase where one was imported, to who asks; the wallet is exposed from then on."""
    below = read_path(account)
    async with here.wallet() as wallet:
        info = wallet.group(read_group(group))
        passphrase = await here.talk.secret("passphrase") if with_passphrase else ""
        asker = here.devices[0] if to_device and here.devices else b""
        if to_device and not asker:
            raise DaricError("parameter", "the port of the device is missing: --device")
        members = _chosen(wallet, info.id, signers)
        proposal = await wallet.propose_export(info.id, members, purpose, asker)
        await wallet.invite(proposal, here.devices, here.cloud)
        exported = await wallet.run(proposal)
        if exported is None:
            return {"exported": "to the device, which shows it"}
        phrase = exported.phrase(passphrase, path or info.path or ACCOUNT)
        found = {"address": info.address, "key": "0x" + exported.key.hex(), "phrase": phrase or "key only"}
        return {**found, "account_key": "0x" + exported.child(below).hex()} if below else found
