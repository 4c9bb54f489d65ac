"""The client of a chain's node: what it hands in, what it waits for, and what it does about a node that misbehaves."""

import json
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from daric_host.cli import app
from daric_host.node import Node
from daric_protocol.errors import DaricError
from daric_protocol.evm import transaction
from eth_account import Account
from typer.testing import CliRunner

OWNER = Account.from_key(b"\x11" * 32)
FIELDS = {"nonce": 0, "gas": 21000, "value": 1, "to": OWNER.address}
MODERN = bytes(
    OWNER.sign_transaction(
        {**FIELDS, "chainId": 5, "type": 2, "maxFeePerGas": 9, "maxPriorityFeePerGas": 1}
    ).raw_transaction
)
LEGACY = bytes(OWNER.sign_transaction({**FIELDS, "chainId": 5, "gasPrice": 9}).raw_transaction)
UNPROTECTED = bytes(OWNER.sign_transaction({**FIELDS, "gasPrice": 9}).raw_transaction)
NAME = transaction.transaction_hash(MODERN)
RECEIPT = {
    "transactionHash": "0x" + NAME.hex(), "blockNumber": "0x10", "status": "0x1", "gasUsed": "0x5208",
    "contractAddress": None,
}  # fmt: skip
REFUSED = {"error": {"code": -32000, "message": "nonce too low\x1b[31m"}}


class Chain:
    """A node that answers from a table of method to answers; the last answer of a method is repeated."""

    def __init__(self, **answers) -> None:
        own = {"eth_chainId": "0x5", "eth_sendRawTransaction": "0x" + NAME.hex(), "eth_getTransactionByHash": None}
        self.answers = {**own, "eth_getTransactionReceipt": RECEIPT, **answers}
        self.asked = []

    async def answer(self, request):
        question = json.loads(await request.read())
        self.asked.append((question["method"], question["params"]))
        answer = self.answers[question["method"]]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, (bytes, int)):
            return web.Response(body=answer if isinstance(answer, bytes) else b"", status=200)
        if isinstance(answer, dict) and ("error" in answer or "id" in answer):
            return web.json_response({"jsonrpc": "2.0", "id": question["id"], **answer})
        return web.json_response({"jsonrpc": "2.0", "id": question["id"], "result": answer})

    @asynccontextmanager
    async def url(self):
        server = web.Application()
        server.router.add_post("/", self.answer)
        runner = web.AppRunner(server)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/"
        finally:
            await runner.cleanup()

    @asynccontextmanager
    async def node(self):
        async with self.url() as url, Node(url) as node:
            yield node


async def refusal(work) -> str:
    with pytest.raises(DaricError) as caught:
        await work
    return caught.value.name


async def test_a_transaction_is_sent_and_its_receipt_read():
    chain = Chain(eth_getTransactionReceipt=[None, None, RECEIPT])
    async with chain.node() as node:
        name = await node.send_raw_transaction(MODERN)
        receipt = await node.wait_for_receipt(name, 20)
    assert (receipt.hash, receipt.block, receipt.succeeded, receipt.gas_used) == (NAME, 16, True, 21000)
    assert chain.asked[1] == ("eth_sendRawTransaction", ["0x" + MODERN.hex()])


async def test_a_failed_transaction_is_told_from_a_good_one():
    async with Chain(eth_getTransactionReceipt={**RECEIPT, "status": "0x0"}).node() as node:
        assert not (await node.receipt(NAME)).succeeded


@pytest.mark.parametrize(("signed", "chain_id"), [(MODERN, 5), (LEGACY, 5), (UNPROTECTED, None)])
def test_the_chain_of_a_signed_transaction_is_read(signed, chain_id):
    assert transaction.signed_chain_id(signed) == chain_id


@pytest.mark.parametrize(
    "wrong", [b"", b"\x02", MODERN[:-1], MODERN + b"\0", b"\3" + MODERN[1:], b"\xc0", b"\x80", b"\x02\x80"]
)
async def test_bytes_that_are_no_signed_transaction_are_not_sent(wrong):
    chain = Chain()
    async with chain.node() as node:
        assert await refusal(node.send_raw_transaction(wrong)) == "encoding"
    assert chain.asked == []


async def test_a_transaction_is_not_handed_to_another_chain():
    chain = Chain(eth_chainId="0x1")
    async with chain.node() as node:
        for signed in (MODERN, LEGACY):
            assert await refusal(node.send_raw_transaction(signed)) == "parameter"
    assert {method for method, _ in chain.asked} == {"eth_chainId"}


