"""The typed signing request: what a person is shown and what is signed are computed here from the same bytes.

A request is the deterministic CBOR array [kind, payload, path]; these bytes are the `ctx` that every party of a
signing session binds (docs/encodings.md, section 2).
"""

import gc
import sys
from binascii import hexlify

from daric_protocol import cbor, platform
from daric_protocol.errors import DaricError
from daric_protocol.limits import SIGN_REQUEST_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

RAW_DIGEST, TRANSACTION, MESSAGE, TYPED_DATA, USER_OPERATION = 0, 1, 2, 3, 4
PATH_LEVELS = 10
HARDENED = 1 << 31  # such a level needs the private key, which exists nowhere
HASH_BYTES = 32  # a message of this length is what the owner of a smart account signs for EntryPoint 0.6 and 0.7
LINE = 16  # characters on a screen of 128 pixels

# Chain id: name, name of its coin.
CHAINS = {
    1: ("Ethereum", "ETH"),
    10: ("OP Mainnet", "ETH"),
    56: ("BNB Chain", "BNB"),
    100: ("Gnosis", "xDAI"),
    137: ("Polygon", "POL"),
    8453: ("Base", "ETH"),
    31337: ("local test chain", "test ETH"),
    42161: ("Arbitrum One", "ETH"),
    43114: ("Avalanche C", "AVAX"),
    11155111: ("Sepolia (test)", "test ETH"),
}


class Request:
    """kind: RAW_DIGEST, TRANSACTION, MESSAGE, TYPED_DATA or USER_OPERATION.

    payload: a digest (32 B), the unsigned transaction, the message without the prefix that EIP-191 adds, or the CBOR of
    typed data (typed_data.py) or of a user operation (userop.py).
    path: levels of BIP-32 below the group's key, none hardened.
    """

    def __init__(self, kind: int, payload: bytes, path: "list[int] | None" = None) -> None:
        self.kind = kind
        self.payload = payload
        self.path = [] if path is None else path
        self._check()

    def _check(self) -> None:
        if not isinstance(self.kind, int) or self.kind is True or self.kind is False or not 0 <= self.kind <= 4:
            raise DaricError("request", "this version knows no such kind of request")
        if not isinstance(self.payload, bytes) or not isinstance(self.path, list) or len(self.path) > PATH_LEVELS:
            raise DaricError("request", "a request has a byte string and a path of at most 10 levels")
        for level in self.path:
            if level is True or level is False or not isinstance(level, int) or not 0 <= level < HARDENED:
                raise DaricError("request", "a path has levels from 0 to 2147483647")
        if self.kind == RAW_DIGEST and len(self.payload) != 32:
            raise DaricError("request", "a digest has 32 bytes")
        if self.kind not in (RAW_DIGEST, MESSAGE):
            _decoded(self)

    def encode(self) -> bytes:
        """The bytes that travel, are shown, and are bound as `ctx`."""
        encoded = platform.cbor_encode([self.kind, self.payload, self.path])
        if len(encoded) > SIGN_REQUEST_BYTES:
            raise DaricError("too_large", "a request has at most %d bytes" % SIGN_REQUEST_BYTES)
        return encoded


def decode(encoded: bytes) -> Request:
    """Read a request; DaricError("request") if it cannot be read and shown in full."""
    try:
        value = platform.cbor_decode(encoded, SIGN_REQUEST_BYTES)
    except DaricError as error:
        raise DaricError("request", error.detail)
    if not isinstance(value, list) or len(value) != 3 or not isinstance(value[2], list):
        raise DaricError("request", "a request is [kind, payload, path]")
    return Request(value[0], value[1], value[2])


def digest(request: "Request | bytes", allow_raw: bool = False) -> bytes:
    """The 32 bytes that are signed for a request or its encoding.

    allow_raw: the owner switched raw digests on; otherwise they end in DaricError("raw_digest").
    """
    request = request if isinstance(request, Request) else decode(request)
    if request.kind == MESSAGE:
        from daric_protocol.evm import message

        return message.signing_digest(request.payload)
    if request.kind != RAW_DIGEST:
        return bytes(_module(request.kind).signing_digest(request.payload))
    if not allow_raw:
        raise DaricError("raw_digest")
    return request.payload


