"""The typed request: the same bytes are shown and signed, all of them, and nothing unreadable is."""

import pytest
from daric_protocol import limits, platform
from daric_protocol.errors import DaricError
from daric_protocol.evm import address, message, request, tokens
from daric_protocol.evm.request import MESSAGE, RAW_DIGEST, TRANSACTION, Request
from daric_protocol.evm.transaction import ACCESS_LIST, DYNAMIC_FEE, LEGACY, Transaction
from eth_abi import encode as abi
from eth_utils import function_signature_to_4byte_selector as selector
from hypothesis import given, settings
from hypothesis import strategies as st
from micropython_runner import run_micropython

TO, OTHER, SENDER = b"\xaa" * 20, b"\xbb" * 20, b"\x11" * 20
GWEI, ETHER = 10**9, 10**18


def word(value) -> bytes:
    return value.to_bytes(32, "big") if isinstance(value, int) else bytes(32 - len(value)) + value


def transfer(**changes) -> Transaction:
    fields = {"nonce": 5, "gas_limit": 21000, "to": TO, "value": 3 * ETHER // 2, "chain_id": 1}
    fields |= {"max_fee": 30 * GWEI, "priority_fee": GWEI}
    return Transaction(DYNAMIC_FEE, **{**fields, **changes})


def shown(tx: Transaction) -> dict:
    return dict(request.fields(Request(TRANSACTION, tx.encode()), SENDER))


def refusal(function, *args) -> str:
    with pytest.raises(DaricError) as caught:
        function(*args)
    return caught.value.name


def test_a_transfer_is_shown_with_network_parties_amount_fee_and_nonce():
    assert shown(transfer()) == {
        "Network": "Ethereum (1)",
        "From": "0x1111111111111111111111111111111111111111",
        "To": "0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa",
        "Amount": "1.5 ETH",
        "Fee at most": "0.00063 ETH",
        "Nonce": "5",
    }


def test_lines_fit_the_screen_and_leave_nothing_out():
    lines = request.describe(Request(TRANSACTION, transfer().encode(), [0, 7]), SENDER)
    assert max(map(len, lines)) <= 16
    assert lines[:6] == ["Network:", " Ethereum (1)", "From:", " 0x1111111111111", " 111111111111111", " 111111111111"]
    assert "".join(line[1:] for line in lines[9:12]) == "0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa"
    assert " m/0/7" in lines


@pytest.mark.parametrize(
    ("wei", "text"),
    [
        (0, "0"),
        (1, "0.000000000000000001"),
        (ETHER, "1"),
        (10 * ETHER, "10"),
        (ETHER + 1, "1.000000000000000001"),
        (123456789 * GWEI, "0.123456789"),
        (2**256 - 1, str((2**256 - 1) // ETHER) + ".584007913129639935"),
    ],
)
def test_amounts_are_exact(wei, text):
    assert request.amount(wei) == text


def test_an_unknown_network_is_marked_and_its_coin_not_named():
    fields = shown(transfer(chain_id=424242))
    assert fields["Network"] == "UNKNOWN (424242)"
    assert fields["Amount"] == "1.5 coins"


def test_a_transaction_without_replay_protection_says_so():
    assert "every chain" in shown(Transaction(LEGACY, to=TO, gas_price=1))["Network"]
    assert shown(Transaction(LEGACY, to=TO, gas_price=1, chain_id=10))["Network"] == "OP Mainnet (10)"


def test_a_new_contract_is_no_transfer():
    fields = shown(transfer(to=b"", data=b"\x60" * 300))
    assert (fields["To"], fields["Code"]) == ("NEW CONTRACT", "300 bytes")
    assert fields["Code hash"] == "0x" + platform.keccak256(b"\x60" * 300).hex()


def test_an_access_list_is_counted():
    assert shown(Transaction(ACCESS_LIST, chain_id=1, access_list=[(TO, [bytes(32)])]))["Access list"] == "1"


@pytest.mark.parametrize(
    ("call", "values", "expected"),
    [
        ("transfer(address,uint256)", [OTHER, 10**6], ("Token transfer", "1000000 base units")),
        ("approve(address,uint256)", [OTHER, 5], ("Token approval", "5 (base units or token id)")),
        ("approve(address,uint256)", [OTHER, 2**256 - 1], ("Token approval", "UNLIMITED")),
        ("transferFrom(address,address,uint256)", [TO, OTHER, 9], ("Token transfer", "9 (base units or token id)")),
        ("setApprovalForAll(address,bool)", [OTHER, 1], ("Approve ALL", "tokens of this contract")),
        ("approve(address,uint256)", [OTHER, 2**96 - 1], ("Token approval", "UNLIMITED")),
        ("increaseAllowance(address,uint256)", [OTHER, 5], ("More allowance", "5 base units")),
        ("increaseAllowance(address,uint256)", [OTHER, 2**255], ("More allowance", "UNLIMITED")),
        ("decreaseAllowance(address,uint256)", [OTHER, 5], ("Less allowance", "5 base units")),
        ("safeTransferFrom(address,address,uint256)", [TO, OTHER, 9], ("NFT transfer", "token id 9")),
        ("setApprovalForAll(address,bool)", [OTHER, 0], ("Revoke all", "tokens of this contract")),
    ],
)
def test_token_calls_are_read(call, values, expected):
    fields = shown(transfer(data=selector(call) + b"".join(map(word, values))))
    assert fields[expected[0]] == expected[1]
    assert "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB" in fields.values()


def safe_transfer(memo: bytes) -> bytes:
    encoded = abi(["address", "address", "uint256", "bytes"], [TO, OTHER, 9, memo])
    return selector("safeTransferFrom(address,address,uint256,bytes)") + encoded


@pytest.mark.parametrize("memo", [b"", b"memo", bytes(32), bytes(33)])
def test_an_nft_that_comes_with_data_is_read(memo):
    fields = shown(transfer(data=safe_transfer(memo)))
    assert fields["NFT transfer"] == "token id 9"
    assert fields["Receiver"] == "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"
    assert fields.get("With data") == (f"{len(memo)} bytes" if memo else None)


def test_several_of_one_token_id_are_read():
    types, values = ["address", "address", "uint256", "uint256", "bytes"], [TO, OTHER, 7, 3, b""]
    data = selector("safeTransferFrom(address,address,uint256,uint256,bytes)") + abi(types, values)
    assert shown(transfer(data=data))["NFT transfer"] == "3 of token id 7"


USDC = address.from_text("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48")


@pytest.mark.parametrize(
    ("call", "values", "expected"),
    [
        ("transfer(address,uint256)", [OTHER, 12_500_000], ("Token transfer", "12.5 USDC")),
        ("approve(address,uint256)", [OTHER, 1], ("Token approval", "0.000001 USDC")),
        ("approve(address,uint256)", [OTHER, 2**256 - 1], ("Token approval", "UNLIMITED USDC")),
        ("transferFrom(address,address,uint256)", [TO, OTHER, 10**6], ("Token transfer", "1 USDC")),
    ],
)
def test_a_known_token_is_shown_in_its_own_units(call, values, expected):
    fields = shown(transfer(to=USDC, value=0, data=selector(call) + b"".join(map(word, values))))
    assert fields[expected[0]] == expected[1]
    assert fields["To"] == "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"


def test_the_same_contract_on_another_chain_is_no_known_token():
    data = selector("transfer(address,uint256)") + word(OTHER) + word(12_500_000)
    for changes in ({"chain_id": 10}, {"chain_id": 11}, {"to": TO}):
        assert shown(transfer(**{"to": USDC, "data": data, **changes}))["Token transfer"] == "12500000 base units"


def test_every_known_token_has_the_checksum_of_its_address_and_stands_once():
    rows = [line.split(" ") for line in tokens.TABLE.strip().split("\n")]
    for chain, contract, symbol, decimals in rows:
        assert address.to_text(address.from_text(contract)) == contract
        assert tokens.find(int(chain), address.from_text(contract)) == (symbol, int(decimals))
        assert int(chain) in request.CHAINS and 0 < len(symbol) <= 8 and int(decimals) in (6, 8, 18)
    assert len({(chain, contract) for chain, contract, _, _ in rows}) == len(rows)
    assert len({(chain, symbol) for chain, _, symbol, _ in rows}) == len(rows)


@pytest.mark.parametrize(("chain", "contract"), [(None, USDC), (1, b""), (1, USDC[:19]), (1, USDC + b"\0"), (0, USDC)])
def test_no_other_contract_is_a_known_token(chain, contract):
    assert tokens.find(chain, contract) is None


@pytest.mark.parametrize(
    "data",
    [
        b"\xde\xad\xbe\xef" + bytes(64),
        selector("transfer(address,uint256)"),
        selector("transfer(address,uint256)") + word(OTHER),
        selector("transfer(address,uint256)") + word(OTHER) + word(1) + b"\0",
        selector("transfer(address,uint256)") + b"\1" + bytes(11) + OTHER + word(1),
        selector("setApprovalForAll(address,bool)") + word(OTHER) + word(2),
        safe_transfer(b"memo")[:-1],
        safe_transfer(b"memo") + bytes(32),
        safe_transfer(b"memo")[:-1] + b"\1",
        safe_transfer(b"memo").replace(word(0x80), word(0xA0)),
        safe_transfer(b"memo").replace(word(4), word(2**255)),
        selector("safeTransferFrom(address,address,uint256,bytes)") + word(TO) + word(OTHER) + word(9),
        b"\1",
    ],
)
def test_any_other_call_is_marked_unknown(data):
    fields = shown(transfer(data=data))
    assert fields["UNKNOWN CALL"] == "0x" + data[:4].hex()
    assert fields["Data"] == f"{len(data)} bytes"
    assert fields["Data hash"] == "0x" + platform.keccak256(data).hex()
    assert not {"Token transfer", "Receiver", "Operator"} & set(fields)


def test_what_is_shown_is_what_is_signed():
    unsigned = transfer().encode()
    assert request.digest(Request(TRANSACTION, unsigned)) == platform.keccak256(unsigned)
    assert request.digest(Request(TRANSACTION, unsigned).encode()) == platform.keccak256(unsigned)
    assert request.digest(Request(MESSAGE, b"hello")) == message.signing_digest(b"hello")


def test_a_raw_digest_is_refused_unless_the_owner_allowed_it():
    raw = Request(RAW_DIGEST, b"\x01" * 32)
    assert refusal(request.digest, raw) == "raw_digest"
    assert request.digest(raw, allow_raw=True) == b"\x01" * 32
    assert request.describe(raw)[0] == "WARNING:"


def test_a_request_comes_back_from_its_bytes():
    for original in (Request(MESSAGE, b"hi"), Request(TRANSACTION, transfer().encode(), [1, 2**31 - 1])):
        assert vars(request.decode(original.encode())) == vars(original)


@pytest.mark.parametrize(
    "value",
    [
        [3, b"", []],
        [-1, b"", []],
        [True, transfer().encode(), []],
        ["message", b"", []],
        [MESSAGE, "text", []],
        [MESSAGE, b"", {}],
        [MESSAGE, b"", None],
        [MESSAGE, b""],
        [MESSAGE, b"", [], 0],
        [MESSAGE, b"", [2**31]],
        [MESSAGE, b"", [-1]],
        [MESSAGE, b"", [True]],
        [MESSAGE, b"", [0] * 11],
        [RAW_DIGEST, bytes(31), []],
        [TRANSACTION, b"", []],
        [TRANSACTION, transfer().encode() + b"\0", []],
        [[], b"", []],
        {0: MESSAGE},
        MESSAGE,
    ],
    ids=repr,
)
def test_what_cannot_be_read_is_not_signed(value):
    for function in (request.decode, request.digest, request.describe):
        assert refusal(function, platform.cbor_encode(value)) == "request"


def test_bytes_that_are_no_strict_cbor_are_refused():
    encoded = Request(MESSAGE, b"hello").encode()
    for wrong in (b"", encoded[:-1], encoded + b"\0", b"\x9f" + encoded[1:] + b"\xff"):
        assert refusal(request.decode, wrong) == "request"


def test_a_request_that_a_device_cannot_show_is_too_large():
    assert refusal(Request(MESSAGE, bytes(limits.SIGN_REQUEST_BYTES)).encode) == "too_large"
    oversized = platform.cbor_encode([MESSAGE, bytes(limits.SIGN_REQUEST_BYTES), []])
    assert refusal(request.decode, oversized) == "request"


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_a_message_is_shown_in_plain_letters_and_never_looks_like_a_label(payload):
    lines = request.describe(Request(MESSAGE, payload))
    assert all(32 <= ord(character) < 127 for line in lines for character in line)
    warning = ["WARNING:"] if len(payload) == 32 else []
    assert [line for line in lines if line[:1] != " "] == [*warning, "Sign message:", "Message:"]
    assert max(map(len, lines)) <= 16


def test_a_message_that_may_be_the_hash_of_a_user_operation_is_marked():
    for payload in (b"\xff" * 32, b"a text that is not longer at all"):
        assert request.describe(Request(MESSAGE, payload))[0] == "WARNING:"
    for payload in (b"\xff" * 31, b"\xff" * 33, b""):
        assert "WARNING:" not in request.describe(Request(MESSAGE, payload))


def test_look_alikes_and_control_characters_are_spelled_out():
    assert request.printable("p\u0430y \u202e\x1b \\".encode()) == "p\\u{430}y \\u{202e}\\u{1b} \\\\"
    assert request.printable(b"\xff\xfe") == "0xfffe"
    assert request.printable(b"two\nlines") == "two\nlines"


@given(st.text(st.sampled_from("ab \n"), max_size=80), st.integers(1, 20))
@settings(max_examples=150, deadline=None)
def test_wrapping_loses_only_the_spaces_and_line_ends_it_cuts_at(text, width):
    lines = request.wrap(text, width)
    assert max(map(len, lines)) <= width
    assert "".join(lines).replace(" ", "") == text.replace(" ", "").replace("\n", "")


def test_a_device_shows_and_signs_what_the_host_does(tmp_path):
    requests = [
        Request(TRANSACTION, transfer(data=selector("approve(address,uint256)") + word(OTHER) + word(7)).encode(), [3]),
        Request(TRANSACTION, transfer(data=b"\xde\xad\xbe\xef").encode()),
        Request(TRANSACTION, transfer(data=safe_transfer(b"memo"), to=USDC).encode()),
        Request(TRANSACTION, transfer(data=safe_transfer(b"memo")[:-1] + b"\1").encode()),
        Request(TRANSACTION, transfer(to=USDC, data=selector("transfer(address,uint256)") + word(OTHER) * 2).encode()),
        Request(MESSAGE, "gr\u00fc\u00dfe \\ \u6c34\n".encode()),
        Request(MESSAGE, b"\xff" * 32),
    ]
    script = tmp_path / "script.py"
    script.write_text(
        "from daric_protocol.evm import request\n"
        f"for encoded in {[one.encode() for one in requests]!r}:\n"
        f"    print(request.describe(encoded, {SENDER!r}), request.digest(encoded).hex())\n"
    )
    expected = "".join(f"{request.describe(one, SENDER)} {request.digest(one).hex()}\n" for one in requests)
    assert run_micropython(script, heapsize="240k") == expected
