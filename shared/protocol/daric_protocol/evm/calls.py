"""What a transaction's call data says, as far as a device can tell. Sources: ERC-20, ERC-721, ERC-1155.

A selector names a function only by convention, so what is read here is what a token contract would do. Anything that
is not exactly one of these calls, in its one plain encoding, is marked as unknown.
"""

from binascii import hexlify

from daric_protocol import platform
from daric_protocol.evm import words
from daric_protocol.evm.address import to_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TRANSFER = b"\xa9\x05\x9c\xbb"  # transfer(address,uint256)
APPROVE = b"\x09\x5e\xa7\xb3"  # approve(address,uint256)
INCREASE = b"\x39\x50\x93\x51"  # increaseAllowance(address,uint256)
DECREASE = b"\xa4\x57\xc2\xd7"  # decreaseAllowance(address,uint256)
TRANSFER_FROM = b"\x23\xb8\x72\xdd"  # transferFrom(address,address,uint256)
SAFE_TRANSFER = b"\x42\x84\x2e\x0e"  # safeTransferFrom(address,address,uint256)
SAFE_TRANSFER_DATA = b"\xb8\x8d\x4f\xde"  # safeTransferFrom(address,address,uint256,bytes)
MULTI_TRANSFER = b"\xf2\x42\x43\x2a"  # safeTransferFrom(address,address,uint256,uint256,bytes)
APPROVE_ALL = b"\xa2\x2c\xb4\x65"  # setApprovalForAll(address,bool)
# Kinds of the arguments: an address, a number, a truth value; d: bytes of any length, only as the last one.
SIGNATURES = {
    TRANSFER: "an",
    APPROVE: "an",
    INCREASE: "an",
    DECREASE: "an",
    TRANSFER_FROM: "aan",
    SAFE_TRANSFER: "aan",
    SAFE_TRANSFER_DATA: "aand",
    MULTI_TRANSFER: "aannd",
    APPROVE_ALL: "at",
}
UNLIMITED = 1 << 255  # an allowance beyond this is meant to be without limit
LARGEST = ((1 << 96) - 1, (1 << 128) - 1, (1 << 160) - 1)  # and so are these, where a token counts in fewer bits


def describe(data: bytes, contract: bytes = b"", chain_id: "int | None" = None) -> "list[tuple[str, str]]":
    """(label, text) pairs for call data of any length. contract, chain_id: what is called and where."""
    if not data:
        return []
    values = arguments(data)
    if values is None:
        return unknown(data)
    selector = bytes(data[:4])
    token = _token(chain_id, contract)
    if selector == APPROVE_ALL:
        label = "Approve ALL" if values[1] else "Revoke all"
        return [(label, "tokens of this contract"), ("Operator", to_text(values[0]))]
    if selector == TRANSFER:
        return [("Token transfer", _units(values[1], token, "base units")), ("Receiver", to_text(values[0]))]
    if selector in (APPROVE, INCREASE, DECREASE):
        label = {APPROVE: "Token approval", INCREASE: "More allowance"}.get(selector, "Less allowance")
        return [(label, _allowance(values[1], token, selector == APPROVE)), ("Spender", to_text(values[0]))]
    if selector == TRANSFER_FROM:
        pairs = [("Token transfer", _units(values[2], token, "(base units or token id)"))]
    elif selector == MULTI_TRANSFER:
        pairs = [("NFT transfer", "%d of token id %d" % (values[3], values[2]))]
    else:
        pairs = [("NFT transfer", "token id %d" % values[2])]
    pairs += [("Taken from", to_text(values[0])), ("Receiver", to_text(values[1]))]
    if isinstance(values[-1], bytes) and len(values) > 3 and values[-1]:
        pairs.append(("With data", "%d bytes" % len(values[-1])))
    return pairs


def unknown(data: bytes) -> "list[tuple[str, str]]":
    """(label, text) pairs for a call that nobody here can read; the hash is to be compared with the app's."""
    return [
        ("UNKNOWN CALL", "0x" + str(hexlify(data[:4]), "ascii")),
        ("Data", "%d bytes" % len(data)),
        ("Data hash", hash_text(data)),
    ]


def hash_text(data: bytes) -> str:
    """Keccak-256 of what is too long to be shown."""
    return "0x" + str(hexlify(platform.keccak256(data)), "ascii")


def beneficiary(data: bytes) -> "bytes | None":
    """Who gets tokens, or the right to take them, by a call that is read here (20 B); None for any other."""
    values = arguments(data)
    if values is None:
        return None
    receiver: bytes = values[1 if SIGNATURES[bytes(data[:4])].startswith("aa") else 0]
    return receiver


def arguments(data: bytes) -> "list[Any] | None":
    """The arguments of a known call; None if selector, length or padding is anything else."""
    kinds = SIGNATURES.get(bytes(data[:4]))
    if kinds is None or len(data) < 4 + words.WORD * len(kinds):
        return None
    values: "list[Any]" = []
    end = 4 + words.WORD * len(kinds)
    for i in range(len(kinds)):
        word = bytes(data[4 + words.WORD * i : 4 + words.WORD * (i + 1)])
        number = int.from_bytes(word, "big")
        if (kinds[i] == "a" and number >> 160) or (kinds[i] == "t" and number > 1):
            return None
        if kinds[i] == "d":
            length = int.from_bytes(data[end : end + words.WORD], "big")
            rest = bytes(data[end + words.WORD : end + words.WORD + length]) if length <= len(data) else b""
            if number != end - 4 or words.tail(rest) != data[end:]:
                return None
            values.append(rest)
            return values
        values.append(word[12:] if kinds[i] == "a" else number)
    return values if len(data) == end else None


def _token(chain_id: "int | None", contract: bytes) -> "tuple[str, int] | None":
    if chain_id is None or not contract:
        return None
    from daric_protocol.evm import tokens  # only here: a device has little room

    return tokens.find(chain_id, contract)


def _units(value: int, token: "tuple[str, int] | None", unknown_unit: str) -> str:
    """An amount of a token: in its own units where they are known."""
    if token is None:
        return "%d %s" % (value, unknown_unit)
    from daric_protocol.evm.request import amount

    return amount(value, token[1]) + " " + token[0]


def _allowance(value: int, token: "tuple[str, int] | None", may_be_id: bool) -> str:
    if value >= UNLIMITED or value in LARGEST:
        return "UNLIMITED" + ("" if token is None else " " + token[0])
    return _units(value, token, "(base units or token id)" if may_be_id else "base units")
