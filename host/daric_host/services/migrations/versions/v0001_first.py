"""First schema: accounts, parties, session ids, sessions, mailboxes, evidence."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BLOB, REAL, INTEGER, TEXT = sa.LargeBinary(), sa.Float(), sa.Integer(), sa.String()


def column(name: str, kind: sa.types.TypeEngine[Any], nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable)


def upgrade() -> None:
    op.create_table("accounts", column("account", BLOB), column("created", REAL), sa.PrimaryKeyConstraint("account"))
    op.create_table(
        "parties",
        column("identity", BLOB),
        column("account", BLOB, True),
        column("kind", TEXT),
        column("name", TEXT),
        column("created", REAL),
        column("revoked", REAL, True),
        sa.PrimaryKeyConstraint("identity"),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"]),
    )
    op.create_index("parties_by_account", "parties", ["account"])
    op.create_table(
        "session_ids",
        column("session", BLOB),
        column("identity", BLOB),
        column("issued", REAL),
        column("used", INTEGER),
        sa.PrimaryKeyConstraint("session"),
        sa.ForeignKeyConstraint(["identity"], ["parties.identity"]),
    )
    op.create_index("session_ids_by_identity", "session_ids", ["identity", "used"])
    op.create_table(
        "sessions",
        column("session", BLOB),
        column("state", TEXT),
        column("version", INTEGER),
        column("initiator", BLOB),
        column("terms", BLOB),
        column("needed", INTEGER),
        column("allowed", BLOB, True),
        column("created", REAL),
        column("expires", REAL),
        column("ended", REAL, True),
        column("bytes", INTEGER),
        column("flagged", INTEGER),
        column("closing", TEXT, True),
        sa.PrimaryKeyConstraint("session"),
        sa.ForeignKeyConstraint(["session"], ["session_ids.session"]),
    )
    op.create_index("sessions_by_state", "sessions", ["state", "expires"])
    op.create_table(
        "participants",
        column("session", BLOB),
        column("seat", INTEGER),
        column("identity", BLOB),
        column("body", BLOB),
        column("joined", REAL),
        column("finished", INTEGER),
        sa.PrimaryKeyConstraint("session", "seat"),
        sa.ForeignKeyConstraint(["session"], ["sessions.session"]),
    )
    op.create_index("participants_by_identity", "participants", ["session", "identity"], unique=True)
    op.create_table(
        "active",
        column("identity", BLOB),
        column("scope", BLOB),
        column("session", BLOB),
        sa.PrimaryKeyConstraint("identity", "scope"),
        sa.ForeignKeyConstraint(["session"], ["sessions.session"]),
    )
    op.create_index("active_by_session", "active", ["session"])
    create_mailboxes()


def create_mailboxes() -> None:
    op.create_table(
        "mailboxes",
        column("session", BLOB),
        column("seat", INTEGER),
        column("last", INTEGER),
        column("acked", INTEGER),
        column("unread", INTEGER),
        column("bytes", INTEGER),
        sa.PrimaryKeyConstraint("session", "seat"),
    )
    op.create_table(
        "messages",
        column("session", BLOB),
        column("seat", INTEGER),
        column("seq", INTEGER),
        column("sender", INTEGER),
        column("msg_id", BLOB),
        column("digest", BLOB),
        column("body", BLOB, True),
        column("expires", REAL),
        sa.PrimaryKeyConstraint("session", "seat", "seq"),
    )
    op.create_index("messages_by_id", "messages", ["session", "seat", "sender", "msg_id"], unique=True)
    op.create_index("messages_by_expiry", "messages", ["expires"])
    op.create_table(
        "conflicts",
        column("session", BLOB),
        column("seat", INTEGER),
        column("sender", INTEGER),
        column("msg_id", BLOB),
        column("first", BLOB),
        column("second", BLOB),
        column("seen", REAL),
        sa.PrimaryKeyConstraint("session", "seat", "sender", "msg_id"),
    )
