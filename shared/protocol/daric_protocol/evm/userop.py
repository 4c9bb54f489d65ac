"""User operations of smart accounts: read strictly, hashed for their EntryPoint, and shown. Source: ERC-4337.

The payload of a request is the deterministic CBOR array of FIELDS, in unpacked form; numbers as in words.py, addresses
20 bytes or, where there is none, empty. What the owner of a SimpleAccount signs: for EntryPoint 0.6 and 0.7 the hash as
an EIP-191 message, for 0.8 the hash, which is EIP-712 there.
"""

from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.evm import words
from daric_protocol.evm.address import ADDRESS_BYTES, to_text
from daric_protocol.limits import SIGN_REQUEST_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

V06, V07, V08 = 6, 7, 8
# Version: its usual deployment, the same on every chain.
ENTRY_POINTS = {
    V06: b"\x5f\xf1\x37\xd4\xb0\xfd\xcd\x49\xdc\xa3\x0c\x7c\xf5\x7e\x57\x8a\x02\x6d\x27\x89",
    V07: b"\x00\x00\x00\x00\x71\x72\x7d\xe2\x2e\x5e\x9d\x8b\xaf\x0e\xda\xc6\xf3\x7d\xa0\x32",
    V08: b"\x43\x37\x08\x4d\x9e\x25\x5f\xf0\x70\x24\x61\xcf\x88\x95\xce\x9e\x3b\x5f\xf1\x08",
}
DELEGATED = b"\x77\x02" + bytes(18)  # in the place of a factory: the account is an EIP-7702 delegation
EXECUTE = b"\xb6\x1d\x27\xf6"  # execute(address,uint256,bytes) of SimpleAccount
CREATE_ACCOUNT = b"\x5f\xbf\xb9\xcf"  # createAccount(address,uint256) of its factory
ADDRESS, DATA = "address", "data"  # the other fields are numbers, named with their bits

FIELDS = (
    ("version", 8), ("chain_id", 64), ("entry_point", ADDRESS), ("sender", ADDRESS), ("nonce", 256),
    ("factory", ADDRESS), ("factory_data", DATA), ("call_data", DATA),
    ("call_gas", 128), ("verification_gas", 128), ("pre_verification_gas", 256),
    ("max_fee", 128), ("priority_fee", 128),
    ("paymaster", ADDRESS), ("paymaster_verification_gas", 128), ("paymaster_post_gas", 128), ("paymaster_data", DATA),
    ("delegate", ADDRESS),
)  # fmt: skip
OPTIONAL = ("factory", "paymaster", "delegate")
DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
OPERATION_TYPE = (
    b"PackedUserOperation(address sender,uint256 nonce,bytes initCode,bytes callData,bytes32 accountGasLimits,"
    b"uint256 preVerificationGas,bytes32 gasFees,bytes paymasterAndData)"
)


class UserOperation:
    """The fields of FIELDS by name.

    version: V06, V07 or V08. factory: of a new account, or DELEGATED with the delegate's address in `delegate` (V08).
    Gas in units, fees in wei per gas; the two gas limits of a paymaster are 0 in V06, which has none.
    """

    version: int
    chain_id: int
    entry_point: bytes
    sender: bytes
    nonce: int
    factory: bytes
    factory_data: bytes
    call_data: bytes
    call_gas: int
    verification_gas: int
    pre_verification_gas: int
    max_fee: int
    priority_fee: int
    paymaster: bytes
    paymaster_verification_gas: int
    paymaster_post_gas: int
    paymaster_data: bytes
    delegate: bytes

    def __init__(self, version: int, chain_id: int, entry_point: bytes, sender: bytes) -> None:
        for name, kind in FIELDS:
            setattr(self, name, 0 if isinstance(kind, int) else b"")
        self.version = version
        self.chain_id = chain_id
        self.entry_point = entry_point
        self.sender = sender

    def encode(self) -> bytes:
        """The payload of a request; DaricError("request") for anything that `decode` refuses."""
        items: "list[Any]" = []
        for name, kind in FIELDS:
            value = getattr(self, name)
            items.append(words.item(value, kind) if isinstance(kind, int) else value)
        payload = platform.cbor_encode(items)
        decode(payload)
        return payload

    def fee_ceiling(self) -> int:
        """The most that this operation can cost its account or its paymaster beside what it sends, in wei."""
        verification = self.verification_gas
        if self.version == V06 and self.paymaster:
            verification *= 3  # 0.6 lets both calls of the paymaster use as much again
        gas = self.call_gas + verification + self.pre_verification_gas
        return (gas + self.paymaster_verification_gas + self.paymaster_post_gas) * self.max_fee

    def init_code(self) -> bytes:
        """factory and factory_data as one."""
        return self.factory + self.factory_data

    def paymaster_and_data(self) -> bytes:
        """The paymaster, its gas limits where the version has them, and its data as one."""
        if not self.paymaster or self.version == V06:
            return self.paymaster + self.paymaster_data
        limits = self.paymaster_verification_gas << 128 | self.paymaster_post_gas
        return self.paymaster + words.number(limits) + self.paymaster_data


