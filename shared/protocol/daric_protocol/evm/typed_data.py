"""Typed data: read strictly, then hashed and shown from what was read. Source: EIP-712.

The payload of a request is the deterministic CBOR array [domain, types, primary type, message]:
domain: [name, version, chain id, verifying contract, salt], each null where the domain does not have it;
types: {struct: [[field, type], ..]}, the primary type and exactly those that it needs;
message: the values of the primary type's fields in their order. A struct within is such a list, an array the list of
its elements, an address 20 bytes, a number as in words.py.
"""

from binascii import hexlify

from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.evm import words
from daric_protocol.evm.address import ADDRESS_BYTES
from daric_protocol.limits import (
    TYPED_DATA_BYTES,
    TYPED_DATA_ITEMS,
    TYPED_DATA_NAME,
    TYPED_DATA_TYPES,
    TYPED_DATA_VALUES,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

DOMAIN = (
    ("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address"),
    ("salt", "bytes32"),
)  # fmt: skip
PLAIN = ("bool", "address", "string", "bytes")
DIGITS = "0123456789"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_$"
MAX_ARRAY = 1024  # elements of a type such as T[1024]
NO_LIMIT_BITS = 96  # the largest number of such a type or a wider one stands for an amount without limit


class TypedData:
    """domain: values in the order of DOMAIN, None where absent. types, primary, message: as in the payload.

    count: how many values `leaves` gives, once it was read.
    """

    def __init__(self, domain: "list[Any]", types: "dict[str, Any]", primary: str, message: "Any") -> None:
        self.domain = domain
        self.types = types
        self.primary = primary
        self.message = message
        self.count = 0
        self.type_hashes: "dict[str, bytes]" = {}

    def encode(self) -> bytes:
        """The payload of a request; DaricError("request") for anything that `decode` refuses."""
        try:
            payload = platform.cbor_encode([self.domain, self.types, self.primary, self.message])
        except DaricError as error:
            raise DaricError("request", error.detail)
        decode(payload)
        return payload


def decode(payload: bytes) -> TypedData:
    """Read typed data; DaricError("request") for unknown, cyclic or unused types, and for values that do not fit."""
    try:
        value = platform.cbor_decode(payload, TYPED_DATA_BYTES, items=TYPED_DATA_ITEMS)
    except DaricError as error:
        raise DaricError("request", error.detail)
    if not isinstance(value, list) or len(value) != 4:
        raise DaricError("request", "typed data is [domain, types, primary type, message]")
    data = TypedData(value[0], value[1], value[2], value[3])
    _check_types(data)
    if not isinstance(data.domain, list) or len(data.domain) != len(DOMAIN):
        raise DaricError("request", "a domain has five values, null where it does not have one")
    for i in range(len(DOMAIN)):
        if data.domain[i] is not None:
            _check_value(DOMAIN[i][1], data.domain[i])
    for _, kind, inner in leaves(data, data.primary, data.message):
        if not kind.endswith("]"):
            _check_value(kind, inner)
        data.count += 1
        if data.count > TYPED_DATA_VALUES:
            raise DaricError("request", "typed data has more values than a person can look through")
    return data


def signing_digest(payload: bytes) -> bytes:
    """What is signed, 32 B."""
    data = decode(payload)
    present = [i for i in range(len(DOMAIN)) if data.domain[i] is not None]
    fields = [DOMAIN[i] for i in present]
    separator = platform.keccak256(_type_text("EIP712Domain", fields))
    for i in present:
        separator += _word(data, DOMAIN[i][1], data.domain[i])
    hashed = _word(data, data.primary, data.message)
    return platform.keccak256(b"\x19\x01" + platform.keccak256(separator) + hashed)


# Types


def _check_types(data: TypedData) -> None:
    types = data.types
    if not isinstance(types, dict) or not isinstance(data.primary, str) or data.primary not in types:
        raise DaricError("request", "the types of typed data include the primary one")
    if len(types) > TYPED_DATA_TYPES:
        raise DaricError("request", "typed data has more types than a device can show")
    for name in types:
        if not _is_name(name) or _is_reserved(name):
            raise DaricError("request", "a type has a name that no struct can have")
        _check_fields(types[name])
    if len(needed_types(types, data.primary)) != len(types):
        raise DaricError("request", "typed data has a type that it does not use")


def _check_fields(fields: "Any") -> None:
    names = []
    for field in fields if isinstance(fields, list) else [None]:
        if not isinstance(field, list) or len(field) != 2 or not _is_name(field[0]) or not isinstance(field[1], str):
            raise DaricError("request", "a struct is a list of fields with name and type")
        if field[0] in names:
            raise DaricError("request", "a struct has two fields of one name")
        names.append(field[0])


def needed_types(types: "dict[str, Any]", name: str) -> "list[str]":
    """A struct and all those that it needs, itself first. DaricError("request") for an unknown or a cyclic type."""
    found: "list[str]" = []
    _visit(types, name, (), found)
    return found


def _visit(types: "dict[str, Any]", name: str, above: "tuple[str, ...]", found: "list[str]") -> None:
    """Add a struct and all that it needs to `found`. above: the structs that contain it."""
    if name in above:
        raise DaricError("request", "a type contains itself")
    if name in found:
        return
    found.append(name)
    for _, kind in types[name]:
        base = kind
        while True:
            array = element(base)
            if array is None:
                break
            base = array[0]
        if base in types:
            _visit(types, base, above + (name,), found)
        elif not _is_basic(base):
            raise DaricError("request", "typed data has an unknown type")


def _is_name(name: "Any") -> bool:
    if not isinstance(name, str) or not 0 < len(name) <= TYPED_DATA_NAME or name[0] not in LETTERS:
        return False
    return all(character in LETTERS or character in DIGITS for character in name)


def _count(text: str, most: int) -> int:
    """The number from 1 to `most` that these digits write; 0 for anything else."""
    if not 0 < len(text) <= 4 or text[0] == "0" or not all(character in DIGITS for character in text):
        return 0
    count = int(text)
    return count if count <= most else 0


def sized(kind: str) -> "tuple[str, int]":
    """(family, size) of bytesN in bytes, uintN and intN in bits; ("", 0) for another type."""
    for family in ("bytes", "uint", "int"):
        if kind.startswith(family):
            size = _count(kind[len(family) :], 32 if family == "bytes" else 256)
            if size and (family == "bytes" or size % 8 == 0):
                return family, size
    return "", 0


def _is_basic(kind: str) -> bool:
    return kind in PLAIN or sized(kind)[1] > 0


def _is_reserved(name: str) -> bool:
    """Whether a struct's name is, or looks like, that of a basic type or of the domain."""
    stem = name
    while stem and stem[-1] in DIGITS:
        stem = stem[:-1]
    return name == "EIP712Domain" or stem in PLAIN + ("uint", "int")


def element(kind: str) -> "tuple[str, int] | None":
    """(type of the elements, their number or 0 for any) of an array type; None for another type."""
    if not kind.endswith("]"):
        return None
    at = kind.rfind("[")
    size = kind[at + 1 : -1]
    count = _count(size, MAX_ARRAY)
    if at <= 0 or (size and not count):
        raise DaricError("request", "typed data has an unknown type")
    return kind[:at], count


def _type_text(name: str, fields: "Any") -> bytes:
    return (name + "(" + ",".join([kind + " " + field for field, kind in fields]) + ")").encode()


# Values


def leaves(data: TypedData, kind: str, value: "Any", path: str = "") -> "Iterator[tuple[str, str, Any]]":
    """(path, type, value) of all in a value that is no struct and no array, in order, and of arrays without elements.

    DaricError("request") where a struct or an array does not have the form of its type; other values are not checked.
    """
    array = element(kind)
    if array is not None:
        base, count = array
        if not isinstance(value, list) or (count and len(value) != count):
            raise DaricError("request", "an array does not have the elements that its type says")
        if not value:
            yield path, kind, value
        for i in range(len(value)):
            yield from leaves(data, base, value[i], "%s[%d]" % (path, i))
    elif kind in data.types:
        fields = data.types[kind]
        if not isinstance(value, list) or len(value) != len(fields):
            raise DaricError("request", "a struct has one value for each of its fields")
        for i in range(len(fields)):
            yield from leaves(data, fields[i][1], value[i], path + "." + fields[i][0] if path else fields[i][0])
    else:
        yield path, kind, value


def _check_value(kind: str, value: "Any") -> None:
    """DaricError("request") where a value is not in the range of a basic type."""
    family, size = sized(kind)
    if family in ("uint", "int"):
        words.of_item(value, size, family == "int")
        return
    if kind == "bool":
        fits = value is True or value is False
    elif kind == "string":
        fits = isinstance(value, str)
    else:
        size = ADDRESS_BYTES if kind == "address" else size
        fits = isinstance(value, bytes) and (kind == "bytes" or len(value) == size)
    if not fits:
        raise DaricError("request", "typed data has a value that does not fit its type")


def _word(data: TypedData, kind: str, value: "Any") -> bytes:
    """The 32 bytes that stand for a checked value inside a struct or an array; of a struct, its hash."""
    array = element(kind)
    if array is not None:
        return platform.keccak256(b"".join([_word(data, array[0], inner) for inner in value]))
    if kind in data.types:
        fields = data.types[kind]
        parts = [_word(data, fields[i][1], value[i]) for i in range(len(fields))]
        return platform.keccak256(_type_hash(data, kind) + b"".join(parts))
    if kind in ("string", "bytes"):
        return platform.keccak256(value if kind == "bytes" else value.encode())
    if kind == "bool":
        return words.number(1 if value else 0)
    if kind == "address":
        return words.left(value)
    family, size = sized(kind)
    return words.right(value) if family == "bytes" else words.number(words.of_item(value, size, family == "int"))


def _type_hash(data: TypedData, name: str) -> bytes:
    if name not in data.type_hashes:
        needed = needed_types(data.types, name)
        text = b"".join([_type_text(one, data.types[one]) for one in [name] + sorted(needed[1:])])
        data.type_hashes[name] = platform.keccak256(text)
    return data.type_hashes[name]


# What a person is shown


def fields(data: TypedData, shown: "list[tuple[str, str]]") -> "Iterator[tuple[str, str]]":
    """(label, text) pairs: what it is, `shown`, the domain, then every value in its order.

    The names of fields are somebody else's text, so they stand under a label and not in its place. One pair at a time:
    a device has no room for all of them beside the lines that it makes of them.
    """
    from daric_protocol.evm.request import CHAINS

    name, version, chain_id, contract, salt = data.domain
    yield "Sign typed data", data.primary
    yield from shown
    yield "App", "NOT NAMED" if name is None else _shown("string", name)
    if version is not None:
        yield "App version", _shown("string", version)
    if chain_id is None:
        yield "Network", "ANY: can be used on every chain"
    else:
        number = words.of_item(chain_id, 256)
        yield "Network", "%s (%d)" % (CHAINS.get(number, ("UNKNOWN", ""))[0], number)
    yield "Contract", "ANY" if contract is None else _shown("address", contract)
    if salt is not None:
        yield "Salt", _shown("bytes32", salt)
    at = 0
    for path, kind, value in leaves(data, data.primary, data.message):
        at += 1
        yield "Field %d/%d" % (at, data.count), path + " =\n" + _shown(kind, value)


def _shown(kind: str, value: "Any") -> str:
    from daric_protocol.evm.address import to_text
    from daric_protocol.evm.request import printable

    if kind.endswith("]"):
        return "(no elements)"
    if kind == "string":
        return '"' + printable(value.encode()).replace("\n", "\\n") + '"'
    if kind == "bool":
        return "true" if value else "false"
    if kind == "address":
        return to_text(value)
    family, size = sized(kind)
    if family in ("uint", "int"):
        number = words.of_item(value, size, family == "int")
        no_limit = family == "uint" and size >= NO_LIMIT_BITS and number == (1 << size) - 1
        return str(number) + (" (the largest: NO LIMIT)" if no_limit else "")
    return "0x" + str(hexlify(value), "ascii")
