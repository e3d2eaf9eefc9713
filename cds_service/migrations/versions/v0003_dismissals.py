"""Dismissals in a table of their own, so that a chart finds them without all cards of its patient.

A chart that is opened often has thousands of issued cards, and few of them were overridden. While
processes of the release before still run, overrides that these store dismiss nothing.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLE = "dismissal"


def upgrade() -> None:
    """Make the table from what was overridden so far."""
    columns = ("subject_key", "items", "effective_at", "issued_at")
    op.create_table(
        TABLE,
        sa.Column("event", sa.Text, primary_key=True),
        *(sa.Column(column, sa.Text, nullable=False) for column in columns),
    )
    op.execute(
        "INSERT INTO dismissal (event, subject_key, items, effective_at, issued_at) "
        "SELECT f.event, i.subject_key, i.items, f.effective_at, i.issued_at "
        "FROM feedback f JOIN issued_card i ON i.card = f.card "
        "WHERE f.status = 'known' AND f.outcome = 'overridden'"
    )
    for column in ("subject_key", "issued_at"):
        op.create_index(f"ix_{TABLE}_{column}", TABLE, [column])
    op.drop_index("ix_issued_card_subject_key", "issued_card")
