"""How a session is handed to another phone: `daric:join?...` as text or QR code. Specification: docs/sdk.md.

A session id is a name, not a secret. The link adds where the session is and who opened it, so that a code for another
service or another person's session is refused before anything is sent. A link that is good once also has a secret: who
joins by it shows the others that it has read the code.
"""

from __future__ import annotations

import base64
import binascii
import io
import uuid as uuid_module
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode

import segno
from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.joinsecret import SECRET_BYTES

SCHEME = "daric:join?"
LINK_CHARACTERS = 512  # a QR code that a phone still reads from a terminal
FIELDS = {"session", "relay", "initiator"}
OPTIONAL = "secret"


@dataclass(frozen=True)
class JoinLink:
    """session: 16 B. relay: its address. initiator: SHA-256 of the initiator's identity, b"" where it is not known.

    secret: 16 B, made for this session alone, or b"". It is in the QR code and the URI, never in the id as text.
    """

    session: bytes
    relay: str = ""
    initiator: bytes = b""
    secret: bytes = field(default=b"", repr=False)

    @classmethod
    def of(cls, session: bytes, relay: str, identity: bytes, secret: bytes = b"") -> JoinLink:
        """The link to a session that the party of this identity (33 B) opened at a relay. secret: 16 B or empty."""
        return cls(session, relay.rstrip("/"), platform.sha256(identity), secret)

    @property
    def text(self) -> str:
        """The session id in its usual form, as a person copies it."""
        return str(uuid_module.UUID(bytes=self.session))

    @property
    def uri(self) -> str:
        """What the QR code holds."""
        fields = {"session": self.text, "relay": self.relay, "initiator": self.initiator.hex()}
        if self.secret:
            fields[OPTIONAL] = base64.b32encode(self.secret).decode().rstrip("=")
        return SCHEME + urlencode(fields, quote_via=quote, safe="")

    def qr_text(self) -> str:
        """The QR code in block characters, for a terminal."""
        drawn = io.StringIO()
        segno.make(self.uri, error="m", micro=False).terminal(out=drawn, compact=True)
        return drawn.getvalue()

    def qr_png(self, path: Path) -> None:
        """The QR code as a PNG file. Raises DaricError("storage")."""
        try:
            segno.make(self.uri, error="m", micro=False).save(str(path), kind="png", scale=8)
        except OSError as error:
            raise DaricError("storage", f"the QR code cannot be written ({type(error).__name__})") from error


def parse(text: str, relay: str) -> JoinLink:
    """What a person scanned or typed: a link, or a session id alone. relay: the service that this phone uses.

    Raises DaricError: encoding (neither of them, or a link with a field too many, too few or malformed), relay (a
    session at another service).
    """
    text = text.strip()
    if len(text) > LINK_CHARACTERS:
        raise DaricError("encoding", "this is too long for a link to a session")
    if not text.startswith("daric:"):
        return JoinLink(_session(text), relay.rstrip("/"))
    if not text.startswith(SCHEME):
        raise DaricError("encoding", "this link is not one to join a session")
    try:
        pairs = parse_qsl(text[len(SCHEME) :], keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        raise DaricError("encoding", "the link is malformed") from None
    fields = dict(pairs)
    if len(pairs) != len(fields) or set(fields) - {OPTIONAL} != FIELDS:
        raise DaricError("encoding", "a link names session, relay and initiator, each once")
    secret = _secret(fields[OPTIONAL]) if OPTIONAL in fields else b""
    link = JoinLink(_session(fields["session"]), fields["relay"], _digest(fields["initiator"]), secret)
    if link.relay != relay.rstrip("/"):
        raise DaricError("relay", f"the session is at {link.relay!r}, this phone uses {relay!r}")
    return link


def _session(text: str) -> bytes:
    """A session id as uuid text, with or without its dashes."""
    try:
        value = uuid_module.UUID(text)
    except ValueError:
        raise DaricError("encoding", "a session id is a uuid") from None
    if value.version != 4 or text.lower() not in (str(value), value.hex):
        raise DaricError("encoding", "a session id is a uuid of version 4")
    return value.bytes


def _digest(text: str) -> bytes:
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != 32 or value.hex() != text:
        raise DaricError("encoding", "the initiator in a link is 32 bytes of lower-case hexadecimal text")
    return value


def _secret(text: str) -> bytes:
    try:
        value = base64.b32decode(text + "======")
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != SECRET_BYTES or base64.b32encode(value).decode().rstrip("=") != text:
        raise DaricError("encoding", "the secret in a link is 26 characters of base32")
    return value
