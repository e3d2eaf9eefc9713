"""The only user of SQLAlchemy Core: issued chart-open cards, feedback, and dismissals.

SQLite (WAL, synchronous=FULL, one host) or PostgreSQL by URL. Patients are known here only by a
key: HMAC-SHA256 over client, FHIR server and patient id, with a random secret kept in the
database. Times are stored as UTC text of one fixed form, so that they sort and compare.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from cds_service import clock, store_rows
from cds_service.config import SettingError
from cds_service.errors import StoreUnavailable
from cds_service.feedback import OVERRIDDEN, Feedback
from hooks import Card, Dismissal

KEEP_ISSUED_CARDS = timedelta(days=60)
PURGE_EVERY = timedelta(hours=1)
FEEDBACK_WAIT_MS = 2000
"""How long feedback waits for a locked database."""
HOOK_WAIT_MS = 250
"""How long an answer to a hook call waits for it."""
REST_SECONDS = 5.0
"""How long hook calls leave a database alone after it failed."""
_SETUP_LOCK = 0x6C6D_6364


def _table(name: str, key: str, *columns: str, indexed: Sequence[str] = ()) -> sa.Table:
    return sa.Table(
        name,
        _meta,
        sa.Column(key, sa.Text, primary_key=True),
        *(
            sa.Column(column, sa.Text, nullable=False, index=column in indexed)
            for column in columns
        ),
    )


_meta = sa.MetaData()
_secret = _table("secret", "name", "value")
_probe = _table("probe", "name", "written_at")
_issued = _table(
    "issued_card",
    "card",
    *("service", "subject_key", "items", "issued_at"),
    indexed=("subject_key", "issued_at"),
)
_feedback = _table(
    "feedback",
    "event",
    *("service", "card", "status", "outcome", "outcome_at", "received_at", "effective_at"),
    *("items", "suggestions", "reasons"),
    indexed=("card",),
)
_comment = _table("feedback_comment", "event", "comment")


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of the items of one feedback call."""

    items: int
    unknown: int
    repeated: int


