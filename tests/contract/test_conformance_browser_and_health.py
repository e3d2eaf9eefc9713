"""Row X-15 (CORS), headers of every answer, health, and the production profile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cds_service import create_app
from cds_service.config import Settings
from cds_service.edge import edge_of
from cds_service.errors import StoreUnavailable
from hooks import CONTENT_VERSION
from tests import clients, conformance
from tests.contract.calls import CHART, ORDER, call, recommendations

ENDPOINTS = ["/cds-services", f"/cds-services/{CHART}", f"/cds-services/{ORDER}/feedback"]
PAGE = "https://sandbox.cds-hooks.org"


@pytest.fixture
def production(tmp_path: Path) -> Iterator[Flask]:
    app = create_app(Settings.from_env(clients.production(tmp_path)))
    yield app
    edge_of(app).close()


def preflight(client: FlaskClient, path: str, origin: str, **headers: str) -> Any:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return client.options(path, headers=asked | headers)


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("origin", [PAGE, "http://localhost:3000", "http://127.0.0.1:9000"])
def test_X_15_pages_of_the_sandbox_may_call(client: FlaskClient, path: str, origin: str) -> None:
    answer = preflight(client, path, origin)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    allowed = answer.headers["Access-Control-Allow-Headers"].lower().replace(" ", "").split(",")
    assert {"authorization", "content-type"} <= set(allowed)
    method = "GET" if path == "/cds-services" else "POST"
    assert method in answer.headers["Access-Control-Allow-Methods"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Origin" in answer.headers["Vary"]


def test_X_15_the_answer_itself_and_errors_are_shared(client: FlaskClient) -> None:
    for path in ("/cds-services", "/cds-services/nobody"):
        answer = client.get(path, headers={"Origin": PAGE})
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE


def test_X_15_a_public_page_may_reach_this_host(client: FlaskClient) -> None:
    asked = {"Access-Control-Request-Private-Network": "true"}
    answer = preflight(client, ENDPOINTS[1], PAGE, **asked)
    assert answer.headers["Access-Control-Allow-Private-Network"] == "true"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example"]
)
def test_X_15_other_pages_may_not(client: FlaskClient, origin: str) -> None:
    for answer in (
        preflight(client, ENDPOINTS[1], origin),
        client.get("/cds-services", headers={"Origin": origin}),
    ):
        assert not any(name.startswith("Access-Control") for name, _ in answer.headers)


def test_X_15_production_shares_nothing(production: Flask) -> None:
    client = production.test_client()
    for origin in (PAGE, "http://localhost:3000"):
        answer = preflight(client, ENDPOINTS[1], origin)
        assert not any(name.startswith("Access-Control") for name, _ in answer.headers)


EHR = "https://ehr.example:8443"


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[FlaskClient]:
    """Production that lets the pages of one EHR in."""
    environ = clients.production(tmp_path) | {"LM_CDS_ORIGINS": f"{EHR}, https://second.example"}
    app = create_app(Settings.from_env(environ))
    yield clients.calling(app)
    edge_of(app).close()


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("origin", [EHR, "https://second.example"])
def test_a_configured_origin_may_call(shared: FlaskClient, path: str, origin: str) -> None:
    answer = preflight(shared, path, origin)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert answer.headers["Access-Control-Max-Age"] == "600"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert answer.headers.getlist("Vary") == ["Origin"]
    refusal = shared.post(ENDPOINTS[1], data=b"{", headers={"Origin": origin})
    assert refusal.headers["Access-Control-Allow-Origin"] == origin


@pytest.mark.parametrize(
    "origin",
    [
        *("https://ehr.example", "https://ehr.example:8444", "http://ehr.example:8443"),
        *("https://EHR.example:8443", f"{EHR}/", f"{EHR}.evil.example", f"{EHR}, {PAGE}"),
        *("https://sub.ehr.example:8443", "null", "*", "", PAGE, "http://localhost:3000"),
    ],
)
def test_no_other_origin_may(shared: FlaskClient, origin: str) -> None:
    for answer in (
        preflight(shared, ENDPOINTS[1], origin),
        shared.get("/cds-services", headers={"Origin": origin}),
    ):
        assert not any(name.startswith("Access-Control") for name, _ in answer.headers)


def _kinds(client: FlaskClient, app: Flask, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """An answer of every kind."""
    chart, order = (f"/cds-services/{service}" for service in (CHART, ORDER))
    item = {"card": "x", "outcome": "overridden", "outcomeTimestamp": "2026-11-21T12:00:00Z"}
    kinds = {
        "200 cards": client.post(order, json=call(ORDER)),
        "200 discovery": client.get("/cds-services"),
        "200 start": client.get("/"),
        "200 health": client.get("/livez"),
        "200 catalogue": client.get("/catalogue"),
        "200 preflight": preflight(client, order, PAGE),
        "204 feedback": client.post(f"{chart}/feedback", json={"feedback": [item]}),
        "304 kept": client.get(
            "/catalogue", headers={"If-None-Match": client.get("/catalogue").headers["ETag"]}
        ),
        "400 body": client.post(order, data=b"{"),
        "404 path": client.get("/nowhere"),
        "404 service": client.post("/cds-services/nobody", json={}),
        "405 method": client.delete(order),
        "412 data": client.post(chart, json=call(CHART, prefetch=None)),
        "413 body": client.post(f"{chart}/feedback", data=b" " * 70_000),
    }
    monkeypatch.setattr(edge_of(app).store, "check", _unavailable)
    kinds["503 not ready"] = client.get("/readyz")
    monkeypatch.setattr("cds_service.edge.require", _unavailable)
    kinds["503 store"] = client.post(chart, json=call(CHART))
    monkeypatch.setattr("cds_service.edge.require", None)
    kinds["500 fault"] = client.post(chart, json=call(CHART))
    return kinds


def _unavailable(*_: Any) -> Any:
    raise StoreUnavailable


@pytest.mark.parametrize("profile", ["production", "sandbox"])
def test_every_kind_of_answer_carries_the_security_headers(
    profile: str, app: Flask, production: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    if profile == "sandbox":
        kinds = _kinds(app.test_client(), app, monkeypatch)
    else:
        kinds = {"401 stranger": production.test_client().get("/cds-services")}
        kinds |= _kinds(clients.calling(production), production, monkeypatch)
    for kind, answer in kinds.items():
        headers = answer.headers
        assert answer.status_code == int(kind[:3]), kind
        assert headers["X-Content-Type-Options"] == "nosniff", kind
        assert headers["Referrer-Policy"] == "no-referrer", kind
        assert headers["Content-Security-Policy"].startswith("default-src 'none'"), kind
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], kind
        assert ("no-store" in headers["Cache-Control"]) != (kind in KEPT), kind
        assert "Set-Cookie" not in headers, kind


KEPT = ("200 catalogue", "304 kept")


@pytest.mark.parametrize("path", ["/cds-services", "/livez", "/readyz", "/nowhere"])
def test_every_answer_carries_the_security_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_health_tells_what_is_ready(client: FlaskClient) -> None:
    assert client.get("/livez").json == {"status": "alive"}
    assert client.get("/readyz").json == {"status": "ready", "contentVersion": CONTENT_VERSION}


def test_production_has_no_sandbox(production: Flask) -> None:
    client = production.test_client()
    assert client.get("/").json == {
        "service": "lm-cds-hooks",
        "discovery": "https://cds.example/cds-services",
        "catalogue": "https://cds.example/catalogue",
    }
    for path in ("/fhir/metadata", "/fhir/Patient", f"/sandbox/explain/{CHART}"):
        assert client.open(path, method="GET").status_code == 404


def test_production_answers_calls(production: Flask) -> None:
    client = clients.calling(production)
    answer = client.post(f"/cds-services/{ORDER}", json=call(ORDER))
    assert ("mtx-dose-for-age", "critical") in recommendations(answer)


def test_an_unforeseen_fault_is_500_without_a_trace(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: Any) -> Any:
        raise RuntimeError("marker-4711")

    monkeypatch.setattr("cds_service.edge.require", fault)
    answer = client.post(f"/cds-services/{CHART}", json=call(CHART))
    assert (answer.status_code, answer.json["issue"][0]["code"]) == (500, "exception")
    assert b"marker-4711" not in answer.data


@pytest.mark.parametrize("stage", ["gather", "SERVICES"])
def test_a_fault_on_an_order_is_told_on_a_card(
    client: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stage: str,
) -> None:
    """An error would let the order pass unseen."""

    def fault(*_: Any) -> Any:
        raise RuntimeError("marker-4711")

    monkeypatch.setattr(conformance, "faults_are_meant", True)
    if stage == "gather":
        monkeypatch.setattr("cds_service.edge.gather", fault)
    else:
        monkeypatch.setattr("hooks.engine.service.Service.cards", fault)
    answer = client.post(f"/cds-services/{ORDER}", json=call(ORDER))
    assert answer.status_code == 200
    (card,) = answer.json["cards"]
    assert card["summary"].startswith("NOT checked by decision support")
    assert card["detail"].startswith("**Consider:** If the order is for methotrexate")
    assert "A vinca alkaloid must never be given intrathecally." in card["detail"]
    assert recommendations(answer) == {("mtx-not-verifiable", "warning")}
    basis = card["extension"]["org.lm-cds-hooks.basis"]
    assert basis["notVerified"] == [
        "every check of intrathecal methotrexate and of vinca alkaloids"
    ]
    assert b"marker-4711" not in answer.data
    log = capsys.readouterr().err
    assert '"error":"RuntimeError"' in log
    assert "marker-4711" not in log


def test_a_fault_outside_a_route_is_logged_by_class_only(
    capsys: pytest.CaptureFixture[str], settings: Settings
) -> None:
    app = create_app(settings)

    @app.after_request
    def _fault(_: Any) -> Any:
        raise RuntimeError("marker-4711")

    app.testing = False
    assert app.test_client().get("/nowhere").status_code == 500
    written = capsys.readouterr().err
    edge_of(app).close()
    assert '"error":"RuntimeError"' in written
    assert "marker-4711" not in written
    assert "Traceback" not in written
