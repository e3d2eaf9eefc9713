"""The tables of the store as the present release uses them.

The tables are created by the migrations in `cds_service.migrations`; a test compares the two. All
values are text: JSON for lists, UTC times of one fixed form (`store_rows.utc_text`).
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

META = sa.MetaData()


def _table(name: str, key: str, *columns: str, indexed: Sequence[str] = ()) -> sa.Table:
    return sa.Table(
        name,
        META,
        sa.Column(key, sa.Text, primary_key=True),
        *(
            sa.Column(column, sa.Text, nullable=False, index=column in indexed)
            for column in columns
        ),
    )


SECRET = _table("secret", "name", "value")
PROBE = _table("probe", "name", "written_at")
ISSUED = _table(
    "issued_card",
    "card",
    *("service", "subject_key", "items", "issued_at"),
    indexed=("subject_key", "issued_at"),
)
FEEDBACK = _table(
    "feedback",
    "event",
    *("service", "card", "status", "outcome", "outcome_at", "received_at", "effective_at"),
    *("items", "suggestions", "reasons"),
    indexed=("card",),
)
COMMENT = _table("feedback_comment", "event", "comment")
