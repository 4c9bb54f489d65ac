"""User operations: what the owner signs for each EntryPoint, all of it shown, and what is not understood refused."""

import pytest
from daric_protocol import limits, platform
from daric_protocol.errors import DaricError
from daric_protocol.evm import account, forms, message, request, userop
from daric_protocol.evm.request import USER_OPERATION, Request
from eth_abi import encode as abi
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import function_signature_to_4byte_selector as selector
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from micropython_runner import run_micropython

OWNER = Account.from_key(b"\x11" * 32)
OTHER_KEY = b"\x12" * 20
SENDER, TO, PAYMASTER, FACTORY = b"\xaa" * 20, b"\xbb" * 20, b"\xcc" * 20, b"\xdd" * 20
GWEI, ETHER = 10**9, 10**18
VERSIONS = pytest.mark.parametrize("version", [userop.V06, userop.V07, userop.V08])


def execute(to=TO, value=ETHER, data=b"") -> bytes:
    return selector("execute(address,uint256,bytes)") + abi(["address", "uint256", "bytes"], [to, value, data])


def operation(version=userop.V07, **changes) -> userop.UserOperation:
    made = userop.UserOperation(version, 1, userop.ENTRY_POINTS.get(version, TO), SENDER)
    fields = {"nonce": 7, "call_data": execute(), "call_gas": 50_000, "verification_gas": 100_000}
    fields |= {"pre_verification_gas": 50_000, "max_fee": 10 * GWEI, "priority_fee": GWEI}
    for name, value in {**fields, **changes}.items():
        setattr(made, name, value)
    return made


def shown(made) -> dict:
    return dict(request.fields(Request(USER_OPERATION, made.encode()), b"\x11" * 20))


def refusal(function, *args) -> str:
    with pytest.raises(DaricError) as caught:
        function(*args)
    return caught.value.name


def hex_of(value) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else hex(value)


def as_json(made) -> dict:
    value = {name: hex_of(getattr(made, field)) for name, field in forms.OPERATION.items()}
    return {name: text for name, text in value.items() if text != "0x" or name == "callData"}


# What is signed

u128 = st.integers(0, 2**128 - 1)
data = st.binary(max_size=70)


@st.composite
def operations(draw, version):
    made = userop.UserOperation(version, draw(st.integers(1, 2**63)), draw(st.binary(min_size=20, max_size=20)), SENDER)
    made.nonce, made.pre_verification_gas = draw(st.integers(0, 2**256 - 1)), draw(st.integers(0, 2**256 - 1))
    made.call_gas, made.verification_gas, made.max_fee, made.priority_fee = (draw(u128) for _ in range(4))
    made.call_data = draw(data)
    if draw(st.booleans()):
        made.factory, made.factory_data = FACTORY, draw(data)
    if draw(st.booleans()):
        made.paymaster, made.paymaster_data = PAYMASTER, draw(data)
        if version != userop.V06:
            made.paymaster_verification_gas, made.paymaster_post_gas = draw(u128), draw(u128)
    return made


def packed(made) -> tuple:
    """initCode, gas limits, fees and paymasterAndData of PackedUserOperation."""
    init_code = made.factory + made.factory_data
    gas = made.verification_gas.to_bytes(16, "big") + made.call_gas.to_bytes(16, "big")
    fees = made.priority_fee.to_bytes(16, "big") + made.max_fee.to_bytes(16, "big")
    limits_of_paymaster = made.paymaster_verification_gas.to_bytes(16, "big") + made.paymaster_post_gas.to_bytes(
        16, "big"
    )
    paymaster = made.paymaster and made.paymaster + limits_of_paymaster + made.paymaster_data
    return init_code, gas, fees, paymaster


