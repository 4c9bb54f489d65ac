"""Commands that sign typed data and user operations, and that send a signed transaction. Registered by cli.py."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from daric_protocol.errors import DaricError
from daric_protocol.evm import address, forms, message, userop
from daric_protocol.evm import request as requests
from daric_protocol.limits import RECEIPT_TIMEOUT, SIGN_REQUEST_BYTES

from daric_host.cli import DEFAULT_HOME, AsJson, Group, Home, Ports, Signers, Yes, _open, _run, _sign, app, sign_app
from daric_host.node import Node
from daric_host.talk import Talk

JSON_BYTES = 16 * SIGN_REQUEST_BYTES  # JSON is far longer than the request that is made from it


def _read(path: str) -> Any:
    """The JSON in a file, or on standard input for `-`."""
    try:
        with open(0 if path == "-" else path, "rb", closefd=path != "-") as file:
            text = file.read(JSON_BYTES + 1)
        if len(text) <= JSON_BYTES:
            return json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise DaricError("request", f"{path} is no JSON that can be read") from error
    raise DaricError("request", f"{path} has more than {JSON_BYTES} bytes")


@sign_app.command("typed-data")
def sign_typed_data(
    group: Group,
    file: Annotated[str, typer.Argument(help="JSON of eth_signTypedData_v4; - reads standard input")],
    signers: Signers,
    device: Ports = [],  # noqa: B006
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """Sign EIP-712 typed data."""
    talk = Talk(as_json, yes)

    async def work() -> dict[str, Any]:
        request = requests.Request(requests.TYPED_DATA, forms.typed_data_payload(_read(file))).encode()
        async with await _open(home, talk) as wallet:
            made = await _sign(wallet, home, group, signers, device, request)
            return {"signature": "0x" + message.signature_bytes(made.r, made.s, made.recid).hex()}

    _run(talk, work)


@sign_app.command("user-op")
def sign_user_op(
    group: Group,
    file: Annotated[str, typer.Argument(help="JSON of a user operation as bundlers take it; - reads standard input")],
    signers: Signers,
    chain_id: Annotated[int, typer.Option(help="the chain that it is for")],
    version: Annotated[str, typer.Option("--entry-point", help="version of the EntryPoint: 0.6, 0.7 or 0.8")] = "0.7",
    entry_point: Annotated[
        str, typer.Option("--entry-point-address", help="where it is no usual deployment of this version")
    ] = "",
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
        request = requests.Request(requests.USER_OPERATION, payload).encode()
        async with await _open(home, talk) as wallet:
            made = await _sign(wallet, home, group, signers, device, request)
            signature = "0x" + message.signature_bytes(made.r, made.s, made.recid).hex()
            signed = {**value, "signature": signature}
            return {
                "signature": signature,
                "hash": "0x" + userop.operation_hash(userop.decode(payload)).hex(),
                "user_operation": signed if as_json else json.dumps(signed),
            }

    _run(talk, work)


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

    _run(talk, work)
