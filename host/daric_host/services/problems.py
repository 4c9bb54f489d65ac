"""Errors on the wire: application/problem+json (RFC 9457) with the stable codes of daric_protocol.errors."""

from __future__ import annotations

from typing import Any

from daric_protocol.errors import DaricError
from starlette.responses import JSONResponse

from .accounts import NotAllowed
from .mailbox import Expired
from .sessions import Busy

STATUS = {
    "encoding": 400,
    "parameter": 400,
    "sealed": 400,
    "request": 400,
    "threshold": 400,
    "certificate": 400,
    "signature": 401,
    "unauthorised": 401,
    "unknown_session": 404,
    "group": 404,
    "soft": 409,
    "raw_digest": 409,
    "member": 409,
    "roster": 409,
    "banned": 409,
    "pending": 409,
    "master": 409,
    "backup": 409,
    "busy": 409,
    "conflict": 409,
    "replayed": 409,
    "session": 409,
    "expired": 410,
    "too_large": 413,
    "limit": 429,
    "service": 503,
    "storage": 503,
}
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = "1"


def status_of(error: DaricError) -> int:
    """The HTTP status of an error; 403 where the caller is known and may not."""
    return 403 if isinstance(error, NotAllowed) else STATUS.get(error.name, 500)


def describe(error: DaricError) -> dict[str, Any]:
    """The problem document: type, title, status, code and detail, and what this kind of error adds."""
    document: dict[str, Any] = {
        "type": f"urn:daric:problem:{error.name}",
        "title": error.name.replace("_", " "),
        "status": status_of(error),
        "code": error.name,
        "detail": error.detail,
    }
    if isinstance(error, Expired):
        document["after"] = error.after
    if isinstance(error, Busy):
        document["session"] = error.session.hex()
    return document


def problem(error: DaricError) -> JSONResponse:
    """The response for an error."""
    status = status_of(error)
    headers = {"Retry-After": RETRY_AFTER} if status in (429, 503) else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(describe(error), status, headers=headers, media_type=MEDIA_TYPE)
