"""Figures: closed labels, one sum over all workers, a port of their own (trust 1.6, 2.2)."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from cds_service import create_app, metrics_files
from cds_service.config import Settings
from cds_service.edge import edge_of
from cds_service.logs import Event
from cds_service.metrics import (
    ANSWERED,
    ENDPOINTS,
    OTHER,
    STATUS_CLASSES,
    UNMATCHED,
    Metrics,
    closed_lists,
)
from hooks import SERVICES
from hooks.answer import Indicator
from hooks.record import Failure
from tests.contract.calls import CHART, ORDER, call
from tests.served import ROOT, Served, served

FIGURES = "http://localhost:9464"
ALLOWED: dict[str, set[str]] = {
    **{label: {*values, OTHER} for label, values in closed_lists(SERVICES).items()},
    "endpoint": {*ENDPOINTS.values(), OTHER},
    "status": {*STATUS_CLASSES},
    "indicator": {each.value for each in Indicator},
    "why": {*UNMATCHED},
    "event": {each.value for each in Event},
}
ALLOWED["outcome"] |= {ANSWERED, *ALLOWED["reason"]}


def samples(text: str) -> list[Sample]:
    return [s for family in text_string_to_metric_families(text) for s in family.samples]


def count(text: str, name: str, **labels: str) -> float:
    return sum(
        sample.value
        for sample in samples(text)
        if sample.name == name and labels.items() <= sample.labels.items()
    )


@pytest.fixture
def measured(settings: Settings, tmp_path: Path) -> Iterator[Flask]:
    app = create_app(
        Settings.from_env(
            {
                "LM_CDS_PROFILE": "sandbox",
                "LM_CDS_NOW": "2026-11-21T12:00:00Z",
                "LM_CDS_METRICS_BIND": "127.0.0.1:9464",
                "LM_CDS_DATABASE_URL": settings.database_url,
            }
        )
    )
    yield app
    edge_of(app).close()


@pytest.fixture
def http(measured: Flask) -> FlaskClient:
    return measured.test_client()


def figures(http: FlaskClient) -> str:
    answer = http.get("/metrics", base_url=FIGURES)
    assert answer.status_code == 200
    return answer.text


def feedback(card: str, outcome: str = "overridden") -> dict[str, Any]:
    item = {"card": card, "outcome": outcome, "outcomeTimestamp": "2026-11-21T12:00:00Z"}
    return {
        "feedback": [
            item | ({"acceptedSuggestions": [{"id": "x"}]} if outcome == "accepted" else {})
        ]
    }


def test_a_call_is_counted_with_its_items_and_gaps(http: FlaskClient) -> None:
    whole = http.post(f"/cds-services/{ORDER}", json=call(ORDER)).json
    http.post(f"/cds-services/{ORDER}", json=call(ORDER, prefetch=None))
    text = figures(http)
    labels = {"endpoint": "call", "service": ORDER, "status": "2xx"}
    assert count(text, "lm_cds_requests_total", **labels) == 2
    assert count(text, "lm_cds_call_seconds_count", service=ORDER) == 2
    assert count(text, "lm_cds_recommendations_total", service=ORDER) > len(whole["cards"])
    assert count(text, "lm_cds_unread_total", service=ORDER, category="Observation") >= 1
    assert count(text, "lm_cds_events_total", event="hook-answered") == 2


def test_what_never_happened_is_zero_not_missing(http: FlaskClient) -> None:
    shown = [s for s in samples(figures(http)) if s.name == "lm_cds_recommendations_total"]
    recommendations = {(s.labels["service"], s.labels["recommendation"]) for s in shown}
    assert recommendations == {
        (service.id, name)
        for service in SERVICES.values()
        for name in service.catalogue.recommendations
    }
    assert {s.value for s in shown} == {0}


def test_feedback_is_counted_by_outcome(http: FlaskClient) -> None:
    body = feedback("5e3c1d3c-0000-4000-8000-000000000001")
    for _ in range(2):
        assert http.post(f"/cds-services/{CHART}/feedback", json=body).status_code == 204
    text = figures(http)
    assert count(text, "lm_cds_feedback_items_total", service=CHART, outcome="overridden") == 2
    assert count(text, "lm_cds_feedback_unmatched_total", service=CHART, why="unknown") == 2
    assert count(text, "lm_cds_feedback_unmatched_total", service=CHART, why="repeated") == 1


def test_refusals_and_store_failures_are_counted(http: FlaskClient, tmp_path: Path) -> None:
    http.post(f"/cds-services/{ORDER}", data=b"{")
    http.post("/cds-services/nobody-knows-this", json={})
    (tmp_path / "lm-cds.sqlite3").write_bytes(b"no database" * 1000)
    assert http.get("/readyz").status_code == 503
    text = figures(http)
    assert count(text, "lm_cds_requests_total", service=ORDER, status="4xx") == 1
    assert count(text, "lm_cds_requests_total", service=OTHER, status="4xx") == 1
    assert count(text, "lm_cds_requests_total", endpoint="readyz", status="5xx") == 1
    assert count(text, "lm_cds_events_total", event="store-failed") == 1


@pytest.mark.parametrize("secret", ["Patient/4711", "http-999", "canary"])
def test_labels_are_closed_whatever_is_counted(
    measured: Flask, http: FlaskClient, secret: str
) -> None:
    metrics = edge_of(measured).metrics
    metrics.request(secret, secret, 200, 0.1)
    metrics.evaluated(secret, (), [Failure(secret, secret)])
    metrics.fhir_query(secret, 0.1)
    http.post(f"/cds-services/{secret}", json=call(ORDER))
    http.get(
        f"/{secret}?patient={secret}",
        headers={"Host": secret.replace("/", "."), "User-Agent": secret},
    )
    text = figures(http)
    assert secret not in text
    for sample in samples(text):
        for label, value in sample.labels.items():
            assert label == "le" or value in ALLOWED[label], sample


def test_the_page_is_on_its_own_port_alone(http: FlaskClient) -> None:
    assert http.get("/metrics").status_code == 404
    assert (
        http.get(
            "/metrics", headers={"Host": "localhost:9464"}, base_url="http://localhost:80"
        ).status_code
        == 404
    )
    for path in ("/livez", "/readyz"):
        assert http.get(path, base_url=FIGURES).status_code == 200
    for path in ("/cds-services", "/", "/catalogue", "/nowhere"):
        assert http.get(path, base_url=FIGURES).status_code == 404
    assert (
        http.post(f"/cds-services/{ORDER}", json=call(ORDER), base_url=FIGURES).status_code == 404
    )


def test_without_the_setting_there_is_no_page(client: FlaskClient) -> None:
    assert client.get("/metrics", base_url=FIGURES).status_code == 404
    assert client.get("/cds-services", base_url=FIGURES).status_code == 200


def test_a_socket_without_a_port_is_not_that_for_figures(measured: Flask) -> None:
    class Unix:
        def getsockname(self) -> str:
            return "/run/lm-cds.sock"

    http = measured.test_client()
    environ = {"gunicorn.socket": Unix()}
    assert http.get("/metrics", base_url=FIGURES, environ_overrides=environ).status_code == 404
    assert http.get("/livez", base_url=FIGURES, environ_overrides=environ).status_code == 200


def test_the_self_test_figure(measured: Flask, http: FlaskClient) -> None:
    assert count(figures(http), "lm_cds_self_test_failed") == 0
    edge_of(measured).metrics.logged(Event.SELF_TEST_FAILED, {"known_answers": ["a/b", "a/c"]})
    assert count(figures(http), "lm_cds_self_test_failed") == 2


def scraped(running: Served) -> str:
    answer = running.get("/metrics", port=running.figures)
    assert answer.status == 200
    return answer.body.decode()


def answered(text: str) -> float:
    return count(text, "lm_cds_requests_total", endpoint="call", service=ORDER, status="2xx")


def test_figures_add_up_over_workers_and_outlive_them(tmp_path: Path) -> None:
    with served(tmp_path, workers=2) as running:
        body, asked = call(ORDER), 0
        while len(counting(running)) < 2 or asked < 20:
            assert running.post(f"/cds-services/{ORDER}", body).status == 200
            asked += 1
        assert {answered(scraped(running)) for _ in range(10)} == {asked}
        first, *_ = running.workers()
        os.kill(first, signal.SIGKILL)
        while first in running.workers() or len(running.workers()) < 2:
            time.sleep(0.05)
        assert answered(scraped(running)) == asked
        assert running.post(f"/cds-services/{ORDER}", body).status == 200
        assert answered(scraped(running)) == asked + 1
        old = set(running.workers())
        running.process.send_signal(signal.SIGHUP)
        while old & set(running.workers()) or len(running.workers()) < 2:
            time.sleep(0.05)
        assert answered(scraped(running)) == asked + 1
        assert running.get("/metrics").status == 404
        assert running.get("/metrics", Host=f"127.0.0.1:{running.figures}").status == 404
        assert running.get("/cds-services", port=running.figures).status == 404
        running.terminate()
        assert running.process.wait(30) == 0


def counting(running: Served) -> set[str]:
    """The files of the workers that have answered at least one hook call."""
    files = running.counted.glob("histogram_*.db")
    return {file.name for file in files if b"lm_cds_call_seconds" in file.read_bytes()}


def test_an_address_that_is_taken_ends_the_start(tmp_path: Path) -> None:
    said = pytest.raises(AssertionError, match="METRICS_BIND: this address cannot be used")
    with socket.create_server(("127.0.0.1", 0)) as taken, said:
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        with served(tmp_path, METRICS_BIND=bind):
            pass


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(metrics_files.VARIABLE, raising=False)
    monkeypatch.setattr(metrics_files, "_folder", None)
    monkeypatch.setattr(metrics_files, "_made", None)
    yield
    metrics_files.remove()
    os.environ.pop(metrics_files.VARIABLE, None)


@pytest.mark.usefixtures("files")
def test_a_private_folder_is_made_once_and_taken_away() -> None:
    metrics_files.prepare()
    made = metrics_files.folder()
    assert made is not None
    assert made.stat().st_mode & 0o777 == 0o700
    assert os.environ[metrics_files.VARIABLE] == str(made)
    (made / "counter_1.db").write_bytes(b"")
    metrics_files.prepare()
    assert (made / "counter_1.db").exists()
    metrics_files.remove()
    assert not made.exists()


@pytest.mark.usefixtures("files")
def test_a_given_folder_is_emptied_of_figures_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(metrics_files.VARIABLE, str(tmp_path))
    for name in ("counter_1.db", "other.txt"):
        (tmp_path / name).write_bytes(b"")
    metrics_files.prepare()
    metrics_files.remove()
    assert [each.name for each in tmp_path.iterdir()] == ["other.txt"]


def test_metrics_of_two_applications_do_not_mix() -> None:
    first, second = Metrics(SERVICES), Metrics(SERVICES)
    first.fhir_query(None, 0.1)
    assert b'fhir_queries_total{outcome="answered"} 1.0' in first.exposition()
    assert b'fhir_queries_total{outcome="answered"}' not in second.exposition()


def metrics_table() -> str:
    """All figures as a Markdown table, for the documentation."""
    rows = []
    for each in Metrics(SERVICES)._registry._collector_to_names:
        name = f"{each._name}{'_total' if each._type == 'counter' else ''}"
        labels = ", ".join(f"`{label}`" for label in each._labelnames) or "–"
        rows.append(f"| `{name}` | {each._type} | {labels} | {each._documentation} |")
    return "\n".join(["| Name | Kind | Labels | Counts |", "|---|---|---|---|", *rows])


def test_the_documentation_shows_every_figure() -> None:
    page = (ROOT / "docs" / "operate.md").read_text("utf-8")
    shown = page.partition("<!-- metrics:begin -->\n")[2].partition("\n<!-- metrics:end -->")[0]
    assert shown == metrics_table()
