"""Transactions on the database of the store, and what happens while it cannot be used.

A failed database is left alone for a while by hook calls, which cannot wait; feedback tries each
time. Opening PostgreSQL can take seconds where the host is gone, so it is done aside: a call waits
for it as long as it can, and a later call finds it done.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from cds_service import clock, migrations, store_engine
from cds_service.errors import StoreUnavailable
from cds_service.store_schema import SECRET

REST_SECONDS = 5.0
"""How long hook calls leave a database alone after it failed."""
OPEN_MS = 5000
"""How long a statement may take while PostgreSQL is being opened."""
_FAILURES = (sa.exc.SQLAlchemyError, OSError, migrations.SchemaOutdated, migrations.SchemaUnknown)


class Access:
    """One database. Every method but `close` raises `StoreUnavailable` where it cannot be used."""

    def __init__(self, url: str) -> None:
        self._engine = store_engine.open_engine(url)
        self._opener = ThreadPoolExecutor(1, "open-store")
        self._opening: Future[None] | None = None
        self._guard = Lock()
        self._turn = Lock()
        self._secret: bytes | None = None
        self._rest_until = 0.0

    def close(self) -> None:
        """Give all connections back."""
        self._opener.shutdown(wait=True, cancel_futures=True)
        self._engine.dispose()

    def migrate(self) -> None:
        """Bring the tables up to date, however long that takes; safe to repeat."""
        try:
            store_engine.make_folder(self._engine)
            with self._engine.begin() as connection:
                migrations.upgrade(connection)
        except _FAILURES as error:
            raise StoreUnavailable from error

    def secret(self, wait_ms: int) -> bytes:
        """The random secret of the database, which never leaves it and this process."""
        secret = self._secret
        if secret is None:
            with self.transaction(wait_ms, rests=True):
                secret = self._secret
        if secret is None:
            raise StoreUnavailable
        return secret

    @contextmanager
    def transaction(
        self, wait_ms: int, rests: bool = False, lasting: bool = True
    ) -> Iterator[sa.Connection]:
        """All or nothing; `rests`: not at all soon after a failure. Waits are in milliseconds.

        `lasting` as in `store_engine.begin`.
        """
        if rests and clock.monotonic() < self._rest_until:
            raise StoreUnavailable
        try:
            if self._secret is None:
                self._prepare(wait_ms)
            with store_engine.begin(self._engine, wait_ms, lasting) as connection:
                yield connection
        except _FAILURES as error:
            self._rest_until = clock.monotonic() + REST_SECONDS
            self._secret = None
            raise StoreUnavailable from error

    @contextmanager
    def turn(self, wait_ms: int) -> Iterator[None]:
        """One after the other on SQLite, which would let some of many writers wait for long."""
        if not store_engine.is_sqlite(self._engine):
            yield
            return
        if not self._turn.acquire(timeout=wait_ms / 1000):
            raise StoreUnavailable
        try:
            yield
        finally:
            self._turn.release()

    def insert(self, table: sa.Table) -> Any:
        """An insert that leaves an existing row as it is."""
        dialect: Any = sqlite if store_engine.is_sqlite(self._engine) else postgresql
        return dialect.insert(table).on_conflict_do_nothing()

    def _prepare(self, wait_ms: int) -> None:
        if store_engine.is_sqlite(self._engine):
            self._open(wait_ms)
            return
        with self._guard:
            if self._opening is None or self._opening.done():
                self._opening = self._opener.submit(self._open, OPEN_MS)
            opening = self._opening
        opening.result(wait_ms / 1000)

    def _open(self, wait_ms: int) -> None:
        """Read the secret; several workers may do so at once. SQLite is upgraded where needed."""
        store_engine.make_folder(self._engine)
        with store_engine.begin(self._engine, wait_ms) as connection:
            if store_engine.is_sqlite(self._engine):
                migrations.upgrade_if_needed(connection)
            else:
                migrations.require_head(connection)
            self._secret = bytes.fromhex(self._kept_secret(connection))

    def _kept_secret(self, connection: sa.Connection) -> str:
        """The secret of the database, made at first use; the first of several workers wins."""
        query = sa.select(SECRET.c.value)
        found = connection.execute(query).scalar_one_or_none()
        if found is None:
            own = {"name": "subject-key", "value": secrets.token_hex(32)}
            connection.execute(self.insert(SECRET), own)
            found = connection.execute(query).scalar_one()
        return str(found)
