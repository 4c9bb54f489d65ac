"""What proves a device genuine: the factory's certificate of its identity, and its answer to a challenge.

Specification: docs/hardware.md, provisioning; the rules are in messages.cddl, section "Link".
"""

from daric_protocol import platform
from daric_protocol.channel import sized
from daric_protocol.errors import DaricError
from daric_protocol.identity import verify
from daric_protocol.tagged import TH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CERTIFICATE_BYTES = 512
TEXT_BYTES = 64
DATE_BYTES = 10  # 2026-11-23


class DeviceCertificate:
    """What the factory says of a device. identity: 33 B. serial, batch, operator: short texts. date: YYYY-MM-DD."""

    def __init__(
        self, identity: bytes, serial: str, batch: str, operator: str, date: str, signature: bytes = b""
    ) -> None:
        self.identity = identity
        self.serial = serial
        self.batch = batch
        self.operator = operator
        self.date = date
        self.signature = signature

    def digest(self) -> bytes:
        """The 32 bytes that the factory signs."""
        texts = [text.encode() for text in (self.serial, self.batch, self.operator, self.date)]
        return TH("daric/certificate", self.identity, *texts)

    def encode(self) -> bytes:
        fields = [self.identity, self.serial, self.batch, self.operator, self.date, self.signature]
        return platform.cbor_encode(fields)

    @staticmethod
    def decode(data: "Any") -> "DeviceCertificate":
        """Raises DaricError("encoding") for anything but a signed certificate's one form."""
        if not isinstance(data, bytes) or len(data) > CERTIFICATE_BYTES:
            raise DaricError("encoding", "a certificate is a short byte string")
        value = platform.cbor_decode(data, CERTIFICATE_BYTES)
        if not isinstance(value, list) or len(value) != 6:
            raise DaricError("encoding", "a certificate has six fields")
        for text in value[1:4]:
            short_text(text, TEXT_BYTES)
        if len(short_text(value[4], DATE_BYTES)) != DATE_BYTES:
            raise DaricError("encoding", "a date is YYYY-MM-DD")
        sized(value[0], 33)
        sized(value[5], 64)
        return DeviceCertificate(*value)

    def check(self, factory: bytes) -> None:
        """Raises DaricError("signature") unless this factory key (33 B) signed it."""
        if not verify(factory, self.digest(), self.signature):
            raise DaricError("signature", "The certificate is not signed by the factory's key.")


class Attestation:
    """A device's answer to a challenge. identity: 33 B. certificate: its bytes, or b"" before it is provisioned.

    board, kind, version: of its image. image: SHA-256 of the code that runs, b"" where the board cannot tell.
    """

    def __init__(
        self, identity: bytes, certificate: bytes, board: str, kind: str, version: str, image: bytes,
        signature: bytes = b"",
    ) -> None:  # fmt: skip
        self.identity = identity
        self.certificate = certificate
        self.board = board
        self.kind = kind
        self.version = version
        self.image = image
        self.signature = signature

    def digest(self, challenge: bytes) -> bytes:
        """The 32 bytes that the device's identity key signs."""
        texts = [text.encode() for text in (self.board, self.kind, self.version)]
        return TH("daric/attest", challenge, self.identity, self.certificate, *texts, self.image)

    def to_wire(self) -> "list[object]":
        return [
            self.identity, self.certificate, self.board, self.kind, self.version, self.image, self.signature,
        ]  # fmt: skip

    @staticmethod
    def from_wire(value: "Any") -> "Attestation":
        """Raises DaricError("encoding")."""
        if not isinstance(value, list) or len(value) != 7 or not isinstance(value[1], bytes):
            raise DaricError("encoding", "an attestation has seven fields")
        if len(value[1]) > CERTIFICATE_BYTES or (value[5] != b"" and not sized(value[5], 32)):
            raise DaricError("encoding", "an attestation has a certificate and a hash")
        for text in value[2:5]:
            short_text(text, TEXT_BYTES)
        sized(value[0], 33)
        sized(value[6], 64)
        return Attestation(*value)

    def check(self, challenge: bytes, factory: bytes = b"", device: bytes = b"") -> "DeviceCertificate | None":
        """The certificate, verified, or None if there is none and no factory key is demanded.

        challenge: 32 B that were just drawn. factory: whose certificate it must have, 33 B. device: identity that the
        encrypted channel is with, which it must be of; without one a device may pass the question on to another.
        Raises DaricError("genuine"), "encoding".
        """
        if device and self.identity != device:
            raise DaricError("genuine", "The proof is of another device than the one that is connected.")
        if not verify(self.identity, self.digest(challenge), self.signature):
            raise DaricError("genuine", "The device does not hold the key of the identity that it names.")
        if not self.certificate:
            if factory:
                raise DaricError("genuine", "The device has no certificate of the factory.")
            return None
        certificate = DeviceCertificate.decode(self.certificate)
        if certificate.identity != self.identity:
            raise DaricError("genuine", "The certificate is of another device.")
        if factory:
            try:
                certificate.check(factory)
            except DaricError:
                raise DaricError("genuine", "The certificate is not signed by the factory's key.")
        return certificate


def short_text(value: "Any", most: int) -> str:
    """The value if it is a text of 1 to `most` bytes; DaricError("encoding") otherwise."""
    if not isinstance(value, str) or not 0 < len(value.encode()) <= most:
        raise DaricError("encoding", "expected a short text")
    return value
