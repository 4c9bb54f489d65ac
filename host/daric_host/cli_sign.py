"""Commands that sign, and that send a signed transaction."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from daric_protocol.errors import DaricError
from daric_protocol.evm import address, forms, message, transaction, userop
from daric_protocol.evm import request as requests
from daric_protocol.limits import RECEIPT_TIMEOUT, SIGN_REQUEST_BYTES

from daric_host.command import (
    DEFAULT_HOME,
    AsJson,
    Group,
    Home,
    Ports,
    Signers,
    Yes,
    app,
    cloud_url,
    open_wallet,
    read_group,
    read_signers,
    run,
    sign_app,
)
from daric_host.keys import read_hex, read_path
from daric_host.node import Node
from daric_host.parties import selected
from daric_host.talk import Talk
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


async def _sign(wallet: Wallet, home: Path, group: str, signers: str, ports: list[str], request: bytes) -> Any:
    group_id = read_group(group)
    indexes = read_signers(signers) if signers else selected(wallet.party.custody, group_id)
    devices = [await wallet.connect(port) for port in ports]
    proposal = await wallet.propose_signature(group_id, request, indexes)
    await wallet.invite(proposal, devices, cloud_url(home))
    return await wallet.run(proposal)


@sign_app.command("tx")
def sign_tx(
    group: Group,
    unsigned: Annotated[str, typer.Argument(help="unsigned serialised transaction (legacy, 2930 or 1559), hex")],
    signers: Signers = "",
    path: Below = "",
    device: Ports = [],  # noqa: B006
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """Sign an EVM transaction; prints it ready to be sent."""
    talk = Talk(as_json, yes)

    async def work() -> dict[str, Any]:
        payload = read_hex(unsigned, "the transaction")
        request = requests.Request(requests.TRANSACTION, payload, read_path(path)).encode()
        async with await open_wallet(home, talk) as wallet:
            signature = await _sign(wallet, home, group, signers, device, request)
            signed = transaction.attach_signature(payload, signature.r, signature.s, signature.recid)
            return {"signed": "0x" + signed.hex(), "hash": "0x" + transaction.transaction_hash(signed).hex()}

    run(talk, work)


@sign_app.command("message")
def sign_message(
    group: Group,
    text: str,
    signers: Signers = "",
    path: Below = "",
    device: Ports = [],  # noqa: B006
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """Sign a text as an EIP-191 personal message."""
    talk = Talk(as_json, yes)

    async def work() -> dict[str, Any]:
        request = requests.Request(requests.MESSAGE, text.encode(), read_path(path)).encode()
        async with await open_wallet(home, talk) as wallet:
            signature = await _sign(wallet, home, group, signers, device, request)
            return {"signature": "0x" + message.signature_bytes(signature.r, signature.s, signature.recid).hex()}

    run(talk, work)


@sign_app.command("typed-data")
def sign_typed_data(
    group: Group,
    file: Annotated[str, typer.Argument(help="JSON of eth_signTypedData_v4; - reads standard input and takes --yes")],
    signers: Signers = "",
    path: Below = "",
    device: Ports = [],  # noqa: B006
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """Sign EIP-712 typed data."""
    talk = Talk(as_json, yes)

    async def work() -> dict[str, Any]:
        payload = forms.typed_data_payload(_read(file))
        request = requests.Request(requests.TYPED_DATA, payload, read_path(path)).encode()
        async with await open_wallet(home, talk) as wallet:
            made = await _sign(wallet, home, group, signers, device, request)
            return {"signature": "0x" + message.signature_bytes(made.r, made.s, made.recid).hex()}

    run(talk, work)


@sign_app.command("user-op")
def sign_user_op(
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
    device: Ports = [],  # noqa: B006
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """Sign an ERC-4337 user operation as the owner of its account; prints it ready for a bundler."""
    talk = Talk(as_json, yes)

    async def work() -> dict[str, Any]:
        value = _read(file)
        place = address.from_text(entry_point) if entry_point else None
        payload = forms.user_operation_payload(value, version, chain_id, place)
        request = requests.Request(requests.USER_OPERATION, payload, read_path(path)).encode()
        async with await open_wallet(home, talk) as wallet:
            made = await _sign(wallet, home, group, signers, device, request)
            signature = "0x" + message.signature_bytes(made.r, made.s, made.recid).hex()
            signed = {**value, "signature": signature}
            return {
                "signature": signature,
                "hash": "0x" + userop.operation_hash(userop.decode(payload)).hex(),
                "user_operation": signed if as_json else json.dumps(signed),
            }

    run(talk, work)


@app.command()
def send(
    signed: Annotated[str, typer.Argument(help="signed transaction, hex: what `daric sign tx` prints")],
    node: Annotated[str, typer.Option(help="URL of a node's JSON-RPC endpoint")],
    timeout: Annotated[float, typer.Option(help="seconds to wait for a block that has it")] = RECEIPT_TIMEOUT,
    as_json: AsJson = False,
) -> None:
    """Send a signed transaction to its chain and wait for the receipt."""
    talk = Talk(as_json)

    async def work() -> dict[str, Any]:
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

    run(talk, work)
