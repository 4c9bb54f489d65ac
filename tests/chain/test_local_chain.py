"""A real chain takes what a 2-of-2 group signs: transactions of every type, and user operations of every EntryPoint."""

import json

import pytest
from daric_host.node import Node
from daric_protocol.errors import DaricError
from daric_protocol.evm import account, forms, message, request, transaction, userop
from daric_protocol.evm.address import from_public_key, to_text
from daric_protocol.evm.request import TRANSACTION, USER_OPERATION, Request
from daric_protocol.evm.transaction import ACCESS_LIST, DYNAMIC_FEE, LEGACY, Transaction
from eth_abi import encode as abi
from eth_utils import function_signature_to_4byte_selector as selector

from tests.chain import local
from tests.rounds.groups import group, sign_together

pytestmark = pytest.mark.slow

ETHER, GWEI = 10**18, 10**9
RECEIVER = b"\x77" * 20
every_version = pytest.mark.parametrize("version", [userop.V06, userop.V07, userop.V08])


@pytest.fixture(scope="module")
def chain():
    with local.anvil() as url:
        yield url


@pytest.fixture
async def node(chain):
    async with Node(chain) as connected:
        before = await connected.call("evm_snapshot")
        yield connected
        await connected.call("evm_revert", before)


@pytest.fixture
def custodies():
    return group(2, 2)


@pytest.fixture
def owner(custodies):
    return from_public_key(custodies[1].shard.pk)


def signed_by(custodies, asked: Request):
    """The group's signature over a request, made by both parties' rounds."""
    return sign_together(custodies, [1, 2], digest=request.digest(asked.encode()))


def transfer(kind=DYNAMIC_FEE, **changes) -> bytes:
    fees = {"max_fee": 10 * GWEI, "priority_fee": GWEI} if kind == DYNAMIC_FEE else {"gas_price": 10 * GWEI}
    fields = {"gas_limit": 30_000, "to": RECEIVER, "value": ETHER, "chain_id": local.CHAIN_ID, **fees}
    return Transaction(kind, **{**fields, **changes}).encode()


def signed_transfer(custodies, unsigned: bytes) -> bytes:
    made = signed_by(custodies, Request(TRANSACTION, unsigned))
    return transaction.attach_signature(unsigned, made.r, made.s, made.recid)


@pytest.mark.parametrize("kind", [LEGACY, ACCESS_LIST, DYNAMIC_FEE])
async def test_a_transaction_of_the_group_is_accepted(node, custodies, owner, kind):
    await local.fund(node, owner, 2 * ETHER)
    before = await local.balance(node, RECEIVER)
    name = await node.send_raw_transaction(signed_transfer(custodies, transfer(kind)))
    receipt = await node.wait_for_receipt(name, 30)
    assert receipt.succeeded
    assert await local.balance(node, RECEIVER) == before + ETHER
    assert (await node.call("eth_getTransactionByHash", "0x" + name.hex()))["from"] == to_text(owner).lower()


async def test_a_transaction_sent_twice_is_in_one_block(node, custodies, owner):
    await local.fund(node, owner, 5 * ETHER)
    signed = signed_transfer(custodies, transfer())
    receipts = [await node.wait_for_receipt(await node.send_raw_transaction(signed), 30) for _ in range(2)]
    assert receipts[0] == receipts[1]


async def refusal(work) -> DaricError:
    with pytest.raises(DaricError) as caught:
        await work
    return caught.value


async def test_a_transaction_that_the_group_did_not_sign_is_not_its_own(node, custodies, owner):
    await local.fund(node, owner, 2 * ETHER)
    made = signed_by(custodies, Request(TRANSACTION, transfer()))
    changed = transaction.attach_signature(transfer(value=ETHER + 1), made.r, made.s, made.recid)
    assert (await refusal(node.send_raw_transaction(changed))).name == "chain"


async def test_a_transaction_without_money_for_it_is_refused(node, custodies, owner):
    await local.fund(node, owner, ETHER)
    assert (await refusal(node.send_raw_transaction(signed_transfer(custodies, transfer())))).name == "chain"


async def test_a_transaction_for_another_chain_is_not_sent(node, custodies, owner):
    await local.fund(node, owner, 2 * ETHER)
    signed = signed_transfer(custodies, transfer(chain_id=1))
    assert (await refusal(node.send_raw_transaction(signed))).name == "parameter"


