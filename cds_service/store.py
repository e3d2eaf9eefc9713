"""What the service remembers: issued chart-open cards, feedback, dismissals, and used tokens.

SQLite (WAL, one host) or PostgreSQL by URL. Feedback outlives a loss of power (synchronous=FULL).
Issued cards do not wait for the disk (NORMAL): all processes see them before the answer leaves.
A loss of power can take the last ones, which then cannot be dismissed, so that they come back.
Patients are known here only by a key: HMAC-SHA256 over client, FHIR server and patient id, with a
random secret kept in the database. Times are stored as UTC text of one fixed form, so that they
sort and compare.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa

from cds_service import store_rows
from cds_service.errors import StoreUnavailable
from cds_service.feedback import OVERRIDDEN, Feedback
from cds_service.store_access import Access
from cds_service.store_schema import COMMENT, DISMISSAL, FEEDBACK, ISSUED, PROBE, USED_TOKEN
from hooks import Card, Dismissal

KEEP_ISSUED_CARDS = timedelta(days=60)
PURGE_EVERY = timedelta(hours=1)
FEEDBACK_WAIT_MS = 2000
"""How long feedback waits for a locked database."""
HOOK_WAIT_MS = 250
"""How long an answer to a hook call waits for it."""
TOKEN_WAIT_MS = 500
"""How long a caller waits for it to be let in."""

# Built once: SQLAlchemy remembers how such a statement is compiled.
_DISMISSED = sa.select(DISMISSAL.c["items"], DISMISSAL.c.effective_at).where(
    DISMISSAL.c.subject_key == sa.bindparam("subject")
)
_ISSUE = ISSUED.insert()


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of the items of one feedback call."""

    items: int
    unknown: int
    repeated: int


class Store:
    """One database. Every method raises `StoreUnavailable` where it cannot be used."""

    def __init__(self, url: str) -> None:
        self._access = Access(url)
        self._purged_at: dict[str, datetime] = {}

    def close(self) -> None:
        """Give all connections back."""
        self._access.close()

    def migrate(self) -> None:
        """Bring the tables up to date, however long that takes; safe to repeat."""
        self._access.migrate()

    def open(self) -> None:
        """Do now what the first call would have to wait for; a failure is left to that call."""
        with suppress(StoreUnavailable), self._access.transaction(FEEDBACK_WAIT_MS):
            pass

    def check(self, now: datetime) -> None:
        """Write one row, as proof that the store is writable."""
        with self._access.transaction(HOOK_WAIT_MS, rests=True) as connection:
            row = {"name": "ready", "written_at": store_rows.utc_text(now)}
            connection.execute(PROBE.delete())
            connection.execute(self._access.insert(PROBE), row)

    def subject_key(self, client: str, fhir_server: str, patient_id: str) -> str:
        """The key under which one patient of one FHIR server of one client is known."""
        secret = self._access.secret(HOOK_WAIT_MS)
        message = orjson.dumps([client, fhir_server, patient_id])
        return hmac.new(secret, message, hashlib.sha256).hexdigest()

    def dismissals(self, subject_key: str) -> tuple[Dismissal, ...]:
        """The items of all chart-open cards of a patient that were answered `overridden`."""
        with self._access.transaction(HOOK_WAIT_MS, rests=True, lasting=False) as connection:
            rows = connection.execute(_DISMISSED, {"subject": subject_key}).all()
        return tuple(found for items, at in rows for found in store_rows.dismissals(items, at))

    def take_token(self, issuer: str, token_id: str, until: datetime, now: datetime) -> bool:
        """Whether a token was not taken before; from now on it is, at least until that time."""
        row = {"issuer": issuer, "token_id": token_id, "expires_at": store_rows.utc_text(until)}
        wait = TOKEN_WAIT_MS
        with self._access.turn(wait), self._access.transaction(wait, rests=True) as connection:
            added = connection.execute(
                self._access.insert(USED_TOKEN),
                row,
                execution_options={"preserve_rowcount": True},
            )
            self._purge(connection, USED_TOKEN.c.expires_at, now, now)
            return added.rowcount == 1

    def record_issued(
        self,
        service: str,
        subject_key: str,
        cards: Sequence[tuple[str, Card]],
        now: datetime,
        client: str = "",
    ) -> None:
        """Keep which card told a client what about whom, so that its feedback can dismiss it."""
        rows = [
            {
                "card": card_uuid,
                "client": client,
                "service": service,
                "subject_key": subject_key,
                "items": store_rows.items_text(card),
                "issued_at": store_rows.utc_text(now),
            }
            for card_uuid, card in cards
        ]
        with self._access.transaction(HOOK_WAIT_MS, rests=True, lasting=False) as connection:
            connection.execute(_ISSUE, rows)
            for table in (ISSUED, DISMISSAL):
                self._purge(connection, table.c.issued_at, now - KEEP_ISSUED_CARDS, now)

    def record_feedback(
        self, service: str, items: Sequence[Feedback], now: datetime, client: str = ""
    ) -> Stored:
        """Store all items, or none. The same item sent again changes nothing.

        A card that another client was told counts as unknown.
        """
        with self._access.transaction(FEEDBACK_WAIT_MS) as connection:
            known = self._known(connection, service, client, {item.card for item in items})
            added = 0
            for item in items:
                issued = known.get(item.card)
                row = store_rows.feedback_row(service, client, item, issued, now)
                is_new = connection.execute(
                    self._access.insert(FEEDBACK),
                    row,
                    execution_options={"preserve_rowcount": True},
                ).rowcount
                added += is_new
                if item.comment:
                    comment = {"event": row["event"], "comment": item.comment}
                    connection.execute(self._access.insert(COMMENT), comment)
                if is_new and issued and item.outcome == OVERRIDDEN:
                    dismissal = store_rows.dismissal_row(row, issued)
                    connection.execute(self._access.insert(DISMISSAL), dismissal)
        unknown = sum(item.card not in known for item in items)
        return Stored(items=len(items), unknown=unknown, repeated=len(items) - added)

    def feedback(self, comments: bool = False) -> list[dict[str, Any]]:
        """All stored feedback, oldest first; free-text comments only where asked for."""
        query = (
            sa.select(FEEDBACK, COMMENT.c.comment)
            .outerjoin(COMMENT, COMMENT.c.event == FEEDBACK.c.event)
            .order_by(FEEDBACK.c.received_at, FEEDBACK.c.event)
        )
        with self._access.transaction(FEEDBACK_WAIT_MS) as connection:
            rows = connection.execute(query).mappings().all()
        return [store_rows.report(row, comments) for row in rows]

    def _known(
        self, connection: sa.Connection, service: str, client: str, cards: set[str]
    ) -> dict[str, Mapping[Any, Any]]:
        """Those cards that this service issued to this client and still keeps."""
        query = sa.select(ISSUED).where(
            ISSUED.c.card.in_(cards), ISSUED.c.service == service, ISSUED.c.client == client
        )
        return {row["card"]: row for row in connection.execute(query).mappings()}

    def _purge(
        self, connection: sa.Connection, column: sa.Column[Any], limit: datetime, now: datetime
    ) -> None:
        """Delete rows whose time is before a limit, now and then."""
        table = column.table
        if now - self._purged_at.get(table.name, now - PURGE_EVERY) < PURGE_EVERY:
            return
        connection.execute(table.delete().where(column < store_rows.utc_text(limit)))
        self._purged_at[table.name] = now
