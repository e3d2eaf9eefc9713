"""Brings the database of the store to the tables that this release needs (Alembic).

SQLite is upgraded by the service itself, at first use. PostgreSQL is upgraded by `lm-cds migrate`
only, so that the service can run as a role that may not change tables. Any number of processes
may upgrade at once: each takes the same lock first, and whoever comes second finds nothing to do.
An upgrade is one transaction: it happens completely or not at all.

A change of the tables is a change of `store_schema`, a new file in `versions` whose
`down_revision` is the present `HEAD`, and the new `HEAD` here. Released files stay as they are.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cds_service.migrations.errors import SchemaOutdated, SchemaUnknown

__all__ = ["HEAD", "SchemaOutdated", "SchemaUnknown", "require_head", "upgrade_if_needed"]

HEAD = "0003"
"""The revision that this release needs: the newest file of `versions`. They sort as texts."""
VERSION_TABLE = "alembic_version"
_LOCK = 0x6C6D_6364
_LOCK_WAIT = "60s"
_TABLE_WAIT = "10s"


def revision(connection: sa.Connection) -> str | None:
    """The revision of a database; None where no migration has run."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    query: Any = sa.select(sa.column("version_num")).select_from(sa.table(VERSION_TABLE))
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else str(found)


def require_head(connection: sa.Connection) -> None:
    """Raise `SchemaOutdated` or `SchemaUnknown` unless the tables are those of this release."""
    found = revision(connection) or ""
    if found != HEAD:
        raise SchemaUnknown if found > HEAD else SchemaOutdated


def upgrade_if_needed(connection: sa.Connection) -> None:
    """Upgrade a database that is not at `HEAD`; one that is costs two small queries."""
    if revision(connection) != HEAD:
        upgrade(connection)


def upgrade(connection: sa.Connection, to: str = HEAD) -> None:
    """Run all migrations that are missing, in the transaction of `connection`.

    Raises `SchemaUnknown`, changing nothing, where a newer release has migrated the database.
    """
    from alembic import command  # Takes a quarter of a second: only where there is work to do.
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "cds_service:migrations")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    _lock(connection)
    if revision(connection) not in known | {None}:
        raise SchemaUnknown
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def _lock(connection: sa.Connection) -> None:
    """Keep other upgrades out until the end of the transaction."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{_LOCK_WAIT}'")
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    # Calls queue behind a table lock that is being waited for: give up before they notice.
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_TABLE_WAIT}'")
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
