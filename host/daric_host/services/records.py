"""The tables of the services (SQLAlchemy Core). The schema itself is made by migrations/, never by these definitions.

Times are Unix seconds. Identities are 33 B, accounts and session ids 16 B.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table

metadata = MetaData()

accounts = Table(
    "accounts",
    metadata,
    Column("account", LargeBinary, primary_key=True),
    Column("created", Float, nullable=False),
)

parties = Table(
    "parties",
    metadata,
    Column("identity", LargeBinary, primary_key=True),
    Column("account", LargeBinary, ForeignKey("accounts.account")),  # null for a cloud party: it serves all accounts
    Column("kind", String, nullable=False),
    Column("name", String, nullable=False),
    Column("created", Float, nullable=False),
    Column("revoked", Float),
    Index("parties_by_account", "account"),
)

# One row per invitation to an account; the token itself is never stored.
invitations = Table(
    "invitations",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("account", LargeBinary, ForeignKey("accounts.account"), nullable=False),
    Column("inviter", LargeBinary, ForeignKey("parties.identity"), nullable=False),
    Column("expires", Float, nullable=False),
    Column("used_by", LargeBinary),  # the identity that redeemed it
    Index("invitations_by_account", "account"),
)

session_ids = Table(
    "session_ids",
    metadata,
    Column("session", LargeBinary, primary_key=True),
    Column("identity", LargeBinary, ForeignKey("parties.identity"), nullable=False),
    Column("issued", Float, nullable=False),
    Column("used", Integer, nullable=False, default=0),
    Index("session_ids_by_identity", "identity", "used"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("session", LargeBinary, ForeignKey("session_ids.session"), primary_key=True),
    Column("state", String, nullable=False),
    Column("version", Integer, nullable=False),  # grows with every change that participants can see
    Column("initiator", LargeBinary, nullable=False),
    Column("terms", LargeBinary, nullable=False),
    Column("needed", Integer, nullable=False),
    Column("allowed", LargeBinary),  # identities one after another, ascending; null: whoever knows the id may join
    Column("created", Float, nullable=False),
    Column("expires", Float, nullable=False),
    Column("ended", Float),
    Column("bytes", Integer, nullable=False, default=0),  # unread bodies in all its mailboxes
    Column("flagged", Integer, nullable=False, default=0),  # conflicts seen
    Column("closing", String),  # signed closing record, a JWS
    Index("sessions_by_state", "state", "expires"),
)

participants = Table(
    "participants",
    metadata,
    Column("session", LargeBinary, ForeignKey("sessions.session"), primary_key=True),
    Column("seat", Integer, primary_key=True),
    Column("identity", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("joined", Float, nullable=False),
    Column("finished", Integer, nullable=False, default=0),
    Index("participants_by_identity", "session", "identity", unique=True),
)

# One active session per party: the primary key is the rule. The scope is empty but for a cloud party, which takes
# part in one session at a time for each account it serves.
active = Table(
    "active",
    metadata,
    Column("identity", LargeBinary, primary_key=True),
    Column("scope", LargeBinary, primary_key=True),
    Column("session", LargeBinary, ForeignKey("sessions.session"), nullable=False),
    Index("active_by_session", "session"),
)

mailboxes = Table(
    "mailboxes",
    metadata,
    Column("session", LargeBinary, primary_key=True),
    Column("seat", Integer, primary_key=True),
    Column("last", Integer, nullable=False, default=0),  # highest sequence number given out
    Column("acked", Integer, nullable=False, default=0),
    Column("unread", Integer, nullable=False, default=0),
    Column("bytes", Integer, nullable=False, default=0),
)

messages = Table(
    "messages",
    metadata,
    Column("session", LargeBinary, primary_key=True),
    Column("seat", Integer, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("sender", Integer, nullable=False),  # seat, or -1 for the service
    Column("msg_id", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("body", LargeBinary),  # null: acknowledged or expired; the row stays as a tombstone and for its msg_id
    Column("expires", Float, nullable=False),
    Index("messages_by_id", "session", "seat", "sender", "msg_id", unique=True),
    Index("messages_by_expiry", "expires"),
)

# Two bodies under one message id: evidence against the sender.
conflicts = Table(
    "conflicts",
    metadata,
    Column("session", LargeBinary, primary_key=True),
    Column("seat", Integer, primary_key=True),
    Column("sender", Integer, primary_key=True),
    Column("msg_id", LargeBinary, primary_key=True),
    Column("first", LargeBinary, nullable=False),  # the stored body, or its digest once it was acknowledged
    Column("second", LargeBinary, nullable=False),
    Column("seen", Float, nullable=False),
)
