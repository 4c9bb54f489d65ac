"""Accounts and the parties attached to them. Specification: docs/flows.md, "Registration".

A phone or browser registers an account; a device or another party is attached to it with the owner's token and the
new party's own signature. Cloud parties are named by the operator, belong to no account and serve all of them.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import sqlalchemy as sa
from daric_protocol.errors import DaricError
from daric_protocol.limits import NAME_BYTES

from .records import accounts, parties
from .store import Transaction

HUMAN = ("phone", "browser")
KINDS = (*HUMAN, "device", "cloud")


class NotAllowed(DaricError):
    """Known, but this is not for the caller."""

    def __init__(self, detail: str = "this party is not a member of the session") -> None:
        super().__init__("unauthorised", detail)


@dataclass(frozen=True)
class Party:
    """identity: 33 B. account: 16 B, b"" for a cloud party."""

    identity: bytes
    account: bytes
    kind: str
    name: str


def check_label(kind: object, name: object) -> tuple[str, str]:
    """A party's kind and name as it gave them; DaricError("parameter") for an unknown kind or an unfit name."""
    if not isinstance(kind, str) or kind not in KINDS:
        raise DaricError("parameter", "a party is a phone, a browser, a device or a cloud")
    if not isinstance(name, str) or not 0 < len(name.encode()) <= NAME_BYTES or not name.isprintable():
        raise DaricError("parameter", f"a name has 1 to {NAME_BYTES} bytes of printable text")
    return kind, name


def find(tx: Transaction, identity: bytes) -> Party | None:
    """The registered party of an identity; NotAllowed if it was revoked."""
    row = tx.sql.execute(sa.select(parties).where(parties.c.identity == identity)).one_or_none()
    if row is None:
        return None
    if row.revoked is not None:
        raise NotAllowed("this party was revoked")
    return Party(row.identity, row.account or b"", row.kind, row.name)


def register(tx: Transaction, identity: bytes, kind: str, name: str, is_cloud: bool) -> Party:
    """Make an account for a phone or browser, or record a cloud party; the same again is the same party."""
    known = find(tx, identity)
    if known is not None:
        if known.kind != kind:
            raise DaricError("conflict", "this identity is registered as another kind of party")
        return known
    if (kind == "cloud") != is_cloud:
        raise NotAllowed("cloud parties are named by the operator")
    if kind == "device":
        raise DaricError("parameter", "a device is attached to the account of its owner")
    account = None if is_cloud else secrets.token_bytes(16)
    if account is not None:
        tx.sql.execute(accounts.insert().values(account=account, created=tx.now))
    return insert(tx, identity, account, kind, name)


def attach(tx: Transaction, owner: Party, identity: bytes, kind: str, name: str) -> Party:
    """Add a party, which proved its identity, to the owner's account; the same again is the same party."""
    if owner.kind not in HUMAN:
        raise NotAllowed("only a person's party can attach others")
    if kind == "cloud":
        raise DaricError("parameter", "a cloud party is attached to no account")
    known = find(tx, identity)
    if known is None:
        return insert(tx, identity, owner.account, kind, name)
    if known.account != owner.account or known.kind != kind:
        raise DaricError("conflict", "this identity is registered elsewhere or as another kind of party")
    return known


def insert(tx: Transaction, identity: bytes, account: bytes | None, kind: str, name: str) -> Party:
    tx.sql.execute(
        parties.insert().values(identity=identity, account=account, kind=kind, name=name, created=tx.now)
    )
    return Party(identity, account or b"", kind, name)


def revoke(tx: Transaction, owner: Party, identity: bytes) -> None:
    """Take a party of the owner's account out of service for good; an identity never returns."""
    if owner.kind not in HUMAN or identity == owner.identity:
        raise NotAllowed("only another party of the same person can revoke this one")
    done = tx.sql.execute(
        parties.update()
        .where(parties.c.identity == identity, parties.c.account == owner.account)
        .values(revoked=sa.func.coalesce(parties.c.revoked, tx.now))
    )
    if done.rowcount == 0:
        raise DaricError("parameter", "the account has no such party")


def of_account(tx: Transaction, account: bytes) -> list[Party]:
    """The parties of an account that are in service, oldest first."""
    rows = tx.sql.execute(
        sa.select(parties)
        .where(parties.c.account == account, parties.c.revoked.is_(None))
        .order_by(parties.c.created, parties.c.identity)
    )
    return [Party(row.identity, row.account, row.kind, row.name) for row in rows]
