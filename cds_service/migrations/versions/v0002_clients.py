"""Clients: whose cards and feedback these are, and which tokens were used.

Rows from before have the client that nobody had to name.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table."""
    for table in ("issued_card", "feedback"):
        op.add_column(
            table, sa.Column("client", sa.Text, nullable=False, server_default=sa.text("''"))
        )
    op.create_table(
        "used_token",
        sa.Column("issuer", sa.Text, primary_key=True),
        sa.Column("token_id", sa.Text, primary_key=True),
        sa.Column("expires_at", sa.Text, nullable=False),
    )
    op.create_index("ix_used_token_expires_at", "used_token", ["expires_at"])
