"""While the store cannot be used: no false 204, hook calls are answered; afterwards all is well.

Every fault is real: a file system limit, a full database, permissions, a lock of another process,
a server that is gone. Nothing is restarted between fault and recovery.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from cds_service import create_app, store_access
from cds_service.clock import Clock
from cds_service.config import Settings
from cds_service.edge import edge_of
from tests.contract.calls import CHART, NOW, ORDER, call
from tests.postgres.databases import postgresql_only, sqlite_only
from tests.postgres.stalling_proxy import relay


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hook calls try the store again at once."""
    monkeypatch.setattr(store_access, "REST_SECONDS", 0.0)


def made(url: str) -> Flask:
    environ = {"PROFILE": "sandbox", "NOW": NOW.isoformat(), "DATABASE_URL": url}
    return create_app(Settings.from_env({f"LM_CDS_{name}": v for name, v in environ.items()}))


@pytest.fixture
def client(url: str) -> Iterator[FlaskClient]:
    app = made(url)
    yield app.test_client()
    edge_of(app).close()


def send(client: FlaskClient, card: str, comment: str = "") -> int:
    reason = {"overrideReason": {"userComment": comment}} if comment else {}
    item = {"card": card, "outcome": "overridden", "outcomeTimestamp": "2026-11-20T12:00:00Z"}
    body = {"feedback": [item | reason]}
    return client.post(f"/cds-services/{CHART}/feedback", json=body).status_code


def cards_of(client: FlaskClient, service: str) -> Any:
    answer = client.post(f"/cds-services/{service}", json=call(service))
    assert answer.status_code == 200
    return answer.json["cards"]


def kept(client: FlaskClient) -> list[str]:
    return sorted(row["card"] for row in edge_of(client.application).store.feedback())


def stays_honest(client: FlaskClient, tries: int = 3) -> list[str]:
    """Feedback during a fault: refused, or taken and kept; hook calls answered all the same."""
    taken = []
    for number in range(tries):
        status = send(client, f"during-{number}", "x" * 900)
        assert status in (204, 503)
        if status == 204:
            taken.append(f"during-{number}")
        assert cards_of(client, CHART)
        assert cards_of(client, ORDER)
    return taken


def recovers(client: FlaskClient, before: list[str], taken: list[str]) -> None:
    """Everything acknowledged is there once, and all works again without a restart."""
    assert send(client, "after") == 204
    assert kept(client) == sorted([*before, *taken, "after"])
    (card, *_) = cards_of(client, CHART)
    assert send(client, card["uuid"]) == 204
    known = [row["known"] for row in edge_of(client.application).store.feedback()]
    assert known.count(True) == 1
    assert client.get("/readyz").status_code == 200