def decode(payload: bytes) -> UserOperation:
    """Read a user operation; DaricError("request") for another version, field, range or combination."""
    try:
        items = platform.cbor_decode(payload, SIGN_REQUEST_BYTES)
    except DaricError as error:
        raise DaricError("request", error.detail)
    if not isinstance(items, list) or len(items) != len(FIELDS):
        raise DaricError("request", "a user operation has %d fields" % len(FIELDS))
    operation = UserOperation(0, 0, b"", b"")
    for i in range(len(FIELDS)):
        setattr(operation, FIELDS[i][0], _field(FIELDS[i][0], FIELDS[i][1], items[i]))
    _check(operation)
    return operation


def _field(name: str, kind: "Any", item: "Any") -> "Any":
    if isinstance(kind, int):
        return words.of_item(item, kind)
    absent = kind == DATA or (name in OPTIONAL and item == b"")
    if not isinstance(item, bytes) or not (absent or len(item) == ADDRESS_BYTES):
        raise DaricError("request", "an address or data of a user operation has the wrong form")
    return item


def _check(operation: UserOperation) -> None:
    if operation.version not in ENTRY_POINTS or operation.chain_id == 0:
        raise DaricError("request", "a user operation is for EntryPoint 0.6, 0.7 or 0.8 and names its chain")
    if operation.factory_data and not operation.factory:
        raise DaricError("request", "data for a factory, but no factory")
    limits = operation.paymaster_verification_gas or operation.paymaster_post_gas
    if (operation.paymaster_data or limits) and not operation.paymaster:
        raise DaricError("request", "data or gas for a paymaster, but no paymaster")
    if limits and operation.version == V06:
        raise DaricError("request", "EntryPoint 0.6 has no gas limits of a paymaster")
    delegated = operation.factory == DELEGATED and operation.version == V08
    if delegated != (operation.delegate != b""):
        raise DaricError("request", "a delegated account names its delegate, and no other does")


def operation_hash(operation: UserOperation) -> bytes:
    """userOpHash, 32 B: what EntryPoint, bundlers and explorers call it by."""
    init_code = operation.init_code()
    if operation.delegate:
        init_code = operation.delegate + operation.factory_data
    calls = platform.keccak256(init_code) + platform.keccak256(operation.call_data)
    paymaster = platform.keccak256(operation.paymaster_and_data())
    body = words.left(operation.sender) + words.number(operation.nonce) + calls
    if operation.version == V06:
        for value in (operation.call_gas, operation.verification_gas, operation.pre_verification_gas):
            body += words.number(value)
        body += words.number(operation.max_fee) + words.number(operation.priority_fee) + paymaster
    else:
        body += words.number(operation.verification_gas << 128 | operation.call_gas)
        body += words.number(operation.pre_verification_gas)
        body += words.number(operation.priority_fee << 128 | operation.max_fee) + paymaster
    chain, entry_point = words.number(operation.chain_id), words.left(operation.entry_point)
    if operation.version != V08:
        return platform.keccak256(platform.keccak256(body) + entry_point + chain)
    domain = platform.keccak256(DOMAIN_TYPE) + platform.keccak256(b"ERC4337") + platform.keccak256(b"1")
    body = platform.keccak256(OPERATION_TYPE) + body
    return platform.keccak256(b"\x19\x01" + platform.keccak256(domain + chain + entry_point) + platform.keccak256(body))


