"""Connections to the database of the store: SQLite or PostgreSQL by URL."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from cds_service.config import SettingError

SQLITE_WAIT_MS = 2000
"""How long a statement waits for a locked SQLite database, unless a transaction says less."""
_SWITCH_PAUSES = (0.005, 0.01, 0.02, 0.04, 0.08)


def open_engine(url: str) -> sa.Engine:
    """The connections to a database; none is made yet.

    Raises `SettingError` where the driver of PostgreSQL is not installed.
    """
    if url.startswith("sqlite"):
        return _sqlite(url)
    try:
        from cds_service import store_postgresql  # Its driver is an optional extra.
    except ModuleNotFoundError:
        raise SettingError("DATABASE_URL", "PostgreSQL needs the extra 'postgres'") from None
    return store_postgresql.engine(url)


@contextmanager
def begin(engine: sa.Engine, wait_ms: int, lasting: bool = True) -> Iterator[sa.Connection]:
    """A transaction in which no statement waits for the database longer than this (ms).

    `lasting`: it outlives a loss of power, for which SQLite waits for the disk.
    """
    if not is_sqlite(engine):
        from cds_service import store_postgresql

        with store_postgresql.patience(wait_ms), engine.begin() as connection:
            yield connection
        return
    with engine.begin() as connection:
        _set(connection, "busy_timeout", wait_ms)
        _set(connection, "synchronous", "FULL" if lasting else "NORMAL")
        yield connection


def _set(connection: sa.Connection, pragma: str, value: str | int) -> None:
    """Set a pragma of an SQLite connection unless it is set so already."""
    if connection.info.get(pragma) != value:
        connection.exec_driver_sql(f"PRAGMA {pragma} = {value}")
        connection.info[pragma] = value


def is_sqlite(engine: sa.Engine) -> bool:
    """Whether the database is a file of this host."""
    return engine.dialect.name == "sqlite"


def make_folder(engine: sa.Engine) -> None:
    """Create the folder of an SQLite file, for its owner only. Raises `OSError`."""
    if is_sqlite(engine) and engine.url.database:
        Path(engine.url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)


def _sqlite(url: str) -> sa.Engine:
    engine = sa.create_engine(url, pool_timeout=2)

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA busy_timeout = {SQLITE_WAIT_MS}")
        _use_write_ahead_log(connection)
        connection.execute("PRAGMA synchronous = FULL")

    return engine


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    # While another process makes this switch, which a new file needs once, SQLite refuses it at
    # once, whatever the timeout.
    for pause in (*_SWITCH_PAUSES, None):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or pause is None:
                raise
            time.sleep(pause)
