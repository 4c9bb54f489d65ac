"""Unsigned transactions, read strictly and signed exactly as read. Sources: EIP-155, EIP-2718, EIP-2930, EIP-1559.

What is hashed is always the very bytes that were read, never a second encoding of them.
"""

from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.evm import rlp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LEGACY, ACCESS_LIST, DYNAMIC_FEE = 0, 1, 2  # types; a legacy one has no type byte
U64 = (1 << 64) - 1
U256 = (1 << 256) - 1
MAX_NONCE = U64 - 1  # EIP-2681
ADDRESS_BYTES = 20

# Fields in the order of each type's encoding.
PRE_155 = ("nonce", "gas_price", "gas_limit", "to", "value", "data")
FIELDS = {
    LEGACY: PRE_155 + ("chain_id", "zero", "zero"),
    ACCESS_LIST: ("chain_id",) + PRE_155 + ("access_list",),
    DYNAMIC_FEE: (
        "chain_id", "nonce", "priority_fee", "max_fee", "gas_limit", "to", "value", "data", "access_list",
    ),
}  # fmt: skip
NUMBERS = {
    "chain_id": U64, "nonce": MAX_NONCE, "gas_price": U256, "priority_fee": U256, "max_fee": U256,
    "gas_limit": U64, "value": U256, "zero": 0,
}  # fmt: skip


class Transaction:
    """The fields of an unsigned transaction.

    type: LEGACY, ACCESS_LIST or DYNAMIC_FEE. chain_id: None in a legacy transaction without replay protection.
    nonce, gas_limit, value: integers, value in wei. gas_price (first two types), or max_fee and priority_fee: wei per
    gas. to: 20 bytes, or empty to create a contract. data: call data. access_list: [(address, [key 32, ..]), ..].
    """

    def __init__(
        self,
        type: int,  # noqa: A002 - the word of EIP-2718
        nonce: int = 0,
        gas_limit: int = 0,
        to: bytes = b"",
        value: int = 0,
        data: bytes = b"",
        chain_id: "int | None" = None,
        gas_price: int = 0,
        max_fee: int = 0,
        priority_fee: int = 0,
        access_list: "list[tuple[bytes, list[bytes]]] | None" = None,
    ) -> None:
        self.type = type
        self.nonce = nonce
        self.gas_limit = gas_limit
        self.to = to
        self.value = value
        self.data = data
        self.chain_id = chain_id
        self.gas_price = gas_price
        self.max_fee = max_fee
        self.priority_fee = priority_fee
        self.access_list = access_list or []

    def fee_ceiling(self) -> int:
        """The most that this transaction can cost beside its value, in wei of its own chain."""
        return self.gas_limit * (self.max_fee if self.type == DYNAMIC_FEE else self.gas_price)

    def encode(self) -> bytes:
        """The unsigned bytes, as `decode` reads them; DaricError("encoding") for a field out of range."""
        if self.type not in FIELDS or (self.type != LEGACY and self.chain_id is None):
            raise DaricError("encoding", "no such transaction type, or the chain id is missing")
        unprotected = self.type == LEGACY and self.chain_id is None
        items = [self._item(name) for name in (PRE_155 if unprotected else FIELDS[self.type])]
        encoded = (bytes([self.type]) if self.type else b"") + rlp.encode(items)
        decode(encoded)
        return encoded

    def _item(self, name: str) -> "Any":
        if name in NUMBERS:
            return rlp.encode_number(0 if name == "zero" else getattr(self, name))
        return getattr(self, name)


def decode(unsigned: bytes) -> Transaction:
    """Read an unsigned transaction; DaricError("encoding") for any other type, field or encoding."""
    if not unsigned:
        raise DaricError("encoding", "the transaction is empty")
    kind = unsigned[0] if unsigned[0] in (ACCESS_LIST, DYNAMIC_FEE) else LEGACY
    items = rlp.decode(unsigned[1:] if kind else unsigned)
    if not isinstance(items, list):
        raise DaricError("encoding", "a transaction is a list of fields")
    names = PRE_155 if kind == LEGACY and len(items) == len(PRE_155) else FIELDS[kind]
    if len(items) != len(names):
        raise DaricError("encoding", "a transaction has %d fields, not %d" % (len(names), len(items)))
    transaction = Transaction(kind)
    for i in range(len(names)):
        setattr(transaction, names[i], _field(names[i], items[i]))
    if kind == LEGACY and transaction.chain_id == 0:
        raise DaricError("encoding", "a legacy transaction has no chain id 0")
    return transaction


