"""The tables of the first release.

Databases that were made before there were migrations hold these tables already: they are kept
as they are, with their rows.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is missing."""
    _create("secret", "name", "value")
    _create("probe", "name", "written_at")
    _create("issued_card", "card", "service", "subject_key", "items", "issued_at")
    _create(
        *("feedback", "event", "service", "card", "status", "outcome", "outcome_at"),
        *("received_at", "effective_at", "items", "suggestions", "reasons"),
    )
    _create("feedback_comment", "event", "comment")
    for table, column in (
        ("issued_card", "subject_key"),
        ("issued_card", "issued_at"),
        ("feedback", "card"),
    ):
        op.create_index(f"ix_{table}_{column}", table, [column], if_not_exists=True)


def _create(table: str, key: str, *columns: str) -> None:
    op.create_table(
        table,
        sa.Column(key, sa.Text, primary_key=True),
        *(sa.Column(column, sa.Text, nullable=False) for column in columns),
        if_not_exists=True,
    )
