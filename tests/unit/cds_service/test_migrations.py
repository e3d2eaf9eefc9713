"""Migrations: they make the tables of the store, keep its rows, and may run several at once.

Runs on SQLite, and as `python -m tests.postgres.run` on PostgreSQL.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from click.testing import CliRunner

from cds_service import migrations
from cds_service import store as store_module
from cds_service.errors import StoreUnavailable
from cds_service.migrations.command import migrate
from cds_service.store import Store
from cds_service.store_schema import META
from hooks import Dismissal
from tests.postgres.databases import database

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TEXT = "TEXT NOT NULL"
BEFORE_MIGRATIONS = (
    f"CREATE TABLE secret (name {TEXT}, value {TEXT}, PRIMARY KEY (name))",
    f"CREATE TABLE probe (name {TEXT}, written_at {TEXT}, PRIMARY KEY (name))",
    f"CREATE TABLE issued_card (card {TEXT}, service {TEXT}, subject_key {TEXT}, items {TEXT}, "
    f"issued_at {TEXT}, PRIMARY KEY (card))",
    "CREATE INDEX ix_issued_card_issued_at ON issued_card (issued_at)",
    "CREATE INDEX ix_issued_card_subject_key ON issued_card (subject_key)",
    f"CREATE TABLE feedback (event {TEXT}, service {TEXT}, card {TEXT}, status {TEXT}, "
    f"outcome {TEXT}, outcome_at {TEXT}, received_at {TEXT}, effective_at {TEXT}, items {TEXT}, "
    f"suggestions {TEXT}, reasons {TEXT}, PRIMARY KEY (event))",
    "CREATE INDEX ix_feedback_card ON feedback (card)",
    f"CREATE TABLE feedback_comment (event {TEXT}, comment {TEXT}, PRIMARY KEY (event))",
)
"""The tables as they were made before there were migrations; never to be edited."""
ROWS = (
    "INSERT INTO secret VALUES ('subject-key', 'abcdef0123456789')",
    "INSERT INTO issued_card VALUES ('c1', 'lm-patient-view', 'key', "
    """'[{"recommendation":"repeat-lp","indicator":"warning","fingerprint":"f1"}]', """
    "'2026-11-21T12:00:00.000000+00:00')",
    "INSERT INTO feedback VALUES ('e1', 'lm-patient-view', 'c1', 'known', 'overridden', "
    "'2026-11-21T12:00:00.000000+00:00', '2026-11-21T12:00:00.000000+00:00', "
    "'2026-11-21T12:00:00.000000+00:00', '[]', '[]', '[]')",
    "INSERT INTO feedback_comment VALUES ('e1', 'kept')",
)


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "HOOK_WAIT_MS", 30_000)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with database(tmp_path / "lm-cds.sqlite3", migrated=False) as url:
        yield url


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    yield engine
    engine.dispose()


def run(engine: sa.Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def upgrade(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        migrations.upgrade(connection)


def differences(engine: sa.Engine) -> list[Any]:
    """What a migration would have to change for the tables to be those of the models."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        return list(compare_metadata(context, META))


def keys(engine: sa.Engine) -> dict[str, list[str]]:
    found = sa.inspect(engine)
    return {
        name: found.get_pk_constraint(name)["constrained_columns"]
        for name in found.get_table_names()
        if name != migrations.VERSION_TABLE
    }


def test_the_migrations_make_the_tables_of_the_models(engine: sa.Engine) -> None:
    assert differences(engine) != []
    upgrade(engine)
    assert differences(engine) == []
    assert keys(engine) == {
        table.name: [*table.primary_key.c.keys()] for table in META.sorted_tables
    }


def test_a_column_without_a_migration_would_be_noticed(engine: sa.Engine) -> None:
    upgrade(engine)
    run(engine, "ALTER TABLE feedback DROP COLUMN reasons")
    assert [each[0] for each in differences(engine)] == ["add_column"]


def test_head_is_the_newest_of_one_line_of_revisions() -> None:
    config = Config()
    config.set_main_option("script_location", "cds_service:migrations")
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [migrations.HEAD]
    revisions = [each.revision for each in script.walk_revisions()]
    assert revisions == sorted(revisions, reverse=True)
    assert revisions[-1] == "0001"


def test_a_database_from_before_the_migrations_keeps_its_rows(engine: sa.Engine, url: str) -> None:
    run(engine, *BEFORE_MIGRATIONS, *ROWS)
    with closing(Store(url)) as store:
        store.migrate()
        assert store.dismissals("key") == (Dismissal("repeat-lp", "f1", NOW),)
        assert [row["userComment"] for row in store.feedback(comments=True)] == ["kept"]
    assert differences(engine) == []
    with engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT value FROM secret").scalar()
    assert kept == "abcdef0123456789"


def test_an_upgrade_from_each_revision_keeps_the_rows(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        migrations.upgrade(connection, to="0001")
    run(engine, *ROWS)
    upgrade(engine)
    assert differences(engine) == []
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT i.card, f.event, c.comment, s.value FROM issued_card i "
            "JOIN feedback f ON f.card = i.card JOIN feedback_comment c ON c.event = f.event "
            "CROSS JOIN secret s"
        ).all()
    assert [tuple(row) for row in rows] == [("c1", "e1", "kept", "abcdef0123456789")]


def test_an_upgrade_that_fails_changes_nothing(engine: sa.Engine) -> None:
    run(engine, "CREATE TABLE feedback (event TEXT PRIMARY KEY)")
    with pytest.raises(sa.exc.DBAPIError):
        upgrade(engine)
    assert sa.inspect(engine).get_table_names() == ["feedback"]


def test_a_database_of_a_newer_release_is_left_alone(engine: sa.Engine, url: str) -> None:
    upgrade(engine)
    run(engine, "UPDATE alembic_version SET version_num = '9999'")
    with closing(Store(url)) as store:
        for use in (store.migrate, store.feedback, lambda: store.subject_key("", "s", "p")):
            with pytest.raises(StoreUnavailable) as failure:
                use()
            assert isinstance(failure.value.__cause__, migrations.SchemaUnknown)
            store._access._rest_until = 0.0
    with engine.connect() as connection:
        assert migrations.revision(connection) == "9999"


def test_many_upgrades_at_once(url: str) -> None:
    faults: list[BaseException] = []

    def work() -> None:
        with closing(Store(url)) as store:
            try:
                store.migrate()
            except StoreUnavailable as fault:
                faults.append(fault)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    with closing(Store(url)) as store:
        assert store.feedback() == []


def test_the_command_says_what_it_did_and_can_be_repeated(engine: sa.Engine, url: str) -> None:
    for _ in range(2):
        result = CliRunner(env={"LM_CDS_DATABASE_URL": url}).invoke(migrate)
        assert (result.exit_code, result.output) == (
            0,
            f"lm-cds: the database is at revision {migrations.HEAD}\n",
        )
    assert differences(engine) == []


def test_the_command_fails_without_repeating_the_url(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    environ = {"LM_CDS_DATABASE_URL": f"sqlite:///{tmp_path}/file/secret-name/lm-cds.sqlite3"}
    result = CliRunner(env=environ).invoke(migrate)
    assert result.exit_code == 1
    assert result.output == "lm-cds: the database was not changed (NotADirectoryError)\n"


def test_the_command_names_a_wrong_setting() -> None:
    result = CliRunner(env={"LM_CDS_DATABASE_URL": "mysql://u:password@h/d"}).invoke(migrate)
    assert result.exit_code == 1
    assert "LM_CDS_DATABASE_URL" in result.output
    assert "password" not in result.output
