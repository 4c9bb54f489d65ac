"""Invitations to an account."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "invitations",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("account", sa.LargeBinary(), nullable=False),
        sa.Column("inviter", sa.LargeBinary(), nullable=False),
        sa.Column("expires", sa.Float(), nullable=False),
        sa.Column("used_by", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("digest"),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"]),
        sa.ForeignKeyConstraint(["inviter"], ["parties.identity"]),
    )
    op.create_index("invitations_by_account", "invitations", ["account"])