@given(operations(userop.V06))
@settings(max_examples=60, deadline=None)
def test_the_hash_of_0_6_is_the_abi_encoding_of_its_fields(made):
    numbers = [made.call_gas, made.verification_gas, made.pre_verification_gas, made.max_fee, made.priority_fee]
    hashes = [keccak(made.factory + made.factory_data), keccak(made.call_data)]
    paymaster = keccak(made.paymaster + made.paymaster_data)
    types = ["address", "uint256", "bytes32", "bytes32", *["uint256"] * 5, "bytes32"]
    inner = keccak(abi(types, [made.sender, made.nonce, *hashes, *numbers, paymaster]))
    expected = keccak(abi(["bytes32", "address", "uint256"], [inner, made.entry_point, made.chain_id]))
    assert userop.operation_hash(made) == expected


@given(operations(userop.V07))
@settings(max_examples=60, deadline=None)
def test_the_hash_of_0_7_is_the_abi_encoding_of_its_packed_fields(made):
    init_code, gas, fees, paymaster = packed(made)
    types = ["address", "uint256", "bytes32", "bytes32", "bytes32", "uint256", "bytes32", "bytes32"]
    values = [made.sender, made.nonce, keccak(init_code), keccak(made.call_data), gas, made.pre_verification_gas]
    inner = keccak(abi(types, [*values, fees, keccak(paymaster)]))
    expected = keccak(abi(["bytes32", "address", "uint256"], [inner, made.entry_point, made.chain_id]))
    assert userop.operation_hash(made) == expected


@given(operations(userop.V08))
@settings(max_examples=60, deadline=None)
def test_eth_account_signs_the_hash_of_0_8_as_typed_data(made):
    init_code, gas, fees, paymaster = packed(made)
    text = userop.OPERATION_TYPE.decode()
    fields = [field.split(" ") for field in text[text.index("(") + 1 : -1].split(",")]
    domain = {
        "name": "ERC4337",
        "version": "1",
        "chainId": made.chain_id,
        "verifyingContract": hex_of(made.entry_point),
    }
    values = [
        hex_of(made.sender),
        made.nonce,
        init_code,
        made.call_data,
        gas,
        made.pre_verification_gas,
        fees,
        paymaster,
    ]
    signable = encode_typed_data(
        domain,
        {"PackedUserOperation": [{"name": name, "type": kind} for kind, name in fields]},
        {name: value for (_, name), value in zip(fields, values, strict=True)},
    )
    signature = OWNER.sign_message(signable).signature
    assert Account._recover_hash(userop.operation_hash(made), signature=signature) == OWNER.address


def test_the_owner_of_an_account_of_0_6_or_0_7_signs_a_message_and_of_0_8_the_hash():
    for version, signed in (
        (userop.V06, message.signing_digest),
        (userop.V07, message.signing_digest),
        (userop.V08, bytes),
    ):
        made = operation(version)
        assert request.digest(Request(USER_OPERATION, made.encode())) == signed(userop.operation_hash(made))


@VERSIONS
def test_every_field_changes_the_hash(version):
    base = operation(version, factory=FACTORY, paymaster=PAYMASTER)
    changes = [(name, 3) for name, kind in userop.FIELDS if isinstance(kind, int) and name != "version"]
    changes += [("sender", TO), ("entry_point", TO), ("factory", TO), ("paymaster", TO), ("factory_data", b"1")]
    changes += [("call_data", b"1"), ("paymaster_data", b"1")]
    if version == userop.V06:
        changes = [
            change for change in changes if change[0] not in ("paymaster_verification_gas", "paymaster_post_gas")
        ]
    hashes = {userop.operation_hash(base)}
    for name, value in changes:
        made = operation(version, factory=FACTORY, paymaster=PAYMASTER)
        setattr(made, name, value)
        hashes.add(userop.operation_hash(userop.decode(made.encode())))
    assert len(hashes) == 1 + len(changes)


@VERSIONS
@given(st.data())
@settings(max_examples=30, deadline=None)
def test_an_operation_comes_back_from_its_payload_and_from_json(version, data):
    made = data.draw(operations(version))
    payload = made.encode()
    assert vars(userop.decode(payload)) == vars(made)
    chosen = f"0.{version}", made.chain_id, made.entry_point
    assert forms.user_operation_payload({**as_json(made), "signature": "0x1234"}, *chosen) == payload


