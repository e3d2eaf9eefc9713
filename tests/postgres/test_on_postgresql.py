"""What only PostgreSQL can show: roles, locks, a server that hangs, and one that is gone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from cds_service import store as store_module
from cds_service.errors import StoreUnavailable
from cds_service.feedback import Feedback
from cds_service.migrations import SchemaOutdated
from cds_service.store import Store
from tests.postgres import databases
from tests.postgres.stalling_proxy import Relay, relay

pytestmark = databases.postgresql_only

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CHART = "lm-patient-view"
LATE = 1.0
"""Seconds after which a hook call that may wait 0.25 s is late, on a busy machine."""


class Made:
    """Stands for a card without items."""

    items = ()


CARD: Any = Made()


@pytest.fixture
def url() -> Iterator[str]:
    with databases.database(None) as url:
        yield url


@pytest.fixture
def proxied(url: str) -> Iterator[tuple[Relay, str]]:
    target = sa.make_url(url)
    with relay("127.0.0.1", target.port or 0) as made:
        yield made, target.set(port=made.port).render_as_string(hide_password=False)


def feedback(**others: Any) -> Feedback:
    values: dict[str, Any] = {"card": "c1", "outcome": "overridden", "at": NOW, "digest": "d"}
    values |= {"suggestions": (), "reasons": (), "comment": None} | others
    return Feedback(**values)


def rested(store: Store) -> Store:
    """The store after its rest."""
    store._access._rest_until = 0.0
    return store


def seconds(store: Store) -> float:
    """How long a hook call takes to learn that the store cannot be used."""
    start = time.monotonic()
    with pytest.raises(StoreUnavailable):
        rested(store).dismissals("key")
    return time.monotonic() - start


def answers_again(store: Store, tries: int = 100) -> bool:
    """Whether hook calls can use the store after a while, with rests left out."""
    for _ in range(tries):
        try:
            rested(store).dismissals("key")
        except StoreUnavailable:
            time.sleep(0.1)
        else:
            return True
    return False


def test_the_service_never_changes_tables_by_itself() -> None:
    with databases.empty_database() as url, closing(Store(url)) as store:
        with pytest.raises(StoreUnavailable) as failure:
            store.check(NOW)
        assert isinstance(failure.value.__cause__, SchemaOutdated)
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        assert sa.inspect(engine).get_table_names() == []
        store.migrate()
        assert answers_again(store)


def test_a_role_that_may_not_change_tables_is_enough(url: str) -> None:
    databases.administrate("DROP ROLE IF EXISTS service", "CREATE ROLE service LOGIN PASSWORD 'p'")
    grants = "GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA public TO service"
    databases.administrate(grants, url=url)
    name = sa.make_url(url).database or ""
    with closing(Store(databases.as_role(url, name, "service", "p"))) as store:
        store.open()
        store.check(NOW)
        key = store.subject_key("", "s", "p")
        store.record_issued(CHART, key, [("c1", CARD)], NOW)
        store.record_feedback(CHART, [feedback(comment="free text")], NOW)
        assert store.dismissals(key) == ()
        assert store.feedback(comments=True)[0]["userComment"] == "free text"
        with pytest.raises(StoreUnavailable) as failure, store._access.transaction(2000) as rows:
            rows.exec_driver_sql("DROP TABLE feedback")
        assert "InsufficientPrivilege" in repr(failure.value.__cause__)
    databases.administrate("DROP OWNED BY service", url=url)
    databases.administrate("DROP ROLE service")


def test_a_locked_table_makes_hook_calls_wait_little_and_then_not_at_all(url: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with closing(Store(url)) as store:
        store.open()
        with engine.begin() as lock:
            lock.exec_driver_sql("LOCK TABLE dismissal IN ACCESS EXCLUSIVE MODE")
            assert 0.2 < seconds(store) < LATE
            with pytest.raises(StoreUnavailable) as resting:
                store.dismissals("key")
            assert resting.value.__cause__ is None
        assert store.record_feedback(CHART, [feedback()], NOW).unknown == 1
        assert answers_again(store)


def test_a_server_that_hangs_never_holds_a_hook_call(proxied: tuple[Relay, str]) -> None:
    proxy, url = proxied
    with closing(Store(url)) as store:
        store.open()
        assert store.dismissals("key") == ()
        proxy.flowing.clear()
        assert [each for each in (seconds(store) for _ in range(4)) if each > LATE] == []
        proxy.flowing.set()
        assert answers_again(store)


def test_feedback_to_a_server_that_hangs_is_refused_in_time(proxied: tuple[Relay, str]) -> None:
    proxy, url = proxied
    with closing(Store(url)) as store:
        store.open()
        proxy.flowing.clear()
        start = time.monotonic()
        with pytest.raises(StoreUnavailable):
            store.record_feedback(CHART, [feedback()], NOW)
        assert time.monotonic() - start < 2 * store_module.FEEDBACK_WAIT_MS / 1000
        proxy.flowing.set()


def test_a_server_that_hangs_from_the_start_never_holds_a_hook_call(
    proxied: tuple[Relay, str],
) -> None:
    proxy, url = proxied
    proxy.flowing.clear()
    with closing(Store(url)) as store:
        assert [each for each in (seconds(store) for _ in range(4)) if each > LATE] == []
        proxy.flowing.set()
        assert answers_again(store)


def test_lost_connections_are_replaced_unnoticed(url: str) -> None:
    with closing(Store(url)) as store:
        store.open()
        key = store.subject_key("", "s", "p")
        store.record_issued(CHART, key, [("c1", CARD)], NOW)
        databases.administrate(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
            url=url,
        )
        assert store.record_feedback(CHART, [feedback()], NOW).unknown == 0


def test_a_server_that_is_gone_is_unavailable_at_once() -> None:
    gone = sa.make_url(databases.SERVER).set(port=1).render_as_string(hide_password=False)
    with closing(Store(gone)) as store:
        assert seconds(store) < LATE
        with pytest.raises(StoreUnavailable):
            store.migrate()


def test_a_wrong_password_is_not_told(capfd: pytest.CaptureFixture[str]) -> None:
    url = databases.as_role(databases.SERVER, "postgres", "store", "wrong-password")
    with closing(Store(url)) as store, pytest.raises(StoreUnavailable) as failure:
        store.migrate()
    assert str(failure.value) == ""
    assert "wrong-password" not in "".join(capfd.readouterr())
