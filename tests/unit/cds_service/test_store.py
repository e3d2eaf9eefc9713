"""The store: who was told what, feedback, dismissals; and what happens when it is not there.

Runs on SQLite, and as `python -m tests.postgres.run` on PostgreSQL.
"""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from cds_service import store as store_module
from cds_service import store_engine
from cds_service.config import SettingError
from cds_service.errors import StoreUnavailable
from cds_service.feedback import Feedback
from cds_service.store import Store, Stored
from hooks import Card, Dismissal
from tests.postgres.databases import database, sqlite_only

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CHART = "lm-patient-view"
NORMAL, FULL = 1, 2  # values of SQLite's PRAGMA synchronous


@dataclass(frozen=True)
class Item:
    recommendation: str
    indicator: str
    fingerprint: str


@dataclass(frozen=True)
class Made:
    """Stands for a card of the guideline logic; only its items matter here."""

    items: tuple[Item, ...]


REPEAT = Item("repeat-lp", "warning", "f1")
SUSPECT = Item("suspected-lm", "info", "f2")


def card(*items: Item) -> Card:
    return cast(Card, Made(items))


def feedback(
    card_uuid: str, outcome: str = "overridden", at: datetime = NOW - DAY, **others: Any
) -> Feedback:
    values = {"suggestions": (), "reasons": (), "comment": None, "digest": "d"} | others
    return Feedback(card=card_uuid, outcome=outcome, at=at, **values)


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no fault of the store; tests about waiting set their own limits."""
    monkeypatch.setattr(store_module, "HOOK_WAIT_MS", 30_000)
    monkeypatch.setattr(store_module, "FEEDBACK_WAIT_MS", 30_000)
    monkeypatch.setattr(store_module, "TOKEN_WAIT_MS", 30_000)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = Store(url)
    yield store
    store.close()


def issue(
    store: Store, card_uuid: str, *items: Item, patient: str = "lm-1", at: datetime = NOW
) -> str:
    key = store.subject_key("", "https://fhir.example/r4", patient)
    store.record_issued(CHART, key, [(card_uuid, card(*items))], at)
    return key


def test_an_overridden_card_dismisses_all_its_items(store: Store) -> None:
    key = issue(store, "c1", REPEAT, SUSPECT)
    store.record_feedback(CHART, [feedback("c1")], NOW)
    assert set(store.dismissals(key)) == {
        Dismissal("repeat-lp", "f1", NOW - DAY),
        Dismissal("suspected-lm", "f2", NOW - DAY),
    }


def test_a_time_in_the_future_counts_from_its_receipt(store: Store) -> None:
    key = issue(store, "c1", REPEAT)
    store.record_feedback(CHART, [feedback("c1", at=NOW + 400 * DAY)], NOW)
    assert [dismissal.at for dismissal in store.dismissals(key)] == [NOW]


def test_an_accepted_card_dismisses_nothing(store: Store) -> None:
    key = issue(store, "c1", REPEAT)
    store.record_feedback(CHART, [feedback("c1", "accepted")], NOW)
    assert store.dismissals(key) == ()


def test_feedback_on_an_unknown_card_is_stored_and_never_used(store: Store) -> None:
    stored = store.record_feedback(CHART, [feedback("c1")], NOW)
    key = issue(store, "c1", REPEAT)
    assert stored == Stored(items=1, unknown=1, repeated=0)
    assert store.dismissals(key) == ()
    assert [row["known"] for row in store.feedback()] == [False]


def test_feedback_that_came_before_its_card_dismisses_nothing_when_it_is_repeated(
    store: Store,
) -> None:
    store.record_feedback(CHART, [feedback("c1")], NOW)
    key = issue(store, "c1", REPEAT)
    assert store.record_feedback(CHART, [feedback("c1")], NOW).repeated == 1
    assert store.dismissals(key) == ()


def test_feedback_at_another_service_is_unknown(store: Store) -> None:
    key = issue(store, "c1", REPEAT)
    assert store.record_feedback("lm-order-sign", [feedback("c1")], NOW).unknown == 1
    assert store.dismissals(key) == ()


def test_dismissals_stay_with_their_patient(store: Store) -> None:
    issue(store, "c1", REPEAT, patient="lm-1")
    other = issue(store, "c2", REPEAT, patient="lm-2")
    store.record_feedback(CHART, [feedback("c1")], NOW)
    assert store.dismissals(other) == ()


def test_the_key_tells_clients_servers_and_patients_apart(store: Store) -> None:
    parts = [("", "s", "p"), ("c", "s", "p"), ("", "s2", "p"), ("", "s", "p2"), ("", "sp", "")]
    keys = {store.subject_key(*each) for each in parts}
    assert len(keys) == len(parts)
    assert all(len(key) == 64 for key in keys)


def test_the_key_is_the_same_for_every_worker_and_unknown_outside(
    store: Store, url: str, tmp_path: Path
) -> None:
    key = store.subject_key("", "s", "p")
    with database(tmp_path / "other.sqlite3") as other, closing(Store(other)) as elsewhere:
        assert elsewhere.subject_key("", "s", "p") != key
    with closing(Store(url)) as other_worker:
        assert other_worker.subject_key("", "s", "p") == key


@sqlite_only
def test_no_patient_id_is_on_disk(store: Store, path: Path) -> None:
    issue(store, "c1", REPEAT, patient="patient-4711")
    store.close()
    assert not any(b"patient-4711" in file.read_bytes() for file in path.parent.iterdir())


def test_the_same_message_twice_changes_nothing(store: Store) -> None:
    issue(store, "c1", REPEAT)
    first = store.record_feedback(CHART, [feedback("c1", comment="no")], NOW)
    again = store.record_feedback(CHART, [feedback("c1", comment="no")] * 2, NOW + DAY)
    assert (first.repeated, again.repeated) == (0, 2)
    assert len(store.feedback()) == 1


@pytest.mark.parametrize(
    "change",
    [{"digest": "other"}, {"at": NOW}, {"outcome": "accepted"}, {"card_uuid": "c2"}],
    ids=str,
)
def test_another_message_is_another_event(store: Store, change: dict[str, Any]) -> None:
    store.record_feedback(CHART, [feedback("c1")], NOW)
    store.record_feedback(CHART, [feedback(**({"card_uuid": "c1"} | change))], NOW)
    assert len(store.feedback()) == 2


def test_what_is_reported(store: Store) -> None:
    issue(store, "c1", REPEAT)
    reasons = (("s", "a"), (None, "b"))
    store.record_feedback(CHART, [feedback("c1", reasons=reasons, comment="free text")], NOW)
    (row,) = store.feedback()
    assert row == {
        "service": CHART,
        "card": "c1",
        "known": True,
        "outcome": "overridden",
        "outcomeTimestamp": "2026-11-20T12:00:00.000000+00:00",
        "receivedAt": "2026-11-21T12:00:00.000000+00:00",
        "items": [{"recommendation": "repeat-lp", "indicator": "warning", "fingerprint": "f1"}],
        "acceptedSuggestions": [],
        "overrideReasons": [{"system": "s", "code": "a"}, {"system": None, "code": "b"}],
    }
    assert store.feedback(comments=True)[0]["userComment"] == "free text"


def test_cards_older_than_sixty_days_are_forgotten(store: Store) -> None:
    old = issue(store, "c1", REPEAT, at=NOW - 60 * DAY - timedelta(seconds=1))
    young = issue(store, "c2", SUSPECT, at=NOW - 60 * DAY, patient="lm-2")
    store.record_feedback(CHART, [feedback("c1"), feedback("c2")], NOW)
    issue(store, "c3", REPEAT, at=NOW)
    assert store.dismissals(old) == ()
    assert len(store.dismissals(young)) == 1
    again = feedback("c1", at=NOW)
    assert store.record_feedback(CHART, [again], NOW).unknown == 1
    assert sorted(len(row["items"]) for row in store.feedback()) == [0, 1, 1]


def test_forgetting_is_tried_at_most_once_an_hour(store: Store) -> None:
    issue(store, "c1", REPEAT, at=NOW)
    old = issue(store, "c2", REPEAT, at=NOW - 61 * DAY)
    store.record_feedback(CHART, [feedback("c2")], NOW)
    issue(store, "c3", SUSPECT, at=NOW + timedelta(minutes=59))
    assert len(store.dismissals(old)) == 1
    issue(store, "c4", SUSPECT, at=NOW + timedelta(minutes=60))
    assert store.dismissals(old) == ()


@sqlite_only
def test_the_cards_of_a_chart_that_is_opened_often_are_not_looked_at(store: Store) -> None:
    issue(store, "c1", REPEAT)
    query = f"EXPLAIN QUERY PLAN {store_module._DISMISSED}".replace(":subject", "'key'")
    with store._access.transaction(2000) as connection:
        plan = connection.exec_driver_sql(query).all()
    assert [row[3] for row in plan] == [
        "SEARCH dismissal USING INDEX ix_dismissal_subject_key (subject_key=?)"
    ]


@sqlite_only
def test_the_database_survives_power_loss(store: Store, path: Path) -> None:
    store.check(NOW)
    with store._access.transaction(2000) as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == FULL
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 2000


def test_all_items_or_none(store: Store) -> None:
    store.check(NOW)
    broken = feedback("c2", comment={"not": "a text that the database takes"})
    with pytest.raises(StoreUnavailable):
        store.record_feedback(CHART, [feedback("c1"), broken], NOW)
    assert store.feedback() == []


def test_many_workers_start_and_write_at_once(url: str) -> None:
    stores = [Store(url) for _ in range(6)]
    faults: list[BaseException | None] = []

    def work(number: int, store: Store) -> None:
        try:
            for each in range(10):
                issue(store, f"{number}-{each}", REPEAT)
                store.record_feedback(CHART, [feedback(f"{number}-{each}")], NOW)
        except StoreUnavailable as fault:
            faults.append(fault.__cause__)

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(stores[0].feedback()) == 60
    assert len({store.subject_key("", "s", "p") for store in stores}) == 1
    for each in stores:
        each.close()


@sqlite_only
def test_only_issued_cards_do_not_wait_for_the_disk(store: Store) -> None:
    key = issue(store, "c1", REPEAT)
    assert synchronous(store) == NORMAL
    store.record_feedback(CHART, [feedback("c1")], NOW)
    assert synchronous(store) == FULL
    assert store.dismissals(key) == (Dismissal("repeat-lp", "f1", NOW - DAY),)
    assert synchronous(store) == NORMAL


def synchronous(store: Store) -> int:
    """How the one connection of the pool was used last."""
    with closing(store._access._engine.raw_connection()) as connection:
        value: int = connection.execute("PRAGMA synchronous").fetchone()[0]
    return value


@sqlite_only
def test_a_place_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(f"sqlite:///{tmp_path}/file/below/lm-cds.sqlite3")
    for use in (
        lambda: store.check(NOW),
        lambda: store.record_feedback(CHART, [feedback("c1")], NOW),
    ):
        with pytest.raises(StoreUnavailable):
            use()


@sqlite_only
def test_a_locked_database_makes_hook_calls_wait_little_and_then_not_at_all(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = issue(store, "c1", REPEAT)
    monkeypatch.setattr(store_module, "HOOK_WAIT_MS", 250)
    lock = sqlite3.connect(path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable) as first:
        store.record_issued(CHART, key, [("c2", card(REPEAT))], NOW)
    with pytest.raises(StoreUnavailable) as second:
        store.dismissals(key)
    assert first.value.__cause__ is not None
    assert second.value.__cause__ is None
    lock.execute("ROLLBACK")
    lock.close()
    assert store.record_feedback(CHART, [feedback("c1")], NOW).unknown == 0
    monkeypatch.setattr(store._access, "_rest_until", 0.0)
    assert len(store.dismissals(key)) == 1


@sqlite_only
def test_a_database_that_was_replaced_is_set_up_again(store: Store, path: Path) -> None:
    issue(store, "c1", REPEAT)
    store.close()
    for file in path.parent.iterdir():
        file.unlink()
    with pytest.raises(StoreUnavailable):
        store.record_feedback(CHART, [feedback("c1")], NOW)
    assert store.record_feedback(CHART, [feedback("c1")], NOW).unknown == 1


class Switching:
    """Stands for a connection whose journal another process is switching."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)

    def execute(self, _statement: str) -> None:
        if self.codes:
            refusal = sqlite3.OperationalError()
            refusal.sqlite_errorcode = self.codes.pop(0)
            raise refusal


