"""Addresses: checksums, the account of a public key, and smart accounts before they exist."""

import pytest
from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.evm import account, address
from eth_abi import encode as abi
from eth_account import Account
from eth_utils import to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st

OWNER = bytes(18) + b"\x0a\x11"
# As the contracts' authors compiled them: length and Keccak-256 of each proxy's creation code.
CODES = {
    "simple-0.6": (1985, "2ef949a1ea043e392e2f802f6c9ec056aff8e49b896b4888b937c948d1f9f9fe"),
    "simple-0.7": (1047, "fc0448e00d75d29e6e7a453d8bc553c6f5a89cc048d8b45606eadf8158c5febc"),
    "simple-0.8": (680, "54c4f1416e8a5d49bacc9bbed20b8baa3e9e904e15b2000b9d3ea9d1ce6a4c94"),
    "safe-1.4.1": (486, "1856e0ee08399d74e0ea0b03adca210aeade6f748969ac023cdcb4dd62dcaf5f"),
}
kinds = pytest.mark.parametrize("kind", account.KINDS)


@given(st.binary(min_size=20, max_size=20))
@settings(max_examples=100, deadline=None)
def test_an_address_has_the_checksum_that_others_give_it(data):
    assert address.to_text(data) == to_checksum_address(data)
    assert address.from_text(address.to_text(data)) == data
    assert address.from_text(address.to_text(data).lower()) == data


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0x",
        "52908400098527886E0F7030069857D2E4169EE7",
        "0x52908400098527886E0F7030069857D2E4169EE",
        "0x52908400098527886E0F7030069857D2E4169EE7 ",
        "0X52908400098527886E0F7030069857D2E4169EE7",
        "0x52908400098527886E0F7030069857D2E4169Eg7",
        "0x52908400098527886e0F7030069857D2E4169EE7",  # one letter in the wrong case
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"[:-1] + "e",
    ],
)
def test_other_texts_are_no_address(text):
    with pytest.raises(DaricError) as caught:
        address.from_text(text)
    assert caught.value.name == "parameter"


@given(st.integers(1, platform.curve.Q - 1))
@settings(max_examples=30, deadline=None)
def test_the_address_of_a_public_key_is_the_one_that_eth_account_gives(secret):
    public = platform.curve.encode(platform.curve.mul_g(secret))
    assert address.to_text(address.from_public_key(public)) == Account.from_key(secret.to_bytes(32, "big")).address


@kinds
def test_the_creation_code_is_the_authors_own(kind):
    code = account._creation_code(kind)
    assert (len(code), platform.keccak256(code).hex()) == CODES[kind]


def test_the_default_is_the_simple_account_of_entry_point_0_7():
    assert account.account_address(OWNER) == account.account_address(OWNER, "simple-0.7")


@kinds
def test_owner_salt_factory_and_implementation_each_give_another_account(kind):
    addresses = {
        account.account_address(OWNER, kind),
        account.account_address(bytes(20), kind),
        account.account_address(OWNER, kind, salt=1),
        account.account_address(OWNER, kind, salt=2**256 - 1),
        account.account_address(OWNER, kind, factory=bytes(20)),
        account.account_address(OWNER, kind, implementation=b"\1" * 20),
    }
    assert len(addresses) == 6


@pytest.mark.parametrize(
    "wrong",
    [
        {"owner": bytes(19)},
        {"owner": bytes(21)},
        {"kind": "simple-0.5"},
        {"salt": -1},
        {"salt": 2**256},
        {"factory": b"\1"},
        {"implementation": b"\1"},
    ],
    ids=repr,
)
def test_other_parameters_are_refused(wrong):
    with pytest.raises(DaricError) as caught:
        account.account_address(**{"owner": OWNER, **wrong})
    assert caught.value.name == "parameter"


def test_a_create2_address_takes_exact_sizes():
    for sizes in ((19, 32, 32), (20, 31, 32), (20, 32, 33)):
        with pytest.raises(DaricError):
            address.create2(*map(bytes, sizes))


def test_the_calls_are_encoded_as_the_abi_says():
    module, setup = account.SAFE_4337_MODULE, account.SAFE_MODULE_SETUP
    enable = platform.keccak256(b"enableModules(address[])")[:4] + abi(["address[]"], [[module]])
    types = ["address[]", "uint256", "address", "bytes", "address", "address", "uint256", "address"]
    values = [[OWNER], 1, setup, enable, module, bytes(20), 0, bytes(20)]
    selector = platform.keccak256(b"setup(" + ",".join(types).encode() + b")")[:4]
    assert account.safe_initializer(OWNER) == selector + abi(types, values)
    assert platform.keccak256(b"initialize(address)")[:4] == account.INITIALIZE
