"""Invitations: how another phone or browser of the same person joins an account. Specification: docs/flows.md.

An invitation is 32 random bytes, good once and for a while. The service keeps its hash only, so that a copy of the
database invites nobody.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.limits import INVITATION_TTL, INVITATIONS

from . import accounts
from .accounts import HUMAN, NotAllowed, Party
from .records import invitations
from .store import Transaction


def invite(tx: Transaction, owner: Party) -> tuple[bytes, int]:
    """(token 32 B, Unix time of its end); of more than INVITATIONS open ones of an account the oldest is void."""
    if owner.kind not in HUMAN:
        raise NotAllowed("only a person's party can invite others")
    tx.sql.execute(invitations.delete().where(invitations.c.expires <= tx.now))
    unused = (invitations.c.account == owner.account, invitations.c.used_by.is_(None))
    oldest = sa.select(invitations.c.digest).where(*unused).order_by(invitations.c.expires.desc())
    surplus = tx.sql.execute(oldest.offset(INVITATIONS - 1)).scalars().all()
    tx.sql.execute(invitations.delete().where(invitations.c.digest.in_(surplus)))
    token = secrets.token_bytes(32)
    expires = int(tx.now) + INVITATION_TTL
    values = {"digest": platform.sha256(token), "account": owner.account, "inviter": owner.identity}
    tx.sql.execute(invitations.insert().values(expires=expires, **values))
    return token, expires


def redeem(tx: Transaction, identity: bytes, token: bytes, kind: str, name: str) -> Party:
    """Register a phone or browser in the account that invited it; the same again is the same party.

    Raises DaricError: unauthorised (unknown, used or expired invitation, or its inviter was revoked), parameter
    (another kind of party), conflict (this identity is registered already).
    """
    if kind not in HUMAN:
        raise DaricError("parameter", "an invitation is for a phone or a browser")
    known = accounts.find(tx, identity)
    row = tx.sql.execute(
        sa.select(invitations).where(invitations.c.digest == platform.sha256(token), invitations.c.expires > tx.now)
    ).one_or_none()
    if row is None or row.used_by not in (None, identity):
        raise NotAllowed("the invitation is unknown, used or expired")
    if known is not None:
        if row.used_by is None or known.kind != kind:
            raise DaricError("conflict", "this identity is registered already")
        return known
    accounts.find(tx, row.inviter)
    tx.sql.execute(invitations.update().where(invitations.c.digest == row.digest).values(used_by=identity))
    return accounts.insert(tx, identity, row.account, kind, name)