@pytest.mark.parametrize(
    ("codes", "left"),
    [
        ([sqlite3.SQLITE_BUSY] * 3, None),
        ([sqlite3.SQLITE_BUSY] * 9, 3),
        ([sqlite3.SQLITE_READONLY, sqlite3.SQLITE_BUSY], 1),
    ],
)
def test_a_new_file_that_others_set_up_at_the_same_moment(
    codes: list[int], left: int | None
) -> None:
    connection = Switching(*codes)
    with nullcontext() if left is None else pytest.raises(sqlite3.OperationalError):
        store_engine._use_write_ahead_log(cast(sqlite3.Connection, connection))
    assert len(connection.codes) == (left or 0)


def test_postgresql_without_its_driver_is_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cds_service.store_postgresql", raising=False)
    monkeypatch.delattr("cds_service.store_postgresql", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SettingError, match="LM_CDS_DATABASE_URL"):
        Store("postgresql+psycopg://cds@db/cds")


def test_the_card_of_another_client_is_unknown(store: Store) -> None:
    key = store.subject_key("a", "s", "p")
    store.record_issued(CHART, key, [("c1", card(REPEAT))], NOW, "a")
    assert store.record_feedback(CHART, [feedback("c1")], NOW, "b").unknown == 1
    assert store.record_feedback(CHART, [feedback("c1")], NOW).unknown == 1
    assert store.dismissals(key) == ()
    assert store.record_feedback(CHART, [feedback("c1")], NOW, "a") == Stored(1, 0, 0)
    assert len(store.dismissals(key)) == 1
    assert {row.get("client") for row in store.feedback()} == {None, "a", "b"}


