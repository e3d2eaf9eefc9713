"""The tables of the store as the present release uses them.

The tables are created by the migrations in `cds_service.migrations`; a test compares the two. All
values are text: JSON for lists, UTC times of one fixed form (`store_rows.utc_text`).
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

META = sa.MetaData()


def _table(
    name: str, *columns: str, keys: int = 1, indexed: Sequence[str] = (), client: bool = False
) -> sa.Table:
    """A table of texts, of which the first ones are the key; `client` is the label of a caller."""
    labels = (
        [sa.Column("client", sa.Text, nullable=False, server_default=sa.text("''"))]
        if client
        else []
    )
    return sa.Table(
        name,
        META,
        *(sa.Column(column, sa.Text, primary_key=True) for column in columns[:keys]),
        *(
            sa.Column(column, sa.Text, nullable=False, index=column in indexed)
            for column in columns[keys:]
        ),
        *labels,
    )


SECRET = _table("secret", "name", "value")
PROBE = _table("probe", "name", "written_at")
ISSUED = _table(
    "issued_card",
    "card",
    *("service", "subject_key", "items", "issued_at"),
    indexed=("issued_at",),
    client=True,
)
DISMISSAL = _table(
    "dismissal",
    "event",
    *("subject_key", "items", "effective_at", "issued_at"),
    indexed=("subject_key", "issued_at"),
)
"""What users overrode, by patient: a chart that is opened often has thousands of issued cards."""
FEEDBACK = _table(
    "feedback",
    "event",
    *("service", "card", "status", "outcome", "outcome_at", "received_at", "effective_at"),
    *("items", "suggestions", "reasons"),
    indexed=("card",),
    client=True,
)
COMMENT = _table("feedback_comment", "event", "comment")
USED_TOKEN = _table(
    "used_token", "issuer", "token_id", "expires_at", keys=2, indexed=("expires_at",)
)
