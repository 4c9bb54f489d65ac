"""Unsigned transactions: read strictly, signed exactly as read, and what comes out is what the chain takes."""

import pytest
from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.evm import address, message, rlp, transaction
from daric_protocol.evm.transaction import ACCESS_LIST, DYNAMIC_FEE, LEGACY, Transaction
from eth_account import Account
from eth_account.messages import encode_defunct
from hypothesis import given, settings
from hypothesis import strategies as st

OWNER = Account.from_key(b"\x11" * 32)
ORDER = platform.curve.Q
u64 = st.integers(0, 2**63)
u256 = st.integers(0, 2**256 - 1)


@st.composite
def transactions(draw):
    kind = draw(st.sampled_from([LEGACY, ACCESS_LIST, DYNAMIC_FEE]))
    keys = st.lists(st.binary(min_size=32, max_size=32), max_size=3)
    entries = st.lists(st.tuples(st.binary(min_size=20, max_size=20), keys), max_size=3)
    return Transaction(
        kind,
        nonce=draw(u64),
        gas_limit=draw(u64),
        to=draw(st.binary(min_size=20, max_size=20)),
        value=draw(u256),
        data=draw(st.binary(max_size=100)),
        chain_id=draw(st.integers(1, 2**40)),
        gas_price=0 if kind == DYNAMIC_FEE else draw(u256),
        max_fee=draw(u256) if kind == DYNAMIC_FEE else 0,
        priority_fee=draw(u256) if kind == DYNAMIC_FEE else 0,
        access_list=draw(entries) if kind else [],
    )


def as_eth_account(tx: Transaction) -> dict:
    fields = {"nonce": tx.nonce, "gas": tx.gas_limit, "value": tx.value, "chainId": tx.chain_id}
    fields |= {"to": address.to_text(tx.to), "data": tx.data}
    if tx.type == DYNAMIC_FEE:
        fields |= {"type": 2, "maxFeePerGas": tx.max_fee, "maxPriorityFeePerGas": tx.priority_fee}
    else:
        fields["gasPrice"] = tx.gas_price
    if tx.type == ACCESS_LIST:
        fields["type"] = 1
    if tx.type:
        fields["accessList"] = [
            {"address": address.to_text(account), "storageKeys": ["0x" + key.hex() for key in keys]}
            for account, keys in tx.access_list
        ]
    return fields


@given(transactions())
@settings(max_examples=60, deadline=None)
def test_a_signed_transaction_is_the_one_that_eth_account_makes(tx):
    expected = OWNER.sign_transaction(as_eth_account(tx))
    unsigned = tx.encode()
    recid = expected.v if tx.type else (expected.v - 35) % 2
    signed = transaction.attach_signature(unsigned, expected.r, expected.s, recid)
    assert signed == bytes(expected.raw_transaction)
    assert transaction.transaction_hash(signed) == bytes(expected.hash)
    assert Account.recover_transaction(signed) == OWNER.address


@given(transactions())
@settings(max_examples=60, deadline=None)
def test_what_is_read_is_what_was_written(tx):
    assert vars(transaction.decode(tx.encode())).items() >= vars(tx).items()


@given(transactions(), st.data())
@settings(max_examples=150, deadline=None)
def test_a_changed_byte_changes_the_fields_or_is_refused(tx, data):
    encoded = bytearray(tx.encode())
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        read = transaction.decode(bytes(encoded))
    except DaricError as error:
        assert error.name == "encoding"
        return
    assert vars(read) != vars(tx)
    assert read.encode() == encoded


FEE = Transaction(DYNAMIC_FEE, nonce=1, gas_limit=21000, to=b"\x22" * 20, chain_id=1, max_fee=2, priority_fee=1)
FIELDS = rlp.decode(FEE.encode()[1:])
LEGACY_FIELDS = rlp.decode(Transaction(LEGACY, to=b"\x22" * 20, chain_id=5, gas_price=1).encode())


