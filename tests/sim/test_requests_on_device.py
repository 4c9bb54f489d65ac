"""A device reads, shows and signs typed data and user operations, or refuses them before it joins."""

import os

import pytest
from daric_protocol import flows, limits, platform
from daric_protocol.errors import DaricError
from daric_protocol.evm import address, request, typed_data, userop
from daric_protocol.evm.request import TYPED_DATA, USER_OPERATION, Request
from daric_protocol.identity import Identity
from daric_sim.device import SimDevice
from eth_account import Account

from tests.sim.rig import DeviceParty, LocalParty, paired, run_session

HOST = Identity(4711)
ITEM = [["kind", "uint8"], ["token", "address"], ["amount", "uint256"], ["recipient", "address"]]
ORDER = typed_data.TypedData(
    ["Market", "1.5", 1, b"\x5e" * 20, None],
    {"Order": [["offerer", "address"], ["items", "Item[]"], ["salt", "bytes32"], ["memo", "string"]], "Item": ITEM},
    "Order",
    [b"\xaa" * 20, [[1, b"\xbb" * 20, b"\x11" * 32, b"\xcc" * 20]] * 15, b"\x07" * 32, "two\nlines"],
)


def operation() -> userop.UserOperation:
    made = userop.UserOperation(userop.V08, 1, userop.ENTRY_POINTS[userop.V08], b"\xaa" * 20)
    made.factory, made.factory_data, made.nonce = b"\xdd" * 20, bytes(68), 2**200
    made.call_data = userop.EXECUTE + bytes(12) + b"\xbb" * 20 + bytes(31) + b"\5" + bytes(31) + b"\x60" + bytes(32)
    made.call_gas = made.verification_gas = made.pre_verification_gas = made.max_fee = 100_000
    return made


@pytest.fixture
async def wallet(tmp_path):
    """(device, its link, another party, group id) of a 2-of-2 wallet of device and party."""
    with SimDevice(tmp_path / "device", heapsize="330k") as device:
        link, _ = await paired(device, HOST)
        async with link:
            party = LocalParty(5)
            terms = flows.create_terms(os.urandom(16), 2, 2, os.urandom, "Savings")
            outcomes = await run_session(terms, [DeviceParty(link), party])
            assert [state for state, _ in outcomes] == ["done"] * 2, (outcomes, device.log)
            yield device, link, party, terms.group


def terms_of(party, group, asked: bytes):
    return flows.sign_terms(os.urandom(16), group, party.custody.roster(group), [1, 2], asked)


@pytest.mark.parametrize(
    ("asked", "labels"),
    [
        (Request(TYPED_DATA, ORDER.encode()), ["Sign typed data:", "App:", "Contract:", "Field 63/63:"]),
        (Request(USER_OPERATION, operation().encode()), ["User operation:", "Smart account:", "Created by:"]),
    ],
    ids=["typed data", "user operation"],
)
async def test_a_device_shows_and_signs(wallet, asked, labels):
    device, link, party, group = wallet
    [(state, signature), _] = await run_session(terms_of(party, group, asked.encode()), [DeviceParty(link), party])
    assert state == "done", device.log
    signer = Account._recover_hash(request.digest(asked), signature=signature[:64] + bytes([27 + signature[64]]))
    assert signer == address.to_text(address.from_public_key(party.custody.shard(group).pk))
    shown = "\n".join(screen.text for screen in device.screens).split("\n")
    assert [label for label in labels if label not in shown] == []


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (TYPED_DATA, b""),
        (TYPED_DATA, ORDER.encode()[:-1]),
        (TYPED_DATA, platform.cbor_encode([[None] * 5, {"T": [["x", "T"]]}, "T", [[]]])),
        (TYPED_DATA, platform.cbor_encode([[None] * 5, {"T": [["x", "U"]]}, "T", [1]])),
        (TYPED_DATA, bytes(limits.TYPED_DATA_BYTES + 1)),
        (USER_OPERATION, b""),
        (USER_OPERATION, operation().encode()[:-1]),
        (USER_OPERATION, b"\x92" + operation().encode()[2:]),
        (5, b""),
    ],
)
async def test_a_device_does_not_join_what_it_cannot_show(wallet, kind, payload):
    _, link, party, group = wallet
    with pytest.raises(DaricError) as caught:
        await link.session_join(terms_of(party, group, platform.cbor_encode([kind, payload, []])).encode())
    assert caught.value.name == "request"
