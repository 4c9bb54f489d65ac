"""Provisioning: the device's identity gets the factory's certificate, and the factory's record a line.

The record is a file of JSON lines that only grows; a device that is in it keeps its serial number when provisioning is
repeated. Specification: docs/hardware.md, provisioning.
"""

from __future__ import annotations

import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daric_protocol.errors import DaricError
from daric_protocol.genuine import TEXT_BYTES, DeviceCertificate

from daric_host.flashing.factory import Facts
from daric_host.flashing.signedimage import Signer


class Ledger:
    """What was provisioned: identity, serial, batch, operator, date, board, image, arithmetic, certificate of each."""

    def __init__(self, path: Path) -> None:
        """Raises DaricError("storage") for a file that is not ours or cannot be read."""
        self._path = path
        self._lock = threading.Lock()
        self._given: set[str] = set()  # serial numbers that were handed out in this run
        self.rows: list[dict[str, Any]] = []
        try:
            text = path.read_text() if path.exists() else ""
            self.rows = [json.loads(line) for line in text.splitlines()]
            self._given = {row["serial"] for row in self.rows}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DaricError("storage", f"{path} is no record of devices: {error}") from None

    def find(self, identity: bytes) -> dict[str, Any] | None:
        """The row of a device."""
        return next((row for row in self.rows if row["identity"] == identity.hex()), None)

    def certificate(self, identity: bytes) -> DeviceCertificate | None:
        """The certificate that a device of the record was given. Raises DaricError("storage")."""
        row = self.find(identity)
        if row is None:
            return None
        try:
            found = DeviceCertificate.decode(bytes.fromhex(row["certificate"]))
        except (DaricError, ValueError, TypeError, KeyError):
            raise DaricError("storage", f"the certificate of {row['serial']} in {self._path} is damaged") from None
        if found.identity != identity:
            raise DaricError("storage", f"the certificate of {row['serial']} in {self._path} is of another device")
        return found

    def take(self, pattern: str, first: int) -> str:
        """The next serial number that no device has: pattern with its number in the place of {}.

        Raises DaricError("parameter") for a pattern without {} that is used already, or for a serial that is too long.
        """
        with self._lock:
            number = first
            while True:
                serial = pattern.replace("{}", f"{number:06d}")
                if not 0 < len(serial.encode()) <= TEXT_BYTES:
                    raise DaricError("parameter", f"a serial number has 1 to {TEXT_BYTES} bytes")
                if serial not in self._given:
                    self._given.add(serial)
                    return serial
                if "{}" not in pattern:
                    raise DaricError("parameter", f"a device has the serial number {serial} already")
                number += 1

    def add(self, facts: Facts, certificate: DeviceCertificate) -> None:
        """Write a device down, on the disk before this returns. Raises DaricError("storage")."""
        row = {"identity": certificate.identity.hex(), "serial": certificate.serial, "batch": certificate.batch}
        row |= {"operator": certificate.operator, "date": certificate.date, "board": facts.board}
        row |= {"unique_id": facts.unique_id.hex(), "version": facts.version, "image": facts.image.hex()}
        row |= {"arithmetic": facts.arithmetic, "certificate": certificate.encode().hex()}
        with self._lock:
            try:
                with self._path.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise DaricError("storage", f"{self._path} cannot be written: {error.strerror}") from None
            self.rows.append(row)


def one_at_a_time(sign: Signer) -> Signer:
    """The same for several threads: a token takes one request after the other."""
    lock = threading.Lock()

    def locked(digest: bytes) -> tuple[bytes, bytes]:
        with lock:
            return sign(digest)

    return locked


def issue(identity: bytes, serial: str, batch: str, operator: str, sign: Signer, date: str = "") -> DeviceCertificate:
    """A signed certificate. date: YYYY-MM-DD, today if empty. Raises DaricError("parameter", "signature")."""
    for text, what in ((serial, "serial number"), (batch, "batch"), (operator, "operator")):
        if not 0 < len(text.encode()) <= TEXT_BYTES:
            raise DaricError("parameter", f"the {what} has 1 to {TEXT_BYTES} bytes")
    certificate = DeviceCertificate(identity, serial, batch, operator, date or datetime.now(UTC).strftime("%Y-%m-%d"))
    public, certificate.signature = sign(certificate.digest())
    certificate.check(public)  # a token may have signed something else
    return certificate
