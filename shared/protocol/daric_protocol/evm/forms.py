"""Typed data and user operations from the JSON that apps and bundlers use, already parsed into dicts.

Sources: EIP-712 (eth_signTypedData_v4), ERC-7769 (eth_sendUserOperation). A host turns them into the payload of a
request here; a device sees only the payload. Everything that would be guessed at is a DaricError("request").
"""

from binascii import unhexlify

from daric_protocol.errors import DaricError
from daric_protocol.evm import address, typed_data, userop, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSIONS = {"0.6": userop.V06, "0.7": userop.V07, "0.8": userop.V08}
DOMAIN_NAME = "EIP712Domain"
# JSON name of a user operation's field: name in userop.FIELDS.
OPERATION = {
    "sender": "sender", "nonce": "nonce", "factory": "factory", "factoryData": "factory_data", "callData": "call_data",
    "callGasLimit": "call_gas", "verificationGasLimit": "verification_gas",
    "preVerificationGas": "pre_verification_gas", "maxFeePerGas": "max_fee", "maxPriorityFeePerGas": "priority_fee",
    "paymaster": "paymaster", "paymasterVerificationGasLimit": "paymaster_verification_gas",
    "paymasterPostOpGasLimit": "paymaster_post_gas", "paymasterData": "paymaster_data",
}  # fmt: skip
NEEDED = (
    "sender", "nonce", "callData", "callGasLimit", "verificationGasLimit", "preVerificationGas", "maxFeePerGas",
    "maxPriorityFeePerGas",
)  # fmt: skip
PACKED = {"initCode": ("factory", "factory_data"), "paymasterAndData": ("paymaster", "paymaster_data")}  # of 0.6
DELEGATION = "eip7702Auth"
MAX_TYPES = 64  # declared, used or not


def typed_data_payload(value: "Any") -> bytes:
    """The payload for {types, primaryType, domain, message} of eth_signTypedData_v4.

    Numbers are integers, or texts in decimal or with 0x; bytes and addresses are texts with 0x.
    """
    if not isinstance(value, dict) or {"types", "primaryType", "domain", "message"} != set(value):
        raise DaricError("request", "typed data has types, primaryType, domain and message")
    types = _types(value["types"])
    domain = _domain(value["domain"], value["types"].get(DOMAIN_NAME))
    primary = value["primaryType"]
    if not isinstance(primary, str) or primary not in types:
        raise DaricError("request", "the types of typed data include the primary one")
    needed = typed_data.needed_types(types, primary)
    used = {name: types[name] for name in needed}
    return typed_data.TypedData(domain, used, primary, _value(used, primary, value["message"])).encode()


def _types(value: "Any") -> "dict[str, Any]":
    if isinstance(value, dict) and len(value) > MAX_TYPES:
        raise DaricError("request", "typed data has more types than anybody needs")
    types: "dict[str, Any]" = {}
    for name in value if isinstance(value, dict) else [None]:
        fields = [] if name is None else value[name]
        if not isinstance(name, str) or not isinstance(fields, list):
            raise DaricError("request", "types are lists of fields by name")
        if name != DOMAIN_NAME:
            types[name] = [_typed_field(field) for field in fields]
    return types


def _typed_field(field: "Any") -> "list[str]":
    if not isinstance(field, dict) or set(field) != {"name", "type"}:
        raise DaricError("request", "a field of a type has a name and a type")
    if not isinstance(field["name"], str) or not isinstance(field["type"], str):
        raise DaricError("request", "a field of a type has a name and a type")
    return [field["name"], field["type"]]


def _domain(value: "Any", declared: "Any") -> "list[Any]":
    """The domain's values in the order of the payload. declared: its own type, where the app sent one."""
    names = [name for name, _ in typed_data.DOMAIN]
    if not isinstance(value, dict) or not all(name in names for name in value):
        raise DaricError("request", "the domain has a field that EIP-712 does not know")
    if declared is not None:
        present = [{"name": name, "type": kind} for name, kind in typed_data.DOMAIN if name in value]
        if declared != present:
            raise DaricError("request", "the type of the domain differs from its fields in their usual order")
    return [_value({}, kind, value[name]) if name in value else None for name, kind in typed_data.DOMAIN]


