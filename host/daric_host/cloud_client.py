"""Asks the cloud party what its owner may ask. Its control endpoint takes a token of the auth service, nothing else."""

from __future__ import annotations

from typing import Any

import aiohttp
from daric_protocol.errors import DaricError

from daric_host.hop_client import refusal
from daric_host.receipts import CloudBackup
from daric_host.relay import RelayClient

AUDIENCE = "daric/cloud"
TIMEOUT = aiohttp.ClientTimeout(total=30)


class CloudClient:
    """The cloud party at a URL, for the party that a relay client is logged in as.

    Every call raises DaricError: unauthorised for another account's group, group for one that is unknown there, service
    where the cloud does not answer, and what it says.
    """

    def __init__(self, url: str, relay: RelayClient) -> None:
        self._url = url
        self._relay = relay

    async def join(self, session: bytes, record: bytes = b"") -> None:
        """Let the cloud join a session (16 B); done when it has its seat.

        record: of `record`, needed where the cloud deals its share on to new members. Raises DaricError: roster (the
        record is missing or not the current one), unknown_session, busy.
        """
        body = {"session": session.hex()} | ({"record": record.hex()} if record else {})
        await self._post("/v1/join", body)

    async def record(self, group: bytes) -> bytes:
        """The sealed record of the cloud's current shard (daric_host.receipts.CloudRecord), which nobody else opens."""
        return _octets(await self._post("/v1/record", {"group": group.hex()}), "record")

    async def group_certificate(self, group: bytes) -> bytes:
        """The certificate of a group (16 B) of this account, for a member that missed it."""
        return _octets(await self._post("/v1/certificate", {"group": group.hex()}), "certificate")

    async def group_changes(self, group: bytes) -> list[bytes]:
        """The changes of a group's roster in the current epoch, in order, for a member that missed them."""
        answer = await self._post("/v1/changes", {"group": group.hex()})
        return [_octets({"change": one}, "change") for one in _list(answer, "changes")]

    async def group_adopt(self, certificate: bytes) -> bool:
        """Hand over a certificate or change that the cloud may have missed; True if it was new and is current there."""
        return bool((await self._post("/v1/adopt", {"certificate": certificate.hex()})).get("current"))

    async def delete(self, group: bytes) -> bytes:
        """Let the cloud erase all of a group that went on without it; its receipt (daric_host.receipts.read_receipt).

        Again: the same receipt. Raises DaricError: member (the cloud is one still: hand over the certificate first),
        pending (a later change may make it one again), busy.
        """
        return _octets(await self._post("/v1/delete", {"group": group.hex()}), "receipt")

    async def backup_keep(self, sheet: bytes, others: bytes) -> int:
        """Hand over the cloud's piece of a backup of phone and cloud; its number.

        others: the device's envelope for the cloud. Raises DaricError: member, backup, sealed, roster, conflict, limit.
        """
        answer = await self._post("/v1/backups/keep", {"sheet": sheet.hex(), "others": others.hex()})
        return _number(answer, "number")

    async def backups(self, group: bytes) -> list[CloudBackup]:
        """The backups that the cloud holds a piece of, and whether somebody tried to get it."""
        rows = _list(await self._post("/v1/backups", {"group": group.hex()}), "backups")
        return [_backup(row) for row in rows]

    async def backup_proof(self, group: bytes, backup_id: bytes, challenge: bytes) -> tuple[int, bytes]:
        """(number, proof that the cloud's piece is good). challenge: 32 fresh bytes. Raises DaricError("backup")."""
        body = {"group": group.hex(), "backup": backup_id.hex(), "challenge": challenge.hex()}
        answer = await self._post("/v1/backups/proof", body)
        return _number(answer, "number"), _octets(answer, "proof")

    async def recovery_piece(
        self, group: bytes, backup_id: bytes, uuid: bytes, identity: bytes, mac: bytes
    ) -> tuple[int, bytes]:
        """(number, the cloud's piece sealed to a device's new identity, 33 B).

        uuid: 16 B, with which the device was asked. mac: 32 B, its word that its owner typed the recovery code. Raises
        DaricError: backup (wrong code, no such backup, another epoch), limit (five wrong codes), member.
        """
        body = {"group": group, "backup": backup_id, "session": uuid, "identity": identity, "mac": mac}
        answer = await self._post("/v1/backups/release", {name: value.hex() for name, value in body.items()})
        return _number(answer, "number"), _octets(answer, "sealed")

    async def _post(self, path: str, body: dict[str, str]) -> dict[str, Any]:
        headers = {"Authorization": "Bearer " + await self._relay.token(AUDIENCE)}
        try:
            async with (
                aiohttp.ClientSession(timeout=TIMEOUT, trust_env=False) as http,
                http.post(self._url + path, json=body, headers=headers) as response,
            ):
                answer = await response.json(content_type=None)
                if response.status >= 300:
                    raise refusal(response.status, answer)
                return dict(answer)
        except (aiohttp.ClientError, TimeoutError, ValueError, TypeError) as error:
            raise DaricError("service", "the cloud party does not answer") from error


def _octets(answer: dict[str, Any], name: str) -> bytes:
    try:
        return bytes.fromhex(answer[name])
    except (KeyError, ValueError, TypeError):
        raise _unreadable(name) from None


def _number(answer: dict[str, Any], name: str) -> int:
    value = answer.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _unreadable(name)
    return value


def _list(answer: dict[str, Any], name: str) -> list[Any]:
    value = answer.get(name)
    if not isinstance(value, list):
        raise _unreadable(name)
    return value


def _backup(row: Any) -> CloudBackup:
    if not isinstance(row, dict):
        raise _unreadable("backups")
    try:
        holders = tuple((int(number), bytes.fromhex(identity)) for number, identity in row["holders"])
    except (KeyError, ValueError, TypeError):
        raise _unreadable("holders") from None
    device, epoch, threshold = (_number(row, name) for name in ("device", "epoch", "threshold"))
    tries, until = _number(row, "tries"), _number(row, "locked_until")
    return CloudBackup(_octets(row, "backup_id"), device, epoch, threshold, holders, tries, until)


def _unreadable(name: str) -> DaricError:
    return DaricError("service", f"the cloud party answered without a readable {name}")