def signing_digest(payload: bytes) -> bytes:
    """What the account's owner signs, 32 B."""
    from daric_protocol.evm import message

    operation = decode(payload)
    hashed = operation_hash(operation)
    return hashed if operation.version == V08 else message.signing_digest(hashed)


# What a person is shown


def fields(
    operation: UserOperation, shown: "list[tuple[str, str]]", owner: "bytes | None" = None
) -> "list[tuple[str, str]]":
    """(label, text) pairs: network, `shown`, the account and how it comes to be, the inner call, who pays how much.

    owner: address (20 B) of the key that signs, if known: then the account's address is computed anew from it.
    """
    from daric_protocol.evm.request import CHAINS, amount

    name, coin = CHAINS.get(operation.chain_id, ("UNKNOWN", "coins"))
    pairs = [("Network", "%s (%d)" % (name, operation.chain_id)), ("User operation", "of a smart account")] + shown
    pairs.append(("Smart account", to_text(operation.sender)))
    if owner is not None:
        number = account_number(operation, owner)
        if number is None:
            pairs.append(("ACCOUNT UNKNOWN", "not computed from this key"))
        else:
            pairs.append(("Computed from", "this key, " + ("itself" if number < 0 else "number %d" % number)))
    known = operation.entry_point == ENTRY_POINTS[operation.version]
    pairs.append(("Entry point", "0.%d" % operation.version + ("" if known else " at UNKNOWN")))
    if not known:
        pairs.append(("ENTRY POINT AT", to_text(operation.entry_point)))
    if operation.delegate:
        pairs.append(("RUNS CODE OF", to_text(operation.delegate)))
    elif operation.factory:
        pairs.append(("Created by", to_text(operation.factory)))
    if operation.factory_data:
        pairs.append(("Set-up data", "%d bytes" % len(operation.factory_data)))
    pairs += _call(operation, coin)
    if operation.paymaster:
        pairs.append(("Paymaster", to_text(operation.paymaster)))
        pairs.append(("Paymaster data", "%d bytes" % len(operation.paymaster_data)))
    pairs.append(("Fee at most", amount(operation.fee_ceiling()) + " " + coin))
    pairs.append(("Nonce", str(operation.nonce)))
    return pairs


def account_number(operation: UserOperation, owner: bytes) -> "int | None":
    """Which SimpleAccount of this owner (20 B) the operation is for: its salt; -1: the owner's own address, delegated.

    None where the address does not follow from the owner's: another owner, another kind of account, or one in use whose
    salt is not 0.
    """
    if operation.delegate:
        return -1 if operation.sender == owner else None
    from daric_protocol.evm import account

    salt, data = 0, operation.factory_data
    if operation.factory:
        if len(data) != 4 + 2 * words.WORD or data[: 4 + words.WORD] != CREATE_ACCOUNT + words.left(owner):
            return None
        salt = int.from_bytes(data[4 + words.WORD :], "big")
    try:
        computed = account.account_address(owner, "simple-0.%d" % operation.version, salt, operation.factory or None)
    except OSError:
        return None  # an image without the accounts' creation code
    return salt if computed == operation.sender else None


def _call(operation: UserOperation, coin: str) -> "list[tuple[str, str]]":
    """What the account itself is told to do: one call of its own, or something unknown."""
    from daric_protocol.evm import calls
    from daric_protocol.evm.request import amount

    data = operation.call_data
    if not data:
        return [("Call", "none")]
    inner = executed(data)
    if inner is None:
        return calls.unknown(data)
    to, value, call = inner
    told = calls.describe(call, to, operation.chain_id)
    return [("To", to_text(to)), ("Amount", amount(value) + " " + coin)] + told


def executed(data: bytes) -> "tuple[bytes, int, bytes] | None":
    """(receiver, value, call data) of execute(address,uint256,bytes) in its one plain encoding; None for the rest."""
    if data[:4] != EXECUTE or len(data) < 4 + 4 * words.WORD:
        return None
    length = int.from_bytes(data[100:132], "big")
    call = data[132 : 132 + length] if length <= len(data) else b""
    to, value = data[16:36], int.from_bytes(data[36:68], "big")
    again = EXECUTE + words.left(to) + words.number(value) + words.number(3 * words.WORD) + words.tail(call)
    return (to, value, call) if again == data else None
