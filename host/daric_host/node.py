"""A chain's node over JSON-RPC: hand in a signed transaction and wait until the chain has taken it.

Source: the Ethereum JSON-RPC specification (execution-apis). The node is not trusted with anything but its own answers:
the name of a transaction is computed here.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
from daric_protocol.errors import DaricError
from daric_protocol.evm import transaction
from daric_protocol.limits import NODE_ANSWER_BYTES, NODE_ANSWER_LISTS, NODE_TIMEOUT, RECEIPT_PAUSE, RECEIPT_TIMEOUT

QUANTITY = re.compile(r"0x[0-9a-f]{1,64}\Z")
NODE_WORDS = 200  # characters of a node's own message that a person is shown


@dataclass(frozen=True)
class Receipt:
    """What became of a transaction. hash: 32 B. block: its number. succeeded: False if it was taken and then failed.

    gas_used: units. contract: address that it created, as the node writes it, or None.
    """

    hash: bytes
    block: int
    succeeded: bool
    gas_used: int
    contract: str | None


class Node:
    """A node at a URL. Use `async with`.

    Every call raises DaricError: "service" if the node does not answer as the protocol says, "chain" with its own words
    if it refuses.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._http: aiohttp.ClientSession | None = None
        self._calls = 0

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=NODE_TIMEOUT)
        self._http = aiohttp.ClientSession(timeout=timeout, trust_env=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()

    async def call(self, method: str, *params: Any) -> Any:
        """The result of any JSON-RPC method."""
        self._calls += 1
        question = {"jsonrpc": "2.0", "id": self._calls, "method": method, "params": list(params)}
        answer = await self._post(question)
        if answer.get("id") != self._calls or ("result" in answer) == ("error" in answer):
            raise DaricError("service", "the node's answer is no JSON-RPC answer to the question")
        if "error" in answer:
            error = answer["error"]
            words = str(error.get("message", "")) if isinstance(error, dict) else ""
            shown = "".join(character if character.isprintable() else "?" for character in words[:NODE_WORDS])
            raise DaricError("chain", "the node refuses: " + (shown or "without a reason"))
        return answer["result"]

    async def chain_id(self) -> int:
        """The chain that this node serves."""
        return _quantity(await self.call("eth_chainId"))

    async def check_chain(self, chain_id: int) -> None:
        """DaricError("parameter") if the node serves another chain."""
        served = await self.chain_id()
        if served != chain_id:
            raise DaricError("parameter", f"the transaction is for chain {chain_id}, the node serves chain {served}")

    async def send_raw_transaction(self, signed: bytes) -> bytes:
        """Hand a signed transaction in; its hash, 32 B. One that the node already has is no error.

        Raises also DaricError: "encoding" for bytes that are no signed transaction, "parameter" for another chain.
        """
        chain_id = transaction.signed_chain_id(signed)
        if chain_id is not None:
            await self.check_chain(chain_id)
        name = transaction.transaction_hash(signed)
        try:
            answer = await self.call("eth_sendRawTransaction", "0x" + signed.hex())
        except DaricError as error:
            if error.name == "chain" and await self.call("eth_getTransactionByHash", "0x" + name.hex()) is not None:
                return name
            raise
        if answer != "0x" + name.hex():
            raise DaricError("service", "the node took something else than it was given")
        return name

    async def receipt(self, name: bytes) -> Receipt | None:
        """The receipt of a transaction by its hash (32 B); None while no block has it."""
        answer = await self.call("eth_getTransactionReceipt", "0x" + name.hex())
        if answer is None:
            return None
        if not isinstance(answer, dict) or answer.get("transactionHash") != "0x" + name.hex():
            raise DaricError("service", "the node's receipt is not the one that was asked for")
        block, status, gas_used = (_quantity(answer.get(key)) for key in ("blockNumber", "status", "gasUsed"))
        return Receipt(name, block, status == 1, gas_used, answer.get("contractAddress"))

    async def wait_for_receipt(self, name: bytes, timeout: float = RECEIPT_TIMEOUT) -> Receipt:
        """The receipt of a transaction once a block has it; DaricError("timeout") if none does in so many seconds.

        A node that fails for a moment is asked again.
        """
        try:
            async with asyncio.timeout(timeout):
                while True:
                    try:
                        found = await self.receipt(name)
                    except DaricError as error:
                        if error.name != "service":
                            raise
                        found = None
                    if found is not None:
                        return found
                    await asyncio.sleep(RECEIPT_PAUSE)
        except TimeoutError:
            raise DaricError("timeout", f"no block has the transaction after {timeout:g} seconds") from None

    async def _post(self, question: dict[str, Any]) -> dict[str, Any]:
        if self._http is None:
            raise DaricError("internal", "a node is used inside `async with`")
        try:
            async with self._http.post(self._url, json=question) as response:
                body = b""
                async for piece in response.content.iter_chunked(1 << 16):
                    body += piece
                    if len(body) > NODE_ANSWER_BYTES:
                        raise DaricError("service", "the node's answer is too large")
            if body.count(b"[") + body.count(b"{") > NODE_ANSWER_LISTS:
                raise DaricError("service", "the node's answer has too many lists")
            answer = json.loads(body)
        except aiohttp.InvalidURL as error:
            raise DaricError("parameter", "that is no URL of a node") from error
        except (aiohttp.ClientError, TimeoutError, ValueError, RecursionError) as error:
            raise DaricError("service", "the node does not answer, or not in JSON-RPC") from error
        if not isinstance(answer, dict):
            raise DaricError("service", "the node's answer is no JSON-RPC answer to the question")
        return answer


def _quantity(value: Any) -> int:
    if not isinstance(value, str) or not QUANTITY.match(value):
        raise DaricError("service", "the node's answer has no number where one belongs")
    return int(value, 16)