def test_the_packed_fields_of_0_6_are_taken_apart():
    made = operation(userop.V06, factory=FACTORY, factory_data=b"12", paymaster=PAYMASTER, paymaster_data=b"345")
    value = {name: text for name, text in as_json(made).items() if not name.startswith(("factory", "paymaster"))}
    value |= {"initCode": hex_of(FACTORY + b"12"), "paymasterAndData": hex_of(PAYMASTER + b"345")}
    assert forms.user_operation_payload(value, "0.6", 1) == made.encode()
    assert refusal(forms.user_operation_payload, value, "0.7", 1) == "request"


# What a person sees


def test_account_inner_call_and_fee_are_shown():
    assert shown(operation()) == {
        "Network": "Ethereum (1)",
        "User operation": "of a smart account",
        "Owner": "0x1111111111111111111111111111111111111111",
        "Smart account": "0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa",
        "ACCOUNT UNKNOWN": "not computed from this key",
        "Entry point": "0.7",
        "To": "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB",
        "Amount": "1 ETH",
        "Fee at most": "0.002 ETH",
        "Nonce": "7",
    }


KEY = b"\x11" * 20  # the owner's address


def deploys(salt: int, owner: bytes = KEY) -> bytes:
    return selector("createAccount(address,uint256)") + abi(["address", "uint256"], [owner, salt])


@VERSIONS
@pytest.mark.parametrize("salt", [0, 7, 2**256 - 1])
def test_the_address_of_a_new_account_is_computed_from_the_key(version, salt):
    kind = f"simple-0.{version}"
    factory, sender = bytes.fromhex(account.KINDS[kind][0]), account.account_address(KEY, kind, salt)
    made = operation(version, sender=sender, factory=factory, factory_data=deploys(salt))
    assert shown(made)["Computed from"] == f"this key, number {salt}"
    for changes in (
        {"sender": SENDER},
        {"factory": FACTORY},
        {"factory_data": deploys(salt, OTHER_KEY)},
        {"factory_data": deploys(salt) + b"\0"},
        {"factory_data": deploys((salt + 1) % 2**256)},
        {"factory_data": b""},
    ):
        fields = shown(
            operation(version, **{"sender": sender, "factory": factory, "factory_data": deploys(salt), **changes})
        )
        assert "ACCOUNT UNKNOWN" in fields and "Computed from" not in fields


@VERSIONS
def test_an_account_in_use_is_computed_from_the_key_where_its_salt_is_0(version):
    sender = account.account_address(KEY, f"simple-0.{version}")
    assert shown(operation(version, sender=sender))["Computed from"] == "this key, number 0"
    other = account.account_address(KEY, f"simple-0.{version}", 1)
    assert "ACCOUNT UNKNOWN" in shown(operation(version, sender=other))


def test_a_delegation_of_the_key_itself_is_recognised_and_of_another_not():
    made = {"factory": userop.DELEGATED, "delegate": TO}
    assert shown(operation(userop.V08, sender=KEY, **made))["Computed from"] == "this key, itself"
    assert "ACCOUNT UNKNOWN" in shown(operation(userop.V08, **made))


def test_nothing_is_said_of_the_account_where_the_key_is_not_known():
    fields = dict(request.fields(Request(USER_OPERATION, operation().encode())))
    assert not {"ACCOUNT UNKNOWN", "Computed from", "Owner"} & set(fields)


def test_a_known_token_inside_is_shown_in_its_own_units():
    usdc = bytes.fromhex("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48")
    transfer = selector("transfer(address,uint256)") + abi(["address", "uint256"], [FACTORY, 2_500_000])
    assert shown(operation(call_data=execute(usdc, 0, transfer)))["Token transfer"] == "2.5 USDC"


