"""A real local chain on loopback, and the ERC-4337 contracts at the addresses that they have on every chain."""

import json
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

from daric_protocol.evm import account, userop
from daric_protocol.evm.address import to_text
from eth_abi import encode as abi
from eth_utils import function_signature_to_4byte_selector as selector

PACKAGES = Path(__file__).parents[2] / ".build" / "chain" / "node_modules"
CHAIN_ID = 31337
DEPLOYER = "0x4e59b44847b379578588920cA78FbF26c0B4956C"  # deploys by CREATE2: salt, then creation code
# Version: salt with which the authors deployed their EntryPoint.
SALTS = {
    userop.V06: "00" * 32,
    userop.V07: "90d8084deab30c2a37c45e8d47f49f2f7965183cb6990a98943ef94940681de3",
    userop.V08: "0a59dbff790c23c976a548690c27297883cc66b4c67024f9117b0238995e35e9",
}
OPERATION_06 = "(address,uint256,bytes,bytes,uint256,uint256,uint256,uint256,uint256,bytes,bytes)"
OPERATION_07 = "(address,uint256,bytes,bytes,bytes32,uint256,bytes32,bytes,bytes)"


@contextmanager
def anvil():
    """URL of a new chain that makes a block for each transaction."""
    programs = list(PACKAGES.glob("@foundry-rs/anvil-*/bin/anvil"))
    assert programs, "the local chain is not installed: tools/install_chain.sh does that"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(programs[0]), "--host", "127.0.0.1", "--port", str(port), "--chain-id", str(CHAIN_ID), "--silent"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while True:
            assert process.poll() is None, "anvil ended at its start"
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < until, "anvil does not answer"
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def creation_code(version: int, contract: str) -> bytes:
    artifact = PACKAGES / f"contracts-0.{version}" / "artifacts" / f"{contract}.json"
    return bytes.fromhex(json.loads(artifact.read_text())["bytecode"][2:])


def factory_of(version: int) -> bytes:
    return bytes.fromhex(account.KINDS[f"simple-0.{version}"][0])


async def transact(node, to: str, data: bytes) -> dict:
    """The receipt of a transaction from the chain's own rich account."""
    sender = (await node.call("eth_accounts"))[0]
    fields = {"from": sender, "to": to, "data": "0x" + data.hex(), "gas": hex(12_000_000)}
    name = await node.call("eth_sendTransaction", fields)
    await node.wait_for_receipt(bytes.fromhex(name[2:]), 30)
    return await node.call("eth_getTransactionReceipt", name)


async def read(node, to: bytes, data: bytes) -> bytes:
    answer = await node.call("eth_call", {"to": to_text(to), "data": "0x" + data.hex()}, "latest")
    return bytes.fromhex(answer[2:])


async def code(node, address: bytes) -> bytes:
    return bytes.fromhex((await node.call("eth_getCode", to_text(address), "latest"))[2:])


async def balance(node, address: bytes) -> int:
    return int(await node.call("eth_getBalance", to_text(address), "latest"), 16)


async def fund(node, address: bytes, wei: int) -> None:
    await node.call("anvil_setBalance", to_text(address), hex(wei))


async def deploy(node, version: int) -> None:
    """EntryPoint and SimpleAccountFactory of a version, at the addresses that the product knows."""
    entry_point, factory = userop.ENTRY_POINTS[version], factory_of(version)
    if await code(node, factory):
        return
    await transact(node, DEPLOYER, bytes.fromhex(SALTS[version]) + creation_code(version, "EntryPoint"))
    arguments = abi(["address"], [entry_point])
    await transact(node, DEPLOYER, bytes(32) + creation_code(version, "SimpleAccountFactory") + arguments)
    assert await code(node, entry_point)
    assert await code(node, factory)


def packed(made, signature: bytes) -> tuple:
    """The operation as its EntryPoint takes it, and the name of that type."""
    init_code, paymaster = made.init_code(), made.paymaster_and_data()
    head = (made.sender, made.nonce, init_code, made.call_data)
    if made.version == userop.V06:
        numbers = (made.call_gas, made.verification_gas, made.pre_verification_gas, made.max_fee, made.priority_fee)
        return (*head, *numbers, paymaster, signature), OPERATION_06
    gas = made.verification_gas.to_bytes(16, "big") + made.call_gas.to_bytes(16, "big")
    fees = made.priority_fee.to_bytes(16, "big") + made.max_fee.to_bytes(16, "big")
    return (*head, gas, made.pre_verification_gas, fees, paymaster, signature), OPERATION_07


async def hash_on_chain(node, made) -> bytes:
    values, kind = packed(made, b"")
    return await read(node, made.entry_point, selector(f"getUserOpHash({kind})") + abi([kind], [values]))


async def handle(node, made, signature: bytes) -> dict:
    """The receipt of handleOps for one operation, sent by a bundler; node error "chain" where EntryPoint refuses."""
    values, kind = packed(made, signature)
    bundler = (await node.call("eth_accounts"))[0]
    data = selector(f"handleOps({kind}[],address)") + abi([f"{kind}[]", "address"], [[values], bundler])
    call = {"from": bundler, "to": to_text(made.entry_point), "data": "0x" + data.hex()}
    await node.call("eth_call", call, "latest")  # a bundler tries it first, and learns the reason
    return await transact(node, to_text(made.entry_point), data)