def describe(request: "Request | bytes", sender: "bytes | None" = None) -> "list[str]":
    """Lines of at most 16 characters that show all of a request.

    Labels start at the margin, what they name is indented by a space, so that no message can imitate a label.
    sender: the address (20 B) that the signature will speak for, if known.
    """
    request = request if isinstance(request, Request) else decode(request)
    lines = []
    for label, text in fields(request, sender):
        lines.append(label + ":")
        for line in wrap(text, LINE - 1):
            lines.append(" " + line)
        if sys.implementation.name == "micropython":
            gc.collect()  # or the lines lie scattered over the heap, and no long piece of it stays free
    return lines


def fields(request: Request, sender: "bytes | None" = None) -> "Iterable[tuple[str, str]]":
    """The same as (label, text) pairs in their order, for larger screens; they can be gone through once."""
    from daric_protocol.evm.address import to_text

    shown = []
    if sender is not None:
        shown.append(("Owner" if request.kind == USER_OPERATION else "From", to_text(sender)))
    if request.path:
        shown.append(("Account", "m/" + "/".join([str(level) for level in request.path])))
    if request.kind == MESSAGE:
        shown.insert(0, ("Sign message", "%d bytes" % len(request.payload)))
        if len(request.payload) == HASH_BYTES:
            shown.insert(0, ("WARNING", "this may be the hash of a user operation"))
        return shown + [("Message", printable(request.payload))]
    if request.kind == USER_OPERATION:
        from daric_protocol.evm import userop

        return userop.fields(_decoded(request), shown, sender)
    if request.kind != RAW_DIGEST:
        pairs: "Iterable[tuple[str, str]]" = _module(request.kind).fields(_decoded(request), shown)
        return pairs
    shown.insert(0, ("WARNING", "this may sign anything"))
    return shown + [("RAW DIGEST", "0x" + str(hexlify(request.payload), "ascii"))]


def _module(kind: int) -> "Any":
    """The module that reads, hashes and shows a kind's payloads; only one of them is in a device's memory."""
    if kind == TRANSACTION:
        from daric_protocol.evm import transaction

        return transaction
    if kind == TYPED_DATA:
        from daric_protocol.evm import typed_data

        return typed_data
    from daric_protocol.evm import userop

    return userop


def _decoded(request: Request) -> "Any":
    """What the payload of a request says, unless it is a digest or a message. Raises DaricError("request")."""
    try:
        return _module(request.kind).decode(request.payload)
    except DaricError as error:
        raise DaricError("request", error.detail)


def amount(units: int, decimals: int = 18) -> str:
    """A number of wei, or of a token's base units, in whole coins of 10^decimals, exactly, without trailing zeros."""
    whole, rest = divmod(units, 10**decimals)
    if not rest:
        return str(whole)
    digits = str(10**decimals + rest)[1:]
    return str(whole) + "." + digits.rstrip("0")


def printable(data: bytes) -> str:
    """A message as text whose every character is what it looks like; other bytes as 0x and hexadecimal digits.

    Printable ASCII and line ends stand for themselves; a backslash is doubled, other characters become \\u{hex}.
    """
    try:
        text = cbor.read_text(data)
    except DaricError:
        return "0x" + str(hexlify(data), "ascii")
    out = []
    for character in text:
        code = ord(character)
        if character == "\\":
            out.append("\\\\")
        elif 32 <= code < 127 or character == "\n":
            out.append(character)
        else:
            out.append("\\u{%x}" % code)
    return "".join(out)


def wrap(text: str, width: int) -> "list[str]":
    """The text cut into lines of at most `width` characters, nothing left out; an empty one gives one empty line."""
    lines = []
    for paragraph in text.split("\n"):
        rest = paragraph
        while len(rest) > width:
            space = rest.rfind(" ", 1, width + 1)
            lines.append(rest[: width if space < 0 else space])
            rest = rest[width if space < 0 else space + 1 :]
        lines.append(rest)
    return lines