def test_a_token_transfer_inside_is_read():
    transfer = selector("transfer(address,uint256)") + abi(["address", "uint256"], [FACTORY, 5])
    fields = shown(operation(call_data=execute(TO, 0, transfer)))
    assert (fields["Token transfer"], fields["Amount"]) == ("5 base units", "0 ETH")
    assert fields["Receiver"] == "0xDDdDddDdDdddDDddDDddDDDDdDdDDdDDdDDDDDDd"


def test_creation_paymaster_and_delegation_are_shown():
    fields = shown(operation(factory=FACTORY, factory_data=b"123", paymaster=PAYMASTER, paymaster_data=b"12"))
    assert fields["Created by"] == "0xDDdDddDdDdddDDddDDddDDDDdDdDDdDDdDDDDDDd"
    assert fields["Set-up data"] == "3 bytes"
    assert fields["Paymaster"] == "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"
    assert fields["Paymaster data"] == "2 bytes"
    delegated = operation(userop.V08, factory=userop.DELEGATED, delegate=TO)
    assert shown(delegated)["RUNS CODE OF"] == "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"


def test_the_fee_of_a_paymaster_counts():
    more = {"paymaster": PAYMASTER, "paymaster_verification_gas": 100_000, "paymaster_post_gas": 100_000}
    assert shown(operation(**more))["Fee at most"] == "0.004 ETH"
    assert shown(operation(userop.V06, paymaster=PAYMASTER))["Fee at most"] == "0.004 ETH"


def test_another_entry_point_is_marked():
    fields = shown(operation(entry_point=TO))
    assert fields["Entry point"] == "0.7 at UNKNOWN"
    assert fields["ENTRY POINT AT"] == "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"


def test_an_operation_without_a_call_says_so():
    assert shown(operation(call_data=b""))["Call"] == "none"


@pytest.mark.parametrize(
    "call",
    [
        b"\xde\xad\xbe\xef",
        b"\1",
        execute()[:-1],
        execute() + bytes(32),
        execute(data=b"123") + b"\0",
        execute(data=b"123")[:-1] + b"\1",
        execute()[:4] + b"\1" + execute()[5:],
        execute()[:68] + (128).to_bytes(32, "big") + execute()[100:],
        execute()[:100] + b"\xff" * 32,
        selector("executeBatch(address[],bytes[])") + abi(["address[]", "bytes[]"], [[TO], [b""]]),
    ],
    ids=lambda call: f"{len(call)} bytes",
)
def test_any_other_call_is_marked_unknown(call):
    fields = shown(operation(call_data=call))
    assert fields["UNKNOWN CALL"] == "0x" + call[:4].hex()
    assert fields["Data"] == f"{len(call)} bytes"
    assert not {"To", "Amount", "Call"} & set(fields)


@VERSIONS
def test_lines_fit_the_screen(version):
    made = operation(version, factory=FACTORY, factory_data=b"1", paymaster=PAYMASTER, entry_point=TO, nonce=2**256 - 1)
    assert max(map(len, request.describe(Request(USER_OPERATION, made.encode())))) <= request.LINE


# What is refused


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 5},
        {"version": 9},
        {"chain_id": 0},
        {"chain_id": 2**64},
        {"chain_id": -1},
        {"entry_point": b""},
        {"sender": bytes(19)},
        {"sender": "0x"},
        {"nonce": 2**256},
        {"nonce": -1},
        {"nonce": -(2**200)},
        {"call_gas": 2**128},
        {"max_fee": 2**128},
        {"call_data": "0x"},
        {"factory": bytes(21)},
        {"factory_data": b"1"},
        {"paymaster": bytes(19)},
        {"paymaster_data": b"1"},
        {"paymaster_post_gas": 1},
        {"version": userop.V06, "paymaster": PAYMASTER, "paymaster_verification_gas": 1},
        {"delegate": TO},
        {"version": userop.V08, "delegate": TO},
        {"version": userop.V08, "factory": userop.DELEGATED},
        {"factory": userop.DELEGATED, "delegate": TO},
        {"factory": FACTORY, "delegate": TO, "version": userop.V08},
    ],
    ids=str,
)
def test_other_fields_are_refused(changes):
    assert refusal(operation(**changes).encode) == "request"


