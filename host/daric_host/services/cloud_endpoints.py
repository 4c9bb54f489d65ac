"""The cloud party's control endpoint: JSON bodies with hex in them, behind a token of the auth service.

Specification: docs/architecture.md, the cloud party.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from daric_protocol.errors import DaricError
from daric_protocol.limits import TERMS_BYTES
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .cloud_party import CloudParty
from .tokens import Claims, bearer

BODY_BYTES = 4 * TERMS_BYTES  # JSON around the hex of the largest record
MAX_NESTED = 64  # lists and objects of a body: a request is one object of texts
GROUP = SESSION = BACKUP = 16
IDENTITY = 33

Handler = Callable[[CloudParty, Claims, "Fields"], Awaitable[dict[str, Any]]]


class Fields:
    """The fields of a request's JSON object."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def octets(self, name: str, length: int | None = None, default: bytes | None = None) -> bytes:
        """Bytes in hex; dashes of a uuid are passed over. Raises DaricError("encoding")."""
        if name not in self._values and default is not None:
            return default
        value = self._values.get(name)
        if not isinstance(value, str) or not value.isascii() or any(one.isspace() for one in value):
            raise DaricError("encoding", f"a JSON object with the text {name} was expected")
        try:
            data = bytes.fromhex(value.replace("-", "") if length == SESSION else value)
        except ValueError:
            raise DaricError("encoding", f"{name} is not hex") from None
        if length is not None and len(data) != length:
            raise DaricError("encoding", f"{name} has {length} bytes")
        return data


async def join(cloud: CloudParty, claims: Claims, fields: Fields) -> dict[str, Any]:
    """{session, record}: take a seat; the record where the flow asks for it."""
    await cloud.join(claims, fields.octets("session", SESSION), fields.octets("record", default=b""))
    return {"joined": True}


async def record(cloud: CloudParty, claims: Claims, fields: Fields) -> dict[str, Any]:
    """{group}: the sealed record of the current shard."""
    return {"record": cloud.record(claims, fields.octets("group", GROUP)).hex()}


async def certificate(cloud: CloudParty, claims: Claims, fields: Fields) -> dict[str, Any]:
    """{group}: the certificate of its current epoch."""
    return {"certificate": cloud.certificate(claims, fields.octets("group", GROUP)).hex()}


async def changes(cloud: CloudParty, claims: Claims, fields: Fields) -> dict[str, Any]:
    """{group}: the changes of its roster in this epoch, in order."""
    return {"changes": [one.hex() for one in cloud.changes(claims, fields.octets("group", GROUP))]}


async def adopt(cloud: CloudParty, claims: Claims, fields: Fields) -> dict[str, Any]:
    """{certificate}: of an epoch or of a change of the roster; whether it is new here and became current."""
    return {"current": cloud.adopt(claims, fields.octets("certificate"))}


async def delete(cloud: CloudParty, claims: Claims, fields: Fields) -> dict[str, Any]:
    """{group}: erase all of it; the signed receipt."""
    return {"receipt": cloud.delete(claims, fields.octets("group", GROUP)).hex()}


async def backup_keep(cloud: CloudParty, claims: Claims, fields: Fields) -> dict[str, Any]:
    """{sheet, others}: keep the cloud's piece of a backup; its number."""
    return {"number": cloud.backup_keep(claims, fields.octets("sheet"), fields.octets("others"))}


async def backup_list(cloud: CloudParty, claims: Claims, fields: Fields) -> dict[str, Any]:
    """{group}: the backups that the cloud holds a piece of, with the tries to get it."""
    listed = cloud.backups(claims, fields.octets("group", GROUP))
    rows = [
        one._asdict() | {"backup_id": one.backup_id.hex(), "holders": [[n, who.hex()] for n, who in one.holders]}
        for one in listed
    ]
    return {"backups": rows}


async def backup_proof(cloud: CloudParty, claims: Claims, fields: Fields) -> dict[str, Any]:
    """{group, backup, challenge}: a proof that the cloud's piece is good."""
    group, backup = fields.octets("group", GROUP), fields.octets("backup", BACKUP)
    number, proof = cloud.backup_proof(claims, group, backup, fields.octets("challenge", 32))
    return {"number": number, "proof": proof.hex()}


async def backup_release(cloud: CloudParty, claims: Claims, fields: Fields) -> dict[str, Any]:
    """{group, backup, session, identity, mac}: the cloud's piece, sealed to the identity, against the recovery code."""
    group, backup = fields.octets("group", GROUP), fields.octets("backup", BACKUP)
    session, identity = fields.octets("session", SESSION), fields.octets("identity", IDENTITY)
    number, sealed = cloud.recovery_piece(claims, group, backup, session, identity, fields.octets("mac", 32))
    return {"number": number, "sealed": sealed.hex()}


async def health(_: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


def _authorise(cloud: CloudParty, request: Request) -> Claims:
    """Who calls. Raises DaricError("unauthorised")."""
    claims = cloud.verifier.verify(bearer(request.headers.get("authorization")))
    if not claims.account:
        raise DaricError("unauthorised", "this party belongs to no account")
    return claims


async def _fields(request: Request) -> Fields:
    """The body, read no further than the limit. Raises DaricError("too_large" or "encoding")."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_BYTES:
            raise DaricError("too_large")
    value = None
    if body.count(b"[") + body.count(b"{") <= MAX_NESTED:  # deeper ones could run the parser out of its stack
        with suppress(ValueError):
            value = json.loads(body)
    if not isinstance(value, dict):
        raise DaricError("encoding", "a JSON object was expected")
    return Fields(value)


def _post(path: str, handler: Handler) -> Route:
    async def answer(request: Request) -> Response:
        cloud: CloudParty = request.app.state.cloud
        claims = _authorise(cloud, request)
        return JSONResponse(await handler(cloud, claims, await _fields(request)))

    return Route(path, answer, methods=["POST"])


ROUTES = [
    _post("/v1/join", join),
    _post("/v1/record", record),
    _post("/v1/certificate", certificate),
    _post("/v1/changes", changes),
    _post("/v1/adopt", adopt),
    _post("/v1/delete", delete),
    _post("/v1/backups", backup_list),
    _post("/v1/backups/keep", backup_keep),
    _post("/v1/backups/proof", backup_proof),
    _post("/v1/backups/release", backup_release),
    Route("/healthz", health),
]
