"""RLP, addresses, transactions and personal messages."""

from binascii import hexlify, unhexlify

from daric_protocol import platform
from daric_protocol.evm import account, address, message, request, rlp, transaction
from primitives import refused


def build(value):
    """An RLP item from the vectors' nested lists of hexadecimal strings."""
    return [build(item) for item in value] if isinstance(value, list) else unhexlify(value)


def rlp_both_ways(case):
    encoded, item = unhexlify(case["hex"]), build(case["value"])
    assert rlp.encode(item) == encoded
    assert rlp.decode(encoded) == item


def rlp_reject(case):
    assert refused(rlp.decode, unhexlify(case["hex"]))


def eth_address(case):
    public = unhexlify(case["pub"])
    compressed = bytes([2 + (public[64] & 1)]) + public[1:33]
    found = address.from_public_key(compressed)
    assert address.to_text(found) == case["address"]
    assert address.from_text(case["address"]) == found


def create2_address(case):
    init_code_hash = platform.keccak256(unhexlify(case["init_code"]))
    found = address.create2(unhexlify(case["sender"]), unhexlify(case["salt"]), init_code_hash)
    assert found == unhexlify(case["address"])


def account_address(case):
    owner = address.from_text(case["owner"])
    assert address.to_text(account.account_address(owner, case["kind"], case["salt"])) == case["address"]


def eip191(case):
    payload, digest = unhexlify(case["msg"]), unhexlify(case["hash"])
    assert message.signing_digest(payload) == digest
    assert request.digest(request.Request(request.MESSAGE, payload)) == digest


def transaction_of(fields):
    """A Transaction from the vectors' fields."""
    number = {
        "nonce": "nonce",
        "gas_limit": "gas_limit",
        "value": "value",
        "chain_id": "chain_id",
        "gas_price": "gas_price",
        "max_fee_per_gas": "max_fee",
        "max_priority_fee_per_gas": "priority_fee",
    }
    tx = transaction.Transaction(fields["type"], to=unhexlify(fields["to"]), data=unhexlify(fields["data"]))
    for name, attribute in number.items():
        if name in fields:
            setattr(tx, attribute, int(fields[name][2:], 16))
    tx.access_list = [
        (unhexlify(entry[0]), [unhexlify(key) for key in entry[1]]) for entry in fields.get("access_list", [])
    ]
    return tx


def signature_of(signed):
    """(r, s, recid) of a signed transaction."""
    typed = signed[0] < 3
    v, r, s = [int.from_bytes(item, "big") for item in rlp.decode(signed[1:] if typed else signed)[-3:]]
    return r, s, v if typed else (v + 1) % 2


def eth_tx(case):
    unsigned, signed = unhexlify(case["unsigned"]), unhexlify(case["signed"])
    if case.get("optional"):  # blob transactions, which Daric does not sign
        assert refused(transaction.decode, unsigned)
        return
    tx = transaction_of(case["fields"])
    assert tx.encode() == unsigned
    read = transaction.decode(unsigned)
    assert read.encode() == unsigned
    assert (read.nonce, read.value, read.to, read.data) == (tx.nonce, tx.value, tx.to, tx.data)
    assert read.fee_ceiling() == tx.fee_ceiling()
    digest = unhexlify(case["signing_hash"])
    assert transaction.signing_digest(unsigned) == digest
    assert request.digest(request.Request(request.TRANSACTION, unsigned)) == digest
    r, s, recid = signature_of(signed)
    assert transaction.attach_signature(unsigned, r, s, recid) == signed
    assert hexlify(transaction.transaction_hash(signed)).decode() == case["tx_hash"]
    # What is already signed is not signed again, and half a field less is no transaction.
    assert refused(transaction.decode, unsigned[:-1])
    if tx.type:
        assert refused(transaction.decode, signed)


CHECKS = {
    "rlp": rlp_both_ways,
    "rlp_reject": rlp_reject,
    "eth_address": eth_address,
    "create2_address": create2_address,
    "account_address": account_address,
    "eip191": eip191,
    "eth_tx": eth_tx,
}