@given(st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_arbitrary_bytes_end_in_the_request_error(data):
    assert refusal(userop.decode, data) == "request"


def items(**changes) -> bytes:
    values = [changes.get(name, getattr(operation(), name)) for name, _ in userop.FIELDS]
    return platform.cbor_encode(values + changes.get("more", []))


@pytest.mark.parametrize(
    "payload",
    [
        items(more=[0]),
        items(nonce=bytes(32)),
        items(nonce=b"\xff" * 31),
        items(nonce=b"\7"),
        items(nonce=True),
        items(nonce=None),
        items(sender=None),
        items(sender=b""),
        items(factory=None),
        items(version="0.7"),
        items(call_data=[]),
        platform.cbor_encode({"sender": SENDER}),
        platform.cbor_encode([]),
    ],
    ids=lambda payload: payload[:60].hex(),
)
def test_a_payload_that_is_not_what_a_device_expects_is_refused(payload):
    asked = platform.cbor_encode([USER_OPERATION, payload, []])
    for function in (request.decode, request.digest, request.describe):
        assert refusal(function, asked) == "request"


@pytest.mark.parametrize(
    ("change", "version"),
    [
        ({"callData": "0x1"}, "0.7"),
        ({"callData": None}, "0.7"),
        ({"callData": "1234"}, "0.7"),
        ({"nonce": "seven"}, "0.7"),
        ({"nonce": -(2**200)}, "0.7"),
        ({"nonce": True}, "0.7"),
        ({"sender": "0xaa"}, "0.7"),
        ({"sender": 5}, "0.7"),
        ({"initCode": "0x"}, "0.8"),
        ({"factory": "0x7702"}, "0.8"),
        ({"factory": "0x7702", "eip7702Auth": {"address": "0x" + "bb" * 20}}, "0.7"),
        ({"eip7702Auth": {}}, "0.8"),
        ({"eip7702Auth": "0x"}, "0.8"),
        ({"gas": "0x1"}, "0.7"),
        ({}, "0.5"),
        ({}, "0.9"),
        ({}, 7),
    ],
    ids=str,
)
def test_json_of_another_form_is_refused(change, version):
    changed = {**as_json(operation()), **change}
    if changed["callData"] is None:
        del changed["callData"]
    assert refusal(forms.user_operation_payload, changed, version, 1) == "request"


def test_a_request_beyond_the_limit_is_refused():
    big = operation(call_data=bytes(limits.SIGN_REQUEST_BYTES))
    assert refusal(big.encode) == "request"


def test_a_device_shows_and_signs_what_the_host_does(tmp_path):
    made = [
        operation(version, factory=FACTORY, factory_data=bytes(200), paymaster=PAYMASTER, nonce=2**200)
        for version in (userop.V06, userop.V07, userop.V08)
    ]
    made += [operation(userop.V08, factory=userop.DELEGATED, delegate=TO), operation(call_data=execute()[:-1])]
    made.append(operation(call_data=execute(data=bytes(12_000))))
    made.append(operation(sender=account.account_address(KEY)))
    asked = [Request(USER_OPERATION, one.encode()).encode() for one in made]
    script = tmp_path / "script.py"
    script.write_text(
        "from daric_protocol.errors import DaricError\nfrom daric_protocol.evm import request\n"
        f"for encoded in {asked!r}:\n"
        f"    print(request.describe(encoded, {KEY!r}), request.digest(encoded).hex())\n"
        "    try:\n        request.decode(encoded[:-1])\n    except DaricError as error:\n        print(error.name)\n"
    )
    expected = "".join(f"{request.describe(one, KEY)} {request.digest(one).hex()}\nrequest\n" for one in asked)
    assert run_micropython(script, heapsize="240k") == expected