async def test_what_the_node_refuses_is_said_in_its_own_words_without_control_characters():
    async with Chain(eth_sendRawTransaction=REFUSED).node() as node:
        with pytest.raises(DaricError) as caught:
            await node.send_raw_transaction(MODERN)
    assert caught.value.name == "chain"
    assert "nonce too low?[31m" in caught.value.detail


async def test_a_transaction_that_the_node_has_already_is_no_error():
    async with Chain(eth_sendRawTransaction=REFUSED, eth_getTransactionByHash={"hash": "0x"}).node() as node:
        assert await node.send_raw_transaction(MODERN) == NAME


async def test_a_node_that_fails_for_a_moment_is_asked_for_the_receipt_again():
    async with Chain(eth_getTransactionReceipt=[b"bad gateway", b"", RECEIPT]).node() as node:
        assert (await node.wait_for_receipt(NAME, 20)).block == 16


async def test_waiting_for_a_receipt_ends():
    async with Chain(eth_getTransactionReceipt=None).node() as node:
        assert await refusal(node.wait_for_receipt(NAME, 0.1)) == "timeout"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"not json",
        b"[]",
        b"\xff",
        b"[" * 99_999,
        {"id": 77},
        {"id": 1},
        {"error": 1, "result": 2},
        "5",
        "0x",
        "0xg",
    ],
    ids=repr,
)
async def test_other_answers_are_a_service_that_does_not_work(answer):
    async with Chain(eth_chainId=answer).node() as node:
        assert await refusal(node.chain_id()) == "service"


@pytest.mark.parametrize(
    "answer",
    [{}, {**RECEIPT, "transactionHash": "0x00"}, {**RECEIPT, "status": 1}, {**RECEIPT, "blockNumber": None}, "0x1"],
)
async def test_a_receipt_of_another_form_is_refused(answer):
    async with Chain(eth_getTransactionReceipt=answer).node() as node:
        assert await refusal(node.receipt(NAME)) == "service"


async def test_a_node_that_names_another_transaction_is_refused():
    async with Chain(eth_sendRawTransaction="0x" + bytes(32).hex()).node() as node:
        assert await refusal(node.send_raw_transaction(MODERN)) == "service"


async def test_an_endless_answer_is_cut_off(monkeypatch):
    monkeypatch.setattr("daric_host.node.NODE_ANSWER_BYTES", 1000)
    async with Chain(eth_chainId=b" " * 2000 + b"{}").node() as node:
        assert await refusal(node.chain_id()) == "service"


async def test_nobody_at_the_url_is_a_service_that_does_not_answer():
    async with Chain().url() as url:
        pass
    async with Node(url) as node:
        assert await refusal(node.chain_id()) == "service"


async def test_a_url_that_is_none_is_a_parameter():
    async with Node("what://is this") as node:
        assert await refusal(node.chain_id()) in ("parameter", "service")


# The command


async def run(chain, *arguments):
    """(exit code, the last line of JSON) of `daric send`."""
    import asyncio

    async with chain.url() as url:
        command = ["send", *arguments, "--node", url, "--json", "--timeout", "5"]
        result = await asyncio.to_thread(CliRunner().invoke, app, command)
    return result.exit_code, json.loads(result.stdout.splitlines()[-1])


async def test_daric_send_prints_hash_and_block():
    code, printed = await run(Chain(), "0x" + MODERN.hex())
    assert (code, printed) == (0, {"kind": "result", "hash": "0x" + NAME.hex(), "block": 16, "gas_used": 21000})


@pytest.mark.parametrize(
    ("chain", "signed", "error"),
    [
        (Chain(eth_sendRawTransaction=REFUSED), MODERN.hex(), "chain"),
        (Chain(eth_getTransactionReceipt={**RECEIPT, "status": "0x0"}), MODERN.hex(), "chain"),
        (Chain(eth_chainId="0x1"), MODERN.hex(), "parameter"),
        (Chain(eth_chainId=b""), MODERN.hex(), "service"),
        (Chain(), "0xzz", "encoding"),
        (Chain(), "0x00", "encoding"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "",
)
async def test_daric_send_ends_with_the_number_of_its_error(chain, signed, error):
    code, printed = await run(chain, signed)
    assert (code, printed["error"]) == (DaricError(error).number, error)
