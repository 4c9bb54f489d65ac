"""Access tokens: JWT signed with Ed25519, the one algorithm taken. Specification: RFC 7519, RFC 8037, RFC 7517.

The auth service signs; it and the cloud party verify, the latter with the keys of /.well-known/jwks.json.
A relay token names its login: without the hop key of that login it opens and changes nothing.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from daric_protocol import platform
from daric_protocol.errors import DaricError

ALGORITHM = "EdDSA"
ISSUER = "daric"
CLAIMS = ["iss", "aud", "sub", "exp", "jti"]


@dataclass(frozen=True)
class Claims:
    """identity: 33 B of the party. login: 16 B. account: 16 B, or b"" while the party has none. expires: Unix time."""

    identity: bytes
    login: bytes
    account: bytes
    expires: int


def public_bytes(key: Ed25519PublicKey) -> bytes:
    """The 32 bytes of a token key."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def key_id(key: Ed25519PublicKey) -> str:
    """Name of a token key in tokens and key sets."""
    return platform.sha256(public_bytes(key)).hex()[:16]


def issue(key: Ed25519PrivateKey, claims: Claims, audience: str, now: float) -> str:
    """A token for one audience."""
    payload = {
        "iss": ISSUER,
        "aud": audience,
        "sub": claims.identity.hex(),
        "jti": claims.login.hex(),
        "acc": claims.account.hex(),
        "iat": int(now),
        "exp": claims.expires,
    }
    return jwt.encode(payload, key, algorithm=ALGORITHM, headers={"kid": key_id(key.public_key())})


def key_set(key: Ed25519PublicKey) -> dict[str, list[dict[str, str]]]:
    """The JSON Web Key Set that verifiers fetch."""
    x = base64.urlsafe_b64encode(public_bytes(key)).rstrip(b"=").decode()
    row = {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": ALGORITHM, "kid": key_id(key), "x": x}
    return {"keys": [row]}


class TokenVerifier:
    """Checks bearer tokens for one audience against the auth service's public keys."""

    def __init__(
        self, keys: Mapping[str, Ed25519PublicKey], audience: str, clock: Callable[[], float] = time.time
    ) -> None:
        """keys: {key id: key}. audience: a token for another one is refused."""
        self._keys = dict(keys)
        self._audience = audience
        self._clock = clock

    @classmethod
    def from_key_set(
        cls, document: Mapping[str, Any], audience: str, clock: Callable[[], float] = time.time
    ) -> TokenVerifier:
        """From the JSON of /.well-known/jwks.json; keys of other kinds are passed over."""
        keys: dict[str, Ed25519PublicKey] = {}
        for row in document.get("keys", []):
            if row.get("kty") == "OKP" and row.get("crv") == "Ed25519":
                raw = base64.urlsafe_b64decode(row["x"] + "=" * (-len(row["x"]) % 4))
                keys[row["kid"]] = Ed25519PublicKey.from_public_bytes(raw)
        return cls(keys, audience, clock)

    def verify(self, token: str) -> Claims:
        """The claims of a valid token; DaricError("unauthorised") for any other, without saying which check failed."""
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys[header["kid"]]
            payload = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=ISSUER,
                options={"require": CLAIMS, "verify_exp": False, "verify_iat": False},
            )
            claims = Claims(
                bytes.fromhex(payload["sub"]),
                bytes.fromhex(payload["jti"]),
                bytes.fromhex(payload["acc"]),
                int(payload["exp"]),
            )
        except (jwt.PyJWTError, InvalidSignature, KeyError, ValueError, TypeError):
            raise DaricError("unauthorised", "the token is not valid here") from None
        if claims.expires <= self._clock() or len(claims.identity) != 33:
            raise DaricError("unauthorised", "the token has expired")
        return claims


def bearer(header: str | None) -> str:
    """The token of an Authorization header; DaricError("unauthorised") if there is none."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise DaricError("unauthorised", "a bearer token is needed")
    return token