HOUR = timedelta(hours=1)


def taken(store: Store, name: str = "t1", issuer: str = "i", now: datetime = NOW) -> bool:
    return store.take_token(issuer, name, now + HOUR, now)


def test_a_token_is_taken_once_by_all_workers(store: Store, url: str) -> None:
    assert taken(store)
    with closing(Store(url)) as other_worker:
        assert not taken(other_worker)
        assert taken(other_worker, "t2")
    assert not taken(store, "t2")
    assert taken(store, issuer="other")


def test_one_of_many_threads_takes_a_token(store: Store, url: str) -> None:
    stores = [store, *(Store(url) for _ in range(3))]
    gate = threading.Barrier(12)
    found: list[tuple[int, bool]] = []

    def work(worker: Store) -> None:
        for number in range(10):
            gate.wait(60)
            found.append((number, taken(worker, f"t{number}")))

    threads = [threading.Thread(target=work, args=(each,)) for each in stores * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(number for number, good in found if good) == list(range(10))
    assert len(found) == 120
    for each in stores[1:]:
        each.close()


def test_tokens_are_forgotten_once_they_have_expired(store: Store, url: str) -> None:
    assert taken(store, "old")
    assert taken(store, "new", now=NOW + HOUR)
    with closing(Store(url)) as later:
        assert taken(later, "newest", now=NOW + HOUR + timedelta(seconds=1))
        assert not taken(later, "new", now=NOW + HOUR)
        assert taken(later, "old", now=NOW + HOUR)


@sqlite_only
def test_a_token_waits_little_for_a_locked_database(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert taken(store)
    monkeypatch.setattr(store_module, "TOKEN_WAIT_MS", 50)
    lock = sqlite3.connect(path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable) as first:
        taken(store, "t2")
    with pytest.raises(StoreUnavailable) as resting:
        taken(store, "t2")
    assert (first.value.__cause__ is None, resting.value.__cause__ is None) == (False, True)
    lock.execute("ROLLBACK")
    lock.close()
    monkeypatch.setattr(store._access, "_rest_until", 0.0)
    monkeypatch.setattr(store_module, "TOKEN_WAIT_MS", 30_000)
    assert taken(store, "t2")


@sqlite_only
def test_a_thread_that_does_not_get_its_turn_gives_up(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "TOKEN_WAIT_MS", 50)
    with store._access.turn(50), pytest.raises(StoreUnavailable):
        taken(store)
    assert taken(store)