class Store:
    """One database. Every method raises `StoreUnavailable` where it cannot be used."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self._secret: bytes | None = None
        self._purged_at: datetime | None = None
        self._rest_until = 0.0

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def check(self, now: datetime) -> None:
        """Write one row, as proof that the store is writable."""
        with self._transaction(HOOK_WAIT_MS) as connection:
            row = {"name": "ready", "written_at": store_rows.utc_text(now)}
            connection.execute(_probe.delete())
            connection.execute(self._insert(_probe), row)

    def subject_key(self, client: str, fhir_server: str, patient_id: str) -> str:
        """The key under which one patient of one FHIR server of one client is known."""
        secret = self._secret
        if secret is None:
            with self._transaction(HOOK_WAIT_MS):
                secret = self._secret
        if secret is None:
            raise StoreUnavailable
        message = orjson.dumps([client, fhir_server, patient_id])
        return hmac.new(secret, message, hashlib.sha256).hexdigest()

    def dismissals(self, subject_key: str) -> tuple[Dismissal, ...]:
        """The items of all chart-open cards of a patient that were answered `overridden`."""
        query = (
            sa.select(_issued.c["items"], _feedback.c.effective_at)
            .join(_feedback, _feedback.c.card == _issued.c.card)
            .where(_issued.c.subject_key == subject_key)
            .where(_feedback.c.status == "known", _feedback.c.outcome == OVERRIDDEN)
        )
        with self._transaction(HOOK_WAIT_MS) as connection:
            rows = connection.execute(query).all()
        return tuple(found for items, at in rows for found in store_rows.dismissals(items, at))

    def record_issued(
        self, service: str, subject_key: str, cards: Sequence[tuple[str, Card]], now: datetime
    ) -> None:
        """Keep which card told what about whom, so that feedback can dismiss it."""
        rows = [
            {
                "card": card_uuid,
                "service": service,
                "subject_key": subject_key,
                "items": store_rows.items_text(card),
                "issued_at": store_rows.utc_text(now),
            }
            for card_uuid, card in cards
        ]
        with self._transaction(HOOK_WAIT_MS) as connection:
            connection.execute(_issued.insert(), rows)
            self._purge(connection, now)

    def record_feedback(self, service: str, items: Sequence[Feedback], now: datetime) -> Stored:
        """Store all items, or none. The same item sent again changes nothing."""
        with self._transaction(FEEDBACK_WAIT_MS) as connection:
            known = self._known(connection, service, {item.card for item in items})
            added = 0
            for item in items:
                row = store_rows.feedback_row(service, item, known.get(item.card), now)
                added += connection.execute(
                    self._insert(_feedback), row, execution_options={"preserve_rowcount": True}
                ).rowcount
                if item.comment:
                    comment = {"event": row["event"], "comment": item.comment}
                    connection.execute(self._insert(_comment), comment)
        unknown = sum(item.card not in known for item in items)
        return Stored(items=len(items), unknown=unknown, repeated=len(items) - added)

    def feedback(self, comments: bool = False) -> list[dict[str, Any]]:
        """All stored feedback, oldest first; free-text comments only where asked for."""
        query = (
            sa.select(_feedback, _comment.c.comment)
            .outerjoin(_comment, _comment.c.event == _feedback.c.event)
            .order_by(_feedback.c.received_at, _feedback.c.event)
        )
        with self._transaction(FEEDBACK_WAIT_MS) as connection:
            rows = connection.execute(query).mappings().all()
        return [store_rows.report(row, comments) for row in rows]

    def _known(self, connection: sa.Connection, service: str, cards: set[str]) -> dict[str, str]:
        """The items of those cards that this service issued and still keeps."""
        query = sa.select(_issued.c.card, _issued.c["items"]).where(
            _issued.c.card.in_(cards), _issued.c.service == service
        )
        return {row[0]: row[1] for row in connection.execute(query)}

    def _purge(self, connection: sa.Connection, now: datetime) -> None:
        if self._purged_at is not None and now - self._purged_at < PURGE_EVERY:
            return
        limit = store_rows.utc_text(now - KEEP_ISSUED_CARDS)
        connection.execute(_issued.delete().where(_issued.c.issued_at < limit))
        self._purged_at = now

    def _insert(self, table: sa.Table) -> Any:
        """An insert that leaves an existing row as it is."""
        dialect: Any = sqlite if self._is_sqlite else postgresql
        return dialect.insert(table).on_conflict_do_nothing()

    @contextmanager
    def _transaction(self, wait_ms: int) -> Iterator[sa.Connection]:
        if wait_ms == HOOK_WAIT_MS and clock.monotonic() < self._rest_until:
            raise StoreUnavailable
        try:
            if self._secret is None:
                self._prepare(wait_ms)
            with self._begin(wait_ms) as connection:
                yield connection
        except (sa.exc.SQLAlchemyError, OSError) as error:
            self._rest_until = clock.monotonic() + REST_SECONDS
            self._secret = None
            raise StoreUnavailable from error

    @contextmanager
    def _begin(self, wait_ms: int) -> Iterator[sa.Connection]:
        with self._engine.begin() as connection:
            if self._is_sqlite:
                connection.exec_driver_sql(f"PRAGMA busy_timeout = {wait_ms}")
            yield connection

    def _prepare(self, wait_ms: int) -> None:
        """Create what is missing; several workers may do so at once."""
        if self._is_sqlite and self._engine.url.database:
            Path(self._engine.url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._begin(wait_ms) as connection:
            if not self._is_sqlite:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SETUP_LOCK)))
            for table in _meta.sorted_tables:
                connection.execute(CreateTable(table, if_not_exists=True))
                for index in table.indexes:
                    connection.execute(CreateIndex(index, if_not_exists=True))
            self._secret = bytes.fromhex(self._kept_secret(connection))

    def _kept_secret(self, connection: sa.Connection) -> str:
        """The secret of the database, made at first use; the first of several workers wins."""
        query = sa.select(_secret.c.value)
        found = connection.execute(query).scalar_one_or_none()
        if found is None:
            own = {"name": "subject-key", "value": secrets.token_hex(32)}
            connection.execute(self._insert(_secret), own)
            found = connection.execute(query).scalar_one()
        return str(found)

    @property
    def _is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"


def _engine(url: str) -> sa.Engine:
    if not url.startswith("sqlite"):
        return _postgresql(url)
    engine = sa.create_engine(url, pool_timeout=2)

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        for pragma in (f"busy_timeout = {FEEDBACK_WAIT_MS}", "journal_mode = WAL"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("PRAGMA synchronous = FULL")

    return engine


def _postgresql(url: str) -> sa.Engine:
    options = {
        "connect_timeout": 2,
        "tcp_user_timeout": 2000,
        "options": "-c statement_timeout=2000",
    }
    try:
        return sa.create_engine(url, connect_args=options, pool_timeout=2, pool_pre_ping=True)
    except ModuleNotFoundError:
        raise SettingError("DATABASE_URL", "PostgreSQL needs the extra 'postgres'") from None
