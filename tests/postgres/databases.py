"""Databases for tests: SQLite files, or databases of the server that `tests.postgres.run` starts.

`STORE_TEST_POSTGRESQL` is the URL of a role that may create databases; without it every test of
the store runs on SQLite.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from cds_service.store import Store

SERVER = os.environ.get("STORE_TEST_POSTGRESQL", "")
ON_POSTGRESQL = bool(SERVER)

sqlite_only = pytest.mark.skipif(ON_POSTGRESQL, reason="about SQLite files")
postgresql_only = pytest.mark.skipif(
    not ON_POSTGRESQL, reason="needs a PostgreSQL server: python -m tests.postgres.run"
)


@contextmanager
def database(path: Path | None, migrated: bool = True) -> Iterator[str]:
    """The URL of a database of its own, removed at the end; SQLite migrates itself."""
    if not ON_POSTGRESQL:
        yield f"sqlite:///{path}"
        return
    with empty_database() as url:
        if migrated:
            store = Store(url)
            store.migrate()
            store.close()
        yield url


@contextmanager
def empty_database() -> Iterator[str]:
    """A new database of the PostgreSQL server, without tables."""
    name = f"store_{uuid.uuid4().hex[:16]}"
    administrate(f'CREATE DATABASE "{name}"')
    try:
        yield as_role(SERVER, name)
    finally:
        administrate(f'DROP DATABASE "{name}" WITH (FORCE)')


def as_role(url: str, database: str, role: str | None = None, password: str | None = None) -> str:
    """The same server with another database, and another role where one is given."""
    changed = sa.make_url(url).set(database=database)
    if role is not None:
        changed = changed.set(username=role, password=password)
    return changed.render_as_string(hide_password=False)


def administrate(*statements: str, url: str = SERVER) -> None:
    """Run statements outside of any transaction."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()