@contextmanager
def full() -> Iterator[None]:
    """Every page of the database is in use and it may not grow (a full disk for SQLite)."""
    with pytest.MonkeyPatch.context() as patch:
        module: Any = sys.modules["cds_service.store_engine"]
        begin = module.begin

        @contextmanager
        def limited(
            engine: sa.Engine, wait_ms: int, lasting: bool = True
        ) -> Iterator[sa.Connection]:
            with begin(engine, wait_ms, lasting) as connection:
                pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
                connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
                yield connection

        patch.setattr(module, "begin", limited)
        yield


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process holds the exclusive lock."""
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); "
        "c.execute('BEGIN EXCLUSIVE'); "
        "print('locked', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        yield
        other.send_signal(signal.SIGKILL)


@contextmanager
def emptied(path: Path) -> Iterator[None]:
    """The file is damaged: its head is no database any more; then it is brought back."""
    for end in ("-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)
    whole = path.read_bytes()
    path.write_bytes(b"\0" * len(whole))
    yield
    path.write_bytes(whole)


@sqlite_only
@pytest.mark.parametrize("fault", [locked, emptied], ids=lambda f: f.__name__)
def test_no_feedback_is_acknowledged_that_is_not_kept(
    client: FlaskClient, path: Path, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cds_service.store.FEEDBACK_WAIT_MS", 100)
    assert send(client, "before") == 204
    if fault is emptied:
        edge_of(client.application).store.close()
    with fault(path):
        assert stays_honest(client) == []
        assert client.get("/readyz").status_code == 503
    monkeypatch.undo()
    monkeypatch.setattr(store_access, "REST_SECONDS", 0.0)
    edge_of(client.application).store._access._engine.dispose()
    recovers(client, ["before"], [])


@sqlite_only
def test_a_full_database_refuses_what_it_cannot_keep(client: FlaskClient) -> None:
    assert send(client, "before") == 204
    with full():
        taken = stays_honest(client, 30)
        assert len(taken) < 30
    edge_of(client.application).store._access._engine.dispose()  # The limit is of a connection.
    recovers(client, ["before"], taken)


_LIMITED = """
import resource, signal, sys
from pathlib import Path
from tests.unit.cds_service import test_store_faults as t
client = t.made(sys.argv[1]).test_client()
assert t.send(client, "before") == 204
size = max(f.stat().st_size for f in Path(sys.argv[2]).parent.iterdir())
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20_000, resource.RLIM_INFINITY))
taken = t.stays_honest(client, 60)
assert len(taken) < 60, len(taken)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
t.store_access.REST_SECONDS = 0.0
t.edge_of(client.application).store._access._rest_until = 0.0
t.recovers(client, ["before"], taken)
print("all kept", len(taken))
"""


@sqlite_only
def test_a_disk_that_takes_no_more(url: str, path: Path) -> None:
    """The operating system refuses the write in the middle of it."""
    command = [sys.executable, "-c", _LIMITED, url, str(path)]
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("all kept"), done.stderr[-2000:]


@sqlite_only
@pytest.mark.skipif(os.geteuid() != 0, reason="gives up the rights of root")
def test_a_file_that_may_not_be_written(tmp_path: Path) -> None:
    """As another user, who may read but not write; root may write everything."""
    folder = tmp_path / "kept"
    url = f"sqlite:///{folder}/lm-cds.sqlite3"
    app = made(url)
    assert send(app.test_client(), "before") == 204
    edge_of(app).close()
    for each in (folder, *folder.iterdir()):
        each.chmod(0o555 if each.is_dir() else 0o444)
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o711)
    other = made(url)
    os.seteuid(65534)
    try:
        client = other.test_client()
        assert stays_honest(client) == []
        assert client.get("/readyz").status_code == 503
    finally:
        os.seteuid(0)
    for each in (folder, *folder.iterdir()):
        each.chmod(0o700 if each.is_dir() else 0o600)
    recovers(client, ["before"], [])
    edge_of(other).close()


@postgresql_only
def test_a_server_that_cannot_be_reached(url: str) -> None:
    target = sa.make_url(url)
    with relay("127.0.0.1", target.port or 0) as proxy:
        there = target.set(port=proxy.port).render_as_string(hide_password=False)
        app = made(there)
        client = app.test_client()
        assert send(client, "before") == 204
        proxy.flowing.clear()
        assert stays_honest(client, 2) == []
        proxy.flowing.set()
        recovers_in_time(client)
        edge_of(app).close()


@postgresql_only
def test_a_table_that_another_session_holds(client: FlaskClient, url: str) -> None:
    assert send(client, "before") == 204
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as lock:
        lock.exec_driver_sql("LOCK TABLE feedback IN ACCESS EXCLUSIVE MODE")
        assert stays_honest(client, 1) == []
    recovers_in_time(client)


@postgresql_only
def test_a_database_that_takes_no_writes(client: FlaskClient, url: str) -> None:
    assert send(client, "before") == 204
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    name = sa.make_url(url).database
    switch = f'ALTER DATABASE "{name}" SET default_transaction_read_only = '
    with engine.connect() as connection:
        connection.exec_driver_sql(switch + "on")
        edge_of(client.application).store._access._engine.dispose()
        assert stays_honest(client) == []
        connection.exec_driver_sql("SET default_transaction_read_only = off")
        connection.exec_driver_sql(switch + "off")
    edge_of(client.application).store._access._engine.dispose()
    recovers_in_time(client)


def recovers_in_time(client: FlaskClient) -> None:
    for _ in range(100):
        if client.get("/readyz").status_code == 200:
            break
    recovers(client, ["before"], [])


def test_a_clock_that_jumps_back_loses_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times only sort: an earlier clock neither drops feedback nor forgets issued cards."""
    app = made(url)
    client = app.test_client()
    (card, *_) = cards_of(client, CHART)
    edge = edge_of(app)
    for back in (timedelta(0), timedelta(hours=3), timedelta(days=400)):
        then = Clock(NOW - back)
        monkeypatch.setattr(Clock, "now", lambda _, then=then: then.fixed)
        assert send(client, f"at {back}") == 204
        edge.store.check(then.now())
    assert send(client, card["uuid"]) == 204
    monkeypatch.undo()
    assert len(kept(client)) == 4
    assert [row["known"] for row in edge.store.feedback()].count(True) == 1
    edge.close()


def test_a_card_that_we_did_not_issue_is_kept_and_dismisses_nothing(client: FlaskClient) -> None:
    shown = cards_of(client, CHART)
    foreign = "7f0a4b0e-3d0b-4f9f-9c83-0d6f5a1c2b10"
    assert send(client, foreign) == 204
    assert kept(client) == [foreign]
    assert [row["known"] for row in edge_of(client.application).store.feedback()] == [False]
    summaries = [card["summary"] for card in cards_of(client, CHART)]
    assert summaries == [card["summary"] for card in shown]


def test_the_same_feedback_from_many_sides_is_one_event(client: FlaskClient) -> None:
    statuses = {send(client, "c1", "why") for _ in range(5)}
    assert (statuses, kept(client)) == ({204}, ["c1"])