def _value(types: "dict[str, Any]", kind: str, value: "Any") -> "Any":
    """A value of the JSON as it stands in the payload; its range is checked when the payload is read."""
    element = typed_data.element(kind)
    if element is not None:
        if not isinstance(value, list):
            raise DaricError("request", "an array is not a list")
        return [_value(types, element[0], inner) for inner in value]
    if kind in types:
        fields = types[kind]
        if not isinstance(value, dict) or set(value) != {name for name, _ in fields}:
            raise DaricError("request", "a struct does not have exactly the fields of its type")
        return [_value(types, inner, value[name]) for name, inner in fields]
    if kind in ("bool", "string"):
        return value
    if kind == "address":
        return _address(value)
    if kind.startswith("bytes"):
        return _bytes(value)
    family, size = typed_data.sized(kind)
    return words.item(_number(value), size, family == "int")


def _number(value: "Any") -> int:
    number = value
    if isinstance(value, str):
        digits = value[1:] if value[:1] == "-" else value
        base = 16 if digits[:2] == "0x" else 10
        digits = digits[2:] if base == 16 else digits
        allowed = "0123456789abcdefABCDEF" if base == 16 else "0123456789"
        if 0 < len(digits) <= 80 and all(digit in allowed for digit in digits):
            number = int(digits, base) * (-1 if value[:1] == "-" else 1)
    if number is True or number is False or not isinstance(number, int):
        raise DaricError("request", "a number is an integer, or a text of it in decimal or with 0x")
    return number


def _bytes(value: "Any") -> bytes:
    try:
        if isinstance(value, str) and value[:2] == "0x":
            return unhexlify(value[2:])
    except ValueError:
        pass
    raise DaricError("request", "bytes are 0x and an even count of hexadecimal digits")


def _address(value: "Any") -> bytes:
    try:
        if isinstance(value, str):
            return address.from_text(value)
    except DaricError as error:
        raise DaricError("request", error.detail)
    raise DaricError("request", "an address is a text of 0x and 40 digits")


def user_operation_payload(value: "Any", version: str, chain_id: int, entry_point: "bytes | None" = None) -> bytes:
    """The payload for a user operation as eth_sendUserOperation takes it; a `signature` in it is left out.

    version: "0.6", "0.7" or "0.8". entry_point: 20 B, where it is not the usual deployment. 0.6 also takes initCode and
    paymasterAndData. eip7702Auth: {"address": delegate, ..} with factory 0x7702 (0.8).
    """
    if version not in VERSIONS or not isinstance(value, dict) or not all(name in value for name in NEEDED):
        raise DaricError("request", "a user operation has all its fields and is for EntryPoint 0.6, 0.7 or 0.8")
    number = VERSIONS[version]
    operation = userop.UserOperation(number, chain_id, entry_point or userop.ENTRY_POINTS[number], b"")
    kinds = dict(userop.FIELDS)
    for name in value:
        if name in PACKED and version == "0.6":
            packed, (first, rest) = _bytes(value[name]), PACKED[name]
            setattr(operation, first, packed[: address.ADDRESS_BYTES])
            setattr(operation, rest, packed[address.ADDRESS_BYTES :])
        elif name in OPERATION:
            _set(operation, OPERATION[name], kinds[OPERATION[name]], value[name])
        elif name == DELEGATION and isinstance(value[name], dict):
            operation.delegate = _address(value[name].get("address"))
        elif name != "signature":
            raise DaricError("request", "a user operation of this version has no such field")
    return operation.encode()


def _set(operation: userop.UserOperation, field: str, kind: "Any", value: "Any") -> None:
    if value is None:  # a bundler's way to leave a field out
        return
    if kind == userop.DATA:
        setattr(operation, field, _bytes(value))
    elif kind != userop.ADDRESS:
        setattr(operation, field, _number(value))
    elif field == "factory" and value == "0x7702":
        operation.factory = userop.DELEGATED
    else:
        setattr(operation, field, _address(value))