@pytest.mark.parametrize(
    ("position", "value"),
    [
        (0, b"\0\1"),  # chain id with a leading zero
        (0, b"\1" * 9),
        (1, b"\xff" * 8),  # the last nonce of EIP-2681 is one less
        (2, b"\1" * 33),
        (4, b"\1" * 9),
        (5, b"\x22" * 19),
        (5, b"\x22" * 21),
        (5, [b"\x22" * 20]),
        (6, b"\0"),
        (7, [b"data"]),
        (8, b""),
        (8, [b""]),
        (8, [[b"\x22" * 20]]),
        (8, [[b"\x22" * 19, []]]),
        (8, [[b"\x22" * 20, [b"\1" * 31]]]),
        (8, [[b"\x22" * 20, b""]]),
        (8, [[b"\x22" * 20, [], []]]),
    ],
)
def test_a_field_of_another_form_is_refused(position, value):
    changed = [*FIELDS[:position], value, *FIELDS[position + 1 :]]
    with pytest.raises(DaricError) as caught:
        transaction.decode(b"\x02" + rlp.encode(changed))
    assert caught.value.name == "encoding"


@pytest.mark.parametrize(
    "unsigned",
    [
        b"",
        b"\x02",
        b"\x01",
        b"\x03" + rlp.encode(FIELDS),
        b"\x04" + rlp.encode(FIELDS),
        b"\x00" + rlp.encode(LEGACY_FIELDS),
        b"\x01" + rlp.encode(FIELDS),
        b"\x02" + rlp.encode(FIELDS[:-1]),
        b"\x02" + rlp.encode([*FIELDS, b""]),
        b"\x02" + rlp.encode(FIELDS) + b"\0",
        rlp.encode(FIELDS[0]),
        rlp.encode(LEGACY_FIELDS[:7]),
        rlp.encode(LEGACY_FIELDS[:8]),
        rlp.encode([*LEGACY_FIELDS[:6], b"\5", b"\1", b""]),  # r, s of a signed one
        rlp.encode([*LEGACY_FIELDS[:6], b"", b"", b""]),  # chain id 0
    ],
    ids=range(15),
)
def test_other_bytes_are_no_transaction(unsigned):
    for function in (transaction.decode, transaction.signing_digest):
        with pytest.raises(DaricError) as caught:
            function(unsigned)
        assert caught.value.name == "encoding"


def test_a_legacy_transaction_without_chain_id_is_read_as_such():
    unsigned = rlp.encode(LEGACY_FIELDS[:6])
    assert transaction.decode(unsigned).chain_id is None
    assert transaction.decode(unsigned).encode() == unsigned
    signed = rlp.decode(transaction.attach_signature(unsigned, 1, 1, 1))
    assert signed[6:] == [b"\x1c", b"\1", b"\1"]


@pytest.mark.parametrize(
    "wrong",
    [{"type": 3}, {"type": ACCESS_LIST, "chain_id": None}, {"nonce": 2**64 - 1}, {"to": b"\1"}, {"value": 2**256}],
    ids=repr,
)
def test_a_transaction_out_of_range_is_not_written(wrong):
    tx = Transaction(DYNAMIC_FEE, chain_id=1)
    for name, value in wrong.items():
        setattr(tx, name, value)
    with pytest.raises(DaricError) as caught:
        tx.encode()
    assert caught.value.name == "encoding"


@pytest.mark.parametrize(
    ("r", "s", "recid"),
    [(0, 1, 0), (ORDER, 1, 0), (1, 0, 0), (1, ORDER // 2 + 1, 0), (1, ORDER, 0), (1, 1, 2), (1, 1, -1), (-1, 1, 0)],
)
def test_a_high_or_broken_signature_is_not_attached(r, s, recid):
    with pytest.raises(DaricError) as caught:
        transaction.attach_signature(FEE.encode(), r, s, recid)
    assert caught.value.name == "signature"


def test_the_fee_ceiling_is_gas_limit_times_the_highest_price():
    assert FEE.fee_ceiling() == 42000
    assert Transaction(LEGACY, gas_limit=3, gas_price=7).fee_ceiling() == 21


@given(st.binary(max_size=200))
@settings(max_examples=50, deadline=None)
def test_a_personal_message_is_hashed_and_signed_as_eth_account_does(payload):
    signed = OWNER.sign_message(encode_defunct(payload))
    assert message.signing_digest(payload) == bytes(signed.message_hash)
    assert message.signature_bytes(signed.r, signed.s, signed.v - 27) == bytes(signed.signature)
