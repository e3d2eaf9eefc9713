"""Rows B: the feedback endpoint, and what an overridden card does to the next chart open."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cds_service import create_app
from cds_service.config import Settings
from cds_service.edge import edge_of
from hooks import SERVICES
from tests.contract.calls import CHART, NOW, ORDER, SUSPECT, call, recommendations

PATH = f"/cds-services/{CHART}/feedback"
TIME = "2026-11-21T11:59:00Z"


def item(card: str = "7646579f-cb05-4dce-af2a-5d149267a3f7", **changes: Any) -> dict[str, Any]:
    given = {"card": card, "outcome": "overridden", "outcomeTimestamp": TIME} | changes
    return {name: value for name, value in given.items() if value is not None}


def send(client: FlaskClient, *items: Any) -> Any:
    return client.post(PATH, json={"feedback": list(items)})


def stored(app: Flask) -> list[dict[str, Any]]:
    return edge_of(app).store.feedback(comments=True)


def chart_open(client: FlaskClient) -> Any:
    return client.post(f"/cds-services/{CHART}", json=call(CHART, SUSPECT))


@pytest.mark.parametrize("service", list(SERVICES))
def test_B_01_every_service_takes_feedback(client: FlaskClient, service: str) -> None:
    answer = client.post(f"/cds-services/{service}/feedback", json={"feedback": [item()]})
    assert (answer.status_code, answer.data) == (204, b"")


@pytest.mark.parametrize("body", [{}, [], {"feedback": None}, {"feedback": {}}, {"feedback": "x"}])
def test_B_02_a_feedback_array_is_needed(client: FlaskClient, body: Any) -> None:
    assert client.post(PATH, json=body).status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"card": None},
        {"outcome": None},
        {"outcome": "ignored"},
        {"outcomeTimestamp": None},
        {"outcomeTimestamp": "2026-11-21"},
    ],
    ids=str,
)
def test_B_03_a_malformed_item_is_refused_and_nothing_is_stored(
    app: Flask, client: FlaskClient, changes: dict[str, Any]
) -> None:
    answer = send(client, item(), item(**changes))
    assert (answer.status_code, answer.json["resourceType"]) == (400, "OperationOutcome")
    assert stored(app) == []


def test_B_04_accepted_names_its_suggestions(app: Flask, client: FlaskClient) -> None:
    accepted = item(outcome="accepted", acceptedSuggestions=[{"id": "s1"}])
    assert send(client, accepted).status_code == 204
    assert send(client, item(outcome="accepted")).status_code == 400
    assert [row["acceptedSuggestions"] for row in stored(app)] == [["s1"]]


@pytest.mark.parametrize(
    "reason",
    [
        {"overrideReason": {"reason": {"code": "r", "system": "s", "display": "d"}}},
        {"overrideReason": {"reason": {"code": "r", "system": "s"}}},
        {"overrideReasons": {"reason": {"code": "r", "system": "s"}}},
        {"overrideReasons": [{"reason": {"code": "r", "system": "s"}, "extension": {"x": 1}}]},
    ],
    ids=str,
)
def test_B_05_reasons_of_every_spelling_are_kept(
    app: Flask, client: FlaskClient, reason: dict[str, Any]
) -> None:
    assert send(client, item(**reason)).status_code == 204
    assert stored(app)[0]["overrideReasons"] == [{"system": "s", "code": "r"}]


def test_B_05_comments_are_kept_apart_and_cut(app: Flask, client: FlaskClient) -> None:
    send(client, item(overrideReason={"userComment": "x" * 1500}))
    assert stored(app)[0]["userComment"] == "x" * 1000
    assert "userComment" not in edge_of(app).store.feedback()[0]


def test_B_06_several_cards_and_repeats(app: Flask, client: FlaskClient) -> None:
    for _ in range(3):
        assert send(client, item("a"), item("b"), item("a")).status_code == 204
    assert sorted(row["card"] for row in stored(app)) == ["a", "b"]


def test_B_06_at_most_a_hundred_items_and_64_kilobytes(client: FlaskClient) -> None:
    assert send(client, *[item(str(n)) for n in range(100)]).status_code == 204
    assert send(client, *[item(str(n)) for n in range(101)]).status_code == 400
    large = item(overrideReason={"userComment": "x" * 66_000})
    assert send(client, large).status_code == 413


def test_B_07_an_ignored_card_comes_again(client: FlaskClient) -> None:
    first = recommendations(chart_open(client))
    assert first
    assert recommendations(chart_open(client)) == first


def test_B_09_an_unknown_card_is_taken_and_never_used(app: Flask, client: FlaskClient) -> None:
    assert send(client, item("never-issued")).status_code == 204
    assert [row["known"] for row in stored(app)] == [False]
    assert recommendations(chart_open(client))


def test_an_overridden_card_stays_away_while_its_evidence_is_the_same(client: FlaskClient) -> None:
    first = chart_open(client)
    before = recommendations(first)
    dismissed = first.json["cards"][0]
    assert dismissed["indicator"] != "critical"
    send(client, item(dismissed["uuid"]))
    gone = {(i["id"], i["indicator"]) for i in _items(dismissed)}
    assert recommendations(chart_open(client)) == before - gone


def test_an_accepted_card_comes_again(client: FlaskClient) -> None:
    first = chart_open(client)
    accepted = {"outcome": "accepted", "acceptedSuggestions": [{"id": "s"}]}
    send(client, item(first.json["cards"][0]["uuid"], **accepted))
    assert recommendations(chart_open(client)) == recommendations(first)


def test_a_dismissal_stays_with_its_patient_and_its_server(client: FlaskClient) -> None:
    first = chart_open(client)
    send(client, item(first.json["cards"][0]["uuid"]))
    elsewhere = call(CHART, SUSPECT, fhirServer="https://other.example/r4")
    answer = client.post(f"/cds-services/{CHART}", json=elsewhere)
    assert recommendations(answer) == recommendations(first)


@pytest.mark.parametrize(("days", "stays_away"), [(30, True), (31, False)])
def test_a_dismissal_lasts_thirty_days(settings: Settings, days: int, stays_away: bool) -> None:
    app = create_app(settings)
    first = chart_open(app.test_client())
    send(
        app.test_client(),
        item(first.json["cards"][0]["uuid"], outcomeTimestamp="2026-11-21T12:00:00Z"),
    )
    later = NOW.replace(month=12, day=days - 9)
    moved = create_app(dataclasses.replace(settings, now=later))
    again = recommendations(chart_open(moved.test_client()))
    edge_of(app).close()
    edge_of(moved).close()
    assert (("suspected-lm", "warning") not in again) == stays_away


def test_feedback_that_cannot_be_stored_is_503(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    broken = dataclasses.replace(settings, database_url=f"sqlite:///{tmp_path}/file/x.sqlite3")
    app = create_app(broken)
    client = app.test_client()
    assert send(client, item()).status_code == 503
    assert store_failures(capsys) == ["FileExistsError"]
    assert client.get("/readyz").status_code == 503
    assert store_failures(capsys) == ["Resting"]
    assert client.get("/livez").status_code == 200
    assert recommendations(chart_open(client))
    assert recommendations(client.post(f"/cds-services/{ORDER}", json=call(ORDER)))
    edge_of(app).close()


def store_failures(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The causes in the log lines written since the last time."""
    lines = map(json.loads, capsys.readouterr().err.splitlines())
    return [line["error"] for line in lines if line["event"] == "store-failed"]


def _items(card: Any) -> list[Any]:
    items: list[Any] = card["extension"]["org.lm-cds-hooks.recommendations"]
    return items