def _field(name: str, item: "Any") -> "Any":
    if name in NUMBERS:
        return rlp.decode_number(item, NUMBERS[name])
    if name == "access_list":
        return _access_list(item)
    if not isinstance(item, bytes) or (name == "to" and len(item) not in (0, ADDRESS_BYTES)):
        raise DaricError("encoding", "a transaction's receiver or data has the wrong form")
    return item


def _access_list(item: "Any") -> "list[tuple[bytes, list[bytes]]]":
    entries = []
    for entry in item if isinstance(item, list) else [None]:
        if not isinstance(entry, list) or len(entry) != 2:
            raise DaricError("encoding", "an access list is a list of pairs")
        address, keys = entry
        if not isinstance(address, bytes) or len(address) != ADDRESS_BYTES or not isinstance(keys, list):
            raise DaricError("encoding", "an access list names addresses and keys")
        for key in keys:
            if not isinstance(key, bytes) or len(key) != 32:
                raise DaricError("encoding", "an access list's keys have 32 bytes")
        entries.append((address, keys))
    return entries


def signing_digest(unsigned: bytes) -> bytes:
    """What is signed (32 B): the hash of exactly these bytes, once they are a transaction."""
    decode(unsigned)
    return platform.keccak256(unsigned)


def attach_signature(unsigned: bytes, r: int, s: int, recid: int) -> bytes:
    """The signed transaction, ready to be sent.

    r, s: the signature, s in the lower half (EIP-2). recid: 0 or 1, the parity of R. DaricError("signature") for
    numbers that are no such signature, "encoding" for bytes that are no transaction.
    """
    transaction = decode(unsigned)
    order = platform.curve.Q
    if not (0 < r < order and 0 < s <= order // 2 and recid in (0, 1)):
        raise DaricError("signature", "a transaction takes a low-s signature and recovery id 0 or 1")
    if transaction.type:
        items, v = rlp.decode(unsigned[1:]), recid
    elif transaction.chain_id is None:
        items, v = rlp.decode(unsigned), 27 + recid
    else:
        items, v = rlp.decode(unsigned)[: len(PRE_155)], 35 + 2 * transaction.chain_id + recid
    signed = rlp.encode(items + [rlp.encode_number(v), rlp.encode_number(r), rlp.encode_number(s)])
    return (unsigned[:1] if transaction.type else b"") + signed


def signed_chain_id(signed: bytes) -> "int | None":
    """The chain that a signed transaction is for, None without replay protection.

    DaricError("encoding") for bytes that are no signed transaction; the signature itself is not checked.
    """
    kind = signed[0] if signed and signed[0] in (ACCESS_LIST, DYNAMIC_FEE) else LEGACY
    items = rlp.decode(signed[1:] if kind else signed)
    names = FIELDS[kind] if kind else PRE_155
    if not isinstance(items, list) or len(items) != len(names) + 3:
        raise DaricError("encoding", "these are not the fields of a signed transaction")
    if kind:
        return rlp.decode_number(items[0], U64)
    v = rlp.decode_number(items[len(names)], U256)
    if v in (27, 28):
        return None
    if v < 37:
        raise DaricError("encoding", "a legacy transaction has no such v")
    return (v - 35) // 2


def transaction_hash(signed: bytes) -> bytes:
    """The name of a signed transaction on its chain, 32 B."""
    return platform.keccak256(signed)


# What a person is shown


def fields(transaction: Transaction, shown: "list[tuple[str, str]]") -> "list[tuple[str, str]]":
    """(label, text) pairs: network, `shown`, receiver, amount, what is called there, the fee ceiling and the nonce."""
    from daric_protocol.evm import calls
    from daric_protocol.evm.address import to_text
    from daric_protocol.evm.request import CHAINS, amount

    if transaction.chain_id is None:
        name, coin = "ANY: can be repeated on every chain", "coins"
    else:
        name, coin = CHAINS.get(transaction.chain_id, ("UNKNOWN", "coins"))
        name = "%s (%d)" % (name, transaction.chain_id)
    pairs = [("Network", name)] + shown
    pairs.append(("To", to_text(transaction.to) if transaction.to else "NEW CONTRACT"))
    pairs.append(("Amount", amount(transaction.value) + " " + coin))
    if transaction.to:
        pairs += calls.describe(transaction.data, transaction.to, transaction.chain_id)
    else:
        pairs += [("Code", "%d bytes" % len(transaction.data)), ("Code hash", calls.hash_text(transaction.data))]
    pairs.append(("Fee at most", amount(transaction.fee_ceiling()) + " " + coin))
    pairs.append(("Nonce", str(transaction.nonce)))
    if transaction.access_list:
        pairs.append(("Access list", str(len(transaction.access_list))))
    return pairs
