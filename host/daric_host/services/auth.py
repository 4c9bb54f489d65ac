"""Logins: an identity-key challenge becomes a sealed channel and a short-lived token.

Specification: docs/protocol.md, section 1; daric_protocol.auth for the signed fields. Challenges and hop keys live in
memory only: after a restart every party logs in again, so no counter of a hop key can ever be used twice.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from daric_protocol import platform
from daric_protocol.auth import ATTACH, LENGTHS, LOGIN, auth_digest
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity, verify
from daric_protocol.limits import LOGINS, LOGINS_PER_PARTY, PENDING_CHALLENGES
from daric_protocol.tagged import random_scalar

from daric_host import hop

from . import tokens
from .accounts import Party
from .settings import AUDIENCES, RELAY, Keys, Settings


@dataclass
class Challenge:
    """A challenge that waits for its signature; the ephemeral key is the service's half of the key agreement."""

    purpose: str
    identity: bytes
    challenge: bytes
    ephemeral: Identity
    expires: int


@dataclass
class Login:
    """A party that proved its identity. party: None until it is registered."""

    login: bytes
    identity: bytes
    channel: hop.Hop
    expires: int
    party: Party | None


class Authority:
    """Gives out challenges, checks signatures, keeps the logins of this process."""

    def __init__(self, settings: Settings, keys: Keys) -> None:
        self._settings = settings
        self._keys = keys
        self._challenges: dict[bytes, Challenge] = {}
        self._logins: dict[bytes, Login] = {}
        key = keys.token.public_key()
        self.verifier = tokens.TokenVerifier({tokens.key_id(key): key}, RELAY, settings.clock)

    def challenge(self, identity: bytes, purpose: str) -> dict[str, Any]:
        """A fresh challenge as the JSON answer; the oldest one waiting is dropped when too many wait."""
        if purpose not in LENGTHS:
            raise DaricError("parameter", "the purpose is login or attach")
        platform.curve.decode(identity)
        now = self._settings.clock()
        for old in [key for key, one in self._challenges.items() if one.expires <= now]:
            del self._challenges[old]
        while len(self._challenges) >= PENDING_CHALLENGES:
            del self._challenges[next(iter(self._challenges))]
        ephemeral = Identity(random_scalar(secrets.token_bytes))
        expires = int(now) + self._settings.challenge_ttl
        one = Challenge(purpose, identity, secrets.token_bytes(32), ephemeral, expires)
        self._challenges[one.challenge] = one
        return {
            "audience": RELAY,
            "service": self._keys.hop.public.hex(),
            "service_ephemeral": ephemeral.public.hex() if purpose == LOGIN else "",
            "challenge": one.challenge.hex(),
            "expires": expires,
        }

    def _answered(self, purpose: str, challenge: bytes, ephemeral: bytes, account: bytes, signature: bytes) -> tuple[
        Challenge, list[Any]
    ]:
        """The challenge and the signed fields; any answer, right or wrong, uses the challenge up."""
        one = self._challenges.pop(challenge, None)
        if one is None or one.purpose != purpose or one.expires <= self._settings.clock():
            raise DaricError("replayed", "the challenge is unknown, used or expired")
        theirs = one.ephemeral.public if purpose == LOGIN else b""
        fields: list[Any] = [
            purpose, RELAY, self._keys.hop.public, theirs, challenge, one.identity, ephemeral, one.expires, account,
        ]
        if not verify(one.identity, auth_digest(fields, one.identity), signature):
            raise DaricError("signature", "the challenge is not signed by this identity")
        return one, fields

    def login(self, challenge: bytes, ephemeral: bytes, signature: bytes) -> tuple[Login, hop.Hop]:
        """A new login from a signed challenge; its party is filled in by the caller.

        Raises DaricError: replayed (unknown, used or expired challenge), signature, encoding.
        """
        one, fields = self._answered(LOGIN, challenge, ephemeral, b"", signature)
        name, channel = hop.agree_service(fields, self._keys.hop, one.ephemeral)
        expires = int(self._settings.clock()) + self._settings.token_ttl
        return Login(name, one.identity, channel, expires, None), channel

    def admit(self, login: Login) -> str:
        """Record a login and give its token; the party's oldest login makes room, or the oldest of all."""
        now = self._settings.clock()
        for old in [key for key, one in self._logins.items() if one.expires <= now]:
            del self._logins[old]
        mine = [key for key, one in self._logins.items() if one.identity == login.identity]
        for old in mine[: max(0, len(mine) + 1 - LOGINS_PER_PARTY)]:
            del self._logins[old]
        while len(self._logins) >= LOGINS:
            del self._logins[next(iter(self._logins))]
        self._logins[login.login] = login
        return self.token(login, RELAY)

    def token(self, login: Login, audience: object) -> str:
        """A token of this login for an audience; it ends with the login."""
        if not isinstance(audience, str) or audience not in AUDIENCES:
            raise DaricError("parameter", "the audience is unknown")
        account = login.party.account if login.party is not None else b""
        claims = tokens.Claims(login.identity, login.login, account, login.expires)
        return tokens.issue(self._keys.token, claims, audience, self._settings.clock())

    def attached(self, owner: Party, challenge: bytes, signature: bytes) -> bytes:
        """Identity of a party that signed to be attached to the owner's account."""
        one, _ = self._answered(ATTACH, challenge, b"", owner.account, signature)
        return one.identity

    def authenticate(self, token: str) -> Login:
        """The login of a relay token; DaricError("unauthorised") if it is invalid, expired or of an earlier process."""
        claims = self.verifier.verify(token)
        login = self._logins.get(claims.login)
        if login is None or login.identity != claims.identity or login.expires <= self._settings.clock():
            raise DaricError("unauthorised", "log in again")
        return login

    def update(self, party: Party) -> None:
        """A party was registered or attached: its logins know it from now on."""
        for login in self._logins.values():
            if login.identity == party.identity:
                login.party = party

    def drop(self, identity: bytes) -> None:
        """End every login of an identity."""
        for key in [key for key, one in self._logins.items() if one.identity == identity]:
            del self._logins[key]