async def first_operation(node, version: int, owner: bytes, salt: int = 0) -> userop.UserOperation:
    """Creates the owner's account at its pre-calculated address, with money on it, and sends one ether from there."""
    await local.deploy(node, version)
    made = userop.UserOperation(version, local.CHAIN_ID, userop.ENTRY_POINTS[version], b"")
    made.sender = account.account_address(owner, f"simple-0.{version}", salt)
    made.factory = local.factory_of(version)
    made.factory_data = selector("createAccount(address,uint256)") + abi(["address", "uint256"], [owner, salt])
    made.call_data = userop.EXECUTE + abi(["address", "uint256", "bytes"], [RECEIVER, ETHER, b""])
    made.call_gas, made.verification_gas, made.pre_verification_gas = 100_000, 1_000_000, 60_000
    made.max_fee, made.priority_fee = 10 * GWEI, GWEI
    await local.fund(node, made.sender, 2 * ETHER)
    return made


def signed_operation(custodies, made: userop.UserOperation) -> bytes:
    signature = signed_by(custodies, Request(USER_OPERATION, made.encode()))
    return message.signature_bytes(signature.r, signature.s, signature.recid)


@every_version
async def test_an_account_is_created_at_its_pre_calculated_address_by_a_user_operation(node, custodies, owner, version):
    made = await first_operation(node, version, owner)
    before = await local.balance(node, RECEIVER)
    assert await local.code(node, made.sender) == b""
    receipt = await local.handle(node, made, signed_operation(custodies, made))
    assert receipt["status"] == "0x1"
    assert len(await local.code(node, made.sender)) > 0
    assert await local.balance(node, RECEIVER) == before + ETHER
    assert await local.read(node, made.sender, selector("owner()")) == bytes(12) + owner
    assert any("0x" + userop.operation_hash(made).hex() in log["topics"] for log in receipt["logs"])


@every_version
async def test_the_entry_point_computes_the_hash_that_we_do(node, owner, version):
    made = await first_operation(node, version, owner, salt=7)
    if version != userop.V06:
        made.paymaster_verification_gas, made.paymaster_post_gas = 5, 6
    made.paymaster, made.paymaster_data = RECEIVER, b"some data"
    assert await local.hash_on_chain(node, made) == userop.operation_hash(made)


@every_version
async def test_the_factory_computes_the_address_that_we_do(node, owner, version):
    await local.deploy(node, version)
    call = selector("getAddress(address,uint256)") + abi(["address", "uint256"], [owner, 99])
    found = await local.read(node, local.factory_of(version), call)
    assert found[12:] == account.account_address(owner, f"simple-0.{version}", 99)


@every_version
async def test_an_operation_that_the_group_did_not_sign_is_refused(node, custodies, owner, version):
    made = await first_operation(node, version, owner)
    signature = signed_operation(custodies, made)
    made.call_data = userop.EXECUTE + abi(["address", "uint256", "bytes"], [RECEIVER, ETHER + 1, b""])
    refused = await refusal(local.handle(node, made, signature))
    assert refused.name == "chain"
    assert "AA24" in refused.detail
    assert await local.code(node, made.sender) == b""


async def test_an_account_of_0_7_signs_again_without_its_factory(node, custodies, owner):
    made = await first_operation(node, userop.V07, owner)
    await local.handle(node, made, signed_operation(custodies, made))
    before = await local.balance(node, RECEIVER)
    made.nonce, made.factory, made.factory_data = 1, b"", b""
    made.call_data = userop.EXECUTE + abi(["address", "uint256", "bytes"], [RECEIVER, ETHER // 2, b""])
    assert (await local.handle(node, made, signed_operation(custodies, made)))["status"] == "0x1"
    assert await local.balance(node, RECEIVER) == before + ETHER // 2


async def test_an_operation_is_not_repeated(node, custodies, owner):
    made = await first_operation(node, userop.V07, owner)
    signature = signed_operation(custodies, made)
    await local.handle(node, made, signature)
    assert (await refusal(local.handle(node, made, signature))).name == "chain"


async def test_the_json_of_a_bundler_gives_an_operation_that_is_accepted(node, custodies, owner):
    made = await first_operation(node, userop.V07, owner)
    value = {
        "sender": to_text(made.sender), "nonce": "0x0", "factory": to_text(made.factory),
        "factoryData": "0x" + made.factory_data.hex(), "callData": "0x" + made.call_data.hex(),
        "callGasLimit": hex(made.call_gas), "verificationGasLimit": hex(made.verification_gas),
        "preVerificationGas": hex(made.pre_verification_gas), "maxFeePerGas": hex(made.max_fee),
        "maxPriorityFeePerGas": hex(made.priority_fee), "signature": "0x",
    }  # fmt: skip
    read = userop.decode(forms.user_operation_payload(json.loads(json.dumps(value)), "0.7", local.CHAIN_ID))
    assert (await local.handle(node, read, signed_operation(custodies, read)))["status"] == "0x1"
