"""What a transaction's call data says, as far as a device can tell from the data alone. Sources: ERC-20, ERC-721.

A selector names a function only by convention, so what is read here is what a token contract would do. Anything that
is not exactly one of these calls is marked as unknown.
"""

from binascii import hexlify

from daric_protocol.evm.address import to_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TRANSFER = b"\xa9\x05\x9c\xbb"  # transfer(address,uint256)
APPROVE = b"\x09\x5e\xa7\xb3"  # approve(address,uint256)
TRANSFER_FROM = b"\x23\xb8\x72\xdd"  # transferFrom(address,address,uint256)
APPROVE_ALL = b"\xa2\x2c\xb4\x65"  # setApprovalForAll(address,bool)
ADDRESS, NUMBER, TRUTH = "address", "number", "truth"
SIGNATURES = {
    TRANSFER: (ADDRESS, NUMBER),
    APPROVE: (ADDRESS, NUMBER),
    TRANSFER_FROM: (ADDRESS, ADDRESS, NUMBER),
    APPROVE_ALL: (ADDRESS, TRUTH),
}
UNLIMITED = 1 << 255  # an allowance beyond this is meant to be without limit


def describe(data: bytes) -> "list[tuple[str, str]]":
    """(label, text) pairs for call data of any length."""
    if not data:
        return []
    values = _arguments(data)
    selector = data[:4]
    if values is None:
        return unknown(data)
    if selector == TRANSFER:
        return [("Token transfer", "%d base units" % values[1]), ("Receiver", to_text(values[0]))]
    if selector == TRANSFER_FROM:
        return [
            ("Token transfer", "%d (base units or token id)" % values[2]),
            ("Taken from", to_text(values[0])),
            ("Receiver", to_text(values[1])),
        ]
    if selector == APPROVE:
        amount = "UNLIMITED" if values[1] >= UNLIMITED else "%d (base units or token id)" % values[1]
        return [("Token approval", amount), ("Spender", to_text(values[0]))]
    return [("Approve ALL" if values[1] else "Revoke all", "tokens of this contract"), ("Operator", to_text(values[0]))]


def unknown(data: bytes) -> "list[tuple[str, str]]":
    """(label, text) pairs for a call that nobody here can read."""
    return [("UNKNOWN CALL", "0x" + str(hexlify(data[:4]), "ascii")), ("Data", "%d bytes" % len(data))]


def _arguments(data: bytes) -> "list[Any] | None":
    """The arguments of a known call; None if selector, length or padding is anything else."""
    kinds = SIGNATURES.get(bytes(data[:4]))
    if kinds is None or len(data) != 4 + 32 * len(kinds):
        return None
    values = []
    for i in range(len(kinds)):
        word = bytes(data[4 + 32 * i : 36 + 32 * i])
        number = int.from_bytes(word, "big")
        if (kinds[i] == ADDRESS and number >> 160) or (kinds[i] == TRUTH and number > 1):
            return None
        values.append(word[12:] if kinds[i] == ADDRESS else number)
    return values
