"""How a session is handed to another phone: `daric:join?...` as text or QR code. Specification: docs/sdk.md.

A session id is a name, not a secret. The link adds where the session is and who opened it, so that a code for another
service or another person's session is refused before anything is sent.
"""

from __future__ import annotations

import io
import uuid as uuid_module
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode

import segno
from daric_protocol import platform
from daric_protocol.errors import DaricError

SCHEME = "daric:join?"
LINK_CHARACTERS = 512  # a QR code that a phone still reads from a terminal
FIELDS = {"session", "relay", "initiator"}


@dataclass(frozen=True)
class JoinLink:
    """session: 16 B. relay: its address. initiator: SHA-256 of the initiator's identity, b"" where it is not known."""

    session: bytes
    relay: str = ""
    initiator: bytes = b""

    @classmethod
    def of(cls, session: bytes, relay: str, identity: bytes) -> JoinLink:
        """The link to a session that the party of this identity (33 B) opened at a relay."""
        return cls(session, relay.rstrip("/"), platform.sha256(identity))

    @property
    def text(self) -> str:
        """The session id in its usual form, as a person copies it."""
        return str(uuid_module.UUID(bytes=self.session))

    @property
    def uri(self) -> str:
        """What the QR code holds."""
        fields = {"session": self.text, "relay": self.relay, "initiator": self.initiator.hex()}
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
    if len(pairs) != len(FIELDS) or set(fields) != FIELDS:
        raise DaricError("encoding", "a link names session, relay and initiator, each once")
    link = JoinLink(_session(fields["session"]), fields["relay"], _digest(fields["initiator"]))
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
